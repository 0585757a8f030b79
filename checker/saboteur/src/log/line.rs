//! Lines of a log.

/// A line of the upstream server's log, without its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it was written.
    pub stream: Stream,
    /// The text.
    pub text: String,
}

impl Line {
    /// The line, with another text if it is on standard error.
    pub fn with_error_message(self, text: &str) -> Line {
        match self.stream {
            Stream::Stderr => Line { text: text.into(), ..self },
            Stream::Stdout => self,
        }
    }
}

/// Where a line of a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
