//! Builds the target (a package, a command or a URL), starts it, supervises it, and stops it with all its child processes.

use std::path::Path;
use std::process::ExitCode;

use model::{Problem, Target};

mod build;
mod complaint;
pub mod environment;
pub mod guard;
mod launch;
mod listeners;
pub mod lock;
mod log;
pub mod machine;
mod overload;
mod packages;
pub mod ports;
pub mod process_tree;
mod registry;
mod server;

pub use build::{BuildProgress, build, diagnosis, output_folder};
pub use launch::{Launcher, RunToExit, StartError};
pub use log::{Log, Mark, Stream};
pub use packages::packages;
pub use registry::Registry;
pub use server::Server;

/// Why a target cannot be prepared.
#[derive(Debug)]
pub enum PrepareError {
    /// The package does not compile; the text is the compiler's own message.
    NotBuilt(String),
    /// The command or the URL is invalid.
    NotStarted(Problem),
    /// Something outside the learner's code is missing or broken.
    Environment(Problem),
}

/// Builds a package, or validates a command or a URL. `color` applies to the compiler's messages; `progress` follows the build.
pub async fn prepare(
    spec: &Target,
    root: &Path,
    color: bool,
    progress: &mut dyn FnMut(BuildProgress),
) -> Result<Launcher, PrepareError> {
    machine::check().map_err(PrepareError::Environment)?;
    guard::orphans::prepare();
    match spec {
        Target::Package(name) => {
            let folder = spec.folder().map(|folder| root.join(folder));
            let program = build::program::of_package(name, folder.as_deref(), root, color, progress).await?;
            Ok(Launcher::of_package(name, program))
        }
        Target::Command(command) => Launcher::of_command(command).map_err(PrepareError::NotStarted),
        Target::Url(url) => Launcher::of_url(url).map_err(PrepareError::NotStarted),
    }
}

/// Runs the guard if this process was started as one. Call it first in `main`, before any other setup.
pub fn guard_main() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    (args.next()? == "guard").then(|| guard::guard_main(args))
}

/// A port that is free at this moment.
pub fn claim_port() -> Result<u16, Problem> {
    ports::claim().map(|port| port.number)
}
