//! How a wrong server starts, or exits at its start.

/// How a server starts.
pub struct Startup {
    /// `PORT`. The proxy listens on a port number (0: any free port). Anything else goes to the upstream server, which rejects it.
    pub port: String,
    /// `DATABASE_URL`; empty if it is not set.
    pub database_url: String,
    /// Further environment variables of the upstream server.
    pub variables: Vec<(&'static str, String)>,
    /// The error message with which the server exits at once, if it does.
    pub error: Option<String>,
    /// What the server does if the upstream server exits at its start.
    pub after_exit: AfterExit,
}

/// What a server does if the upstream server exits at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterExit {
    /// It exits with the same exit code.
    SameCode,
    /// It exits with this exit code.
    Code(u8),
    /// It keeps running.
    KeepRunning,
}
