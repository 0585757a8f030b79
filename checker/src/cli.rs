//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::report::ColorChoice;

/// Learn back-end engineering one step at a time: this program builds your crate, runs it, examines it, and says what to do next.
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

/// How the result is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document; its schema is in the book.
    Json,
    /// JUnit XML, for continuous integration.
    Junit,
}

/// What is examined, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct GradeArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    /// Run this check, and what it needs. May be given more than once.
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// Grade the extras too. They never decide whether the step is passed.
    #[arg(long)]
    pub stretch: bool,
    /// Repeat a run with the same random data.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How the result is told.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub services: ServiceArgs,
}

/// What is examined. Without any of these: your own crate of the step.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct TargetArgs {
    /// A package of this workspace, such as solution-01-api-basics.
    #[arg(long, value_name = "NAME")]
    pub package: Option<String>,
    /// Any program, in any language: a shell command that starts a server on the port in $PORT.
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<String>,
    /// A server that runs already, such as http://127.0.0.1:8000.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// How services such as PostgreSQL may be had.
#[derive(Debug, Clone, Default, Args)]
pub struct ServiceArgs {
    /// Install a service that is missing without asking, with the system's package manager.
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Grade one step.
    Check {
        /// The step's number. Without it: the step you are at.
        step: Option<u8>,
        #[command(flatten)]
        grade: GradeArgs,
    },
    /// Grade again whenever you save a file.
    Watch {
        /// The step's number. Without it: the step you are at.
        step: Option<u8>,
        #[command(flatten)]
        target: TargetArgs,
        /// Grade the extras too.
        #[arg(long)]
        stretch: bool,
    },
    /// Show the steps, their checks, and where you are.
    List,
    /// Show the next hint for a check.
    Hint {
        /// The check, such as 1.create. Without it: the first that failed in your last run.
        id: Option<String>,
    },
    /// Bring your own work of the step before into this step.
    Carry {
        /// The step to carry into.
        step: u8,
        /// Replace work that is there already. A backup is kept in any case.
        #[arg(long)]
        force: bool,
    },
    /// Put a step back to its beginning. A backup of your work is kept.
    Reset {
        /// The step's number.
        step: u8,
    },
    /// Show how the reference solution differs from yours, once you have passed the step.
    Solution {
        /// The step's number.
        step: u8,
    },
    /// Start PostgreSQL and Redis for your own experiments, and say how to reach them, until Ctrl-C.
    Up {
        /// Write the environment to the file .env too. A file that is there already is kept as a backup.
        #[arg(long)]
        write_env: bool,
        #[command(flatten)]
        services: ServiceArgs,
    },
    /// Look whether this machine has what the workshop needs.
    Doctor,
    /// For authors of the workshop.
    #[command(subcommand)]
    Dev(Dev),
}

#[derive(Debug, Subcommand)]
pub enum Dev {
    /// Generate the starters in steps/ from solutions/.
    Generate {
        /// Write nothing; fail when something would change.
        #[arg(long)]
        check: bool,
        /// Overwrite starters that were edited by hand.
        #[arg(long)]
        force: bool,
    },
    /// Merge what changed in one solution into every later one.
    Port {
        /// The number of the step whose solution changed.
        step: u8,
        /// The git revision since which it changed.
        #[arg(long, value_name = "REV", default_value = "HEAD")]
        since: String,
        /// Write nothing; only report.
        #[arg(long)]
        dry_run: bool,
    },
    /// Check the course itself: starters, solutions, ids, hints, chapters.
    Verify {
        /// Only what needs no server to run.
        #[arg(long)]
        quick: bool,
    },
    /// Show that every check can fail: run them against servers that are wrong in one way.
    Matrix {
        /// Run every check against every wrong server, not only the declared ones.
        #[arg(long)]
        full: bool,
        /// Only this step.
        #[arg(long, value_name = "N")]
        step: Option<u8>,
        /// Only this wrong server.
        #[arg(long, value_name = "NAME")]
        server: Option<String>,
        /// Write the matrix as Markdown to this file as well.
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
    },
    /// Measure the checker itself.
    Bench {
        /// How often the solutions are graded.
        #[arg(long, default_value_t = 10, value_name = "N")]
        runs: usize,
        /// Also measure a fresh clone's first verdict; it compiles everything anew.
        #[arg(long)]
        cold: bool,
    },
}
