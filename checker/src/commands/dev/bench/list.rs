//! How long the list of step 3's solution takes beside more and more habits of other users.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::show;
use crate::course::{Api, Data, Instances, STEPS, list_times};
use crate::grade::Event;
use crate::outcome::{Outcome, Problem, Stop};
use crate::probe::Probe;
use crate::services;
use crate::target::{self, Spec};

/// The step whose list is read.
const STEP: u8 = 3;
/// How many habits the other users have.
const FOREIGN: [usize; 4] = [100, 1_000, 10_000, 100_000];
/// How often each list is read.
const TRIES: usize = 101;

/// Measures, or says why not.
pub async fn run(root: &Path) -> Result<(), Problem> {
    let Some(step) = STEPS.iter().find(|step| step.number == STEP) else { return Ok(()) };
    let service = match services::postgres(root, &mut |_: Event<'_>| ()).await {
        Ok(service) => service,
        Err(problem) => {
            println!("list: not measured. {}", problem.title);
            return Ok(());
        }
    };
    let spec = Spec::Package(step.solution());
    let launcher = target::prepare(&spec, root, false, &mut |_| ())
        .await
        .map_err(|_| Problem::new(format!("{spec} does not build."), format!("See why: `cargo build -p {spec}`.")))?;
    let instances = Rc::new(Instances::with_database(launcher, Rc::new(service), STEP).await?);
    match measured(&instances).await? {
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
    if let Ok(instances) = Rc::try_unwrap(instances) {
        instances.close().await;
    }
    Ok(())
}

async fn measured(instances: &Rc<Instances>) -> Result<Outcome<Vec<Vec<Duration>>>, Problem> {
    let server = instances.start(instances.shared().map(|store| &**store), &[]).await?;
    let api = Api::new(&server, Probe::new(server.base()), instances.clone(), Data::new(0, "bench", 0), STEP);
    let times = list_times(&api, &FOREIGN, TRIES).await;
    server.stop().await;
    Ok(times)
}
