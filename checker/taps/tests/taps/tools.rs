//! PostgreSQL's own programs, through a tap.

use std::process::{Command, Output, Stdio};

use crate::server::{away, server, with_tap};
use taps::postgres::{Outcome, Tap};

/// Runs a program of PostgreSQL's; `None`, with the reason printed, where it is missing.
async fn run(program: &str, arguments: Vec<String>) -> Option<Output> {
    let path = server()?.programs.join(program);
    let mut command = Command::new(if path.is_file() { path } else { program.into() });
    command.args(arguments).stdin(Stdio::null()).current_dir("/");
    let output = away(move || command.output()).await;
    if output.is_err() {
        println!("Skipped: there is no {program} here.");
    }
    output.ok()
}

/// The URL of the database `postgres` behind a tap, for this user.
fn url(tap: &Tap, user: &str) -> String {
    format!("postgresql://{user}@{}/postgres", tap.address())
}

fn psql(url: String, sql: &str) -> Vec<String> {
    ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql].iter().map(ToString::to_string).chain([url]).collect()
}

#[test]
fn psql_asks_for_encryption_and_continues_without() {
    with_tap(async |tap, _| {
        let mark = tap.mark();
        let Some(output) = run("psql", psql(url(tap, "postgres"), "SELECT 'from ' || 'psql'")).await else {
            return;
        };
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "from psql", "{output:?}");
        let shown: Vec<String> = tap.since(mark).executed().map(ToString::to_string).collect();
        assert_eq!(shown, ["SELECT 'from ' || 'psql' → SELECT 1"]);
    });
}

#[test]
fn psql_signs_in_with_a_password_that_needs_escaping() {
    with_tap(async |tap, _| {
        let mark = tap.mark();
        let url = url(tap, "careful:se%20cret%2F1");
        let Some(output) = run("psql", psql(url, "SELECT current_user")).await else { return };
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "careful", "{output:?}");
        // The password is not recorded.
        assert!(!format!("{:?}", tap.since(mark)).contains("cret"));
    });
}

#[test]
fn psql_that_insists_on_tls_gets_the_reason() {
    with_tap(async |tap, _| {
        let url = format!("{}?sslmode=require", url(tap, "postgres"));
        let Some(output) = run("psql", psql(url, "SELECT 1")).await else { return };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("server does not support SSL, but SSL was required"), "{said}");
    });
}

#[test]
fn pgbench_runs_in_every_mode_of_the_protocol() {
    with_tap(async |tap, _| {
        let url = url(tap, "postgres");
        let arguments = |rest: &str| rest.split(' ').map(str::to_owned).chain([url.clone()]).collect();
        let Some(output) = run("pgbench", arguments("-i -q -s 1")).await else { return };
        assert!(output.status.success(), "{output:?}");
        for mode in ["simple", "extended", "prepared"] {
            let mark = tap.mark();
            let Some(output) = run("pgbench", arguments(&format!("-n -c 8 -t 20 -M {mode}"))).await else { return };
            assert!(String::from_utf8_lossy(&output.stdout).contains("160/160"), "{output:?}");
            let seen = tap.since(mark);
            let count = |text: &str| seen.queries().filter(|statement| statement.text.starts_with(text)).count();
            assert_eq!(count("UPDATE pgbench_accounts SET"), 160, "{mode}");
            assert_eq!(count("SELECT abalance FROM pgbench_accounts"), 160, "{mode}");
            assert_eq!(count("INSERT INTO pgbench_history"), 160, "{mode}");
            assert_eq!(seen.executed().filter(|statement| &*statement.text == "BEGIN;").count(), 160, "{mode}");
            assert!(seen.queries().all(|statement| matches!(statement.outcome, Outcome::Done(_))), "{mode}");
            assert_eq!(seen.missed, 0);
        }
    });
}
