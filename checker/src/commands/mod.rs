//! The commands, one file each.

mod carry;
mod check;
mod consent;
mod dev;
mod doctor;
mod hint;
mod list;
mod patch;
mod reset;
mod solution;
mod status;
mod up;
mod watch;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Command, TargetArgs};
use crate::course::{STEPS, Step};
use crate::outcome::{Problem, exit};
use crate::progress::Progress;
use crate::report::Style;
use crate::report::terminal::escape;
use crate::starters::Outline;
use crate::target::Spec;
use crate::workshop::Workshop;

/// What a command ends with: an exit code, or a problem and the exit code that goes with it.
pub type Ending = Result<u8, Trouble>;

/// A problem that ends a command.
#[derive(Debug)]
pub struct Trouble {
    /// What is wrong, and what to do.
    pub problem: Problem,
    /// The exit code.
    pub code: u8,
}

impl Trouble {
    /// Something was asked for that does not exist.
    pub fn usage(title: impl Into<String>, remedy: impl Into<String>) -> Self {
        Trouble { problem: Problem::new(title, remedy), code: exit::USAGE }
    }
}

/// A problem of the machine or the workshop's files.
impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Trouble { problem, code: exit::ENVIRONMENT }
    }
}

/// Reads the command line and does what it says.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            let asked_for = matches!(message.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = message.print();
            return ExitCode::from(if asked_for { exit::PASSED } else { exit::USAGE });
        }
    };
    let style = Style::detect(cli.color);
    // `up` is meant to be ended by Ctrl-C, and sees to it itself.
    let ends_itself = matches!(cli.command, Some(Command::Up { .. }));
    let ending = tokio::select! {
        ending = dispatch(cli, &style) => ending,
        () = interrupted(), if !ends_itself => {
            // Dropping the command closed the guards' pipes: they end what was started.
            eprintln!("\nInterrupted. What was started is being stopped; your files are as they were.");
            Ok(exit::INTERRUPTED)
        }
    };
    ExitCode::from(ending.unwrap_or_else(|trouble| {
        eprintln!("{}", escape(&trouble.problem.title));
        eprintln!("{}", escape(&trouble.problem.remedy));
        for line in &trouble.problem.details {
            eprintln!("  {}", escape(line));
        }
        trouble.code
    }))
}

async fn dispatch(cli: Cli, style: &Style) -> Ending {
    let workshop = Workshop::find()?;
    match cli.command {
        None => check::current(&workshop, cli.current, style).await,
        Some(Command::Check { step, grade }) => check::check(&workshop, step, grade, style).await,
        Some(Command::Watch { step, target, stretch }) => watch::watch(&workshop, step, target, stretch, style).await,
        Some(Command::List) => list::list(&workshop, style),
        Some(Command::Hint { id }) => hint::hint(&workshop, id, style),
        Some(Command::Carry { step, force }) => {
            let step = known_step(step)?;
            if step.number == 1 {
                return Err(Trouble::usage(
                    "Step 1 has no step before it.",
                    "Carry into step 2 or a later one, once the step before is passed.",
                ));
            }
            tell(&carry::run(&workshop, &outlines(), step.number, force)?.text(style))
        }
        Some(Command::Reset { step }) => tell(&reset::run(&workshop, &known_step(step)?.outline())?.text(style)),
        Some(Command::Solution { step }) => {
            let step = known_step(step)?;
            if !load_progress(&workshop)?.passed.contains(&step.number) {
                return Err(Trouble::usage(
                    format!("The solution of step {} opens once you have passed the step.", step.number),
                    "`cargo run -p checker -- hint` helps with the check that fails first.",
                ));
            }
            tell(&solution::run(&workshop, &step.outline(), style)?)
        }
        Some(Command::Up { write_env, services }) => up::up(&workshop, write_env, services).await,
        Some(Command::Doctor) => doctor::doctor(&workshop).await,
        Some(Command::Dev(command)) => dev::run(&workshop, command, style).await,
    }
}

/// Prints what a command has to say. Whoever reads may have stopped reading (`| head`): that is no error of ours.
fn tell(text: &str) -> Ending {
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(exit::PASSED)
}

/// The course as the starters need to know it.
fn outlines() -> Vec<Outline> {
    STEPS.iter().map(Step::outline).collect()
}

/// Waits for Ctrl-C, or for another signal that asks a program to end.
async fn interrupted() {
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let waits = signals.iter_mut().flatten().map(|signal| Box::pin(signal.recv()));
    let waits: Vec<_> = waits.collect();
    if waits.is_empty() {
        std::future::pending::<()>().await;
    }
    futures_util::future::select_all(waits).await;
}

/// The step with this number.
fn known_step(number: u8) -> Result<&'static Step, Trouble> {
    Step::numbered(number).ok_or_else(|| {
        let last = STEPS.last().map_or(0, |step| step.number);
        Trouble::usage(
            format!("There is no step {number}."),
            format!("The steps are 1 to {last}; `cargo run -p checker -- list` shows them."),
        )
    })
}

/// The step that was named, or the one the learner is at.
fn step_or_current(step: Option<u8>, progress: &Progress) -> Result<&'static Step, Trouble> {
    match step {
        Some(number) => known_step(number),
        None => Ok(current_step(progress)),
    }
}

/// The step the learner is at. A number beyond the last step means that all are passed: stay at the last.
fn current_step(progress: &Progress) -> &'static Step {
    Step::numbered(progress.current).or(STEPS.last()).expect("the workshop has steps")
}

/// What to examine: what the arguments name, or the learner's own crate of the step.
fn spec(workshop: &Workshop, target: &TargetArgs, step: &Step) -> Result<Spec, Trouble> {
    if let Some(package) = &target.package {
        let packages = workshop.packages();
        if !packages.is_empty() && !packages.contains(package) {
            return Err(Trouble::usage(
                format!("There is no package `{package}` in this workspace."),
                format!("The packages are {}.", packages.join(", ")),
            ));
        }
        return Ok(Spec::Package(package.clone()));
    }
    if let Some(command) = &target.command {
        if command.trim().is_empty() {
            return Err(Trouble::usage(
                "The command is empty.",
                "Give the command that starts your server: --command 'python3 server.py'.",
            ));
        }
        return Ok(Spec::Command(command.clone()));
    }
    let Some(url) = &target.url else {
        return Ok(Spec::Package(step.package()));
    };
    let authority = url.trim_end_matches('/').strip_prefix("http://").unwrap_or_default();
    let port = authority.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) || matches!(port, Some(Err(_))) {
        return Err(Trouble::usage(
            format!("`{url}` is not a URL that can be examined."),
            "Give scheme, host and port without a path, such as --url http://127.0.0.1:8000. The checker speaks plain HTTP.",
        ));
    }
    Ok(Spec::Url(format!("http://{authority}")))
}

/// The learner's progress; a damaged file is set aside, and that is said.
fn load_progress(workshop: &Workshop) -> Result<Progress, Trouble> {
    let (progress, notice) = Progress::load(workshop.root());
    if let Some(notice) = notice {
        eprintln!("{} {}", notice.title, notice.remedy);
    }
    Ok(progress)
}
