//! The terminal while `watch` has it: raw keys, a screen of its own, and all put back on every way out.

use std::io::{self, IsTerminal, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{self, Event};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use rustix::process::{Signal, kill_current_process_group};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Alternate screen, cursor hidden, no automatic line breaks (DEC private modes 1049, 25 and 7).
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Whether the terminal is as `ENTER` leaves it.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The terminal. Dropping it puts the terminal back.
pub struct Terminal {
    shown: Vec<String>,
}

impl Terminal {
    /// Whether there is a terminal to draw on and a keyboard to read.
    pub fn is_there() -> bool {
        let able = std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb");
        able && io::stdout().is_terminal() && io::stdin().is_terminal()
    }

    /// Takes the terminal.
    pub fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            // A panic's message would be lost with the screen, and be ragged without line feeds.
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                leave();
                report(panic);
            }));
        });
        take()?;
        Ok(Terminal { shown: Vec::new() })
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        match crossterm::terminal::size() {
            Ok((columns, rows)) if columns > 0 && rows > 0 => (columns.into(), rows.into()),
            _ => (80, 24),
        }
    }

    /// Shows these rows and nothing else. Rows that are shown already are not sent again: the way may be long.
    pub fn draw(&mut self, rows: Vec<String>) -> io::Result<()> {
        let mut out = String::new();
        for (number, row) in rows.iter().enumerate() {
            if self.shown.get(number) != Some(row) {
                // The row is cleared first: after its last column, the cursor still stands on that.
                out += &format!("\x1b[{};1H\x1b[K{row}", number + 1);
            }
        }
        if rows.len() < self.shown.len() {
            out += &format!("\x1b[{};1H\x1b[J", rows.len() + 1);
        }
        self.shown = rows;
        let mut stdout = io::stdout().lock();
        stdout.write_all(out.as_bytes())?;
        stdout.flush()
    }

    /// Forgets what is shown: the terminal may show anything now.
    pub fn forget(&mut self) -> io::Result<()> {
        self.shown.clear();
        let mut stdout = io::stdout().lock();
        stdout.write_all(b"\x1b[2J")?;
        stdout.flush()
    }

    /// Halts this program and gives the terminal to the shell, as Ctrl-Z does elsewhere; returns when the shell continues it.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave();
        let halted = kill_current_process_group(Signal::TSTP);
        // The signal may reach another thread first.
        std::thread::sleep(Duration::from_millis(20));
        take()?;
        self.forget()?;
        Ok(halted?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        leave();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    let mut stdout = io::stdout().lock();
    stdout.write_all(ENTER.as_bytes())?;
    stdout.flush()
}

fn leave() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(LEAVE.as_bytes());
        let _ = stdout.flush();
        let _ = disable_raw_mode();
    }
}

/// Keys and changes of size, until the terminal is gone.
pub fn events() -> UnboundedReceiver<Event> {
    let (sender, receiver) = unbounded_channel();
    // The thread ends with the program: nothing can wake it from reading.
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    receiver
}
