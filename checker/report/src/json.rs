//! The report for programs, written and read. `docs/src/report-json.md` documents it; a change there needs a new [`SCHEMA`].

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use transcript::printable;

use model::{
    CheckReport, Exchange, Failure, Holder, Kind, NoResponse, Problem, Reply, Request, RunReport, SignInPaths, StepVerdict,
    Target, Termination, Token, Traffic, UnexpectedExit, VariableHint, Verdict,
};

use super::body;
use super::curl::curl;
use super::subject::Subject;
use super::terminal::keep_colors;

/// The version of the layout. It grows when a member is renamed, removed or changes its meaning, not when one is added.
pub const SCHEMA: u32 = 1;

/// The whole report as JSON (RFC 8259), indented, with a line end at its end.
///
/// Characters that could steer a terminal are written as `\uXXXX`, so that the text is safe to print and its values stay the same.
pub fn json(report: &RunReport) -> String {
    let text = serde_json::to_string_pretty(&Document::of(report)).expect("a report holds strings, numbers and lists only");
    printable(&text) + "\n"
}

/// Reads a report that [`json`] has written. What it leaves out is empty: the log of the whole run, and the exchanges of checks
/// that did not fail.
///
/// # Errors
///
/// The text is not such a report, or it has another layout.
pub fn read_json(text: &[u8]) -> serde_json::Result<RunReport> {
    let document: Document = serde_json::from_slice(text)?;
    document.into_report().ok_or_else(|| serde::de::Error::custom("the text is not a report of this layout"))
}

#[derive(Serialize, Deserialize)]
struct Document {
    schema: u32,
    step: u8,
    title: String,
    next_step: Option<u8>,
    target: String,
    target_kind: TargetKind,
    verdict: String,
    exit_code: u8,
    whole: bool,
    seed: u64,
    duration_ms: f64,
    build_ms: Option<f64>,
    problem: Option<Note>,
    compiler: Option<String>,
    first_failure: Option<String>,
    variables: Vec<Variable>,
    sign_in: Option<SignIn>,
    advice: Vec<Note>,
    checks: Vec<Check>,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum TargetKind {
    Package,
    Command,
    Url,
}

#[derive(Serialize, Deserialize)]
struct Variable {
    name: String,
    by_hand: String,
}

#[derive(Serialize, Deserialize)]
struct SignIn {
    sign_up: String,
    log_in: String,
}

#[derive(Serialize, Deserialize)]
struct Note {
    title: String,
    remedy: String,
    details: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Check {
    id: String,
    title: String,
    kind: String,
    verdict: String,
    reason: Option<String>,
    expected: Option<String>,
    actual: Option<String>,
    ended: Option<String>,
    termination: Option<Ended>,
    exchange: Option<Shown>,
    /// Every exchange of a check that failed, in order.
    exchanges: Vec<Shown>,
    /// Which of them is `exchange`.
    exchange_at: Option<usize>,
    disturbs: Option<String>,
    /// The variables that the check set for the server; a value that is of use only during the run is `null`.
    #[serde(default)]
    settings: BTreeMap<String, Option<String>>,
    hint: String,
    chapter: String,
    log: Vec<String>,
    duration_ms: f64,
    /// What kinds of traffic there are. The lines of each stand in a member of its own, named by `key`.
    traffic: Vec<TrafficKind>,
    #[serde(flatten)]
    lines: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct TrafficKind {
    key: String,
    file: String,
    peer: String,
}

#[derive(Serialize, Deserialize)]
struct Ended {
    how: Termination,
    log: Vec<String>,
}

#[derive(Serialize, Deserialize, Clone)]
struct Shown {
    request: SentRequest,
    response: Option<Response>,
    error: Option<String>,
    no_answer: Option<NoResponse>,
    curl: String,
    started_ms: u64,
    duration_ms: f64,
}

#[derive(Serialize, Deserialize, Clone)]
struct SentRequest {
    method: String,
    url: String,
    path: String,
    headers: Vec<Header>,
    body: Option<String>,
    body_encoding: Option<String>,
    truncated: bool,
    token: Option<AccessToken>,
}

#[derive(Serialize, Deserialize, Clone)]
struct AccessToken {
    text: String,
    holder: Holder,
}

#[derive(Serialize, Deserialize, Clone)]
struct Response {
    status: u16,
    headers: Vec<Header>,
    body: String,
    body_encoding: String,
    truncated: bool,
}

#[derive(Serialize, Deserialize, Clone)]
struct Header {
    name: String,
    value: String,
}

impl Document {
    fn of(report: &RunReport) -> Self {
        let base = Subject::of(&report.target).base();
        Document {
            schema: SCHEMA,
            step: report.step,
            title: report.title.clone(),
            next_step: report.next_step,
            target: report.target.to_string(),
            target_kind: match &report.target {
                Target::Package(_) => TargetKind::Package,
                Target::Command(_) => TargetKind::Command,
                Target::Url(_) => TargetKind::Url,
            },
            verdict: report.verdict.name().to_owned(),
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
            first_failure: report.first_failure().map(|check| check.id.clone()),
            variables: report.variables.iter().map(Variable::of).collect(),
            sign_in: report.sign_in.as_ref().map(SignIn::of),
            advice: report.advice.iter().map(Note::of).collect(),
            checks: report.checks.iter().map(|check| Check::of(check, base)).collect(),
        }
    }

    fn into_report(self) -> Option<RunReport> {
        let problem = || self.problem.as_ref().map(Note::problem);
        Some(RunReport {
            step: self.step,
            verdict: match self.verdict.as_str() {
                "passed" => StepVerdict::Passed,
                "failed" => StepVerdict::Failed,
                "undecided" => StepVerdict::Undecided,
                "not-built" => StepVerdict::NotBuilt(self.compiler?),
                "not-started" => StepVerdict::NotStarted(problem()?),
                "environment" => StepVerdict::Environment(problem()?),
                _ => return None,
            },
            target: match self.target_kind {
                TargetKind::Package => Target::Package(self.target),
                TargetKind::Command => Target::Command(self.target),
                TargetKind::Url => Target::Url(self.target),
            },
            title: self.title,
            next_step: self.next_step,
            variables: self.variables.into_iter().map(Variable::hint).collect(),
            sign_in: self.sign_in.map(SignIn::paths),
            whole: self.whole,
            seed: self.seed,
            duration: duration(self.duration_ms),
            build: self.build_ms.map(duration),
            checks: self.checks.into_iter().map(Check::into_report).collect::<Option<_>>()?,
            advice: self.advice.iter().map(Note::problem).collect(),
            server_log: Vec::new(),
        })
    }
}

impl Variable {
    fn of(hint: &VariableHint) -> Self {
        Variable { name: hint.name.clone(), by_hand: hint.by_hand.clone() }
    }

    fn hint(self) -> VariableHint {
        VariableHint { name: self.name, by_hand: self.by_hand }
    }
}

impl SignIn {
    fn of(paths: &SignInPaths) -> Self {
        SignIn { sign_up: paths.sign_up.clone(), log_in: paths.log_in.clone() }
    }

    fn paths(self) -> SignInPaths {
        SignInPaths { sign_up: self.sign_up, log_in: self.log_in }
    }
}

impl Note {
    fn of(problem: &Problem) -> Self {
        Note { title: problem.title.clone(), remedy: problem.remedy.clone(), details: problem.details.clone() }
    }

    fn problem(&self) -> Problem {
        Problem { title: self.title.clone(), remedy: self.remedy.clone(), details: self.details.clone() }
    }
}

impl Check {
    fn of(check: &CheckReport, base: &str) -> Self {
        let (reason, failure) = match &check.verdict {
            Verdict::Pass => (None, None),
            Verdict::Fail(failure) => (None, Some(&**failure)),
            Verdict::Skipped(reason) | Verdict::Inconclusive(reason) => (Some(reason.clone()), None),
        };
        let failing = failure.and_then(|failure| failure.exchange.as_ref());
        let kept = if failure.is_some() { &check.exchanges[..] } else { &[] };
        Check {
            id: check.id.clone(),
            title: check.title.clone(),
            kind: check.kind.name().to_owned(),
            verdict: check.verdict.name().to_owned(),
            reason,
            expected: failure.map(|failure| failure.expected.clone()),
            actual: failure.map(|failure| failure.actual.clone()),
            ended: check.unexpected_exit.as_ref().map(|ended| ended.how.to_string()),
            termination: check.unexpected_exit.as_ref().map(|ended| Ended { how: ended.how, log: ended.log.clone() }),
            exchange: failing.map(|exchange| Shown::of(exchange, base)),
            exchanges: kept.iter().map(|exchange| Shown::of(exchange, base)).collect(),
            exchange_at: failing.and_then(|failing| kept.iter().position(|exchange| Rc::ptr_eq(exchange, failing))),
            disturbs: check.disturbs.clone(),
            settings: check.settings.iter().cloned().collect(),
            hint: check.hint.clone(),
            chapter: check.chapter.clone(),
            log: check.log.clone(),
            duration_ms: milliseconds(check.duration),
            traffic: check.traffic.iter().map(TrafficKind::of).collect(),
            lines: check.traffic.iter().map(|traffic| (traffic.key.clone(), traffic.lines.clone().into())).collect(),
        }
    }

    fn into_report(self) -> Option<CheckReport> {
        let exchanges: Vec<Rc<Exchange>> =
            self.exchanges.into_iter().map(|shown| shown.exchange().map(Rc::new)).collect::<Option<_>>()?;
        let failing = match self.exchange_at {
            Some(at) => Some(exchanges.get(at)?.clone()),
            None => self.exchange.and_then(Shown::exchange).map(Rc::new),
        };
        Some(CheckReport {
            verdict: match self.verdict.as_str() {
                "pass" => Verdict::Pass,
                "fail" => Verdict::Fail(Box::new(Failure { expected: self.expected?, actual: self.actual?, exchange: failing })),
                "skipped" => Verdict::Skipped(self.reason?),
                "inconclusive" => Verdict::Inconclusive(self.reason?),
                _ => return None,
            },
            kind: [Kind::Core, Kind::Stretch, Kind::Regression].into_iter().find(|kind| kind.name() == self.kind)?,
            traffic: self.traffic.into_iter().map(|kind| kind.traffic(&self.lines)).collect::<Option<_>>()?,
            id: self.id,
            title: self.title,
            hint: self.hint,
            chapter: self.chapter,
            disturbs: self.disturbs,
            settings: self.settings.into_iter().collect(),
            duration: duration(self.duration_ms),
            unexpected_exit: self.termination.map(|ended| UnexpectedExit { how: ended.how, log: ended.log }),
            exchanges,
            log: self.log,
        })
    }
}

impl TrafficKind {
    fn of(traffic: &Traffic) -> Self {
        TrafficKind { key: traffic.key.clone(), file: traffic.file.clone(), peer: traffic.peer.clone() }
    }

    fn traffic(self, lines: &BTreeMap<String, Value>) -> Option<Traffic> {
        let lines = lines.get(&self.key)?.as_array()?.iter().map(|line| line.as_str().map(str::to_owned));
        Some(Traffic { lines: lines.collect::<Option<_>>()?, key: self.key, file: self.file, peer: self.peer })
    }
}

impl Shown {
    fn of(exchange: &Exchange, base: &str) -> Self {
        let request = &exchange.request;
        let sent = request.body.as_ref().map(|bytes| body::encode(bytes));
        let truncated = sent.as_ref().is_some_and(|sent| sent.cut);
        let (text, encoding) = sent.map(|sent| (sent.text, sent.encoding.to_owned())).unzip();
        Shown {
            request: SentRequest {
                method: request.method.clone(),
                url: format!("{}{}", exchange.base, request.path),
                path: request.path.clone(),
                headers: headers(&request.headers),
                body: text,
                body_encoding: encoding,
                truncated,
                token: request.token.as_ref().map(|token| AccessToken { text: token.text.to_string(), holder: token.holder }),
            },
            response: exchange.reply.as_ref().ok().map(|reply| {
                let received = body::encode(&reply.body);
                Response {
                    status: reply.status,
                    headers: headers(&reply.headers),
                    body: received.text,
                    body_encoding: received.encoding.to_owned(),
                    truncated: received.cut || reply.cut,
                }
            }),
            error: exchange.reply.as_ref().err().map(ToString::to_string),
            no_answer: exchange.reply.as_ref().err().cloned(),
            curl: curl(exchange, base),
            started_ms: exchange.started.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64),
            duration_ms: milliseconds(exchange.duration),
        }
    }

    fn exchange(self) -> Option<Exchange> {
        let sent = self.request;
        let bytes = match (&sent.body, &sent.body_encoding) {
            (Some(text), Some(encoding)) => Some(Bytes::from(body::decode(text, encoding)?)),
            _ => None,
        };
        Some(Exchange {
            base: sent.url.strip_suffix(&sent.path)?.to_owned(),
            request: Request {
                method: sent.method,
                headers: fields(sent.headers),
                body: bytes,
                token: sent.token.map(|token| Token { text: token.text.into(), holder: token.holder }),
                path: sent.path,
            },
            reply: match self.response {
                Some(response) => Ok(Reply {
                    status: response.status,
                    headers: fields(response.headers),
                    body: body::decode(&response.body, &response.body_encoding)?.into(),
                    cut: response.truncated,
                }),
                None => Err(self.no_answer?),
            },
            started: SystemTime::UNIX_EPOCH + Duration::from_millis(self.started_ms),
            duration: duration(self.duration_ms),
        })
    }
}

fn headers(fields: &[(String, String)]) -> Vec<Header> {
    fields.iter().map(|(name, value)| Header { name: name.clone(), value: value.clone() }).collect()
}

fn fields(headers: Vec<Header>) -> Vec<(String, String)> {
    headers.into_iter().map(|header| (header.name, header.value)).collect()
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Milliseconds as a `Duration`; zero if they are not a valid one.
fn duration(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or_default()
}
