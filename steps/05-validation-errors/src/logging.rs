//! Where the log goes.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Starts logging to stdout: the lines that `filter` lets through, in color only on a terminal.
pub fn init(filter: EnvFilter) {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stdout().is_terminal())
        .init();
}
