//! Rules that need cargo, or a running server.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use super::facts::{StepFacts, checks};
use super::sources::ids;
use super::{Found, Violation};
use checker::commands::status::StatusLine;
use course::COURSE;
use engine::{Event, Grading, OnEvent, grade};
use model::{CheckReport, Kind, Problem, RunReport, StepVerdict, Target, Verdict};
use workshop::Workshop;
use workshop::starters::Manifest;

/// The seed of every run here, so that a failure can be repeated.
const SEED: u64 = 1;
/// Lines of a program's error output that are shown.
const SHOWN: usize = 20;

/// A wrong server as `saboteur list` describes it.
#[derive(Debug, Clone, Deserialize)]
struct WrongServer {
    name: String,
    trips: Vec<String>,
}

/// Starters and solutions are formatted.
pub async fn formatted(workshop: &Workshop, steps: &[StepFacts]) -> Found {
    let packages: Vec<_> = steps.iter().flat_map(StepFacts::packages).collect();
    let mut arguments = vec!["fmt"];
    for package in &packages {
        arguments.extend(["-p", package]);
    }
    arguments.extend(["--", "--check", "-l"]);
    let output = cargo(workshop.root(), &arguments).await?;
    let files = output.out.lines().filter(|line| !line.trim().is_empty());
    let found: Vec<_> = files.map(|file| unformatted(workshop, file)).collect();
    match (output.ok, found.is_empty()) {
        (false, true) => Err(output.problem("cargo fmt failed.", "Install rustfmt with `rustup component add rustfmt`.")),
        _ => Ok(found),
    }
}

fn unformatted(workshop: &Workshop, file: &str) -> Violation {
    let path = workshop.short(Path::new(file));
    let remedy = match path.starts_with("steps") {
        true => "Write the marks and stubs of the solution so that the starter comes out formatted.",
        false => "Run `cargo fmt`.",
    };
    Violation::new(format!("{path} is not formatted"), remedy)
}

/// Every check fails on a wrong server, and wrong servers declare only ids of checks.
pub async fn wrong_servers(workshop: &Workshop, steps: &[StepFacts]) -> Found {
    let arguments = ["run", "--quiet", "-p", "saboteur", "--", "list", "--format", "json"];
    let output = cargo(workshop.root(), &arguments).await?;
    if !output.ok {
        return Err(
            output.problem("The saboteur could not list its wrong servers.", "Make `cargo run -p saboteur -- list` work.")
        );
    }
    let servers: Vec<WrongServer> = serde_json::from_str(&output.out).map_err(|error| {
        Problem::new(
            format!("The saboteur's list is not as expected: {error}."),
            "Compare checker/saboteur/src/main.rs with this rule.",
        )
    })?;
    Ok(untripped(steps, &servers))
}

fn untripped(steps: &[StepFacts], servers: &[WrongServer]) -> Vec<Violation> {
    let mut found = Vec::new();
    let trips = |id: &str| servers.iter().any(|server| server.trips.iter().any(|tripped| tripped == id));
    for check in checks(steps).filter(|check| !trips(&check.id)) {
        found.push(Violation::new(
            format!("no wrong server fails {}", check.id),
            "Add a sabotage to checker/saboteur that breaks just this, and declare the id.",
        ));
    }
    let known = ids(steps);
    for server in servers {
        for id in server.trips.iter().filter(|id| !known.contains(id.as_str())) {
            found.push(Violation::new(
                format!("the wrong server {} declares {id}, which is no check", server.name),
                "Correct the id.",
            ));
        }
        if server.trips.is_empty() {
            found.push(Violation::new(
                format!("the wrong server {} declares no id", server.name),
                "Declare the ids it trips, or remove it.",
            ));
        }
    }
    found
}

/// Starters and solutions compile, tests included, without a warning.
pub async fn no_warnings(workshop: &Workshop, steps: &[StepFacts], status: &mut StatusLine) -> Found {
    let mut found = Vec::new();
    for package in steps.iter().flat_map(StepFacts::packages) {
        status.line(&format!("Building {package}"));
        let arguments = ["build", "--all-targets", "--message-format=json", "-p", &package];
        let output = cargo(workshop.root(), &arguments).await?;
        let messages = compiler_messages(&output.out, &package);
        if !output.ok && messages.is_empty() {
            return Err(output.problem(&format!("{package} could not be built."), "See the messages of cargo."));
        }
        found.extend(messages);
    }
    Ok(found)
}

/// The compiler's warnings and errors about one package, from cargo's messages in JSON.
fn compiler_messages(output: &str, package: &str) -> Vec<Violation> {
    let messages = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut texts: Vec<String> = Vec::new();
    for message in messages.filter(|message| message["reason"] == "compiler-message") {
        // `path+file:///…/steps/01-api-basics#step-01-api-basics@0.1.0`
        let id = message["package_id"].as_str().unwrap_or_default();
        let about = id.contains(&format!("#{package}@")) || id.starts_with(&format!("{package} "));
        let text = message["message"]["rendered"].as_str().unwrap_or_default().trim_end().to_owned();
        // A library's warning comes again with its tests.
        if about && !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.into_iter().map(|text| Violation::new(format!("{package}:\n{text}"), "Fix the solution or its stubs.")).collect()
}

/// Every starter passes the checks of earlier steps, except those its manifest names, and does not pass its own step. Checks that
/// cannot run until its tasks are done, such as those of habits while no user can sign in, run as in the previous step.
pub async fn starters(workshop: &Workshop, steps: &[StepFacts], status: &mut StatusLine) -> Found {
    let mut found = Vec::new();
    for facts in steps {
        let [package, _] = facts.packages();
        let opens = Manifest::load(&workshop.solution(&facts.slug))?.opens;
        let mut report = run(workshop, facts.number, package.clone(), false, status).await?;
        let earlier = COURSE.step(facts.number).and_then(|step| COURSE.before(step));
        if let Some(earlier) = earlier.filter(|_| report.checks.iter().any(is_skipped)) {
            let before = run(workshop, earlier.number, package, false, status).await?;
            take_skipped(&mut report, before);
        }
        found.extend(starter_violations(&report, &opens));
    }
    Ok(found)
}

/// Every solution passes every check of its step, and those of the steps before that still apply.
pub async fn solutions(workshop: &Workshop, steps: &[StepFacts], status: &mut StatusLine) -> Found {
    let mut found = Vec::new();
    for facts in steps {
        let [_, package] = facts.packages();
        let report = run(workshop, facts.number, package, true, status).await?;
        found.extend(solution_violations(&report));
    }
    Ok(found)
}

async fn run(
    workshop: &Workshop,
    number: u8,
    package: String,
    stretch: bool,
    status: &mut StatusLine,
) -> Result<RunReport, Problem> {
    let step = COURSE
        .step(number)
        .ok_or_else(|| Problem::new(format!("The course has no step {number}."), "Add it to checker/course/src."))?;
    let (course, target) = (COURSE, Target::Package(package));
    let grading = Grading { course, step, target, only: Vec::new(), stretch, seed: SEED, color: false };
    Ok(grade(&grading, workshop.root(), &mut OnEvent(|event: Event<'_>| status.show(event))).await)
}

/// An earlier check that was not examined.
fn is_skipped(check: &CheckReport) -> bool {
    check.kind == Kind::Regression && matches!(check.verdict, Verdict::Skipped(_))
}

/// Gives earlier checks that were skipped the verdicts of a run as the step before.
fn take_skipped(report: &mut RunReport, before: RunReport) {
    for found in before.checks {
        if let Some(check) = report.checks.iter_mut().find(|check| check.id == found.id && is_skipped(check)) {
            check.verdict = found.verdict;
        }
    }
}

fn starter_violations(report: &RunReport, opens: &[String]) -> Vec<Violation> {
    if let Some(violation) = did_not_run(report) {
        return vec![violation];
    }
    let target = &report.target;
    let mut found = Vec::new();
    let own = report.checks.iter().filter(|check| check.kind == Kind::Core);
    if own.clone().count() > 0 && own.clone().all(passed) {
        found.push(Violation::new(
            format!("{target} passes step {} as it is", report.step),
            "Leave a task open that a core check of the step examines.",
        ));
    }
    let (open, kept): (Vec<_>, Vec<_>) =
        report.checks.iter().filter(|check| check.kind == Kind::Regression).partition(|check| opens.contains(&check.id));
    let remedy = "Write the stubs so that it still passes, or name the id under `opens` in step.toml.";
    found.extend(not_passed(kept, "breaks", report, remedy));
    for check in open.into_iter().filter(|check| passed(check)) {
        found.push(Violation::new(
            format!("{target} passes {}, which its step.toml lists under `opens`", check.id),
            "Remove the id from `opens`.",
        ));
    }
    found
}

fn solution_violations(report: &RunReport) -> Vec<Violation> {
    if let Some(violation) = did_not_run(report) {
        return vec![violation];
    }
    let target = &report.target;
    let remedy = format!("See `cargo run -p checker -- check {} --stretch --package {target}`.", report.step);
    let mut found = not_passed(report.checks.iter().collect(), "does not pass", report, &remedy);
    found.extend(report.advice.iter().map(|advice| Violation::new(format!("{target}: {}", advice.title), &advice.remedy)));
    found
}

/// A violation for each check that did not pass, and one for all that were skipped.
fn not_passed(checks: Vec<&CheckReport>, breaks: &str, report: &RunReport, remedy: &str) -> Vec<Violation> {
    let target = &report.target;
    let mut found = Vec::new();
    let mut skipped = Vec::new();
    for check in checks {
        match &check.verdict {
            Verdict::Pass => {}
            Verdict::Skipped(_) => skipped.push(check.id.as_str()),
            Verdict::Fail(failure) => {
                let what = format!("{target} {breaks} {}: expected {}, got {}", check.id, failure.expected, failure.actual);
                found.push(Violation::new(what, remedy));
            }
            Verdict::Inconclusive(reason) => {
                found.push(Violation::new(format!("{target} {breaks} {}: inconclusive, {reason}", check.id), remedy));
            }
        }
    }
    if !skipped.is_empty() {
        found.push(Violation::new(format!("{target} skips {}", skipped.join(", ")), remedy));
    }
    found
}

/// A violation for a run without verdicts on checks.
fn did_not_run(report: &RunReport) -> Option<Violation> {
    let (what, remedy) = match &report.verdict {
        StepVerdict::NotBuilt(message) => (format!("does not compile:\n{message}"), "Fix the solution or its stubs.".to_owned()),
        StepVerdict::NotStarted(problem) | StepVerdict::Environment(problem) => {
            let lines: Vec<_> = std::iter::once(&problem.title).chain(&problem.details).map(String::as_str).collect();
            (format!("did not run: {}", lines.join("\n")), problem.remedy.clone())
        }
        StepVerdict::Passed | StepVerdict::Failed | StepVerdict::Undecided => return None,
    };
    Some(Violation::new(format!("{} {what}", report.target), remedy))
}

fn passed(check: &CheckReport) -> bool {
    matches!(check.verdict, Verdict::Pass)
}

/// The result of a run of cargo.
struct Output {
    ok: bool,
    out: String,
    err: String,
}

impl Output {
    fn problem(&self, title: &str, remedy: &str) -> Problem {
        let lines: Vec<_> = self.err.lines().map(str::to_owned).collect();
        let details = lines[lines.len().saturating_sub(SHOWN)..].to_vec();
        Problem { details, ..Problem::new(title, remedy) }
    }
}

async fn cargo(root: &Path, arguments: &[&str]) -> Result<Output, Problem> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).current_dir(root).kill_on_drop(true).output().await;
    let output = output.map_err(|error| {
        Problem::new(format!("cargo could not be started: {error}."), "Install Rust as docs/src/setup.md says.")
    })?;
    Ok(Output {
        ok: output.status.success(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::*;
    use model::Failure;

    fn checked(id: &str, kind: Kind, verdict: Verdict) -> CheckReport {
        CheckReport { verdict, ..CheckReport::new(id, "It holds", kind) }
    }

    fn report(verdict: StepVerdict, checks: Vec<CheckReport>) -> RunReport {
        let target = Target::Package("step-02-two".to_owned());
        RunReport { verdict, checks, ..RunReport::new(2, "Two", target, SEED) }
    }

    fn failure() -> Verdict {
        Verdict::Fail(Box::new(Failure { expected: "201".to_owned(), actual: "501".to_owned(), exchange: None }))
    }

    fn whats(violations: &[Violation]) -> Vec<&str> {
        violations.iter().map(|violation| violation.what.as_str()).collect()
    }

    #[test]
    fn a_starter_that_fails_its_own_step_only_is_right() {
        let checks = vec![checked("2.trimmed", Kind::Core, failure()), checked("1.create", Kind::Regression, Verdict::Pass)];
        assert_eq!(starter_violations(&report(StepVerdict::Failed, checks), &[]), []);
    }

    #[test]
    fn a_starter_that_passes_its_own_step_is_a_violation() {
        let checks = vec![checked("2.trimmed", Kind::Core, Verdict::Pass), checked("2.v1", Kind::Stretch, failure())];
        let found = starter_violations(&report(StepVerdict::Passed, checks), &[]);
        assert_eq!(whats(&found), ["step-02-two passes step 2 as it is"]);
    }

    #[test]
    fn a_starter_that_breaks_an_earlier_check_is_a_violation_unless_its_manifest_opens_it() {
        let checks = vec![checked("2.trimmed", Kind::Core, failure()), checked("1.create", Kind::Regression, failure())];
        let report = report(StepVerdict::Failed, checks);
        assert_eq!(whats(&starter_violations(&report, &[])), ["step-02-two breaks 1.create: expected 201, got 501"]);
        assert_eq!(starter_violations(&report, &["1.create".to_owned()]), []);
    }

    #[test]
    fn what_a_starter_cannot_be_asked_yet_is_asked_as_the_step_before_asks_it() {
        let skipped = |id| checked(id, Kind::Regression, Verdict::Skipped("no user can sign in".to_owned()));
        let checks =
            vec![checked("2.login", Kind::Core, failure()), skipped("1.create"), skipped("1.delete"), skipped("1.get-one")];
        let mut starter = report(StepVerdict::Failed, checks);
        let before = vec![checked("1.create", Kind::Core, Verdict::Pass), checked("1.delete", Kind::Core, failure())];
        take_skipped(&mut starter, report(StepVerdict::Failed, before));
        assert_eq!(
            whats(&starter_violations(&starter, &[])),
            ["step-02-two breaks 1.delete: expected 201, got 501", "step-02-two skips 1.get-one"]
        );
    }

    #[test]
    fn a_manifest_that_opens_what_passes_is_a_violation() {
        let checks = vec![checked("2.trimmed", Kind::Core, failure()), checked("1.create", Kind::Regression, Verdict::Pass)];
        let found = starter_violations(&report(StepVerdict::Failed, checks), &["1.create".to_owned()]);
        assert!(whats(&found)[0].contains("lists under `opens`"), "{found:?}");
    }

    #[test]
    fn a_solution_passes_every_check_and_earns_no_advice() {
        let checks = || vec![checked("2.trimmed", Kind::Core, Verdict::Pass), checked("2.v1", Kind::Stretch, Verdict::Pass)];
        let mut right = report(StepVerdict::Passed, checks());
        assert_eq!(solution_violations(&right), []);
        right.advice.push(Problem::new("It ignored SIGTERM.", "Listen for it."));
        assert_eq!(whats(&solution_violations(&right)), ["step-02-two: It ignored SIGTERM."]);
        for verdict in [failure(), Verdict::Inconclusive("x".to_owned())] {
            let checks = vec![checked("2.v1", Kind::Stretch, verdict)];
            let found = solution_violations(&report(StepVerdict::Passed, checks));
            assert!(whats(&found)[0].contains("does not pass 2.v1"), "{found:?}");
        }
        let skipped = |id| checked(id, Kind::Core, Verdict::Skipped("x".to_owned()));
        let found = solution_violations(&report(StepVerdict::Passed, vec![skipped("2.log-line"), skipped("2.port")]));
        assert_eq!(whats(&found), ["step-02-two skips 2.log-line, 2.port"]);
    }

    #[test]
    fn what_does_not_compile_or_start_is_a_violation() {
        let not_built = report(StepVerdict::NotBuilt("error: no".to_owned()), Vec::new());
        assert_eq!(whats(&starter_violations(&not_built, &[])), ["step-02-two does not compile:\nerror: no"]);
        let not_started = report(StepVerdict::NotStarted(Problem::new("It exited.", "Look.")), Vec::new());
        assert_eq!(whats(&solution_violations(&not_started)), ["step-02-two did not run: It exited."]);
    }

    #[test]
    fn a_check_that_no_wrong_server_fails_is_a_violation() {
        let scratch = Scratch::new();
        let server = |name: &str, trips: &[&str]| WrongServer {
            name: name.to_owned(),
            trips: trips.iter().map(|id| (*id).to_owned()).collect(),
        };
        let all = server("forgets", &["1.create", "2.trimmed"]);
        assert_eq!(untripped(&scratch.steps, std::slice::from_ref(&all)), []);
        let found = untripped(&scratch.steps, &[server("forgets", &["1.create"])]);
        assert_eq!(whats(&found), ["no wrong server fails 2.trimmed"]);
        let found = untripped(&scratch.steps, &[all, server("odd", &["1.gone"]), server("idle", &[])]);
        assert!(whats(&found)[0].contains("odd declares 1.gone"), "{found:?}");
        assert!(whats(&found)[1].contains("idle declares no id"), "{found:?}");
    }

    #[test]
    fn a_warning_of_the_package_is_a_violation_and_others_are_not() {
        let message = |id: &str, text: &str| {
            serde_json::json!({ "reason": "compiler-message", "package_id": id, "message": { "rendered": text } }).to_string()
        };
        let output = [
            message("path+file:///w/steps/01-one#step-01-one@0.1.0", "warning: unused\n"),
            message("path+file:///w/steps/01-one#step-01-one@0.1.0", "warning: unused\n"),
            message("path+file:///w/other#other@0.1.0", "warning: other\n"),
            "{\"reason\":\"build-finished\"}".to_owned(),
            "not JSON".to_owned(),
        ];
        let found = compiler_messages(&output.join("\n"), "step-01-one");
        assert_eq!(whats(&found), ["step-01-one:\nwarning: unused"]);
    }
}
