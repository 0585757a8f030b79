//! The command line.

use clap::{Args, Parser, Subcommand};

use report::{ColorChoice, Format};

/// Learn back-end engineering one step at a time. This program builds your crate, runs it, examines it, and says what to do next.
#[derive(Debug, Parser)]
#[command(name = "checker", bin_name = "cargo run -p checker --", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// When to use color. NO_COLOR in the environment turns it off too.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub color: ColorChoice,
    #[command(flatten)]
    pub current: GradeArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to examine, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct GradeArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    /// Run only this check and the checks that it needs. May be given more than once.
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// Grade the stretch checks too. They never decide whether the step is passed.
    #[arg(long)]
    pub stretch: bool,
    /// The seed of the random data. The same seed gives the same data.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The format of the report.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub services: ServiceArgs,
}

/// What to examine; by default the learner's own crate of the step.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct TargetArgs {
    /// A package of this workspace, such as solution-01-api-basics.
    #[arg(long, value_name = "NAME")]
    pub package: Option<String>,
    /// Any program, in any language: a shell command that starts a server on the port in $PORT.
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<String>,
    /// A running server, such as http://127.0.0.1:8000.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

impl TargetArgs {
    /// Whether no target is named, so that the learner's own crate is examined.
    pub fn is_own(&self) -> bool {
        self.package.is_none() && self.command.is_none() && self.url.is_none()
    }
}

/// How the checker may get services such as PostgreSQL.
#[derive(Debug, Clone, Default, Args)]
pub struct ServiceArgs {
    /// Install missing services with the system's package manager, without asking.
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Grade one step.
    Check {
        /// The step's number; by default the step you are at.
        step: Option<u8>,
        #[command(flatten)]
        grade: GradeArgs,
    },
    /// Grade again whenever you save a file.
    Watch {
        /// The step's number; by default the step you are at.
        step: Option<u8>,
        #[command(flatten)]
        target: TargetArgs,
        /// Grade the stretch checks too.
        #[arg(long)]
        stretch: bool,
    },
    /// Show the steps, their checks, and where you are.
    List {
        /// Show only this step.
        step: Option<u8>,
    },
    /// Show the next hint for a check.
    Hint {
        /// The check, such as 1.create; by default the first one that failed in your last run.
        id: Option<String>,
    },
    /// Carry your own work from the previous step into this one.
    Carry {
        /// The step to carry into.
        step: u8,
        /// Replace work that is already there. A backup is kept in any case.
        #[arg(long)]
        force: bool,
    },
    /// Put the starter of a step back. A backup of your work is kept.
    Reset {
        /// The step's number.
        step: u8,
    },
    /// Show how the reference solution differs from yours, once you have passed the step.
    Solution {
        /// The step's number.
        step: u8,
    },
    /// Start the services that servers use, for your own experiments, until Ctrl-C.
    Up {
        /// Write the environment to the file .env too. An existing file is kept as a backup.
        #[arg(long)]
        write_env: bool,
        #[command(flatten)]
        services: ServiceArgs,
    },
    /// Check whether this machine has what the workshop needs.
    Doctor,
}
