//! Commands for authors: they generate starters, port changes, check the course, show that every check can fail, and measure.

mod bench;
mod cli;
mod generate;
mod matrix;
mod port;
mod verify;

use std::process::ExitCode;

use checker::commands::{CommandResult, finish, print};
use checker_complete::commands::outlines;
use clap::Parser;
use course::COURSE;
use model::exit;
use report::Style;
use workshop::Workshop;

use cli::{Cli, Command};

fn main() -> ExitCode {
    checker::run(async {
        let cli = Cli::parse();
        let style = Style::detect(cli.color);
        finish(run(cli.command, &style), true).await
    })
}

async fn run(command: Command, style: &Style) -> CommandResult {
    let workshop = &Workshop::find()?;
    match command {
        Command::Generate { check, force } => {
            let mode = match (check, force) {
                (true, _) => generate::Mode::Check,
                (false, true) => generate::Mode::Force,
                (false, false) => generate::Mode::Write,
            };
            let generated = generate::run(workshop, &outlines(COURSE), mode)?;
            print(&generated.text(mode))?;
            Ok(if check && !generated.is_current() { exit::FAILED } else { exit::PASSED })
        }
        Command::Port { step, since, dry_run } => {
            let request = port::Request { step, since: &since, dry_run };
            let ported = port::run(workshop, &outlines(COURSE), request)?;
            print(&ported.text())?;
            Ok(if ported.has_conflicts() { exit::FAILED } else { exit::PASSED })
        }
        Command::Verify { quick } => verify::run(workshop, quick, style).await,
        Command::Matrix { write: true, .. } => matrix::write(workshop).await,
        Command::Matrix { full, step, changed, check, server, write: false } => {
            matrix::run(workshop, matrix::Selection { full, step, changed, check, server }, style).await
        }
        Command::Bench { runs, cold } => bench::run(workshop, runs, cold).await,
    }
}
