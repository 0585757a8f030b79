//! The report for programs. `docs/src/report-json.md` documents it; a change there needs a new [`SCHEMA`].

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use transcript::printable;

use super::body::{Text, text};
use super::subject::Subject;
use super::terminal::keep_colors;
use crate::outcome::{CheckReport, Failure, Problem, RunReport, StepVerdict, Verdict};
use crate::probe::{Exchange, curl};

/// The version of the layout. It grows when a member is renamed, removed or changes its meaning, not when one is added.
pub const SCHEMA: u32 = 1;

/// The whole report as JSON (RFC 8259), indented, with a line end at its end.
///
/// Characters that could steer a terminal are written as `\uXXXX`, so that the text is safe to print and its values stay the same.
pub fn json(report: &RunReport) -> String {
    let text = serde_json::to_string_pretty(&Report::of(report)).expect("a report holds strings, numbers and lists only");
    printable(&text) + "\n"
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    step: u8,
    title: &'a str,
    target: String,
    verdict: &'a str,
    exit_code: u8,
    whole: bool,
    seed: u64,
    duration_ms: f64,
    build_ms: Option<f64>,
    problem: Option<Note<'a>>,
    compiler: Option<String>,
    advice: Vec<Note<'a>>,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Note<'a> {
    title: &'a str,
    remedy: &'a str,
    details: &'a [String],
}

#[derive(Serialize)]
struct Check<'a> {
    id: &'a str,
    title: &'a str,
    kind: &'a str,
    verdict: &'a str,
    reason: Option<&'a str>,
    expected: Option<&'a str>,
    actual: Option<&'a str>,
    ended: Option<String>,
    exchange: Option<Shown<'a>>,
    hint: &'a str,
    chapter: &'a str,
    log: &'a [String],
    sql: &'a [String],
    duration_ms: f64,
}

#[derive(Serialize)]
struct Shown<'a> {
    request: Request<'a>,
    response: Option<Response<'a>>,
    error: Option<String>,
    curl: String,
    duration_ms: f64,
}

#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    url: String,
    headers: Vec<Header<'a>>,
    body: Option<Cow<'a, str>>,
    body_encoding: Option<&'static str>,
    truncated: bool,
}

#[derive(Serialize)]
struct Response<'a> {
    status: u16,
    headers: Vec<Header<'a>>,
    body: Cow<'a, str>,
    body_encoding: &'static str,
    truncated: bool,
}

#[derive(Serialize)]
struct Header<'a> {
    name: &'a str,
    value: &'a str,
}

impl<'a> Report<'a> {
    fn of(report: &'a RunReport) -> Self {
        let subject = Subject::of(&report.target);
        Report {
            schema: SCHEMA,
            step: report.step,
            title: report.title,
            target: report.target.to_string(),
            verdict: report.verdict.name(),
            exit_code: report.verdict.exit_code(),
            whole: report.whole,
            seed: report.seed,
            duration_ms: milliseconds(report.duration),
            build_ms: report.build.map(milliseconds),
            problem: match &report.verdict {
                StepVerdict::NotStarted(problem) | StepVerdict::Environment(problem) => Some(Note::of(problem)),
                _ => None,
            },
            compiler: match &report.verdict {
                StepVerdict::NotBuilt(message) => Some(keep_colors(message, false)),
                _ => None,
            },
            advice: report.advice.iter().map(Note::of).collect(),
            checks: report.checks.iter().map(|check| Check::of(check, subject)).collect(),
        }
    }
}

impl<'a> Note<'a> {
    fn of(problem: &'a Problem) -> Self {
        Note { title: &problem.title, remedy: &problem.remedy, details: &problem.details }
    }
}

impl<'a> Check<'a> {
    fn of(check: &'a CheckReport, subject: Subject) -> Self {
        let (reason, failure) = match &check.verdict {
            Verdict::Pass => (None, None),
            Verdict::Fail(failure) => (None, Some(&**failure)),
            Verdict::Skipped(reason) | Verdict::Inconclusive(reason) => (Some(reason.as_str()), None),
        };
        Check {
            id: check.id,
            title: check.title,
            kind: check.kind.name(),
            verdict: check.verdict.name(),
            reason,
            expected: failure.map(|failure| failure.expected.as_str()),
            actual: failure.map(|failure| failure.actual.as_str()),
            ended: check.ended.as_ref().map(|ended| ended.how.to_string()),
            exchange: failure
                .and_then(|failure: &Failure| failure.exchange.as_ref())
                .map(|exchange| Shown::of(exchange, subject)),
            hint: check.hint,
            chapter: &check.chapter,
            log: &check.log,
            sql: &check.sql,
            duration_ms: milliseconds(check.duration),
        }
    }
}

impl<'a> Shown<'a> {
    fn of(exchange: &'a Exchange, subject: Subject) -> Self {
        let request = &exchange.request;
        let sent = request.body.as_ref().map(|body| encoded(body));
        let (body, body_encoding, truncated) = match sent {
            Some((body, encoding, cut)) => (Some(body), Some(encoding), cut),
            None => (None, None, false),
        };
        Shown {
            request: Request {
                method: &request.method,
                url: format!("{}{}", exchange.base, request.path),
                headers: headers(&request.headers),
                body,
                body_encoding,
                truncated,
            },
            response: exchange.reply.as_ref().ok().map(|reply| {
                let (body, body_encoding, cut) = encoded(&reply.body);
                Response {
                    status: reply.status,
                    headers: headers(&reply.headers),
                    body,
                    body_encoding,
                    truncated: cut || reply.cut,
                }
            }),
            error: exchange.reply.as_ref().err().map(ToString::to_string),
            curl: curl(exchange, subject.base()),
            duration_ms: milliseconds(exchange.duration),
        }
    }
}

fn headers(fields: &[(String, String)]) -> Vec<Header<'_>> {
    fields.iter().map(|(name, value)| Header { name, value }).collect()
}

/// A body, its encoding, and whether it was cut.
fn encoded(body: &[u8]) -> (Cow<'_, str>, &'static str, bool) {
    match text(body) {
        (Text::Utf8(text), cut) => (text.into(), "utf-8", cut),
        (Text::Base64(text), cut) => (text.into(), "base64", cut),
    }
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
