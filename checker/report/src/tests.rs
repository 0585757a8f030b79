//! Rules that every format of a report keeps, and snapshots of the text.

use serde_json::Value;
use transcript::is_unsafe;

use super::samples;
use super::*;
use model::{Kind, RunReport, StepVerdict, Termination, UnexpectedExit};

fn plain(report: &RunReport, width: usize) -> String {
    text(report, &Style { color: false, width })
}

fn all() -> Vec<RunReport> {
    use samples::*;
    vec![passed(), failed(), ended(), hostile(), not_built(), not_started(), environment(), undecided(), at_url(), chosen()]
}

#[test]
fn a_complete_step_says_what_comes_next() {
    insta::assert_snapshot!(plain(&samples::passed(), 100));
}

#[test]
fn the_first_failure_is_shown_in_full() {
    insta::assert_snapshot!(plain(&samples::failed(), 100));
}

#[test]
fn an_exit_is_shown_with_the_first_and_the_last_lines_of_the_log() {
    let report = samples::ended();
    insta::assert_snapshot!(plain(&report, 100));
    assert!(junit(&report).contains("The server exited with exit code 1."));
    assert!(json(&report).contains("\"ended\": \"exit code 1\""));
}

#[test]
fn an_exit_without_a_log_is_shown_with_its_signal() {
    let mut report = samples::ended();
    report.checks[0].unexpected_exit = Some(UnexpectedExit { how: Termination::Signal(11), log: Vec::new() });
    let text = plain(&report, 1_000);
    let sentence = "The server was terminated by SIGSEGV (invalid memory access). It logged nothing after its last response.";
    assert!(text.contains(sentence), "{text}");
    assert!(text.contains("Your server's log during this check:"), "{text}");
}

#[test]
fn a_small_window_is_enough() {
    insta::assert_snapshot!(plain(&samples::failed(), 40));
}

#[test]
fn colors_add_nothing_to_the_words() {
    let colored = text(&samples::failed(), &Style { color: true, width: 100 });
    assert_eq!(terminal::keep_colors(&colored, false), plain(&samples::failed(), 100));
    insta::assert_snapshot!(colored.replace('\x1b', "␛"));
}

#[test]
fn what_a_hostile_server_sends_is_made_visible() {
    insta::assert_snapshot!(plain(&samples::hostile(), 100));
}

#[test]
fn a_crate_that_does_not_build_shows_the_compiler_and_one_line() {
    insta::assert_snapshot!(plain(&samples::not_built(), 100));
}

#[test]
fn a_server_that_does_not_start_is_shown_with_the_end_of_its_log() {
    insta::assert_snapshot!(plain(&samples::not_started(), 100));
}

#[test]
fn an_environment_that_does_not_work_is_not_the_learners_fault() {
    insta::assert_snapshot!(plain(&samples::environment(), 100));
}

#[test]
fn an_undecided_run_says_so_without_blame() {
    insta::assert_snapshot!(plain(&samples::undecided(), 100));
}

#[test]
fn checks_that_a_url_cannot_show_are_named() {
    insta::assert_snapshot!(plain(&samples::at_url(), 100));
}

#[test]
fn a_chosen_check_does_not_complete_the_step() {
    insta::assert_snapshot!(plain(&samples::chosen(), 100));
}

#[test]
fn a_passed_step_with_skipped_checks_says_so() {
    let mut report = samples::at_url();
    report.verdict = model::StepVerdict::Passed;
    assert!(plain(&report, 100).contains("Every check that could be run"));
}

#[test]
fn stretch_checks_are_counted_separately_from_core_checks() {
    let mut report = samples::passed();
    report.checks.push(samples::failed().checks.pop().expect("its last check is a stretch check that fails"));
    let text = plain(&report, 100);
    assert!(text.contains("\nAll 3 core checks passed. 0 of 1 stretch check passed, 1 failed.\n"), "{text}");
    for check in &mut report.checks {
        check.kind = Kind::Stretch;
    }
    let text = plain(&report, 100);
    assert!(text.contains("\n3 of 4 stretch checks passed, 1 failed.\n"), "{text}");
}

#[test]
fn a_request_that_needs_a_disturbed_database_to_fail_carries_a_warning() {
    let mut report = samples::failed();
    let warning = "Without that, this request alone may not show the failure.";
    assert!(!plain(&report, 1_000).contains(warning));
    report.checks[1].disturbs = Some("database or its settings".to_owned());
    let text = plain(&report, 1_000);
    assert!(text.contains(warning) && text.contains("curl -i -X PATCH"), "{text}");
}

#[test]
fn a_chosen_stretch_check_that_fails_did_not_pass() {
    let mut report = samples::chosen();
    report.verdict = model::StepVerdict::Passed;
    assert!(plain(&report, 100).contains("The checks that you chose passed."));
    report.checks = vec![samples::failed().checks.pop().expect("its last check is a stretch check that fails")];
    let text = plain(&report, 100);
    assert!(text.contains("1.put-unknown is a stretch check") && !text.contains("chose passed"), "{text}");
}

#[test]
fn a_request_that_was_sent_before_is_counted() {
    let delete = || samples::exchange(model::Request::new("DELETE", "/habits/7"), 204, &[], "");
    let mut report = samples::failed();
    let mut fail = |sent: usize| {
        let exchanges: Vec<_> = std::iter::repeat_with(delete).take(sent).collect();
        let failing = exchanges.last().cloned();
        report.checks[1].exchanges = exchanges;
        let failure = model::Failure { expected: "status 404".into(), actual: "status 204".into(), exchange: failing };
        report.checks[1].verdict = model::Verdict::Fail(Box::new(failure));
        plain(&report, 1_000)
    };
    assert!(fail(1).contains("This request showed the failure. To try it"));
    assert!(fail(2).contains("This request showed the failure the second time it was sent. To try it"));
    assert!(fail(6).contains("This request showed the failure when it was sent 6 times. To try it"));
}

#[test]
fn what_the_check_set_is_part_of_the_command_that_starts_the_server() {
    let mut report = samples::failed();
    let set = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    report.checks[1].settings =
        vec![set("CORS_ALLOWED_ORIGINS", Some("https://a.example")), set("OAUTH_TOKEN_URL", None), set("TEXT", Some("a b"))];
    let text = plain(&report, 1_000);
    let start = "CORS_ALLOWED_ORIGINS=https://a.example OAUTH_TOKEN_URL=… TEXT='a b' cargo run -p step-01-api-basics";
    assert!(text.contains(start), "{text}");
    let again = crate::read_json(json(&report).as_bytes()).expect("a report");
    assert_eq!(plain(&again, 1_000), text);
}

#[test]
fn a_compressed_body_is_named_and_not_printed() {
    let request = model::Request::new("GET", "/habits");
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let exchange = samples::exchange(request, 500, &headers, "\u{1f}gibberish");
    let failure = model::Failure { expected: "status 200 OK".into(), actual: "status 500".into(), exchange: Some(exchange) };
    let mut report = samples::failed();
    report.checks[1].verdict = model::Verdict::Fail(Box::new(failure));
    let text = plain(&report, 1_000);
    assert!(text.contains("compressed (gzip): 'curl --compressed' shows it") && !text.contains("gibberish"), "{text}");
}

#[test]
fn the_example_in_the_book_is_a_real_report() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/report-example.json");
    let real = json(&samples::example());
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(file, &real).expect("the book can be written");
    }
    let printed = std::fs::read_to_string(file).expect("the book holds an example");
    assert_eq!(printed, real, "run this test with UPDATE_EXAMPLES=1 to write the example again");
}

#[test]
fn a_report_that_is_read_again_says_the_same_in_every_format() {
    for mut report in all() {
        let read = read_json(json(&report).as_bytes()).expect("it was just written");
        assert_eq!(json(&read), json(&report));
        assert_eq!(junit(&read), junit(&report));
        // Colors of the compiler's message are not kept.
        if let StepVerdict::NotBuilt(message) = &mut report.verdict {
            *message = terminal::keep_colors(message, false);
        }
        assert_eq!(plain(&read, 100), plain(&report, 100));
    }
}

#[test]
fn a_text_that_is_no_report_is_not_read() {
    let whole = json(&samples::failed());
    for damaged in ["", "[]", "{\"checks\": 3}", &whole[..whole.len() / 2], &whole.replace("\"failed\"", "\"fine\"")] {
        assert!(read_json(damaged.as_bytes()).is_err(), "{damaged:.40}");
    }
}

#[test]
fn the_book_explains_every_member_of_the_report() {
    fn names(value: &Value, found: &mut std::collections::BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                found.insert(name.clone());
                names(value, found);
            }),
            Value::Array(values) => values.iter().for_each(|value| names(value, found)),
            _ => {}
        }
    }
    let page = include_str!("../../../docs/src/report-json.md");
    let mut found = std::collections::BTreeSet::new();
    for report in all() {
        names(&serde_json::from_str(&json(&report)).expect("it is JSON"), &mut found);
    }
    for name in found {
        assert!(page.contains(&format!("`{name}`")), "docs/src/report-json.md does not explain `{name}`");
    }
    assert!(page.contains(&format!("version {}", json::SCHEMA)), "docs/src/report-json.md names another version");
}

#[test]
fn junit_counts_what_blocks() {
    insta::assert_snapshot!(junit(&samples::failed()));
}

#[test]
fn nothing_a_server_sends_steers_a_terminal() {
    let harmless = |text: &str, what: &str| {
        let found = text.chars().find(|c| is_unsafe(*c) && *c != '\n' && *c != '\t');
        assert_eq!(found, None, "{what}: {text}");
    };
    for report in all() {
        for width in [0, 24, 40, 100] {
            harmless(&plain(&report, width), "text");
            harmless(&terminal::keep_colors(&text(&report, &Style { color: true, width }), false), "colored text");
        }
        harmless(&json(&report), "JSON");
        harmless(&junit(&report), "JUnit");
    }
}

#[test]
fn json_keeps_every_value_behind_its_escapes() {
    let report = samples::hostile();
    let value: Value = serde_json::from_str(&json(&report)).expect("it is JSON");
    assert_eq!(value["target"], report.target.to_string());
    let response = &value["checks"][0]["exchange"]["response"];
    let body = "<p>\u{1b}[2J\u{1b}]0;owned\u{7} ]]> \u{202e}txt.exe\u{7f}\u{fffe}\u{0}</p>\r\nnext `line`";
    assert_eq!(response["body"], body);
    let request = &value["checks"][0]["exchange"]["request"];
    assert_eq!((&request["body_encoding"], &request["body"]), (&"base64".into(), &"//4bWzJK".into()));
    assert_eq!(value["advice"][0]["title"], report.advice[0].title);
}

#[test]
fn json_says_what_every_kind_of_run_came_to() {
    for report in all() {
        let value: Value = serde_json::from_str(&json(&report)).expect("it is JSON");
        assert_eq!(value["verdict"], report.verdict.name());
        assert_eq!(value["exit_code"], report.verdict.exit_code());
        let problem = matches!(report.verdict.name(), "not-started" | "environment");
        assert_eq!(value["problem"].is_object(), problem);
        assert_eq!(value["compiler"].is_string(), report.verdict.name() == "not-built");
    }
}

#[test]
fn junit_is_well_formed_and_counts_right() {
    for report in all() {
        let xml = junit(&report);
        let document = roxmltree::Document::parse(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
        let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
        let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count().to_string();
        assert_eq!(suite.attribute("tests"), Some(&*count("testcase")));
        assert_eq!(suite.attribute("failures"), Some(&*count("failure")));
        assert_eq!(suite.attribute("errors"), Some(&*count("error")));
        assert_eq!(suite.attribute("skipped"), Some(&*count("skipped")));
        let red = count("failure") != "0" || count("error") != "0";
        let blocked = !matches!(report.verdict.name(), "passed") && !matches!(report.target, model::Target::Url(_));
        assert_eq!(red, blocked, "{xml}");
    }
}

#[test]
fn lines_of_prose_keep_to_the_width() {
    for width in [40, 60, 80] {
        for report in [samples::passed(), samples::undecided(), samples::environment()] {
            for line in plain(&report, width).lines() {
                let command = line.trim_start().starts_with("cargo run");
                assert!(command || terminal::columns(line) <= width, "{line:?} is wider than {width}");
            }
        }
    }
}
