//! The command line.

use std::path::PathBuf;

use checker::report::ColorChoice;
use clap::{Parser, Subcommand};

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
    /// Show that every check can fail, on servers that are each wrong in one way.
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
        /// Also measure the first verdict in a fresh clone against `cargo install rustlings`; both compile from scratch.
        #[arg(long)]
        cold: bool,
    },
}
