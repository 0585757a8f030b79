//! What is examined: a package, a command or a URL. Builds it, starts it, and ends it with everything it started.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use crate::outcome::Problem;

mod build;
mod complaint;
pub mod environment;
pub mod guard;
mod launch;
mod life;
mod listeners;
mod log;
mod orphans;
mod overload;
pub mod ports;
pub mod process_tree;
mod server;

pub use build::{BuildProgress, diagnosis};
pub use launch::{Launcher, RunToExit};
pub use life::Lives;
pub use log::{Log, Mark, Stream};
pub use server::Server;

/// What the user asks to examine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// A package of the workspace, by name.
    Package(String),
    /// A shell command that starts a server on the port in `PORT`.
    Command(String),
    /// A server that runs already, such as `http://127.0.0.1:8000`, without a slash at the end.
    Url(String),
}

impl fmt::Display for Spec {
    /// As the user would name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Spec::Package(name) | Spec::Command(name) | Spec::Url(name)) = self;
        f.write_str(name)
    }
}

/// Why a target cannot be started at all.
#[derive(Debug)]
pub enum PrepareError {
    /// The package does not compile; the text is the compiler's own message.
    NotBuilt(String),
    /// There is nothing to start.
    NotStarted(Problem),
    /// Something the learner's code is not to blame for is missing or broken.
    Environment(Problem),
}

/// Builds a package, checks a command or a URL. `color` is for the compiler's messages; `progress` hears of the build.
pub async fn prepare(
    spec: &Spec,
    root: &Path,
    color: bool,
    progress: &mut dyn FnMut(BuildProgress),
) -> Result<Launcher, PrepareError> {
    orphans::prepare();
    match spec {
        Spec::Package(name) => {
            let built = build::build(name, root, color, progress).await?;
            Ok(Launcher::of_package(name, built))
        }
        Spec::Command(command) => Launcher::of_command(command).map_err(PrepareError::NotStarted),
        Spec::Url(url) => Launcher::of_url(url).map_err(PrepareError::NotStarted),
    }
}

/// Runs the guard if this process was started to be one. To be called first in `main`, before anything else is set up.
pub fn guard_main() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    (args.next()? == "guard").then(|| guard::guard_main(args))
}

/// A port on which a server could be started at this moment.
pub fn claim_port() -> Result<u16, Problem> {
    ports::claim().map(|port| port.number)
}
