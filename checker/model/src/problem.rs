//! A problem for a person, with its remedy.

use std::io;

/// A problem told to a person: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One sentence that says what is wrong. May hold untrusted text.
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

    /// The same problem; where `error`, from which it comes, is that the disk is full, the remedy is to free some space.
    pub fn because_of(self, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Problem { remedy: "The disk is full: free some space, then try again.".to_owned(), ..self }
            }
            _ => self,
        }
    }
}
