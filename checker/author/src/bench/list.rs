//! How long the list of step 3's solution takes while other users have more and more habits.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::show;
use course::{COURSE, list_times};
use engine::ignore_events;
use harness::api::Api;
use harness::backing::Backing;
use harness::data::Data;
use harness::environment::Environment;
use model::{Outcome, Problem, Stop, Target};
use probe::Probe;

/// How many habits the other users have.
const FOREIGN: [usize; 4] = [100, 1_000, 10_000, 100_000];
/// How often each list is read.
const TRIES: usize = 101;

/// Measures, or prints why it cannot.
pub async fn run(root: &Path) -> Result<(), Problem> {
    let Some(step) = COURSE.steps.iter().find(|step| !step.fixtures.is_empty()) else { return Ok(()) };
    let mut fixtures = Vec::new();
    for fixture in step.fixtures {
        match fixture.start(root, &mut ignore_events()).await {
            Ok(running) => fixtures.push(running),
            Err(problem) => {
                println!("list: not measured. {}", problem.title);
                return Ok(());
            }
        }
    }
    let spec = Target::Package(step.solution());
    let launcher = sandbox::prepare(&spec, root, false, &mut |_| ())
        .await
        .map_err(|_| Problem::new(format!("{spec} does not build."), format!("See why: `cargo build -p {spec}`.")))?;
    let contract = Rc::new(COURSE.contract(step));
    let environment = Rc::new(Environment::new(launcher, contract, fixtures.into()));
    let backing = environment.make_backing().await?;
    match measured(&environment, backing).await? {
        Ok(mut times) => {
            for (foreign, times) in FOREIGN.iter().zip(&mut times) {
                show(&format!("a list of 50 habits beside {foreign} of other users"), times);
            }
            let median = |times: &Vec<Duration>| times[times.len() / 2].as_secs_f64();
            let (least, most) = (median(&times[0]), median(&times[FOREIGN.len() - 1]));
            println!("{:<58} {:.2} times", "  the last median against the first", most / least);
        }
        Err(Stop::Fail(failure) | Stop::NotSignedIn(failure)) => {
            println!("list: not measured. Expected {}, got {}.", failure.expected, failure.actual)
        }
        Err(Stop::Skip(reason) | Stop::Inconclusive(reason)) => println!("list: not measured: {reason}."),
    }
    if let Ok(environment) = Rc::try_unwrap(environment) {
        environment.close().await;
    }
    Ok(())
}

async fn measured(environment: &Rc<Environment>, backing: Rc<Backing>) -> Result<Outcome<Vec<Vec<Duration>>>, Problem> {
    let server = environment.start(&backing, &[]).await.map_err(sandbox::StartError::into_problem)?;
    let api = Api::new(&server, Probe::new(server.base()), environment.clone(), backing, Data::new(0, "bench", 0));
    let times = list_times(&api, &FOREIGN, TRIES).await;
    server.stop().await;
    Ok(times)
}
