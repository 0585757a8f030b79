//! What the window shows, and what keys mean: no terminal is needed to know either.

use super::keys::Key;
use super::rows::{cut, rows};
use harness::step::Step;
use model::{Kind, RunReport, StepVerdict, Verdict};
use report::terminal::{columns, escape_line, keep_colors};
use report::{Ink, Style, text_with};

/// The widest and the narrowest text that is laid out; see `Style`.
const WIDTHS: std::ops::RangeInclusive<usize> = 24..=110;

/// What the window shows.
pub struct Screen {
    /// The step that is graded.
    pub step: &'static Step,
    /// The number of the step after it.
    next_step: Option<u8>,
    /// What is watched, in one line.
    pub watched: String,
    /// What to do to have it graded again, as reports say it.
    pub again: &'static str,
    /// What goes on in the run that is going on.
    pub doing: Option<String>,
    /// The report of the latest complete run.
    pub report: Option<RunReport>,
    /// Something to say in one line until the next key or verdict.
    pub notice: Option<String>,
    /// Whether the step has been passed, now or before.
    pub passed: bool,
    /// Columns and rows.
    size: (usize, usize),
    color: bool,
    runs: usize,
    page: Page,
    /// The page as it is laid out for the window.
    rows: Vec<String>,
    /// The first row that is shown; without it, the one that matters most.
    top: Option<usize>,
}

/// What the body of the window shows.
enum Page {
    /// The latest report.
    Report,
    /// A text that a key asked for.
    Text(String),
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Grade now.
    Run,
    /// Show the next hint for the first failure.
    Hint,
    /// Show the steps and checks.
    List,
    /// Go to the next step.
    Next,
    /// End.
    Quit,
    /// Let the shell have the terminal for a while.
    Suspend,
    /// Only redraw.
    Look,
}

impl Screen {
    /// The window before the first run.
    pub fn new(
        step: &'static Step,
        next_step: Option<u8>,
        watched: String,
        passed: bool,
        color: bool,
        size: (usize, usize),
    ) -> Self {
        Screen {
            step,
            next_step,
            watched,
            again: "save, or press r",
            doing: None,
            report: None,
            notice: None,
            passed,
            size,
            color,
            runs: 0,
            page: Page::Report,
            rows: Vec::new(),
            top: None,
        }
    }

    /// The style for texts in this window.
    pub fn style(&self) -> Style {
        Style { color: self.color, width: self.size.0.clamp(*WIDTHS.start(), *WIDTHS.end()) }
    }

    /// A run is complete.
    pub fn graded(&mut self, report: RunReport) {
        self.passed |= matches!(report.verdict, StepVerdict::Passed);
        self.report = Some(report);
        self.runs += 1;
        self.doing = None;
        self.notice = None;
        self.turn_to(Page::Report);
    }

    /// Shows a text in place of the report.
    pub fn show(&mut self, text: String) {
        self.turn_to(Page::Text(text));
    }

    /// The window has another size now.
    pub fn resize(&mut self, size: (usize, usize)) {
        self.size = size;
        self.lay_out();
    }

    fn turn_to(&mut self, page: Page) {
        self.page = page;
        self.top = None;
        self.lay_out();
    }

    fn lay_out(&mut self) {
        let text = match (&self.page, &self.report) {
            (Page::Text(text), _) => text.clone(),
            (Page::Report, Some(report)) => text_with(report, &self.style(), self.again),
            (Page::Report, None) => String::new(),
        };
        self.rows = rows(&text, self.size.0, self.color);
    }

    /// The check to fix first, if the latest run found one that fails.
    pub fn first_failure(&self) -> Option<&str> {
        Some(&self.report.as_ref()?.first_failure()?.id)
    }

    /// Does what a key says to the window, and returns what else it asks for.
    pub fn key(&mut self, key: Key) -> Action {
        self.notice = None;
        let (all, shown, top) = self.window();
        let last = all.saturating_sub(shown);
        let page = shown.saturating_sub(1).max(1);
        match key {
            Key::Ctrl('c' | 'd') => return Action::Quit,
            Key::Ctrl('z') => return Action::Suspend,
            Key::Char('r' | 'R') => return Action::Run,
            Key::Char('h' | 'H') => return Action::Hint,
            Key::Char('l' | 'L') => return Action::List,
            Key::Char('n' | 'N') => return Action::Next,
            Key::Char('q' | 'Q') => return Action::Quit,
            Key::Down | Key::Char('j') => self.top = Some((top + 1).min(last)),
            Key::Up | Key::Char('k') => self.top = Some(top.saturating_sub(1)),
            Key::PageDown | Key::Char(' ' | 'f') => self.top = Some((top + page).min(last)),
            Key::PageUp | Key::Char('b') => self.top = Some(top.saturating_sub(page)),
            Key::Home | Key::Char('g') => self.top = Some(0),
            Key::End | Key::Char('G') => self.top = Some(last),
            Key::Escape | Key::Enter => self.turn_to(Page::Report),
            _ => {}
        }
        Action::Look
    }

    /// The rows of the window, as many as it has.
    pub fn frame(&self) -> Vec<String> {
        let (width, height) = self.size;
        let mut frame = vec![self.header()];
        let body = self.body_height();
        if body > 0 {
            let (all, shown, top) = self.window();
            frame.extend(self.rows[top..top + shown].iter().cloned());
            if shown < all && shown < body {
                frame.resize(body, String::new());
                frame.push(self.line(Ink::Faint, &hidden(top, all - top - shown, width)));
            }
            frame.resize(body + 1, String::new());
        }
        if height >= 2 {
            frame.push(self.status());
        }
        if height >= 4 {
            frame.push(self.keys());
        }
        frame.truncate(height);
        frame
    }

    /// Rows between the header and what stands at the bottom.
    fn body_height(&self) -> usize {
        match self.size.1 {
            0..=2 => 0,
            3 => 1,
            height => height - 3,
        }
    }

    /// Rows of the page, rows that are shown of them, and the first of these.
    fn window(&self) -> (usize, usize, usize) {
        let (all, body) = (self.rows.len(), self.body_height());
        // Where not all fits, one row says so, unless it is the only one.
        let shown = if all <= body || body < 2 { all.min(body) } else { body - 1 };
        let top = self.top.unwrap_or_else(|| self.opening());
        (all, shown, top.min(all - shown))
    }

    /// The row that the page opens at: what to fix, or what to do next.
    fn opening(&self) -> usize {
        let (Page::Report, Some(report)) = (&self.page, &self.report) else { return 0 };
        match report.verdict {
            StepVerdict::Failed => {
                self.rows.iter().position(|row| keep_colors(row, false).starts_with("A closer look at ")).unwrap_or_default()
            }
            StepVerdict::Passed | StepVerdict::Undecided => self.rows.len(),
            _ => 0,
        }
    }

    fn header(&self) -> String {
        let number = self.step.number;
        let Some(report) = &self.report else {
            return self.line(Ink::Strong, &format!("Step {number}: {}", self.step.title));
        };
        let (ink, mut says) = match &report.verdict {
            StepVerdict::Passed => (Ink::Good, format!("✓ Step {number} passed")),
            StepVerdict::Failed => (Ink::Bad, format!("✗ Step {number}: {} pass", counts(report))),
            StepVerdict::NotBuilt(_) => (Ink::Bad, format!("✗ Step {number} does not build")),
            StepVerdict::NotStarted(_) => (Ink::Bad, format!("✗ Step {number}: no server to examine")),
            StepVerdict::Undecided => (Ink::Unsure, format!("? Step {number}: undecided")),
            StepVerdict::Environment(_) => (Ink::Unsure, format!("? Step {number}: not examined")),
        };
        if self.doing.is_some() {
            says += " (before)";
        } else if let (StepVerdict::Passed, Some(next)) = (&report.verdict, self.next_step) {
            says += &format!(", press n for step {next}");
        }
        self.line(if self.doing.is_some() { Ink::Faint } else { ink }, &says)
    }

    fn status(&self) -> String {
        if let Some(notice) = &self.notice {
            return self.line(Ink::Unsure, notice);
        }
        if let Some(doing) = &self.doing {
            return self.line(Ink::Strong, doing);
        }
        match &self.report {
            Some(report) => {
                let run = format!("Run {}: {:.1} s · {}", self.runs, report.duration.as_secs_f64(), self.watched);
                self.line(Ink::Faint, &run)
            }
            None => self.line(Ink::Faint, &self.watched),
        }
    }

    /// The keys; in a narrow window those that can be guessed are left out.
    fn keys(&self) -> String {
        let next = self.next_step.filter(|_| self.passed).map(|next| format!("n step {next}"));
        let mut keys: Vec<&str> = vec!["r run", "h hint", "l list"];
        keys.extend(next.as_deref());
        keys.push("q quit");
        let (all, shown, _) = self.window();
        if matches!(self.page, Page::Text(_)) {
            keys.push("Esc report");
        }
        if shown < all {
            keys.push("↑ ↓ space scroll");
        }
        while columns(&keys.join("  ")) > self.size.0 && keys.len() > 1 {
            keys.pop();
        }
        let line: Vec<String> = keys
            .iter()
            .map(|key| match key.split_once(' ') {
                Some((key, word)) => format!("{} {}", self.style().paint(Ink::Code, key), self.style().paint(Ink::Faint, word)),
                None => (*key).to_owned(),
            })
            .collect();
        line.join("  ")
    }

    fn line(&self, ink: Ink, text: &str) -> String {
        self.style().paint(ink, &cut(&escape_line(text), self.size.0))
    }
}

/// Says how many rows are hidden, as fully as there is room for.
fn hidden(above: usize, below: usize, width: usize) -> String {
    let rows = match (above, below) {
        (0, below) => format!("… {below} more lines below"),
        (above, 0) => format!("… {above} more lines above"),
        (above, below) => format!("… {above} lines above, {below} below"),
    };
    let with_keys = format!("{rows} (↑ ↓ space)");
    if columns(&with_keys) <= width { with_keys } else { rows }
}

/// `12 of 19 checks`, the extra ones left out.
fn counts(report: &RunReport) -> String {
    let needed = || report.checks.iter().filter(|check| check.kind != Kind::Stretch);
    let passed = needed().filter(|check| matches!(check.verdict, Verdict::Pass)).count();
    format!("{passed} of {} checks", needed().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::samples;

    const SIZES: [(usize, usize); 2] = [(40, 12), (100, 30)];

    fn screen(size: (usize, usize)) -> Screen {
        let step = first_step::BEGINNING.step(1).expect("step 1 exists");
        Screen::new(step, Some(2), "Watching steps/01-api-basics".to_owned(), false, false, size)
    }

    fn graded(report: RunReport, size: (usize, usize)) -> Screen {
        let mut screen = screen(size);
        screen.graded(report);
        screen
    }

    /// The window as one sees it, with its edges.
    fn seen(screen: &Screen) -> String {
        let (width, height) = screen.size;
        let frame = screen.frame();
        assert_eq!(frame.len(), height);
        let row = |row: &String| format!("|{row}{}|\n", " ".repeat(width - columns(row)));
        frame.iter().map(row).collect()
    }

    fn press(screen: &mut Screen, key: char) -> Action {
        screen.key(Key::Char(key))
    }

    fn in_each_size(name: &str, screen: impl Fn((usize, usize)) -> Screen) {
        for (width, height) in SIZES {
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), seen(&screen((width, height))));
        }
    }

    #[test]
    fn the_first_failure_is_what_the_window_opens_at() {
        in_each_size("failed", |size| graded(samples::failed(), size));
    }

    #[test]
    fn a_passed_step_offers_the_next() {
        in_each_size("passed", |size| graded(samples::passed(), size));
    }

    #[test]
    fn a_crate_that_does_not_build_shows_the_compiler() {
        in_each_size("not_built", |size| graded(samples::not_built(), size));
    }

    #[test]
    fn while_a_run_goes_on_the_old_verdict_stands_aside() {
        in_each_size("running", |size| {
            let mut screen = graded(samples::failed(), size);
            screen.doing = Some("habits.rs saved · Building 3/7 step-01-api-basics".to_owned());
            screen
        });
    }

    #[test]
    fn a_hint_takes_the_place_of_the_report_until_esc() {
        let mut screen = graded(samples::failed(), (40, 12));
        let report = seen(&screen);
        assert_eq!(press(&mut screen, 'h'), Action::Hint);
        assert_eq!(screen.first_failure(), Some("1.patch-partial"));
        screen.show("1.patch-partial\n\nHint 1 of 2:\n  An absent field and a null field are two things.\n".to_owned());
        insta::assert_snapshot!("hint_40x12", seen(&screen));
        screen.key(Key::Escape);
        assert_eq!(seen(&screen), report);
    }

    #[test]
    fn every_row_can_be_scrolled_to() {
        for size in [(40, 12), (24, 5), (100, 30), (10, 4)] {
            let mut screen = graded(samples::failed(), size);
            let rows = screen.rows.clone();
            let mut found = Vec::new();
            press(&mut screen, 'g');
            for _ in 0..rows.len() {
                let (_, shown, top) = screen.window();
                found.extend(screen.frame().into_iter().skip(1).take(shown).zip(top..).map(|(row, number)| (number, row)));
                press(&mut screen, 'j');
            }
            found.sort();
            found.dedup();
            assert_eq!(found.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), rows, "{size:?}");
            let end = screen.frame();
            press(&mut screen, 'k');
            assert_ne!(screen.frame(), end, "{size:?}");
            press(&mut screen, 'G');
            assert_eq!(screen.frame(), end, "{size:?}");
        }
    }

    #[test]
    fn another_size_is_laid_out_anew() {
        let mut screen = graded(samples::failed(), (40, 12));
        screen.resize((100, 30));
        assert_eq!(screen.frame(), graded(samples::failed(), (100, 30)).frame());
    }

    #[test]
    fn no_window_is_too_small_and_no_row_too_wide() {
        let reports = [samples::passed, samples::failed, samples::hostile, samples::not_built, samples::not_started];
        for report in reports {
            for width in [1, 2, 3, 7, 12, 23, 24, 25, 40, 59] {
                for height in 1..7 {
                    for color in [false, true] {
                        let mut screen = screen((width, height));
                        screen.color = color;
                        screen.graded(report());
                        screen.doing = Some("\u{1b}[2Jmain.rs saved".to_owned());
                        let frame = screen.frame();
                        assert_eq!(frame.len(), height);
                        for row in frame {
                            let plain = keep_colors(&row, false);
                            assert!(columns(&plain) <= width.max(5), "{plain:?} in {width} columns");
                            assert!(!plain.contains(char::is_control));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_way_to_end_works() {
        let mut screen = screen((40, 12));
        for key in [Key::Char('q'), Key::Ctrl('c'), Key::Ctrl('d')] {
            assert_eq!(screen.key(key), Action::Quit);
        }
        assert_eq!(screen.key(Key::Ctrl('r')), Action::Look, "only plain letters start a run");
    }

    #[test]
    fn colors_add_nothing_to_the_words() {
        for size in SIZES {
            let mut colored = screen(size);
            colored.color = true;
            colored.graded(samples::failed());
            let plain: Vec<String> = colored.frame().iter().map(|row| keep_colors(row, false)).collect();
            assert_eq!(plain, graded(samples::failed(), size).frame());
        }
    }
}
