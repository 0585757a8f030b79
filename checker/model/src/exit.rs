//! The exit codes of the checker; the book documents them.

/// The step passed.
pub const PASSED: u8 = 0;
/// Checks failed.
pub const FAILED: u8 = 1;
/// The crate does not compile.
pub const NOT_BUILT: u8 = 2;
/// The server did not start.
pub const NOT_STARTED: u8 = 3;
/// The environment lacks something, or the run was inconclusive; the server is not to blame.
pub const ENVIRONMENT: u8 = 4;
/// The command line is invalid (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;
/// Interrupted by Ctrl-C: 128 plus the number of SIGINT, as in shells.
pub const INTERRUPTED: u8 = 130;
