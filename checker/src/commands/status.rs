//! A status line on standard error that says what is going on.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::output::note;
use engine::Event;
use report::terminal::size;
use sandbox::BuildProgress;

/// How often a build is reported where there is no terminal.
const EVERY: Duration = Duration::from_secs(15);

/// The line. It is shown on a terminal only, and gone when it is dropped. Elsewhere, a long build is reported from time to time.
pub struct StatusLine {
    shown: bool,
    visible: bool,
    /// When something was reported, or this began.
    reported: Instant,
}

impl Default for StatusLine {
    /// A line on standard error, if that is a terminal.
    fn default() -> Self {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        StatusLine { shown: std::io::stderr().is_terminal() && !dumb, visible: false, reported: Instant::now() }
    }
}

impl StatusLine {
    /// Shows an event.
    pub fn show(&mut self, event: Event<'_>) {
        self.line(&describe(event));
        if !self.shown && matches!(event, Event::Building(_)) && self.reported.elapsed() >= EVERY {
            note(&format!("{}\n", describe(event)));
            self.reported = Instant::now();
        }
    }

    /// Shows any text, cut to one line.
    pub fn line(&mut self, text: &str) {
        if self.shown {
            let width = size().map_or(80, |(columns, _)| columns).max(10) - 1;
            let text: String = text.chars().filter(|c| !c.is_control()).take(width).collect();
            // CSI 2 K clears the line.
            note(&format!("\r\x1b[2K{text}"));
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
            note("\r\x1b[2K");
        }
    }
}
