//! One failure in full, for a reader who has to find its cause.

use std::rc::Rc;

use serde_json::Value;

use super::curl::{curl, needed_token, sign_in};
use super::diff::{self, Line};
use super::page::Page;
use super::subject::Subject;
use super::terminal::{Ink, cap, escape, escape_line, log_line};
use model::{CheckReport, Exchange, Failure, Holder, Reply, RunReport, Termination, Traffic, UnexpectedExit, status_name};

/// Earlier requests of the check that are shown.
const EARLIER: usize = 8;
/// Lines of the server's log that are shown.
const LOG: usize = 12;
/// How many of them are its last ones, if the server exited.
const LAST: usize = 4;
/// Lines of a text that is shown as it is.
const LINES: usize = 12;
/// Characters of one such line.
const COLUMNS: usize = 300;
/// The column where texts beside labels start.
const COLUMN: usize = 12;

/// Shows everything that is known about a failure.
pub fn show(page: &mut Page, run: &RunReport, check: &CheckReport, failure: &Failure) {
    let subject = Subject::of(&run.target);
    page.paragraph(0, Ink::Strong, &format!("A closer look at {}", check.id));
    page.prose(2, &check.title);
    page.gap();
    requests(page, run, check, failure, subject);
    comparison(page, failure);
    if let Some(exit) = &check.unexpected_exit {
        last_log(page, exit);
    }
    for traffic in &check.traffic {
        passed(page, traffic, failure);
    }
    if check.unexpected_exit.as_ref().is_none_or(|exit| exit.log.is_empty()) {
        log(page, check, failure);
    }
    page.command(2, COLUMN, "hint", &format!("cargo run -p checker -- hint {}", check.id));
    page.command(2, COLUMN, "chapter", &check.chapter);
}

/// What was sent: earlier requests in one line each, the one that showed the failure as a command.
fn requests(page: &mut Page, run: &RunReport, check: &CheckReport, failure: &Failure, subject: Subject) {
    let shown_by = failure.exchange.as_ref();
    let position = shown_by.and_then(|failing| check.exchanges.iter().position(|exchange| Rc::ptr_eq(exchange, failing)));
    let earlier = summaries(&check.exchanges[..position.unwrap_or(check.exchanges.len())]);
    if !earlier.is_empty() {
        page.prose(2, if shown_by.is_some() { "The check first sent:" } else { "The check sent:" });
        if earlier.len() > EARLIER {
            page.line(4, Ink::Faint, &format!("… {} more before these", earlier.len() - EARLIER));
        }
        for line in &earlier[earlier.len().saturating_sub(EARLIER)..] {
            page.line(4, Ink::Plain, line);
        }
        page.gap();
    }
    let Some(failing) = shown_by else { return };
    let before = &check.exchanges[..position.unwrap_or_default()];
    let names_an_id = before.iter().any(|exchange| names(failing, exchange));
    let times = before.iter().filter(|exchange| is_repeated(exchange, failing)).count() + 1;
    page.prose(2, &introduction(check.disturbs.as_deref(), names_an_id, times, subject));
    for line in escape(&curl(failing, subject.base())).lines() {
        page.line(4, Ink::Code, line);
    }
    if let Some(token) = needed_token(failing, subject.base())
        && let Some(paths) = &run.sign_in
    {
        let (variable, commands) = sign_in(paths, token.holder, subject.base());
        let whose = match token.holder {
            Holder::Oneself => "an access token of your own server",
            Holder::Other => "an access token of another user than the one whose data it is",
        };
        page.prose(2, &format!("Sign up and log in there first, so that {variable} is {whose}:"));
        for line in commands.iter().flat_map(|command| command.lines()) {
            page.line(4, Ink::Code, line);
        }
    }
    if let Some(start) = subject.start(&run.variables, &check.settings) {
        page.prose(2, "To start that server, type this in another terminal first:");
        page.line(4, Ink::Code, &escape_line(&start));
        for variable in &run.variables {
            page.prose(2, &variable.by_hand);
        }
    }
    page.gap();
}

/// Whether the same request was sent to the same server before, and may have changed something there.
fn is_repeated(earlier: &Exchange, failing: &Exchange) -> bool {
    let (one, other) = (&earlier.request, &failing.request);
    let is_safe = matches!(other.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    !is_safe && earlier.base == failing.base && one.method == other.method && one.path == other.path && one.body == other.body
}

/// What is said before the request that showed the failure, which was sent this often.
fn introduction(disturbs: Option<&str>, names_an_id: bool, times: usize, subject: Subject) -> String {
    let when = match times {
        1 => String::new(),
        2 => " the second time it was sent".to_owned(),
        3 => " the third time it was sent".to_owned(),
        _ => format!(" when it was sent {times} times"),
    };
    if matches!(subject, Subject::Url(_)) {
        return format!("This request showed the failure{when}:");
    }
    let disturbance = disturbs.map(|what| {
        format!(" During this check, the checker disturbed the server's {what}. Without that, this request alone may not show the failure.")
    });
    let disturbance = disturbance.unwrap_or_default();
    let id = if names_an_id { ", take an id that exists there" } else { "" };
    format!("This request showed the failure{when}.{disturbance} To try it on your own server{id}:")
}

/// Whether the path of `request` names the habit in the response to `earlier`.
fn names(request: &Exchange, earlier: &Exchange) -> bool {
    let answered = earlier.reply.as_ref().ok().and_then(|reply| serde_json::from_slice::<Value>(&reply.body).ok());
    let id = answered.and_then(|body| body.get("id").map(ToString::to_string));
    id.is_some_and(|id| request.request.path.split(['/', '?']).any(|part| part == id))
}

/// Exchanges in one line each.
fn summaries(exchanges: &[Rc<Exchange>]) -> Vec<String> {
    counted(exchanges.iter().map(|exchange| {
        let result = match &exchange.reply {
            Ok(reply) => status_name(reply.status),
            Err(none) => cap(&none.to_string(), 80),
        };
        let path = cap(&exchange.request.path, 60);
        escape_line(&format!("{} {path} → {result}", exchange.request.method))
    }))
}

/// The lines, with each run of equal lines as one line with its count.
fn counted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for line in lines {
        match counts.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            _ => counts.push((line, 1)),
        }
    }
    let counted = |(line, count)| if count == 1 { line } else { format!("{line} ({count} times)") };
    counts.into_iter().map(counted).collect()
}

/// What was expected, and what the server did.
fn comparison(page: &mut Page, failure: &Failure) {
    let lines = diff::lines(&failure.expected, &failure.actual);
    match &lines {
        Some(lines) => {
            page.labeled(2, COLUMN, (Ink::Plain, "expected"), (Ink::Good, "the lines marked -"));
            page.labeled(2, COLUMN, (Ink::Plain, "actual"), (Ink::Bad, "the lines marked +"));
            for line in lines {
                let text = |text: &str| escape_line(&cap(text, COLUMNS));
                match line {
                    Line::Both(line) => page.line(6, Ink::Plain, &text(line)),
                    Line::Expected(line) => page.line(4, Ink::Good, &format!("- {}", text(line))),
                    Line::Actual(line) => page.line(4, Ink::Bad, &format!("+ {}", text(line))),
                    Line::Left(count) => page.line(4, Ink::Faint, &format!("… {count} more lines")),
                }
            }
        }
        None => {
            side(page, "expected", Ink::Good, &failure.expected);
            side(page, "actual", Ink::Bad, &failure.actual);
        }
    }
    if let Some(Ok(reply)) = failure.exchange.as_ref().map(|exchange| &exchange.reply) {
        response(page, reply, lines.is_some(), &failure.actual);
    }
    page.gap();
}

/// One of the two texts when they are not compared line by line.
fn side(page: &mut Page, label: &str, ink: Ink, text: &str) {
    if text.trim_end().contains('\n') {
        page.line(2, Ink::Plain, label);
        excerpt(page, ink, text);
    } else {
        let text = escape_line(&cap(text.trim_end_matches('\n'), 1_000));
        page.labeled(2, COLUMN, (Ink::Plain, label), (ink, &text));
    }
}

/// The response, with the beginning of its body, unless they are on the page already.
fn response(page: &mut Page, reply: &Reply, compared: bool, actual: &str) {
    if reply.body.is_empty() && actual.contains(&status_name(reply.status)) {
        return;
    }
    let media_type = reply.headers.iter().find(|(name, _)| name == "content-type");
    let media_type = media_type.map_or("no Content-Type", |(_, value)| value.as_str());
    let size = match (reply.body.len(), reply.cut) {
        (0, _) => "no body".to_owned(),
        (1, false) => "1 byte".to_owned(),
        (size, false) => format!("{size} bytes"),
        (size, true) => format!("more than {size} bytes"),
    };
    let encoding = reply.headers.iter().find(|(name, value)| name == "content-encoding" && value != "identity");
    let size = match encoding {
        Some((_, encoding)) => format!("{size}, compressed ({encoding}): `curl --compressed` shows it"),
        None => size,
    };
    let line = match reply.body.is_empty() {
        true => format!("{}, {size}", status_name(reply.status)),
        false => format!("{}, {}, {size}", status_name(reply.status), cap(media_type, 100)),
    };
    page.labeled(2, COLUMN, (Ink::Plain, "response"), (Ink::Plain, &escape_line(&line).replace('`', "'")));
    let body = String::from_utf8_lossy(&reply.body[..reply.body.len().min(LINES * COLUMNS)]);
    let shown_already = compared || encoding.is_some() || body.trim().is_empty() || actual.contains(body.trim());
    if !shown_already {
        excerpt(page, Ink::Faint, &body);
    }
}

/// The first lines of a text that the checker did not write.
fn excerpt(page: &mut Page, ink: Ink, text: &str) {
    let count = text.lines().count();
    for line in text.lines().take(LINES) {
        page.line(4, ink, &escape_line(&cap(line, COLUMNS)));
    }
    if count > LINES {
        page.line(4, Ink::Faint, &format!("… {} more lines", count - LINES));
    }
}

/// What the server sent to a backing service: for the failing request where that is known, else during the whole check.
fn passed(page: &mut Page, traffic: &Traffic, failure: &Failure) {
    let heading = failure.exchange.as_ref().map(|exchange| format!("{} {}", exchange.request.method, exchange.request.path));
    let from = heading.and_then(|heading| traffic.lines.iter().rposition(|line| *line == heading));
    let (title, lines): (_, Vec<&String>) = match from {
        Some(at) => {
            let of_request = traffic.lines[at + 1..].iter().take_while(|line| line.starts_with(' '));
            (
                format!("What your server sent to {} during this request, and those like it just before:", traffic.peer),
                of_request.collect(),
            )
        }
        None => (format!("What your server sent to {} during this check:", traffic.peer), traffic.lines.iter().collect()),
    };
    if lines.is_empty() {
        return;
    }
    page.prose(2, &title);
    let indent = if from.is_some() { 2 } else { 4 };
    let lines = counted(lines.into_iter().map(|line| escape_line(&cap(line, COLUMNS))));
    if lines.len() > LOG {
        page.line(4, Ink::Faint, &format!("… {} more lines before these", lines.len() - LOG));
    }
    for line in &lines[lines.len().saturating_sub(LOG)..] {
        page.line(indent, Ink::Faint, line);
    }
    page.gap();
}

/// How the server exited, in one sentence.
pub fn exit_sentence(exit: &UnexpectedExit) -> String {
    let how = exit.how;
    match how {
        Termination::Code(_) => format!("The server exited with {how}."),
        Termination::Signal(_) => format!("The server was {how}."),
        Termination::TooMuchMemory(_) | Termination::TooManyProcesses(_) => {
            format!("The server was stopped because it took too much of this machine: {how}.")
        }
        Termination::GuardKilled => format!("The server was stopped: {how}."),
    }
}

/// What the server logged: the lines that carry the id of the failing request, or else those of the whole check.
fn log(page: &mut Page, check: &CheckReport, failure: &Failure) {
    let reply = failure.exchange.as_ref().and_then(|exchange| exchange.reply.as_ref().ok());
    let id = reply.and_then(|reply| reply.headers.iter().find(|(name, _)| name == "x-request-id"));
    let carries_id = |line: &&String| id.is_some_and(|(_, id)| id.len() >= 8 && line.contains(id.as_str()));
    let of_request: Vec<_> = check.log.iter().filter(carries_id).collect();
    let (title, lines) = match of_request.is_empty() {
        true => ("Your server's log during this check:", check.log.iter().collect()),
        false => ("Your server's log of this request:", of_request),
    };
    if lines.is_empty() {
        return;
    }
    page.prose(2, title);
    let lines = counted(lines.into_iter().map(|line| log_line(&cap(line, COLUMNS))));
    if lines.len() > LOG {
        page.line(4, Ink::Faint, &format!("… {} more lines before these", lines.len() - LOG));
    }
    for line in &lines[lines.len().saturating_sub(LOG)..] {
        page.line(4, Ink::Faint, line);
    }
    page.gap();
}

/// How the server exited, and the first and the last lines of what it logged before. The cause usually comes first, and then
/// its place in the code.
fn last_log(page: &mut Page, exit: &UnexpectedExit) {
    let words = match exit.log.is_empty() {
        true => "It logged nothing after its last response.",
        false => "Its log after its last response:",
    };
    page.paragraph(2, Ink::Bad, &format!("{} {words}", exit_sentence(exit)));
    let lines = counted(exit.log.iter().map(|line| log_line(&cap(line, COLUMNS))));
    let (first, rest) = lines.split_at(lines.len().min(LOG - LAST));
    let (left_out, last) = rest.split_at(rest.len().saturating_sub(LAST));
    for line in first {
        page.line(4, Ink::Faint, line);
    }
    if !left_out.is_empty() {
        page.line(4, Ink::Faint, &format!("… {} more lines", left_out.len()));
    }
    for line in last {
        page.line(4, Ink::Faint, line);
    }
    page.gap();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::exchange;
    use model::Request;

    #[test]
    fn an_id_is_known_from_the_response_that_gave_it() {
        let created = exchange(Request::new("POST", "/habits"), 201, &[], r#"{"id": 16}"#);
        let listed = exchange(Request::new("GET", "/habits"), 200, &[], r#"[{"id": 16}]"#);
        let get = |path: &str| exchange(Request::new("GET", path), 200, &[], "");
        assert!(names(&get("/habits/16"), &created));
        assert!(names(&get("/habits/16?x"), &created));
        assert!(!names(&get("/habits/160"), &created), "an id that was never given out");
        assert!(!names(&get("/habits/16"), &listed));
        assert!(!names(&get("/habits"), &get("/habits")));
    }

    #[test]
    fn equal_lines_in_a_row_are_counted() {
        let lines = ["a", "a", "b", "a"].map(str::to_owned);
        assert_eq!(counted(lines.into_iter()), ["a (2 times)", "b", "a"]);
    }
}
