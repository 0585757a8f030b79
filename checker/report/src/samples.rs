//! Reports as runs leave them, for tests.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::json;

use model::{
    CheckReport, Exchange, Failure, Kind, NoResponse, Problem, Reply, Request, RunReport, StepVerdict, Target, Termination,
    Traffic, UnexpectedExit, Verdict,
};

/// An exchange with a response.
pub fn exchange(request: Request, status: u16, headers: &[(&str, &str)], body: &str) -> Rc<Exchange> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    sent(request, Ok(Reply { status, headers: headers.collect(), body: body.to_owned().into(), cut: false }))
}

/// An exchange.
pub fn sent(request: Request, reply: Result<Reply, NoResponse>) -> Rc<Exchange> {
    Rc::new(Exchange {
        base: "http://127.0.0.1:21034".to_owned(),
        request,
        reply,
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_769_846_400_123),
        duration: Duration::from_micros(1_250),
    })
}

/// A check of step `id` with its verdict.
pub fn check(id: &str, title: &str, kind: Kind, verdict: Verdict) -> CheckReport {
    let step = if id.starts_with('2') { "02-framework" } else { "01-api-basics" };
    CheckReport {
        verdict,
        hint: "Read the chapter's section about this call again.".to_owned(),
        chapter: format!("docs/src/{step}.md#changing-a-habit"),
        duration: Duration::from_micros(3_400),
        traffic: vec![Traffic {
            key: "sql".to_owned(),
            file: "statements.sql".to_owned(),
            peer: "the database".to_owned(),
            lines: Vec::new(),
        }],
        ..CheckReport::new(id, title, kind)
    }
}

/// A run of step 1 with these checks.
pub fn run(verdict: StepVerdict, checks: Vec<CheckReport>) -> RunReport {
    RunReport {
        next_step: Some(2),
        verdict,
        duration: Duration::from_millis(3_480),
        build: Some(Duration::from_millis(3_060)),
        checks,
        server_log: vec!["listening on http://127.0.0.1:21034".to_owned()],
        ..RunReport::new(1, "API basics", Target::Package("step-01-api-basics".to_owned()), 42)
    }
}

/// Step 1, complete.
pub fn passed() -> RunReport {
    let checks = vec![
        check(
            "1.create",
            "POST /habits responds 201 with the new habit: an integer id and the name sent",
            Kind::Core,
            Verdict::Pass,
        ),
        check("1.get-one", "GET /habits/{id} responds 200 with that habit", Kind::Core, Verdict::Pass),
        check("1.ids-parallel", "50 parallel POSTs create 50 habits with 50 distinct ids", Kind::Core, Verdict::Pass),
    ];
    run(StepVerdict::Passed, checks)
}

/// Step 1 with one failure that is shown as a diff, its dependents and a further failure.
pub fn failed() -> RunReport {
    let create = Request::new("POST", "/habits").json(&json!({"name": "don't smoke", "description": "not one"}));
    let patch = Request::new("PATCH", "/habits/1").json(&json!({"name": "walk"}));
    let stored = json!({"completed_today": false, "created_at": "2026-01-31T08:00:00Z", "description": "not one", "id": 1, "name": "walk"});
    let answered =
        json!({"completed_today": false, "created_at": "2026-01-31T08:00:00Z", "description": null, "id": 1, "name": "walk"});
    let media_type = [("content-type", "application/json")];
    let failing = exchange(patch, 200, &media_type, &answered.to_string());
    let failure = Failure { expected: format!("{stored:#}"), actual: format!("{answered:#}"), exchange: Some(failing.clone()) };
    let mut partial = check(
        "1.patch-partial",
        "PATCH changes only the fields in the request body",
        Kind::Core,
        Verdict::Fail(Box::new(failure)),
    );
    partial.exchanges = vec![exchange(create, 201, &media_type, &stored.to_string()), failing];
    partial.log = vec!["POST /habits 201 0.2 ms".to_owned(), "\u{1b}[32mPATCH\u{1b}[0m /habits/1 200 0.1 ms".to_owned()];
    let other = Failure { expected: "status 404 Not Found".to_owned(), actual: "status 200 OK".to_owned(), exchange: None };
    let skipped = || Verdict::Skipped("1.patch-partial failed".to_owned());
    let checks = vec![
        check(
            "1.create",
            "POST /habits responds 201 with the new habit: an integer id and the name sent",
            Kind::Core,
            Verdict::Pass,
        ),
        partial,
        check("1.patch-empty", "PATCH with {} changes nothing", Kind::Core, skipped()),
        check("1.patch-unknown", "PATCH responds 404 for an unknown habit", Kind::Core, Verdict::Fail(Box::new(other.clone()))),
        check("1.patch-null-clears", "PATCH with \"description\": null clears the description", Kind::Core, skipped()),
        check("1.put-unknown", "PUT responds 404 for an unknown habit", Kind::Stretch, Verdict::Fail(Box::new(other))),
    ];
    run(StepVerdict::Failed, checks)
}

/// Step 1 with a server that exits at a request, after it has logged a lot.
pub fn ended() -> RunReport {
    let create = exchange(Request::new("POST", "/habits"), 201, &[], r#"{"id": 1}"#);
    let delete = sent(
        Request::new("DELETE", "/habits/1"),
        Err(NoResponse::Closed("connection closed before message completed".to_owned())),
    );
    let failure = Failure {
        expected: "an HTTP response".to_owned(),
        actual: delete.reply.as_ref().expect_err("it has none").to_string(),
        exchange: Some(delete.clone()),
    };
    let mut check = check("1.delete", "DELETE responds 204 and removes the habit", Kind::Core, Verdict::Fail(Box::new(failure)));
    let dump = (1..=40).map(|number| format!("    at frame {number}"));
    let log: Vec<String> = ["throw er; // Unhandled 'error' event\u{1b}[2J".to_owned()].into_iter().chain(dump).collect();
    check.exchanges = vec![create, delete];
    check.log = ["POST /habits 201".to_owned()].into_iter().chain(log.clone()).collect();
    check.unexpected_exit = Some(UnexpectedExit { how: Termination::Code(1), log });
    run(StepVerdict::Failed, vec![check])
}

/// Step 2: a server that sends what it should not, and regressions of step 1.
pub fn hostile() -> RunReport {
    let post = Request::new("POST", "/habits").header("content-type", "text/plain\u{1b}]0;x").body(&b"\xff\xfe\x1b[2J"[..]);
    let headers = [("content-type", "text/html\u{9b}31m"), ("x-request-id", "0123456789abcdef")];
    let body = "<p>\u{1b}[2J\u{1b}]0;owned\u{7} ]]> \u{202e}txt.exe\u{7f}\u{fffe}\u{0}</p>\r\nnext `line`";
    let failing = exchange(post, 299, &headers, body);
    let failure = Failure {
        expected: "status 415 Unsupported Media Type".to_owned(),
        actual: "status 299, body \u{1b}[31mred\u{1b}[0m\u{202e}\n\u{9b}second".to_owned(),
        exchange: Some(failing.clone()),
    };
    let mut media_type = check(
        "2.wrong-media-type",
        "a body that is not application/json answers 415 with problem details",
        Kind::Core,
        Verdict::Fail(Box::new(failure)),
    );
    let refused = sent(Request::new("GET", "/habits?a=1&b"), Err(NoResponse::NotHttp("got \u{1b}[31m".to_owned())));
    media_type.exchanges = vec![refused.clone(), refused, failing];
    media_type.log = vec!["unrelated".to_owned(), "id=0123456789abcdef \u{1b}[2J\u{1b}[1mPOST\u{1b}[0m".to_owned()];
    let lost = Verdict::Inconclusive("the machine was too slow\u{1b}[5m".to_owned());
    let checks = vec![
        media_type,
        check("2.port", "The server listens on PORT, so that two instances can run side by side", Kind::Core, lost),
        check("1.create", "POST /habits responds 201 with the new habit", Kind::Regression, Verdict::Pass),
        check("1.get-one", "GET /habits/{id} responds 200 with that habit", Kind::Regression, Verdict::Pass),
        check(
            "1.list",
            "GET /habits responds 200 with a JSON array of all habits",
            Kind::Regression,
            Verdict::Skipped("of \u{9d}this".to_owned()),
        ),
    ];
    let mut run = run(StepVerdict::Failed, checks);
    run.step = 2;
    run.title = "A framework, used well".to_owned();
    run.target = Target::Command("python3 server\u{1b}[31m.py --port $PORT".to_owned());
    run.build = None;
    run.advice = vec![Problem {
        title: "All code is in one file\u{1b}[31m.".to_owned(),
        remedy: "Move each resource to a module of its own.".to_owned(),
        details: vec!["src/main.rs: 900 lines\u{1b}[2J".to_owned()],
    }];
    run.server_log.push("\u{1b}]0;title\u{7}".to_owned());
    run
}

/// A run of one check that the user chose.
pub fn chosen() -> RunReport {
    let mut run = passed();
    run.whole = false;
    run.checks.truncate(1);
    run
}

/// A short run that shows every member of the JSON report; the book prints it.
pub fn example() -> RunReport {
    let mut run = failed();
    run.checks.retain(|check| matches!(check.id.as_str(), "1.create" | "1.patch-partial" | "1.patch-empty"));
    run.advice = vec![Problem::new("The log holds more than 10,000 lines.", "Log one line a request.")];
    run
}

/// A crate that does not compile, with colors as cargo writes them.
pub fn not_built() -> RunReport {
    let message = "\u{1b}[1m\u{1b}[91merror[E0308]\u{1b}[0m\u{1b}[1m: mismatched types\u{1b}[0m\n \u{1b}[1m\u{1b}[94m--> \u{1b}[0msteps/01-api-basics/src/habits.rs:12:5\n\n";
    run(StepVerdict::NotBuilt(message.to_owned()), Vec::new())
}

/// A server that exits at once.
pub fn not_started() -> RunReport {
    let problem = Problem {
        title: "The server exited with exit code 101 before it accepted a connection.".to_owned(),
        remedy: "Start it with `cargo run -p step-01-api-basics` and read what it says.".to_owned(),
        details: vec!["thread 'main' panicked at src/main.rs:7:5:".to_owned(), "not yet\u{1b}[2J".to_owned()],
    };
    run(StepVerdict::NotStarted(problem), Vec::new())
}

/// A machine on which no server can be examined.
pub fn environment() -> RunReport {
    let problem = Problem::new("No free port was found between 20000 and 29999.", "Stop programs that hold these ports.");
    run(StepVerdict::Environment(problem), Vec::new())
}

/// A run on a machine that was too slow.
pub fn undecided() -> RunReport {
    let lost = Verdict::Inconclusive("the machine was too busy to answer in time, twice".to_owned());
    let mut run = passed();
    run.verdict = StepVerdict::Undecided;
    run.checks[2].verdict = lost;
    run
}

/// A run against a URL, where some checks cannot be run.
pub fn at_url() -> RunReport {
    let mut run = passed();
    run.verdict = StepVerdict::Undecided;
    run.target = Target::Url("http://127.0.0.1:9000".to_owned());
    run.build = None;
    run.checks[2].verdict = Verdict::Skipped("a server given by its URL cannot be restarted".to_owned());
    run
}
