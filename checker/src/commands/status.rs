//! A status line on standard error that says what is going on.

use std::io::{IsTerminal, Write};

use engine::Event;
use report::terminal::size;
use sandbox::BuildProgress;

/// The line. It is shown on a terminal only, and gone when it is dropped.
pub struct StatusLine {
    shown: bool,
    visible: bool,
}

impl Default for StatusLine {
    /// A line on standard error, if that is a terminal.
    fn default() -> Self {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        StatusLine { shown: std::io::stderr().is_terminal() && !dumb, visible: false }
    }
}

impl StatusLine {
    /// Shows an event.
    pub fn show(&mut self, event: Event<'_>) {
        self.line(&describe(event));
    }

    /// Shows any text, cut to one line.
    pub fn line(&mut self, text: &str) {
        if self.shown {
            let width = size().map_or(80, |(columns, _)| columns).max(10) - 1;
            let text: String = text.chars().filter(|c| !c.is_control()).take(width).collect();
            // CSI 2 K clears the line.
            eprint!("\r\x1b[2K{text}");
            let _ = std::io::stderr().flush();
            self.visible = true;
        }
    }
}

/// What is going on, in a few words.
pub fn describe(event: Event<'_>) -> String {
    match event {
        Event::Building(BuildProgress::Waiting) => "Waiting for another cargo to finish (it holds the lock)".into(),
        Event::Building(BuildProgress::Downloading) => "Downloading dependencies".into(),
        Event::Building(BuildProgress::Compiling { done, total, now }) if *total > 0 => format!("Building {done}/{total} {now}"),
        Event::Building(BuildProgress::Compiling { .. }) => "Building".into(),
        Event::Preparing(what) => (*what).to_owned(),
        Event::Starting => "Starting the server".into(),
        Event::Checking { done, total, id } => format!("Check {}/{total} {id}", done + 1),
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if self.visible {
            eprint!("\r\x1b[2K");
            let _ = std::io::stderr().flush();
        }
    }
}
