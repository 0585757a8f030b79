//! How a wrong server starts, or ends at its start.

/// How a server starts.
pub struct Start {
    /// `PORT` as the server understands it. A port number is listened on (0: any that is free), anything else is handed to the right
    /// server, which refuses it.
    pub port: String,
    /// `DATABASE_URL` as the server understands it; empty where there is none.
    pub database_url: String,
    /// Further variables as the right server is to see them.
    pub variables: Vec<(&'static str, String)>,
    /// Why the server ends at once, if it does.
    pub refusal: Option<String>,
    /// How the server ends after the right one ended at its start.
    pub ending: Ending,
}

/// How a server ends after the right one ended at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With the same exit code.
    AsTheServer,
    /// With this exit code.
    With(u8),
    /// Not at all.
    Never,
}
