//! Commands for authors of the workshop.

mod bench;
mod generate;
mod matrix;
mod port;
mod verify;

use super::{Ending, outlines, tell};
use crate::cli::Dev;
use crate::outcome::exit;
use crate::report::Style;
use crate::workshop::Workshop;

/// Does what the command says.
pub async fn run(workshop: &Workshop, command: Dev, style: &Style) -> Ending {
    match command {
        Dev::Generate { check, force } => {
            let mode = match (check, force) {
                (true, _) => generate::Mode::Check,
                (false, true) => generate::Mode::Force,
                (false, false) => generate::Mode::Write,
            };
            let generated = generate::run(workshop, &outlines(), mode)?;
            tell(&generated.text(mode))?;
            Ok(if check && !generated.is_current() { exit::FAILED } else { exit::PASSED })
        }
        Dev::Port { step, since, dry_run } => {
            let request = port::Request { step, since: &since, dry_run };
            let ported = port::run(workshop, &outlines(), request)?;
            tell(&ported.text())?;
            Ok(if ported.has_conflicts() { exit::FAILED } else { exit::PASSED })
        }
        Dev::Verify { quick } => verify::run(workshop, quick, style).await,
        Dev::Matrix { full, step, server, write } => {
            matrix::run(workshop, matrix::Selection { full, step, server }, write, style).await
        }
        Dev::Bench { runs, cold } => bench::run(workshop, runs, cold).await,
    }
}
