//! Grades a step again whenever a file of it is saved, until the learner quits.

mod debounce;
mod keys;
mod reading;
mod rows;
mod screen;
mod session;
mod sources;
mod system;
mod terminal;
mod watcher;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use self::screen::{Action, Screen};
use self::session::{Happening, Session};
use self::terminal::{Input, Keyboard, Terminal};
use super::status::StatusLine;
use super::{CommandError, CommandResult, hint, list, load_progress, print, step_or_current, warn};
use checker::cli::TargetArgs;
use checker::output::note;
use harness::step::Course;
use model::exit;
use report::{self, Style};
use workshop::Workshop;

/// How often the status of a run is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// Grades the step that was named, or the one the learner is at, and again after every save.
///
/// On a terminal a key ends it, with exit code 0; elsewhere Ctrl-C does.
pub async fn watch(
    workshop: &Workshop,
    course: &'static Course,
    step: Option<u8>,
    target: TargetArgs,
    stretch: bool,
    style: &Style,
) -> CommandResult {
    let progress = load_progress(workshop)?;
    let step = step_or_current(course, step, &progress)?;
    let mut session = Session::new(workshop, course, step, target, stretch, style.color)?;
    session.start(None);
    if !Terminal::is_there() {
        return plain(session, style).await;
    }
    let unusable = |error: io::Error| {
        CommandError::usage(
            format!("This terminal cannot be used for single keys: {error}."),
            "Set TERM=dumb to watch without keys, one report after another.",
        )
    };
    let keyboard = Keyboard::new().map_err(unusable)?;
    let terminal = Terminal::enter().map_err(unusable)?;
    let passed = progress.passed.contains(&step.number);
    let screen = Screen::new(step, session.next_step(), session.watched(), passed, style.color, terminal.size());
    let mut window = Window { session, screen, terminal, moved: false };
    window.run(keyboard).await;
    let report = window.screen.report.take();
    drop(window);
    // The window is gone with everything it showed, so print the latest report once more.
    report.map_or(Ok(exit::PASSED), |report| print(&report::text(&report, style)))
}

/// What is shown on a terminal, and what happens behind it.
struct Window<'a> {
    session: Session<'a>,
    screen: Screen,
    terminal: Terminal,
    /// Whether the step was reached by the key for the next one and has not been graded since.
    moved: bool,
}

impl Window<'_> {
    /// Returns when the learner quits, or when the terminal is gone.
    async fn run(&mut self, mut keyboard: Keyboard) {
        loop {
            self.screen.doing = self.session.doing();
            self.screen.watched = self.session.watched();
            if self.terminal.draw(self.screen.frame()).is_err() {
                return;
            }
            let running = self.session.doing().is_some();
            tokio::select! {
                biased;
                input = keyboard.next() => match input {
                    Some(Input::Key(key)) => {
                        let action = self.screen.key(key);
                        if action == Action::Quit || self.act(action).is_err() {
                            return;
                        }
                    }
                    Some(Input::Resized) => {
                        self.screen.resize(self.terminal.size());
                        if self.terminal.forget().is_err() {
                            return;
                        }
                    }
                    None => return,
                },
                happening = self.session.next() => self.show(happening),
                () = tokio::time::sleep(TICK), if running => {}
            }
        }
    }

    fn show(&mut self, happening: Happening) {
        match happening {
            Happening::Saved(paths) => self.session.start(Some(saved(&paths))),
            Happening::Graded(report, problem) => {
                if !self.session.has_files() {
                    self.screen.again = "press r";
                }
                self.screen.graded(*report);
                if self.moved {
                    let step = self.screen.step.number;
                    self.screen.notice = Some(format!("To carry your own code over: cargo run -p checker -- carry {step}"));
                }
                self.moved = false;
                if let Some(problem) = problem {
                    self.screen.notice = Some(format!("{} {}", problem.title, problem.remedy));
                }
            }
            Happening::Polling(why) => self.screen.notice = Some(format!("Polling twice a second, because {why}.")),
        }
    }

    /// An error says that the terminal is gone.
    fn act(&mut self, action: Action) -> io::Result<()> {
        let (workshop, style) = (self.session.workshop, self.screen.style());
        match action {
            Action::Run => self.session.start(None),
            Action::Hint => {
                let Some(id) = self.screen.first_failure() else {
                    self.screen.notice = Some("No check has failed, so there is no hint to give.".into());
                    return Ok(());
                };
                let text = hint::text(workshop, self.session.course(), Some(id.to_owned()), "press h again", &style);
                self.turn_to(text)?;
            }
            Action::List => {
                let text = list::text(workshop, self.session.course(), None, &style);
                self.turn_to(text)?;
            }
            Action::Next => match self.session.onward(self.screen.passed) {
                Ok(session) => {
                    self.moved = session.is_own();
                    let passed = load_progress(workshop).is_ok_and(|progress| progress.passed.contains(&session.step.number));
                    self.screen = Screen::new(
                        session.step,
                        session.next_step(),
                        session.watched(),
                        passed,
                        style.color,
                        self.terminal.size(),
                    );
                    self.session = session;
                    self.session.start(None);
                }
                Err(why) => self.screen.notice = Some(why),
            },
            Action::Suspend => {
                self.terminal.suspend()?;
                self.screen.resize(self.terminal.size());
            }
            Action::Look | Action::Quit => {}
        }
        Ok(())
    }

    fn turn_to(&mut self, text: Result<String, CommandError>) -> io::Result<()> {
        match text {
            Ok(text) => self.screen.show(text),
            Err(trouble) => self.screen.notice = Some(format!("{} {}", trouble.problem.title, trouble.problem.remedy)),
        }
        // Reading the progress file may have printed to standard error.
        self.terminal.forget()
    }
}

/// Without a terminal: one report after another, and no keys.
async fn plain(mut session: Session<'_>, style: &Style) -> CommandResult {
    let mut status = StatusLine::default();
    let mut out = io::stdout();
    let mut say = |text: &str| writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush());
    let mut said = match session.has_files() {
        true => say(&format!("{}. Press Ctrl-C to stop.", session.watched())),
        false => Ok(()),
    };
    // A failed write means that the reader is gone.
    while said.is_ok() {
        let happening = tokio::select! {
            happening = session.next() => happening,
            () = tokio::time::sleep(TICK), if session.doing().is_some() => {
                status.line(&session.doing().unwrap_or_default());
                continue;
            }
        };
        status = StatusLine::default();
        said = match happening {
            Happening::Saved(paths) => {
                let saved = saved(&paths);
                session.start(Some(saved.clone()));
                say(&format!("\n{saved}"))
            }
            Happening::Graded(report, problem) => {
                let again = if session.has_files() { "save" } else { "run the same command again" };
                let said = say(&report::text_with(&report, style, again));
                if let Some(problem) = problem {
                    warn(&problem);
                }
                if !session.has_files() {
                    note("There are no files to watch, and without a terminal there are no keys. The watch ends here.\n");
                    return Ok(report.verdict.exit_code());
                }
                said
            }
            Happening::Polling(why) => say(&format!("Polling twice a second, because {why}.")),
        };
    }
    Ok(exit::PASSED)
}

/// What was saved, in a few words.
fn saved(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy()).collect();
    match &names[..] {
        [] => "saved".to_owned(),
        [name] => format!("{name} saved"),
        [name, others @ ..] => format!("{name} and {} more saved", others.len()),
    }
}
