//! The person at the terminal: sees the progress of services, and is asked before anything is installed.

use std::io::{IsTerminal, Write};

use tokio::sync::oneshot;

use super::status::StatusLine;
use crate::output::note;
use engine::{Event, Observer};
use fixtures::Console;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use report::terminal::escape;

/// The user at the terminal, if there is one.
pub struct AtTerminal {
    status: StatusLine,
    /// The user consented in advance, with `--yes`.
    yes: bool,
}

impl AtTerminal {
    /// With `yes`, the user is not asked.
    pub fn new(yes: bool) -> Self {
        AtTerminal { status: StatusLine::default(), yes }
    }
}

impl Observer for AtTerminal {
    fn event(&mut self, event: Event<'_>) {
        self.status.show(event);
    }

    fn as_console(&mut self) -> &mut dyn Console {
        self
    }
}

impl Console for AtTerminal {
    fn progress(&mut self, what: &str) {
        self.status.line(what);
    }

    fn warn(&mut self, what: &str) {
        self.status = StatusLine::default();
        note(&format!("{}\n", escape(what)));
    }

    fn consents<'a>(&'a mut self, service: &'a str, command: &'a str) -> LocalBoxFuture<'a, bool> {
        self.ask(service, command).boxed_local()
    }
}

impl AtTerminal {
    async fn ask(&mut self, service: &str, command: &str) -> bool {
        self.status = StatusLine::default();
        if self.yes {
            note(&format!("{service} is not installed yet. Installing it: {command}\n"));
            return true;
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return false;
        }
        note(&format!("{service} is not installed yet. This command installs it:\n  {command}\nRun it now? [y/N] "));
        let _ = std::io::stderr().flush();
        // This thread may outlive the question: Ctrl-C must not wait for an answer.
        let (sender, response) = oneshot::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = std::io::stdin().read_line(&mut line);
            let _ = sender.send(line);
        });
        response.await.is_ok_and(|line| is_yes(&line))
    }
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_consent() {
        for line in ["y\n", "Y\n", " yes \n"] {
            assert!(is_yes(line), "{line:?}");
        }
        for line in ["\n", "", "n\n", "yesterday\n", "no yes\n"] {
            assert!(!is_yes(line), "{line:?}");
        }
    }
}
