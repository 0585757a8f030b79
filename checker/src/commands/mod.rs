//! The commands, one file each.

pub mod check;
pub mod complete;
pub mod consent;
mod edits;
pub mod hint;
pub mod status;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use futures_util::future::LocalBoxFuture;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Command, TargetArgs};
use crate::output::{self, note};
use crate::progress::Progress;
use checkout::Workshop;
use harness::step::{Course, Step};
use model::{Origin, Problem, Target, exit};
use report::Style;
use report::terminal::escape;

/// The result of a command: an exit code, or a problem with its exit code.
pub type CommandResult = Result<u8, CommandError>;

/// A problem that ends a command.
#[derive(Debug)]
pub struct CommandError {
    /// What is wrong, and what to do.
    pub problem: Problem,
    /// The exit code.
    pub code: u8,
}

impl CommandError {
    /// The command line asks for something that does not exist.
    pub fn usage(title: impl Into<String>, remedy: impl Into<String>) -> Self {
        CommandError { problem: Problem::new(title, remedy), code: exit::USAGE }
    }
}

/// A problem of the machine or the workshop's files.
impl From<Problem> for CommandError {
    fn from(problem: Problem) -> Self {
        CommandError { problem, code: exit::ENVIRONMENT }
    }
}

/// Reads the command line and does what it says; `others` does what is not in this package.
pub async fn run(course: &'static Course, others: Dispatch) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            let asked_for = matches!(message.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = message.print();
            return ExitCode::from(if asked_for { exit::PASSED } else { exit::USAGE });
        }
    };
    let style = Style::detect(cli.color);
    // `up` handles Ctrl-C itself, since that is how it ends.
    let ends_itself = matches!(cli.command, Some(Command::Up { .. }));
    finish(dispatch(cli, course, others, &style), !ends_itself).await
}

/// Waits for a command, prints its problem if it has one, and returns the exit code. Ctrl-C ends the command if it is
/// `interruptible`.
pub async fn finish(command: impl Future<Output = CommandResult>, interruptible: bool) -> ExitCode {
    let result = tokio::select! {
        result = command => result,
        () = interrupted(), if interruptible => {
            // Dropping the command closed the guards' pipes, so the guards stop what was started.
            note("\nInterrupted. The checker is stopping what it started. Your files are unchanged.\n");
            Ok(exit::INTERRUPTED)
        }
    };
    ExitCode::from(result.unwrap_or_else(|error| {
        note(&format!("{}\n{}\n", escape(&error.problem.title), escape(&error.problem.remedy)));
        for line in &error.problem.details {
            note(&format!("  {}\n", escape(line)));
        }
        error.code
    }))
}

/// A command that is asked for, and what it works on.
pub struct Asked<'a> {
    /// The command.
    pub command: Command,
    /// The checkout.
    pub workshop: &'a Workshop,
    /// The course.
    pub course: &'static Course,
    /// How to print.
    pub style: &'a Style,
}

/// Does what a command asks for.
pub type Dispatch = for<'a> fn(Asked<'a>) -> LocalBoxFuture<'a, CommandResult>;

async fn dispatch(cli: Cli, course: &'static Course, others: Dispatch, style: &Style) -> CommandResult {
    let workshop = Workshop::find()?;
    let is_ours = !course.goes_on || complete::is_dispensable(&cli, &workshop, course)?;
    let command = cli.command.unwrap_or(Command::Check { step: None, grade: cli.current });
    match command {
        Command::Check { step, grade } if is_ours => check::check(&workshop, course, step, grade, style).await,
        Command::Hint { id } if is_ours => hint::hint(&workshop, course, id, style),
        command => others(Asked { command, workshop: &workshop, course, style }).await,
    }
}

/// Prints the output of a command.
pub fn print(text: &str) -> CommandResult {
    output::print(text)?;
    Ok(exit::PASSED)
}

/// The check whose id is closest to what was typed, if one is close.
pub fn closest(course: &Course, typed: &str) -> Option<&'static str> {
    let slug = typed.split_once('.').map_or(typed, |(_, slug)| slug);
    let rated = course.checks().map(|check| {
        let own = check.id.split_once('.').map_or(check.id, |(_, slug)| slug);
        let alike = |a: &str, b: &str| similar::TextDiff::from_chars(a, b).ratio();
        (alike(typed, check.id).max(alike(slug, own)), check.id)
    });
    rated.filter(|(alike, _)| *alike > 0.6).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
}

/// Waits for Ctrl-C or another signal that asks a program to exit.
pub async fn interrupted() {
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let waits = signals.iter_mut().flatten().map(|signal| Box::pin(signal.recv()));
    let waits: Vec<_> = waits.collect();
    if waits.is_empty() {
        std::future::pending::<()>().await;
    }
    futures_util::future::select_all(waits).await;
}

/// The step with this number.
pub fn known_step(course: &Course, number: u8) -> Result<&'static Step, CommandError> {
    course.step(number).ok_or_else(|| {
        let last = course.last().number;
        CommandError::usage(
            format!("There is no step {number}."),
            format!("The steps are 1 to {last}; `cargo run -p checker -- list` shows them."),
        )
    })
}

/// The step that was named, or the one the learner is at.
pub fn step_or_current(course: &Course, step: Option<u8>, progress: &Progress) -> Result<&'static Step, CommandError> {
    match step {
        Some(number) => known_step(course, number),
        None => Ok(current_step(course, progress)),
    }
}

/// The step the learner is at. A number beyond the last step means that every step is passed; this returns the last one then.
pub fn current_step(course: &Course, progress: &Progress) -> &'static Step {
    course.step(progress.current).unwrap_or(course.last())
}

/// What to examine: what the arguments name, or the learner's own crate of the step.
pub fn examined(workshop: &Workshop, target: &TargetArgs, step: &Step) -> Result<Target, CommandError> {
    if let Some(package) = &target.package {
        let packages = sandbox::packages(workshop.root());
        if !packages.is_empty() && !packages.contains(package) {
            return Err(CommandError::usage(
                format!("There is no package `{package}` in this workspace."),
                format!("The packages are {}.", packages.join(", ")),
            ));
        }
        return Ok(Target::Package(package.clone()));
    }
    if let Some(command) = &target.command {
        if command.trim().is_empty() {
            return Err(CommandError::usage(
                "The command is empty.",
                "Give the command that starts your server: --command 'python3 server.py'.",
            ));
        }
        return Ok(Target::Command(command.clone()));
    }
    let Some(url) = &target.url else {
        return Ok(Target::Package(step.package()));
    };
    match Origin::parse(url) {
        Some(origin) => Ok(Target::Url(origin.to_string())),
        None => Err(CommandError::usage(
            format!("`{url}` is not a URL that can be examined."),
            "Give scheme, host and port without a path, such as --url http://127.0.0.1:8000. The checker speaks plain HTTP.",
        )),
    }
}

/// Prints a problem that does not keep a command from its work.
pub fn warn(problem: &Problem) {
    note(&format!("{} {}\n", escape(&problem.title), escape(&problem.remedy)));
}

/// The learner's progress. If the file is damaged, it is set aside and a notice is printed.
pub fn load_progress(workshop: &Workshop) -> Result<Progress, CommandError> {
    let (progress, notice) = Progress::load(workshop.root());
    if let Some(notice) = notice {
        warn(&notice);
    }
    Ok(progress)
}
