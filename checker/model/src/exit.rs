//! What the program's exit codes mean; they are documented in the book.

/// The step passed.
pub const PASSED: u8 = 0;
/// Checks failed.
pub const FAILED: u8 = 1;
/// The crate does not compile.
pub const NOT_BUILT: u8 = 2;
/// The server did not come up.
pub const NOT_STARTED: u8 = 3;
/// Something is missing that the server is not to blame for, or a verdict could not be reached.
pub const ENVIRONMENT: u8 = 4;
/// The command line asks for something that does not exist (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;
/// Interrupted by Ctrl-C: 128 and the number of SIGINT, as shells have it.
pub const INTERRUPTED: u8 = 130;
