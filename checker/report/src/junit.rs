//! The report for CI servers: JUnit XML, as Jenkins, GitLab and GitHub actions read it.
//!
//! A stretch check that fails is a skipped test that says so: a suite with failures turns a pipeline red, and stretch never blocks.

use std::fmt::Write;
use std::time::Duration;

use super::failure;
use super::terminal::{cap, escape, escape_line, keep_colors, log_line};
use model::{CheckReport, Kind, Problem, RunReport, StepVerdict, Verdict};

/// Characters of one piece of text.
const PIECE: usize = 20_000;

/// The whole report as one test suite.
pub fn junit(report: &RunReport) -> String {
    let mut cases: Vec<Case> = report.checks.iter().map(Case::of).collect();
    cases.extend(Case::of_run(&report.verdict));
    let count = |wanted: fn(&Result) -> bool| cases.iter().filter(|case| wanted(&case.result)).count();
    let counts = format!(
        r#"tests="{}" failures="{}" errors="{}" skipped="{}" time="{}""#,
        cases.len(),
        count(|result| matches!(result, Result::Failure { .. })),
        count(|result| matches!(result, Result::Error { .. })),
        count(|result| matches!(result, Result::Skipped(_))),
        seconds(report.duration),
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = attribute(&format!("Step {}: {}", report.step, report.title));
    let _ = writeln!(out, "<testsuites name=\"checker\" {counts}>\n  <testsuite name=\"{name}\" {counts}>\n    <properties>");
    let properties = [
        ("target", report.target.to_string()),
        ("seed", report.seed.to_string()),
        ("verdict", report.verdict.name().to_owned()),
        ("exit_code", report.verdict.exit_code().to_string()),
    ];
    for (name, value) in properties {
        let _ = writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", attribute(&value));
    }
    out += "    </properties>\n";
    for case in &cases {
        case.write(&mut out, report.step);
    }
    out + "  </testsuite>\n</testsuites>\n"
}

/// The result of a test, in JUnit's terms.
enum Result {
    Pass,
    Failure { message: String, text: String },
    Error { message: String, text: String },
    Skipped(String),
}

struct Case {
    class: &'static str,
    name: String,
    time: Duration,
    result: Result,
    log: String,
}

impl Case {
    fn of(check: &CheckReport) -> Case {
        let result = match &check.verdict {
            Verdict::Pass => Result::Pass,
            Verdict::Fail(failure) => {
                let message = format!("expected {}; actual {}", brief(&failure.expected), brief(&failure.actual));
                match check.kind {
                    Kind::Stretch => Result::Skipped(format!("a stretch check that fails: {message}")),
                    Kind::Core | Kind::Regression => Result::Failure {
                        message,
                        text: format!(
                            "expected\n{}\n\nactual\n{}\n{}\nhint: {}\nchapter: {}\n",
                            failure.expected,
                            failure.actual,
                            check
                                .unexpected_exit
                                .as_ref()
                                .map(|exit| format!("\n{}\n", failure::exit_sentence(exit)))
                                .unwrap_or_default(),
                            check.hint,
                            check.chapter
                        ),
                    },
                }
            }
            Verdict::Skipped(reason) => Result::Skipped(format!("because {reason}")),
            Verdict::Inconclusive(why) => match check.kind {
                Kind::Stretch => Result::Skipped(format!("undecided: {why}")),
                Kind::Core | Kind::Regression => Result::Error { message: format!("undecided: {why}"), text: String::new() },
            },
        };
        let failed = matches!(check.verdict, Verdict::Fail(_));
        let lines: Vec<_> = check.log.iter().filter(|_| failed).map(|line| log_line(line)).collect();
        Case {
            class: check.kind.name(),
            name: format!("{} {}", check.id, check.title),
            time: check.duration,
            result,
            log: lines.join("\n"),
        }
    }

    /// The test case for building and starting, if that failed.
    fn of_run(verdict: &StepVerdict) -> Option<Case> {
        let described =
            |problem: &Problem| (problem.title.clone(), format!("{}\n\n{}\n", problem.remedy, problem.details.join("\n")));
        let (name, (message, text)) = match verdict {
            StepVerdict::NotBuilt(message) => ("the crate builds", ("it does not build".to_owned(), keep_colors(message, false))),
            StepVerdict::NotStarted(problem) => ("the server starts", described(problem)),
            StepVerdict::Environment(problem) => ("the checker can work here", described(problem)),
            StepVerdict::Passed | StepVerdict::Failed | StepVerdict::Undecided => return None,
        };
        Some(Case {
            class: "run",
            name: name.to_owned(),
            time: Duration::ZERO,
            result: Result::Error { message, text },
            log: String::new(),
        })
    }

    fn write(&self, out: &mut String, step: u8) {
        let (class, name, time) = (self.class, attribute(&self.name), seconds(self.time));
        let _ = write!(out, "    <testcase classname=\"step-{step}.{class}\" name=\"{name}\" time=\"{time}\"");
        let inner = match &self.result {
            Result::Pass => String::new(),
            Result::Failure { message, text } => element("failure", message, text),
            Result::Error { message, text } => element("error", message, text),
            Result::Skipped(message) => format!("      <skipped message=\"{}\"/>\n", attribute(message)),
        };
        let log = match self.log.is_empty() {
            true => String::new(),
            false => format!("      <system-out>{}</system-out>\n", content(&self.log)),
        };
        *out += &match inner.is_empty() && log.is_empty() {
            true => "/>\n".to_owned(),
            false => format!(">\n{inner}{log}    </testcase>\n"),
        };
    }
}

fn element(name: &str, message: &str, text: &str) -> String {
    let message = attribute(message);
    format!("      <{name} message=\"{message}\" type=\"{name}\">{}</{name}>\n", content(text))
}

/// The beginning of a text on one line.
fn brief(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    cap(&words.join(" "), 200)
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

/// `text` as the value of an attribute, on one line.
fn attribute(text: &str) -> String {
    entities(&escape_line(&cap(text, PIECE)))
}

/// `text` as the content of an element.
fn content(text: &str) -> String {
    entities(&escape(&cap(text, PIECE)))
}

/// Replaces characters with a meaning in XML 1.0. Characters that it forbids are visible escapes by now.
fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            _ => out.push(c),
        }
    }
    out
}
