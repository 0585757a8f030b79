//! The complete checker. A new learner waits only for a checker that knows the first step; it builds the complete one when a
//! command needs more, and becomes it.

use std::os::unix::process::CommandExt;
use std::process::Command as Process;

use super::status::{StatusLine, describe};
use super::{Asked, CommandError, CommandResult, load_progress};
use crate::cli::{Cli, Command, GradeArgs};
use crate::evidence;
use crate::output::note;
use checkout::Workshop;
use engine::Event;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use harness::step::Course;
use model::Problem;
use report::Format;
use sandbox::{BuildProgress, PrepareError};

/// The package of the complete checker.
const PACKAGE: &str = "checker-complete";

/// Whether a checker that knows only `course`, the first step, can do what the command line asks for.
pub fn is_dispensable(cli: &Cli, workshop: &Workshop, course: &Course) -> Result<bool, CommandError> {
    let (grade, named): (Option<&GradeArgs>, _) = match &cli.command {
        None => (Some(&cli.current), None),
        Some(Command::Check { step, grade }) => (Some(grade), *step),
        Some(Command::Hint { id: Some(id) }) => (None, Some(step_of(id))),
        Some(Command::Hint { id: None }) => (None, evidence::newest(workshop.root()).map(|(number, _)| number)),
        Some(_) => return Ok(false),
    };
    let is_simple = |grade: &GradeArgs| {
        // Other formats list the traffic with services, even where there is none.
        grade.format == Format::Text && grade.only.iter().all(|id| course.check(id).is_some())
    };
    let step = match named {
        Some(number) => number,
        None => load_progress(workshop)?.current,
    };
    Ok(course.step(step).is_some() && grade.is_none_or(is_simple))
}

/// The number of the step that a check's id begins with; 0 if it begins with none.
fn step_of(id: &str) -> u8 {
    id.split('.').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Builds the complete checker and replaces this program by it, with the same command line.
pub fn take_over(asked: Asked<'_>) -> LocalBoxFuture<'_, CommandResult> {
    run(asked.workshop).boxed_local()
}

async fn run(workshop: &Workshop) -> CommandResult {
    let mut status = StatusLine::default();
    let mut is_announced = false;
    let mut show = |progress: BuildProgress| {
        if matches!(progress, BuildProgress::Compiling { .. }) && !is_announced {
            is_announced = true;
            note("Building the checker for all steps. This takes a moment the first time.\n");
        }
        status.line(&describe(Event::Building(&progress)));
    };
    let built = sandbox::build(PACKAGE, workshop.root(), false, &mut show).await;
    drop(status);
    let executable = built.map_err(problem)?.executable;
    let error = Process::new(&executable).args(std::env::args_os().skip(1)).exec();
    Err(Problem::new(format!("{} cannot be started: {error}.", executable.display()), "Run the same command again.").into())
}

fn problem(error: PrepareError) -> Problem {
    match error {
        PrepareError::NotStarted(problem) | PrepareError::Environment(problem) => problem,
        PrepareError::NotBuilt(message) => Problem {
            details: message.lines().map(str::to_owned).collect(),
            ..Problem::new(
                "The checker for all steps does not build.",
                "If you have changed files in `checker`, `git checkout checker` puts them back.",
            )
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use first_step::BEGINNING;

    use super::*;

    fn is_enough(arguments: &[&str]) -> bool {
        let folder = tempfile::tempdir().expect("a folder");
        let cli = Cli::try_parse_from([&["checker"], arguments].concat()).expect("a command line");
        is_dispensable(&cli, &Workshop::at(folder.path()), BEGINNING).expect("progress")
    }

    #[test]
    fn a_new_learner_does_not_wait_for_the_complete_checker() {
        for arguments in
            [&[][..], &["check"], &["check", "1", "--stretch"], &["--only", "1.create"], &["hint"], &["hint", "1.list"]]
        {
            assert!(is_enough(arguments), "{arguments:?}");
        }
    }

    #[test]
    fn later_steps_services_and_other_formats_need_the_complete_checker() {
        for arguments in [
            &["list"][..],
            &["watch"],
            &["doctor"],
            &["up"],
            &["carry", "2"],
            &["reset", "1"],
            &["check", "2"],
            &["check", "3"],
            &["hint", "4.me"],
        ] {
            assert!(!is_enough(arguments), "{arguments:?}");
        }
        assert!(!is_enough(&["check", "1", "--format", "json"]) && !is_enough(&["--only", "5.pool"]));
    }
}
