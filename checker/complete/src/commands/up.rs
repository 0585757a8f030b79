//! `checker up`: services for the learner's own experiments, until Ctrl-C.

mod dotenv;

use std::path::Path;
use std::rc::Rc;

use futures_util::future::select_all;

use super::consent::AtTerminal;
use super::{CommandResult, interrupted, print};
use checker::cli::ServiceArgs;
use checker::output::note;
use dotenv::Dotenv;
use fixtures::{Part, Running};
use harness::step::Course;
use model::{Problem, exit};
use report::terminal::escape;
use workshop::Workshop;

/// What has been started.
#[derive(Default)]
struct Started {
    /// Each service, and the part of it that is lent.
    services: Vec<(Box<dyn Running>, Rc<dyn Part>)>,
    dotenv: Option<Dotenv>,
}

/// Starts every service that can be started, prints the environment, and stops the services on Ctrl-C.
///
/// # Errors
///
/// The machine lacks something that every run needs, or the file `.env` cannot be written.
pub async fn up(workshop: &Workshop, course: &Course, write_env: bool, services: ServiceArgs) -> CommandResult {
    sandbox::machine::check()?;
    let mut running = Started::default();
    let ending = tokio::select! {
        ending = run(workshop, course, write_env, AtTerminal::new(services.yes), &mut running) => ending,
        () = interrupted() => Ok(exit::PASSED),
    };
    running.end().await;
    ending
}

async fn run(
    workshop: &Workshop,
    course: &Course,
    write_env: bool,
    mut terminal: AtTerminal,
    running: &mut Started,
) -> CommandResult {
    let started = running.start(workshop.root(), course, &mut terminal).await;
    drop(terminal);
    for problem in started {
        warn(&problem);
    }
    let variables = running.variables();
    if variables.is_empty() {
        return Ok(exit::ENVIRONMENT);
    }
    let mut text = running.describe();
    text.push('\n');
    text.extend(variables.iter().map(|(name, url)| format!("{name}={url}\n")));
    if write_env {
        running.dotenv = Some(Dotenv::write(workshop.root(), &variables)?);
        text.push_str("\nThe same lines are in the file .env as long as this command runs.\n");
    } else {
        text.push_str("\nIn another terminal, type `export` and one of these lines, then start your server.\n");
    }
    text.push_str("Ctrl-C stops these services and removes everything stored in them.\n");
    print(&text)?;
    let lost = running.lost().await;
    note(&format!("{}\n", escape(&lost)));
    Ok(exit::ENVIRONMENT)
}

fn warn(problem: &Problem) {
    note(&format!("{}\n{}\n", escape(&problem.title), escape(&problem.remedy)));
    for line in &problem.details {
        note(&format!("  {}\n", escape(line).replace('\n', "\n  ")));
    }
    note("\n");
}

impl Started {
    /// Starts each service that is available, and returns what is wrong with the others.
    async fn start(&mut self, root: &Path, course: &Course, terminal: &mut AtTerminal) -> Vec<Problem> {
        let mut problems = Vec::new();
        // A fixture with nothing to start is only for servers under examination.
        for fixture in course.fixtures.iter().filter(|fixture| fixture.availability().is_some()) {
            let started = async {
                let service = fixture.start(root, terminal).await?;
                let part = service.lend().await?;
                Ok((service, part))
            };
            match started.await {
                Ok(started) => self.services.push(started),
                Err(problem) => problems.push(problem),
            }
        }
        problems
    }

    fn describe(&self) -> String {
        self.services.iter().map(|(service, _)| format!("{}\n", service.describe())).collect()
    }

    /// The environment of a server that uses them.
    fn variables(&self) -> Vec<(&'static str, String)> {
        self.services.iter().flat_map(|(_, part)| part.environment()).collect()
    }

    /// Waits until a service stops unexpectedly; returns which one and how.
    async fn lost(&mut self) -> String {
        let stops = self.services.iter_mut().map(|(service, _)| service.unexpected_exit());
        select_all(stops).await.0
    }

    /// Removes what was stored, and stops what was started.
    async fn end(self) {
        if let Some(dotenv) = self.dotenv {
            dotenv.put_back();
        }
        for (service, part) in self.services {
            part.remove().await;
            service.stop().await;
        }
    }
}
