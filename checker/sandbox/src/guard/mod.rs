//! The guard: a small process between the checker and a program that it starts, so that nothing is left running.
//!
//! Every program the checker starts runs below a guard, which is the checker's own executable run as `checker guard`.
//! The two share a socket. When the checker terminates for any reason, its side closes; the guard then kills the program
//! with everything it started, daemons included: on Linux the guard is a *child subreaper*, which adopts them. If the
//! program kills its guard, the checker, a subreaper too, adopts what is left and kills it. If both are killed, the
//! next checker recognizes the rest by the mark in their environment (see [`orphans`]).
//!
//! Requests: `stop MILLISECONDS` (send a signal, then kill), `kill`. Reports: see [`Event`].

use model::Termination;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

mod handle;
pub mod orphans;
mod process;

pub use handle::{Guarded, Program, Status, living};
pub use process::{guard_main, kill_all};

/// The most memory, in bytes, of a program and all it started. A habit tracker needs a hundredth; one in Java, a tenth.
pub const MEMORY_LIMIT: u64 = 2 * 1024 * 1024 * 1024;
/// The most processes of a program. A server with one worker per core stays below it even on a large machine.
pub const PROCESS_LIMIT: usize = 256;
/// Threads that the user may have in addition to those of the whole machine at the server's start. This limit stops a fork
/// bomb between two samples. (It does not apply to root: the system does not limit its threads.)
const SPARE_THREADS: u64 = 2048;
/// How often memory and processes are sampled.
pub const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// How a guard treats its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Care {
    /// A server: limits apply, and nothing it started outlives it.
    Server,
    /// A tool such as cargo: no limits, and what it leaves behind on a normal exit (a compiler cache, say) may stay.
    Tool,
    /// A service of the checker such as PostgreSQL: no limits, nothing it started outlives it, and its data is removed.
    Service {
        /// The account it runs as, if not the checker's own user.
        account: Option<Account>,
        /// The folder that is removed with it.
        scratch: PathBuf,
    },
    /// A short job for a service. It exits without being stopped, and would leave something behind if it were killed.
    Job {
        /// The account it runs as, if not the checker's own user.
        account: Option<Account>,
    },
}

/// An account of this machine that a service runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The user's number.
    pub uid: u32,
    /// The number of the user's group.
    pub gid: u32,
}

impl Care {
    fn name(&self) -> &'static str {
        match self {
            Care::Server => "server",
            Care::Tool => "tool",
            Care::Service { .. } => "service",
            Care::Job { .. } => "job",
        }
    }

    /// The account the program runs as, if not the checker's own user.
    fn account(&self) -> Option<Account> {
        match self {
            Care::Server | Care::Tool => None,
            Care::Service { account, .. } | Care::Job { account } => *account,
        }
    }

    /// The arguments that pass it to a guard.
    fn to_args(&self) -> Vec<OsString> {
        let mut args = vec![OsString::from(self.name())];
        if matches!(self, Care::Service { .. } | Care::Job { .. }) {
            args.push(self.account().map_or("-".into(), |account| format!("{}:{}", account.uid, account.gid)).into());
        }
        if let Care::Service { scratch, .. } = self {
            args.push(scratch.into());
        }
        args
    }

    /// Parses these arguments.
    fn from_args(args: &mut impl Iterator<Item = OsString>) -> Option<Care> {
        match args.next()?.to_str()? {
            "server" => Some(Care::Server),
            "tool" => Some(Care::Tool),
            "service" => Some(Care::Service { account: Account::from_arg(args)?, scratch: args.next()?.into() }),
            "job" => Some(Care::Job { account: Account::from_arg(args)? }),
            _ => None,
        }
    }
}

impl Account {
    fn from_arg(args: &mut impl Iterator<Item = OsString>) -> Option<Option<Account>> {
        match args.next()?.to_str()?.split_once(':') {
            Some((uid, gid)) => Some(Some(Account { uid: uid.parse().ok()?, gid: gid.parse().ok()? })),
            None => Some(None),
        }
    }
}

/// What a guard reports, one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// `started PID`: the program runs as this process, which leads a group of its own.
    Started(i32),
    /// `exited code N` or `exited signal N`: the program's first process terminated.
    Exited(Termination),
    /// `asked`: the guard stops or kills the program, because the checker asked for it or has terminated.
    Asked,
    /// `limit memory BYTES` or `limit processes N`: the program is being killed for using too much.
    Limit(Termination),
    /// `forced`: the program did not exit within the time given by `stop` and is being killed.
    Forced,
    /// `leftover PID NAME`: this process outlived the program and is being killed.
    Leftover(i32, String),
    /// `done`: nothing of the program is left, and the guard exits.
    Done,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Started(pid) => write!(f, "started {pid}"),
            Event::Exited(Termination::Code(code)) => write!(f, "exited code {code}"),
            Event::Exited(Termination::Signal(signal)) => write!(f, "exited signal {signal}"),
            Event::Limit(Termination::TooMuchMemory(bytes)) => write!(f, "limit memory {bytes}"),
            Event::Limit(Termination::TooManyProcesses(count)) => write!(f, "limit processes {count}"),
            Event::Exited(_) | Event::Limit(_) => Ok(()),
            Event::Asked => write!(f, "asked"),
            Event::Forced => write!(f, "forced"),
            Event::Leftover(pid, name) => write!(f, "leftover {pid} {name}"),
            Event::Done => write!(f, "done"),
        }
    }
}

impl Event {
    fn parse(line: &str) -> Option<Event> {
        let mut words = line.splitn(3, ' ');
        let event = words.next()?;
        let first = words.next();
        let second = words.next();
        Some(match (event, first, second) {
            ("started", Some(pid), None) => Event::Started(pid.parse().ok()?),
            ("exited", Some("code"), Some(code)) => Event::Exited(Termination::Code(code.parse().ok()?)),
            ("exited", Some("signal"), Some(signal)) => Event::Exited(Termination::Signal(signal.parse().ok()?)),
            ("limit", Some("memory"), Some(bytes)) => Event::Limit(Termination::TooMuchMemory(bytes.parse().ok()?)),
            ("limit", Some("processes"), Some(count)) => Event::Limit(Termination::TooManyProcesses(count.parse().ok()?)),
            ("asked", None, None) => Event::Asked,
            ("forced", None, None) => Event::Forced,
            ("leftover", Some(pid), Some(name)) => Event::Leftover(pid.parse().ok()?, name.to_owned()),
            ("done", None, None) => Event::Done,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn care_survives_a_round_trip_through_arguments() {
        let account = Some(Account { uid: 101, gid: 104 });
        let cares = [
            Care::Server,
            Care::Tool,
            Care::Service { account, scratch: "/var/tmp/a folder".into() },
            Care::Service { account: None, scratch: "-".into() },
            Care::Job { account },
            Care::Job { account: None },
        ];
        for care in cares {
            let mut args = care.to_args().into_iter().chain(["program".into()]);
            assert_eq!(Care::from_args(&mut args), Some(care));
            assert_eq!(args.next(), Some("program".into()));
        }
        assert_eq!(Care::from_args(&mut ["service".into(), "x:y".into(), "-".into()].into_iter()), None);
    }

    #[test]
    fn events_survive_a_round_trip_through_text() {
        let events = [
            Event::Started(4711),
            Event::Exited(Termination::Code(3)),
            Event::Exited(Termination::Signal(9)),
            Event::Limit(Termination::TooMuchMemory(3 << 30)),
            Event::Limit(Termination::TooManyProcesses(400)),
            Event::Asked,
            Event::Forced,
            Event::Leftover(4712, "a name of words".to_owned()),
            Event::Done,
        ];
        for event in events {
            assert_eq!(Event::parse(&event.to_string()), Some(event));
        }
        assert_eq!(Event::parse("nonsense"), None);
    }
}
