//! The terminal while `watch` has it: raw keys, a screen of its own, and all put back on every way out.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{self, SignalKind, signal};

use super::keys::{Decoder, Key};
use super::reading::Reading;
use report::terminal::size;

/// Alternate screen, cursor hidden, no automatic line breaks (DEC private modes 1049, 25 and 7).
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The terminal's settings as they were before, while it is as `ENTER` leaves it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

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
        size().unwrap_or((80, 24))
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
    let stdin = io::stdin();
    let settings = tcgetattr(&stdin)?;
    let mut raw = settings.clone();
    raw.make_raw();
    tcsetattr(&stdin, OptionalActions::Now, &raw)?;
    *before() = Some(settings);
    let mut stdout = io::stdout().lock();
    stdout.write_all(ENTER.as_bytes())?;
    stdout.flush()
}

fn leave() {
    let settings = before().take();
    if let Some(settings) = settings {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(LEAVE.as_bytes());
        let _ = stdout.flush();
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &settings);
    }
}

fn before() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What somebody does at the terminal.
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// The terminal has another size.
    Resized,
}

/// Keys and changes of size.
pub struct Keyboard {
    reading: Reading<Vec<u8>>,
    decoder: Decoder,
    /// Keys that were read together with one before.
    keys: VecDeque<Key>,
    resized: unix::Signal,
}

impl Keyboard {
    /// Begins to listen.
    pub fn new() -> io::Result<Self> {
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Keyboard {
            reading: Reading::start(Arc::new(stdin), read)?,
            decoder: Decoder::default(),
            keys: VecDeque::new(),
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// Waits for the next thing that is done; nothing when the terminal is gone.
    ///
    /// It may be dropped and called again at any time: nothing is forgotten.
    pub async fn next(&mut self) -> Option<Input> {
        loop {
            if let Some(key) = self.keys.pop_front() {
                return Some(Input::Key(key));
            }
            tokio::select! {
                bytes = self.reading.next() => self.keys = self.decoder.decode(&bytes?).into(),
                Some(()) = self.resized.recv() => return Some(Input::Resized),
            }
        }
    }
}

fn read(stdin: &OwnedFd) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = [0; 256];
    let count = rustix::io::read(stdin, &mut bytes)?;
    Ok((count > 0).then(|| bytes[..count].to_vec()))
}
