//! `checker watch` as a process: without a terminal, and on one.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const CHECKER: &str = env!("CARGO_BIN_EXE_checker-complete");
const LIMIT: Duration = Duration::from_secs(60);

/// A checkout without packages; what is examined is a command that ends at once, so that nothing is built.
fn checkout() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for folder in ["steps", "checker", "app"] {
        fs::create_dir(root.path().join(folder)).expect("the folder is writable");
    }
    fs::write(root.path().join("Cargo.toml"), "[workspace]\n").expect("the folder is writable");
    root
}

/// A process that is killed if the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(mut command: Command, root: &Path) -> Self {
        command.current_dir(root.join("app")).env_remove("CARGO_TARGET_DIR").env_remove("NO_COLOR");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        Running(child.expect("it can be started"))
    }

    /// The exit code, once it has ended.
    fn code(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            if let Some(status) = self.0.try_wait().expect("it is our child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

#[test]
fn without_a_terminal_every_save_is_answered_with_a_report() {
    let root = checkout();
    let mut command = Command::new(CHECKER);
    command.args(["watch", "1", "--command", "exit 3"]);
    let mut watch = Running::start(command, root.path());
    let lines = lines(watch.0.stdout.take().expect("it is piped"));
    let wait_for = |what: &str| {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            if let Ok(line) = lines.recv_timeout(LIMIT) {
                assert!(!line.contains('\x1b'), "{line:?}");
                if line.contains(what) {
                    return;
                }
            }
        }
        panic!("{what} does not come");
    };
    wait_for("Watching app. Press Ctrl-C to stop.");
    wait_for("Step 1");
    wait_for("exit code 3");
    wait_for("When that is fixed, save.");
    fs::write(root.path().join("app/server.py"), "").expect("the folder is writable");
    wait_for("server.py saved");
    wait_for("exit code 3");
    // The same content again is no save, so the next report is on another file alone.
    fs::write(root.path().join("app/server.py"), "").expect("the folder is writable");
    fs::write(root.path().join("app/routes.py"), "").expect("the folder is writable");
    wait_for("routes.py saved");
    wait_for("exit code 3");
    let pid = Pid::from_child(&watch.0);
    kill_process(pid, Signal::INT).expect("it lives");
    assert_eq!(watch.code(), Some(130));
}

#[test]
fn a_url_has_nothing_to_watch_and_is_graded_once() {
    let root = checkout();
    let mut command = Command::new(CHECKER);
    // The discard port: nothing listens there.
    command.args(["watch", "1", "--url", "http://127.0.0.1:9"]);
    assert_eq!(Running::start(command, root.path()).code(), Some(3));
}

/// `script` of util-linux gives a program a terminal.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_keys_work_and_the_screen_is_given_back() {
    let root = checkout();
    let mut command = Command::new("script");
    let watch = format!("{CHECKER} watch 1 --command 'exit 3'");
    command.args(["-qfec", &watch, "/dev/null"]).env("TERM", "xterm-256color");
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("There is no `script` here to make a terminal with: not tested.");
        return;
    }
    let mut watch = Running::start(command, root.path());
    let mut keyboard = watch.0.stdin.take().expect("it is piped");
    let mut output = watch.0.stdout.take().expect("it is piped");
    let mut seen = String::new();
    let mut wait_for = |what: &str| {
        let (start, mut bytes) = (Instant::now(), [0; 4096]);
        while start.elapsed() < LIMIT {
            if let Some(at) = seen.find(what) {
                return seen.drain(..at + what.len()).collect::<String>();
            }
            let count = output.read(&mut bytes).unwrap_or_default();
            seen += &String::from_utf8_lossy(&bytes[..count]);
        }
        panic!("{what} does not come, but {seen:?}");
    };
    wait_for("\x1b[?1049h");
    wait_for("Run 1");
    keyboard.write_all(b"h").expect("it listens");
    wait_for("no hint to give");
    keyboard.write_all(b"r").expect("it listens");
    wait_for("Run 2");
    fs::write(root.path().join("app/server.py"), "").expect("the folder is writable");
    wait_for("Run 3");
    keyboard.write_all(b"q").expect("it listens");
    wait_for("\x1b[?7h\x1b[?25h\x1b[?1049l");
    let after = wait_for("same command again");
    assert!(after.contains("exit code 3"), "the latest report stays: {after:?}");
    assert_eq!(watch.code(), Some(0));
}

fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}
