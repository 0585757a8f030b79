//! The commands, one file each.

mod carry;
mod doctor;
mod list;
mod patch;
mod reset;
mod solution;
mod up;
mod watch;

use checker::cli::Command;
use checker::commands::{
    Asked, CommandError, CommandResult, check, consent, current_step, examined, hint, interrupted, known_step, load_progress,
    print, status, step_or_current, warn,
};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use harness::check::Check;
use harness::step::{Course, Step};
use workshop::starters::{CheckRow, Outline};

/// Does what the command line asks for.
pub fn dispatch(asked: Asked<'_>) -> LocalBoxFuture<'_, CommandResult> {
    run(asked).boxed_local()
}

async fn run(Asked { command, workshop, course, style }: Asked<'_>) -> CommandResult {
    match command {
        Command::Watch { step, target, stretch } => watch::watch(workshop, course, step, target, stretch, style).await,
        Command::List { step } => list::list(workshop, course, step, style),
        Command::Carry { step, force } => {
            let step = known_step(course, step)?;
            let Some(before) = course.before(step) else {
                return Err(CommandError::usage(
                    format!("Step {} has no step before it.", step.number),
                    format!("Carry into step {} or a later one.", step.number + 1),
                ));
            };
            let passed = load_progress(workshop)?.passed.contains(&before.number);
            print(&carry::run(workshop, &outlines(course), step.number, passed, force)?.text(style))
        }
        Command::Reset { step } => print(&reset::run(workshop, &outline(known_step(course, step)?))?.text(style)),
        Command::Solution { step } => {
            let step = known_step(course, step)?;
            if !load_progress(workshop)?.passed.contains(&step.number) {
                return Err(CommandError::usage(
                    format!("The solution of step {} opens once you have passed the step.", step.number),
                    "`cargo run -p checker -- hint` helps with the check that fails first.",
                ));
            }
            print(&solution::run(workshop, &outline(step), style)?)
        }
        Command::Up { write_env, services } => up::up(workshop, course, write_env, services).await,
        Command::Doctor => doctor::doctor(workshop, course).await,
        Command::Check { step, grade } => check::check(workshop, course, step, grade, style).await,
        Command::Hint { id } => hint::hint(workshop, course, id, style),
    }
}

/// What a starter needs to know about its step.
pub fn outline(step: &Step) -> Outline {
    let row = |check: Check| CheckRow { id: check.id.into(), claim: check.claim.into(), stretch: check.stretch };
    Outline { number: step.number, slug: step.slug.into(), checks: step.own_checks().into_iter().map(row).collect() }
}

/// The course as the starters need to know it.
pub fn outlines(course: &Course) -> Vec<Outline> {
    course.steps.iter().map(outline).collect()
}
