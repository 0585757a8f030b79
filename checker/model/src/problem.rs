//! A problem and its remedy.

use std::io;

/// A problem reported to a person: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One sentence that says what is wrong. May contain untrusted text.
    pub title: String,
    /// One or two sentences that say what to do.
    pub remedy: String,
    /// Supporting lines, such as the end of the server's log. Untrusted text.
    pub details: Vec<String>,
}

impl Problem {
    /// A problem without supporting lines.
    pub fn new(title: impl Into<String>, remedy: impl Into<String>) -> Self {
        Problem { title: title.into(), remedy: remedy.into(), details: Vec::new() }
    }

    /// The same problem. If its cause `error` is a full disk, the remedy is to free some space.
    pub fn because_of(self, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Problem { remedy: "The disk is full: free some space, then try again.".to_owned(), ..self }
            }
            _ => self,
        }
    }
}
