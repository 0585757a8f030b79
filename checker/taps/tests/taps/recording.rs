//! A tap records what clients do.

use std::time::Duration;

use crate::client::{Client, bind, close, describe, execute, parse, sync};
use crate::server::{away, with_tap};
use taps::postgres::{Kind, Outcome, Place, Seen, Trouble};

const QUIET: Duration = Duration::from_millis(30);
const PATIENCE: Duration = Duration::from_secs(20);

fn texts(seen: &Seen) -> Vec<String> {
    seen.executed().map(|statement| statement.text.to_string()).collect()
}

fn shown(seen: &Seen) -> Vec<String> {
    seen.events.iter().map(ToString::to_string).collect()
}

#[test]
fn simple_queries_are_recorded_with_their_results() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.query("SELECT generate_series(1, 3)");
            client.query("");
            client.query("SELECT 1/0");
            client.query("SELECT oops");
        })
        .await;
        let seen = tap.since(mark);
        let failed =
            |statement: &str| seen.events.iter().find(|found| &*found.text == statement).map(|found| found.outcome.clone());
        assert_eq!(texts(&seen), ["SELECT generate_series(1, 3)", "", "SELECT 1/0", "SELECT oops"]);
        assert_eq!(failed("SELECT generate_series(1, 3)"), Some(Outcome::Done("SELECT 3".into())));
        assert_eq!(failed(""), Some(Outcome::Done("".into())));
        let Some(Outcome::Failed(error)) = failed("SELECT 1/0") else { panic!("{seen:?}") };
        assert_eq!((error.severity.as_str(), error.code.as_str()), ("ERROR", "22012"));
        assert!(
            matches!(&seen.troubles[..], [(1, Trouble::Refused(_)), (1, Trouble::Refused(second))] if second.code == "42703")
        );
        assert_eq!(seen.missed, 0);
    });
}

#[test]
fn each_statement_of_a_script_counts() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.query("BEGIN; SELECT 'a;b' AS x; SELECT $$c;d$$; SELECT 1/0; SELECT 5 FROM pg_class; COMMIT");
        })
        .await;
        let seen = tap.since(mark);
        assert_eq!(
            shown(&seen),
            [
                "BEGIN → BEGIN",
                "SELECT 'a;b' AS x → SELECT 1",
                "SELECT $$c;d$$ → SELECT 1",
                "SELECT 1/0 → ERROR 22012: division by zero",
                "SELECT 5 FROM pg_class → skipped",
                "COMMIT → skipped"
            ]
        );
    });
}

#[test]
fn prepared_statements_are_known_by_name_on_each_connection() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut one = Client::connect(address, "postgres").expect("a session");
            let mut two = Client::connect(address, "postgres").expect("a session");
            one.exchange(&[parse("s", "SELECT $1::int + 1", &[]), describe("s"), sync()]);
            two.exchange(&[parse("s", "SELECT upper($1)", &[25]), sync()]);
            for number in [1_i32, 2] {
                one.exchange(&[bind("", "s", 1, &[Some(&number.to_be_bytes())]), execute("", 0), sync()]);
            }
            two.exchange(&[bind("", "s", 0, &[Some(b"it's")]), execute("", 0), sync()]);
            two.exchange(&[close("s"), parse("s", "SELECT $1::text IS NULL", &[]), sync()]);
            two.exchange(&[bind("p", "s", 0, &[None]), execute("p", 0), sync()]);
        })
        .await;
        let executed: Vec<(u64, String)> =
            tap.since(mark).executed().map(|statement| (statement.connection, statement.to_string())).collect();
        assert_eq!(
            executed,
            [
                (1, "SELECT $1::int + 1 -- $1 = 1 → SELECT 1".to_owned()),
                (1, "SELECT $1::int + 1 -- $1 = 2 → SELECT 1".to_owned()),
                (2, "SELECT upper($1) -- $1 = 'it''s' → SELECT 1".to_owned()),
                (2, "SELECT $1::text IS NULL -- $1 = NULL → SELECT 1".to_owned())
            ]
        );
    });
}

#[test]
fn an_error_is_attributed_to_its_statement_and_the_rest_of_the_series_is_skipped() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            let row = |sql: &str| [parse("", sql, &[]), bind("", "", 0, &[]), execute("", 0)].concat();
            client.exchange(&[row("SELECT 1 AS a"), row("SELECT 1/0"), row("SELECT 2 AS b"), sync()]);
            client.exchange(&[row("SELECT nothing"), sync()]);
            client.exchange(&[parse("n", "SELECT $1::int", &[]), bind("", "n", 0, &[Some(b"x")]), execute("", 0), sync()]);
            client.exchange(&[row("SELECT 3 AS c"), sync()]);
        })
        .await;
        let seen = tap.since(mark);
        assert_eq!(
            shown(&seen),
            [
                "SELECT 1 AS a → ",
                "SELECT 1 AS a → SELECT 1",
                "SELECT 1/0 → ",
                "SELECT 1/0 → ERROR 22012: division by zero",
                "SELECT 2 AS b → skipped",
                "SELECT 2 AS b → skipped",
                "SELECT nothing → ERROR 42703: column \"nothing\" does not exist",
                "SELECT nothing → skipped",
                "SELECT $1::int → ",
                "SELECT $1::int -- $1 = 'x' → ERROR 22P02: invalid input syntax for type integer: \"x\"",
                "SELECT 3 AS c → ",
                "SELECT 3 AS c → SELECT 1",
            ]
        );
    });
}

#[test]
fn a_failed_preparation_leaves_the_name_unchanged() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.exchange(&[parse("s", "SELECT 1 AS first", &[]), sync()]);
            client.exchange(&[parse("s", "SELECT 2 AS second", &[]), sync()]);
            client.exchange(&[bind("", "s", 0, &[]), execute("", 0), sync()]);
            client.exchange(&[parse("t", "SELECT FROM 3", &[]), sync()]);
            client.exchange(&[parse("t", "SELECT 3 AS third", &[]), sync()]);
            client.exchange(&[bind("", "t", 0, &[]), execute("", 0), sync()]);
        })
        .await;
        assert_eq!(texts(&tap.since(mark)), ["SELECT 1 AS first", "SELECT 3 AS third"]);
    });
}

#[test]
fn rows_fetched_in_portions_are_one_execution() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.query("BEGIN");
            client.exchange(&[parse("", "SELECT generate_series(1, 5)", &[]), bind("p", "", 0, &[]), execute("p", 2), sync()]);
            client.exchange(&[execute("p", 2), sync()]);
            client.exchange(&[execute("p", 2), sync()]);
            client.query("COMMIT");
        })
        .await;
        let seen = tap.since(mark);
        let queries: Vec<_> = seen.queries().map(ToString::to_string).collect();
        assert_eq!(queries, ["SELECT generate_series(1, 5) → SELECT 1"]);
    });
}

#[test]
fn a_marker_in_the_text_is_distinguished_from_one_in_a_parameter() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.query("SELECT 'x-in-text-x' AS marker");
            client.exchange(&[parse("", "SELECT broken 'x-in-failed-x", &[]), sync()]);
            client.exchange(&[
                parse("", "SELECT $1::text", &[]),
                bind("", "", 0, &[Some(b"an x-in-value-x")]),
                execute("", 0),
                sync(),
            ]);
        })
        .await;
        let seen = tap.since(mark);
        let count = |marker: &str| {
            let of = |place| seen.with(marker).filter(|(_, found)| *found == place).count();
            (of(Place::Text), of(Place::Parameter))
        };
        assert_eq!(count("x-in-text-x"), (1, 0));
        assert_eq!(count("x-in-failed-x"), (1, 0));
        assert_eq!(count("x-in-value-x"), (0, 1));
        assert_eq!(count("x-nowhere-x"), (0, 0));
        assert!(seen.with("x-in-failed-x").all(|(statement, _)| statement.kind == Kind::Prepared));
    });
}

#[test]
fn a_mark_hides_what_came_before() {
    with_tap(async |tap, address| {
        let mut client = away(move || Client::connect(address, "postgres").expect("a session")).await;
        let mut marks = vec![tap.mark()];
        for number in 0..3 {
            client = away(move || {
                client.query(&format!("SELECT {number} AS n"));
                client
            })
            .await;
            marks.push(tap.mark());
        }
        let counts: Vec<usize> = marks.iter().map(|mark| tap.since(*mark).events.len()).collect();
        assert_eq!(counts, [3, 2, 1, 0]);
    });
}

#[test]
fn quiet_waits_for_a_running_statement() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        let mut client = away(move || Client::connect(address, "postgres").expect("a session")).await;
        assert!(tap.quiet(QUIET, PATIENCE).await);
        let sleeping = tokio::task::spawn_blocking(move || {
            client.query("SELECT pg_sleep(0.5)");
            client
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!tap.quiet(QUIET, Duration::from_millis(100)).await);
        assert_eq!(tap.since(mark).events[0].outcome, Outcome::Pending);
        assert!(tap.quiet(QUIET, PATIENCE).await);
        assert_eq!(tap.since(mark).events[0].outcome, Outcome::Done("SELECT 1".into()));
        drop(sleeping.await);
        assert!(tap.quiet(QUIET, PATIENCE).await);
    });
}
