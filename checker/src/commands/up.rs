//! `checker up`: services for the learner's own experiments, until Ctrl-C.

mod dotenv;

use std::path::Path;

use super::consent::AtTerminal;
use super::{Ending, interrupted, tell};
use crate::cli::ServiceArgs;
use crate::outcome::{Problem, exit};
use crate::report::terminal::escape;
use crate::services::{self, Postgres, Redis, Service, postgres, redis};
use crate::workshop::Workshop;
use dotenv::Dotenv;

/// What has been started.
#[derive(Default)]
struct Running {
    postgres: Option<(Postgres, postgres::Database)>,
    redis: Option<(Redis, redis::Database)>,
    dotenv: Option<Dotenv>,
}

/// Starts what can be started, prints the environment, and ends everything again.
///
/// # Errors
///
/// The file `.env` cannot be written.
pub async fn up(workshop: &Workshop, write_env: bool, services: ServiceArgs) -> Ending {
    let mut running = Running::default();
    let ending = tokio::select! {
        ending = run(workshop, write_env, AtTerminal::new(services.yes), &mut running) => ending,
        () = interrupted() => Ok(exit::PASSED),
    };
    running.end().await;
    ending
}

async fn run(workshop: &Workshop, write_env: bool, mut terminal: AtTerminal, running: &mut Running) -> Ending {
    let started = running.start(workshop.root(), &mut terminal).await;
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
        text.push_str("\nThese lines are in the file .env too, as long as this runs.\n");
    } else {
        text.push_str("\nIn another terminal, type `export` and one of these lines, then start your server.\n");
    }
    text.push_str("Ctrl-C ends this, and removes everything that was stored meanwhile.\n");
    tell(&text)?;
    let lost = running.lost().await;
    eprintln!("{}", escape(&lost));
    Ok(exit::ENVIRONMENT)
}

fn warn(problem: &Problem) {
    eprintln!("{}\n{}", escape(&problem.title), escape(&problem.remedy));
    for line in &problem.details {
        eprintln!("  {}", escape(line).replace('\n', "\n  "));
    }
    eprintln!();
}

impl Running {
    /// Starts each service that can be had, and gives what is wrong with the others.
    async fn start(&mut self, root: &Path, terminal: &mut AtTerminal) -> Vec<Problem> {
        let mut problems = Vec::new();
        match services::postgres(root, terminal).await {
            Ok(postgres) => match postgres.database().await {
                Ok(database) => self.postgres = Some((postgres, database)),
                Err(problem) => problems.push(problem),
            },
            Err(problem) => problems.push(problem),
        }
        match services::redis(root, terminal).await {
            Ok(redis) => match redis.database().await {
                Ok(database) => self.redis = Some((redis, database)),
                Err(problem) => problems.push(problem),
            },
            Err(problem) => problems.push(problem),
        }
        problems
    }

    fn describe(&self) -> String {
        let postgres = self.postgres.as_ref().map(|(server, _)| format!("PostgreSQL {}\n", server.describe()));
        let redis = self.redis.as_ref().map(|(server, _)| format!("Redis {}\n", server.describe()));
        [postgres, redis].into_iter().flatten().collect()
    }

    /// The environment by which a learner's server is told.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let postgres = self.postgres.as_ref().map(|(_, database)| (Postgres::KIND.variable, database.address().url()));
        let redis = self.redis.as_ref().map(|(_, database)| (Redis::KIND.variable, database.address().url()));
        [postgres, redis].into_iter().flatten().collect()
    }

    /// Waits until one of our services has ended by itself; says which and how.
    async fn lost(&mut self) -> String {
        let postgres = async {
            match &mut self.postgres {
                Some((server, _)) => server.ended().await,
                None => std::future::pending().await,
            }
        };
        let redis = async {
            match &mut self.redis {
                Some((server, _)) => server.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            how = postgres => how,
            how = redis => how,
        }
    }

    /// Removes what was stored, and ends what was started.
    async fn end(self) {
        if let Some(dotenv) = self.dotenv {
            dotenv.put_back();
        }
        if let Some((server, database)) = self.postgres {
            database.remove().await;
            server.stop().await;
        }
        if let Some((server, database)) = self.redis {
            database.remove().await;
            server.stop().await;
        }
    }
}
