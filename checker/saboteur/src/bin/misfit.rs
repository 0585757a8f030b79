//! A server that misbehaves in one named way, for the checker's own tests.
//!
//! ```text
//! misfit BEHAVIOR [MARKER]
//! ```
//!
//! It listens on `HOST` and `PORT` unless its behavior says otherwise. Every process that it starts has the MARKER as an argument,
//! too, so that a test can tell whether one of them is still running.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio, exit};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getppid, kill_process, setsid};

/// The maximum lifetime of a misfit, in case the checker fails to stop it.
const LIFETIME: Duration = Duration::from_secs(120);

/// What a misfit does.
type Behavior = fn(&Misfit) -> io::Result<()>;

/// The behaviors by name.
const BEHAVIORS: &[(&str, Behavior)] = &[
    // Startup.
    ("exits-at-once", |_| exit(3)),
    ("exits-with-message", |_| {
        eprintln!("error: DATABASE_URL is not set");
        exit(1)
    }),
    ("exits-in-use", |_| {
        eprintln!("Error: Address already in use (os error 98)");
        exit(1)
    }),
    ("crashes-at-start", |_| std::process::abort()),
    ("listens-elsewhere", |_| respond_to_all(&TcpListener::bind("127.0.0.1:0")?, say_hello)),
    ("listens-on-v6", |misfit| respond_to_all(&TcpListener::bind(("::1", misfit.port))?, say_hello)),
    ("listens-everywhere", |misfit| respond_to_all(&TcpListener::bind(("0.0.0.0", misfit.port))?, say_hello)),
    ("listens-late", |misfit| {
        thread::sleep(Duration::from_millis(700));
        misfit.serve(say_hello)
    }),
    ("never-listens", |_| sleep_until_end()),
    ("goes-into-background", |misfit| misfit.start("listens-late").map(drop)),
    // Responses.
    ("behaves", |misfit| misfit.serve(say_hello)),
    ("never-answers", |misfit| misfit.serve(|_| sleep_until_end())),
    ("answers-garbage", |misfit| misfit.serve(|mut client| client.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"))),
    ("closes-mid-answer", |misfit| {
        misfit.serve(|mut client| {
            client.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n[{\"id\":")
        })
    }),
    ("crashes-on-request", |misfit| misfit.serve(|_| std::process::abort())),
    ("slow-drip", |misfit| {
        misfit.serve(|mut client| {
            client.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[")?;
            loop {
                thread::sleep(Duration::from_secs(1));
                client.write_all(b" ")?;
            }
        })
    }),
    ("huge-body", |misfit| {
        misfit.serve(|mut client| {
            client.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")?;
            forever(|| client.write_all(&[b'a'; 64 * 1024]))
        })
    }),
    ("huge-headers", |misfit| {
        misfit.serve(|mut client| {
            client.write_all(b"HTTP/1.1 200 OK\r\n")?;
            forever(|| client.write_all(format!("x-more: {}\r\n", "a".repeat(1000)).as_bytes()))
        })
    }),
    ("escape-sequences", |misfit| {
        misfit.serve(|mut client| {
            const NASTY: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}evil";
            println!("GET / 200 {NASTY}");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close";
            // Headers must not contain ASCII control characters, but may contain the bytes of a C1 one.
            client.write_all(format!("{head}\r\nx-nasty: \u{9b}31m\u{202e}evil\r\n\r\n{NASTY}").as_bytes())
        })
    }),
    // Resource usage.
    ("floods-log", |misfit| misfit.flood(|| io::stdout().write_all(&b"all work and no play makes a dull log\n".repeat(1000)))),
    ("floods-one-line", |misfit| misfit.flood(|| io::stderr().write_all(&[b'x'; 38_000]))),
    ("eats-memory", |_| {
        let pieces: Vec<Vec<u8>> = (0..48).map(|n| vec![n + 1; 64 * 1024 * 1024]).collect();
        let slept = sleep_until_end();
        drop(pieces);
        slept
    }),
    ("forks-much", |misfit| {
        let _children: Vec<_> = (0..400).map(|_| misfit.start("never-listens")).collect();
        sleep_until_end()
    }),
    // Shutdown.
    ("ignores-sigterm", |misfit| Err(misfit.exec_ignoring_sigterm("behaves"))),
    ("never-listens-nor-ends", |misfit| Err(misfit.exec_ignoring_sigterm("never-listens"))),
    ("leaves-child", |misfit| {
        misfit.command("never-listens").process_group(0).spawn()?;
        misfit.serve(say_hello)
    }),
    ("leaves-stubborn-child", |misfit| {
        misfit.start("never-listens-nor-ends")?;
        thread::sleep(Duration::from_millis(300));
        misfit.serve(say_hello)
    }),
    ("daemonizes", |misfit| {
        misfit.start("daemonizes-1")?.wait()?;
        misfit.serve(say_hello)
    }),
    ("daemonizes-and-never-answers", |misfit| {
        misfit.start("daemonizes-1")?.wait()?;
        misfit.serve(|_| sleep_until_end())
    }),
    ("daemonizes-1", |misfit| {
        setsid()?;
        misfit.start("daemonizes-2").map(drop)
    }),
    ("daemonizes-2", |_| {
        env::set_current_dir("/")?;
        sleep_until_end()
    }),
    ("forgets-its-origin", |misfit| {
        misfit.start("forgets-1")?.wait()?;
        misfit.serve(say_hello)
    }),
    ("forgets-1", |misfit| {
        setsid()?;
        misfit.command("never-listens").env_clear().spawn().map(drop)
    }),
    ("kills-parent", |misfit| {
        misfit.start("daemonizes-1")?.wait()?;
        misfit.start("never-listens")?;
        signal_parent(Signal::KILL);
        sleep_until_end()
    }),
    ("halts-parent", |misfit| {
        signal_parent(Signal::STOP);
        misfit.serve(say_hello)
    }),
];

fn main() -> ExitCode {
    let name = env::args().nth(1).unwrap_or_default();
    let Some((_, behave)) = BEHAVIORS.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = BEHAVIORS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: misfit BEHAVIOR [MARKER]\nbehaviors: {}", names.join(" "));
        return ExitCode::from(64);
    };
    thread::spawn(|| {
        thread::sleep(LIFETIME);
        exit(99)
    });
    let misfit = Misfit {
        host: env::var("HOST").unwrap_or_else(|_| "127.0.0.1".to_owned()),
        port: env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8000),
        marker: env::args().nth(2).unwrap_or_default(),
    };
    match behave(&misfit) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("misfit: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Misfit {
    host: String,
    port: u16,
    marker: String,
}

impl Misfit {
    fn serve(&self, respond: fn(TcpStream) -> io::Result<()>) -> io::Result<()> {
        let listener = TcpListener::bind((self.host.as_str(), self.port))?;
        println!("listening on {}", listener.local_addr()?);
        respond_to_all(&listener, respond)
    }

    /// Floods the log before and after the server starts to listen.
    fn flood(&self, write: fn() -> io::Result<()>) -> io::Result<()> {
        (0..1000).try_for_each(|_| write())?;
        thread::spawn(move || forever(write));
        self.serve(say_hello)
    }

    /// A command that runs this program with another behavior, detached from standard input and output as a daemon is.
    fn command(&self, behavior: &str) -> Command {
        let mut command = Command::new(own_path());
        command.args([behavior, &self.marker]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn start(&self, behavior: &str) -> io::Result<std::process::Child> {
        self.command(behavior).spawn()
    }

    /// Replaces this process by one with another behavior that ignores SIGTERM. A shell can do that without unsafe code, and exec
    /// keeps it.
    fn exec_ignoring_sigterm(&self, behavior: &str) -> io::Error {
        let script = "trap '' TERM; exec \"$0\" \"$@\"";
        Command::new("/bin/sh").args(["-c", script]).arg(own_path()).args([behavior, &self.marker]).exec()
    }
}

fn own_path() -> std::path::PathBuf {
    env::current_exe().expect("the system knows the path of this program")
}

fn respond_to_all(listener: &TcpListener, respond: fn(TcpStream) -> io::Result<()>) -> io::Result<()> {
    for client in listener.incoming() {
        thread::spawn(move || {
            let mut client = client?;
            if read_head(&mut client)? { respond(client) } else { Ok(()) }
        });
    }
    Ok(())
}

/// Reads to the end of a request's head. Returns false if there is no request.
fn read_head(client: &mut TcpStream) -> io::Result<bool> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte)? == 0 || head.len() > 64 * 1024 {
            return Ok(false);
        }
        head.push(byte[0]);
    }
    Ok(true)
}

fn say_hello(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nhello\n")
}

fn sleep_until_end() -> io::Result<()> {
    thread::sleep(LIFETIME);
    Ok(())
}

/// Repeats an action until it fails or the lifetime is over.
fn forever(mut act: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let started = Instant::now();
    while started.elapsed() < LIFETIME {
        act()?;
    }
    Ok(())
}

fn signal_parent(signal: Signal) {
    // Another parent than the guard has adopted this process.
    let is_guard = |pid: &Pid| {
        let mut command = String::new();
        let read = File::open(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).and_then(|mut f| f.read_to_string(&mut command));
        read.is_ok() && command.split('\0').nth(1) == Some("guard")
    };
    if let Some(parent) = getppid().filter(is_guard) {
        let _ = kill_process(parent, signal);
    }
}
