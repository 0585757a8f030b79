//! Measures the checker itself and prints the figures. It asserts nothing, since machines and their load differ.

mod cold;
mod list;
mod taps;

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use checker::commands::{CommandError, CommandResult};
use course::COURSE;
use engine::{Grading, grade, ignore_events};
use model::{Origin, Problem, Request, StepVerdict, Target, exit};
use probe::Probe;
use workshop::Workshop;

/// Requests per measurement of the probe's overhead.
const REQUESTS: usize = 300;

/// Prints every figure of a checkout that is built. `runs` is how often each solution is graded. With `cold` it measures a fresh
/// clone's first verdict instead.
pub async fn run(workshop: &Workshop, runs: usize, cold: bool) -> CommandResult {
    if cold {
        cold::run(workshop)?;
        return Ok(exit::PASSED);
    }
    println!("{:<58} {:>9} {:>9} {:>9}", "", "least", "median", "most");
    overhead(workshop).await?;
    taps::run(workshop.root()).await?;
    list::run(workshop.root()).await?;
    let mut code = exit::PASSED;
    for step in COURSE.steps {
        let package = step.solution();
        let mut grading = Grading::of_own_package(COURSE, step, 0);
        grading.target = Target::Package(package.clone());
        grading.stretch = true;
        let mut whole = Vec::new();
        let mut checks = Vec::new();
        let mut passed = 0;
        for seed in 0..runs {
            grading.seed = seed as u64;
            let report = grade(&grading, workshop.root(), &mut ignore_events()).await;
            passed += usize::from(matches!(report.verdict, StepVerdict::Passed));
            whole.push(report.duration.saturating_sub(report.build.unwrap_or_default()));
            checks.extend(report.checks.iter().map(|check| check.duration));
        }
        show(&format!("step {}: whole run without the build, stretch included", step.number), &mut whole);
        show(&format!("step {}: one check", step.number), &mut checks);
        println!("step {}: {passed} of {runs} runs passed", step.number);
        if passed < runs {
            code = exit::FAILED;
        }
        let mut saved = Vec::new();
        grading.stretch = false;
        for _ in 0..runs.min(5) {
            touch(&workshop.solution(step.slug).join("src/lib.rs"))?;
            let clock = Instant::now();
            grade(&grading, workshop.root(), &mut ignore_events()).await;
            saved.push(clock.elapsed());
        }
        show(&format!("step {}: from a save to the verdict", step.number), &mut saved);
    }
    Ok(code)
}

/// What the probe adds to a request, against the same bytes over a bare connection, turn by turn.
async fn overhead(workshop: &Workshop) -> Result<(), CommandError> {
    let Some(step) = COURSE.steps.first() else { return Ok(()) };
    let spec = Target::Package(step.solution());
    let launcher = sandbox::prepare(&spec, workshop.root(), false, &mut |_| ())
        .await
        .map_err(|_| Problem::new(format!("{spec} does not build."), format!("See why: `cargo build -p {spec}`.")))?;
    let server = launcher.start(&[]).await.map_err(sandbox::StartError::into_problem)?;
    let probe = Probe::new(server.base());
    let address = Origin::parse(server.base()).map_or_else(String::new, |origin| origin.address().to_owned());
    let (mut bare, mut probed) = (Vec::new(), Vec::new());
    for _ in 0..REQUESTS {
        let clock = Instant::now();
        bare_request(&address).await.map_err(|error| Problem::new(format!("The server went away: {error}."), "Try again."))?;
        bare.push(clock.elapsed());
        let clock = Instant::now();
        probe.exchange(Request::new("GET", "/habits")).await;
        probed.push(clock.elapsed());
    }
    server.stop().await;
    show("one request, bytes over a bare connection", &mut bare);
    show("the same request through the probe", &mut probed);
    Ok(())
}

async fn bare_request(address: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET /habits HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    Ok(())
}

fn touch(file: &Path) -> Result<(), Problem> {
    let touched =
        std::fs::File::options().append(true).open(file).and_then(|file| file.set_modified(std::time::SystemTime::now()));
    touched.map_err(|error| Problem::new(format!("{} cannot be touched: {error}.", file.display()), "Make it writable."))
}

fn show(what: &str, times: &mut [Duration]) {
    times.sort();
    let (Some(least), Some(most)) = (times.first(), times.last()) else { return };
    let median = times[times.len() / 2];
    let shown = |time: &Duration| match time.as_millis() {
        0..1000 => format!("{:.2} ms", time.as_secs_f64() * 1000.0),
        _ => format!("{:.2} s", time.as_secs_f64()),
    };
    println!("{what:<58} {:>9} {:>9} {:>9}", shown(least), shown(&median), shown(most));
}
