//! Servers that misbehave: each gets a sentence that says so, the run ends, and nothing is left running.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::trial::Trial;

#[test]
fn a_server_that_ends_at_once_is_reported_its_exit_code() {
    let verdict = Trial::new().examine("exits-at-once");
    verdict.expect_not_started("exited before it accepted connections");
    assert!(verdict.title().contains("exit code 3"));
}

#[test]
fn the_last_words_of_a_server_are_shown() {
    let verdict = Trial::new().examine("exits-with-message");
    verdict.expect_not_started("exit code 1");
    assert_eq!(verdict.report["problem"]["details"][0], "error: DATABASE_URL is not set");
}

#[test]
fn an_address_in_use_points_to_a_fixed_port() {
    let verdict = Trial::new().examine("exits-in-use");
    verdict.expect_not_started("exit code 1");
    assert!(verdict.remedy().contains("fixed port"));
}

#[test]
fn a_crash_is_reported_by_its_signal() {
    Trial::new().examine("crashes-at-start").expect_not_started("SIGABRT");
}

#[test]
fn a_command_that_does_not_exist_is_reported() {
    Trial::new().examine_command("no-such-program-anywhere").expect_not_started("was not found");
}

#[test]
fn a_command_that_is_no_program_is_reported() {
    Trial::new().examine_command("exec ./Cargo.toml").expect_not_started("cannot be executed");
}

#[test]
fn a_server_on_another_port_is_reported_where_it_listens() {
    let verdict = Trial::new().examine("listens-elsewhere");
    verdict.expect_not_started("listens on 127.0.0.1:");
    assert!(verdict.title().contains("not on the port in PORT (2"));
}

#[test]
fn a_server_on_another_interface_is_reported_where_it_listens() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // This machine has no IPv6.
    }
    let verdict = Trial::new().examine("listens-on-v6");
    verdict.expect_not_started("listens on [::1]:");
    assert!(verdict.remedy().contains("HOST"));
}

#[test]
fn what_another_program_answers_is_not_taken_for_the_server() {
    let trial = Trial::new();
    let told = trial.folder().join("ports");
    fs::write(&told, "").expect("a writable folder");
    // The target only tells its port, and we, whom the checker has not started, listen there.
    let over = Arc::new(AtomicBool::new(false));
    let ours = thread::spawn({
        let over = over.clone();
        move || {
            let mut listeners = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let ports = fs::read_to_string(&told).unwrap_or_default();
                for port in ports.split_inclusive('\n').skip(listeners.len()).filter(|port| port.ends_with('\n')) {
                    listeners.push(TcpListener::bind(format!("127.0.0.1:{}", port.trim())));
                }
                thread::sleep(Duration::from_millis(5));
            }
            listeners.len()
        }
    });
    let target = format!("echo $PORT >> ports; exec sh -c 'while sleep 0.1; do :; done' {}", trial.marker);
    let verdict = trial.examine_command(&target);
    over.store(true, Ordering::Relaxed);
    verdict.expect_not_started("is not a process that the checker started");
    assert!(verdict.title().contains(&format!("(process {})", std::process::id())), "{}", verdict.title());
    assert!(ours.join().is_ok_and(|tried| tried > 1), "another port is tried first");
}

#[test]
fn a_server_that_cannot_be_reached_is_reported() {
    let trial = Trial::new();
    let verdict = trial.run(trial.checker(&["check", "1", "--format", "json", "--url", "http://127.0.0.1:1"]));
    verdict.expect_not_started("No server can be reached at http://127.0.0.1:1");
}

#[test]
fn a_server_on_all_interfaces_is_advised() {
    Trial::new().examine("listens-everywhere").expect_advice("all network interfaces");
}

#[test]
fn a_slow_start_is_waited_for() {
    Trial::new().examine("listens-late").expect_advice("");
}

#[test]
fn a_server_that_listens_nowhere_is_reported() {
    Trial::new().examine("never-listens").expect_not_started("listens on no port at all");
}

#[test]
fn a_server_in_the_background_is_reported() {
    Trial::new().examine("goes-into-background").expect_not_started("went into the background");
}

#[test]
fn a_server_that_behaves_is_not_advised() {
    Trial::new().examine("behaves").expect_advice("");
}

#[test]
fn a_server_below_a_shell_is_judged_like_any_other() {
    let trial = Trial::new();
    let below = trial.misfit("behaves").replace("exec ", "");
    trial.examine_command(&format!("{below}; true")).expect_advice("");
}

#[test]
fn a_server_that_never_answers_is_reported() {
    Trial::new().examine("never-answers").expect_not_started("does not respond");
}

#[test]
fn a_server_of_another_protocol_is_reported() {
    Trial::new().examine("answers-garbage").expect_not_started("does not speak HTTP");
}

#[test]
fn a_server_that_crashes_on_the_first_request_does_not_start() {
    let verdict = Trial::new().examine("crashes-on-request");
    assert_eq!(verdict.code, Some(3), "{}", verdict.text);
}

#[test]
fn answers_without_end_are_cut() {
    for behavior in ["huge-body", "huge-headers", "slow-drip", "closes-mid-answer"] {
        let verdict = Trial::new().examine(behavior);
        assert!(matches!(verdict.code, Some(1 | 3)), "{behavior}: {}", verdict.text);
        assert!(verdict.peak < 200, "{behavior}: {} MiB", verdict.peak);
    }
}

#[test]
fn nothing_a_server_sends_can_steer_the_terminal() {
    let trial = Trial::new();
    let command = trial.misfit("escape-sequences");
    for format in ["text", "json", "junit"] {
        let verdict = trial.run(trial.checker(&["check", "1", "--color", "always", "--format", format, "--command", &command]));
        assert_eq!(verdict.code, Some(1));
        for nasty in ["\u{1b}[2J", "\u{1b}]", "\u{7}", "\u{9b}", "\u{202e}"] {
            assert!(!verdict.text.contains(nasty), "{format} holds {nasty:?}");
        }
    }
}

#[test]
fn a_flooded_log_is_reported_and_kept_in_bounds() {
    for behavior in ["floods-log", "floods-one-line"] {
        let verdict = Trial::new().examine(behavior);
        verdict.expect_advice("flooded its log");
        assert!(verdict.peak < 200, "{} MiB", verdict.peak);
    }
}

#[test]
fn a_server_that_eats_memory_is_stopped() {
    Trial::new().examine("eats-memory").expect_not_started("MiB of memory");
}

#[test]
fn a_server_that_starts_too_many_processes_is_stopped() {
    Trial::new().examine("forks-much").expect_not_started(" processes");
}

#[test]
fn a_server_that_ignores_sigterm_is_killed_and_reported() {
    Trial::new().examine("ignores-sigterm").expect_advice("after SIGTERM");
}

#[test]
fn a_bad_exit_code_after_sigterm_is_reported() {
    let trial = Trial::new();
    let below = trial.misfit("behaves").replace("exec ", "");
    trial.examine_command(&format!("trap 'exit 7' TERM; {below} & wait")).expect_advice("exit code 7");
}

#[test]
fn processes_left_behind_are_killed_and_reported() {
    for behavior in ["leaves-child", "leaves-stubborn-child", "daemonizes", "forgets-its-origin"] {
        Trial::new().examine(behavior).expect_advice("left a process behind");
    }
}
