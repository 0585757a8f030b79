//! The command line.

use clap::{Parser, Subcommand};
use report::ColorChoice;

/// Commands for authors of the workshop.
#[derive(Debug, Parser)]
#[command(name = "author", bin_name = "cargo run -p author --", version)]
pub struct Cli {
    /// When to use color. NO_COLOR in the environment turns it off too.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub color: ColorChoice,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate the starters in steps/ from solutions/.
    Generate {
        /// Write nothing; fail if something would change.
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
        /// Only the rules that build and run nothing.
        #[arg(long)]
        quick: bool,
    },
    /// Show that every check can fail: run the checks against servers that are wrong in one way each.
    Matrix {
        /// Run every check on every wrong server, not only the declared ones.
        #[arg(long)]
        full: bool,
        /// Only this step.
        #[arg(long, value_name = "N")]
        step: Option<u8>,
        /// Only the steps affected by changes since the merge base of REV and HEAD, uncommitted ones included. Without REV: since
        /// HEAD.
        #[arg(long, value_name = "REV", num_args = 0..=1, default_missing_value = "HEAD")]
        changed: Option<String>,
        /// Only the wrong servers that declare this check, and the controls.
        #[arg(long, value_name = "ID")]
        check: Option<String>,
        /// Only this wrong server; `none` is the control.
        #[arg(long, value_name = "NAME")]
        server: Option<String>,
        /// Write the pages of the book that list the wrong servers, and run nothing.
        #[arg(long, conflicts_with_all = ["full", "step", "changed", "check", "server"])]
        write: bool,
    },
    /// Measure the checker itself.
    Bench {
        /// How often the solutions are graded.
        #[arg(long, default_value_t = 10, value_name = "N")]
        runs: usize,
        /// Measure only the first verdict in a fresh clone against `cargo install rustlings`; both compile from scratch.
        #[arg(long)]
        cold: bool,
    },
}
