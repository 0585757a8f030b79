//! Runs `checker up` in an empty workshop.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take, on a machine as busy as may be.
const BOUND: Duration = Duration::from_secs(120);

/// An empty workshop and a place of its own for services.
pub struct Trial {
    folder: TempDir,
    /// Not root, though the test is.
    unprivileged: bool,
}

/// A `checker up` that has printed its environment.
pub struct Up {
    child: Child,
    /// What it has printed.
    pub text: String,
}

/// What a checker said that has ended.
pub struct Said {
    pub code: Option<i32>,
    pub text: String,
}

impl Trial {
    pub fn new() -> Trial {
        install();
        Self::without_installing()
    }

    /// A trial that does not care what this machine has.
    pub fn without_installing() -> Trial {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for inner in ["workshop/steps", "workshop/checker", "place"] {
            fs::create_dir_all(folder.path().join(inner)).expect("a writable folder");
        }
        fs::write(folder.path().join("workshop/Cargo.toml"), "[workspace]\n").expect("a writable folder");
        // Whom services run as when the test is root must be able to pass.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("our own folder");
        Trial { folder, unprivileged: false }
    }

    /// A trial in which root gives up its rights; `None` where the test has none to give up.
    pub fn unprivileged() -> Option<Trial> {
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let mut trial = Self::new();
        trial.unprivileged = is_root;
        fs::set_permissions(trial.place(), Permissions::from_mode(0o777)).expect("our own folder");
        fs::set_permissions(trial.workshop(), Permissions::from_mode(0o777)).expect("our own folder");
        fs::copy(env!("CARGO_BIN_EXE_checker-complete"), trial.folder.path().join("checker")).expect("a writable folder");
        is_root.then_some(trial)
    }

    pub fn workshop(&self) -> PathBuf {
        self.folder.path().join("workshop")
    }

    /// Where services of this trial keep their data.
    pub fn place(&self) -> PathBuf {
        self.folder.path().join("place")
    }

    /// The entries of the folder of all services of this trial.
    pub fn kept(&self) -> Vec<PathBuf> {
        let inner = fs::read_dir(self.place()).expect("a folder").flatten();
        let folder = inner.map(|entry| entry.path()).find(|path| path.display().to_string().contains("workshop-services"));
        let entries = folder.map(|folder| fs::read_dir(folder).expect("a folder"));
        entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    }

    /// The folders of services that run, or ran.
    pub fn runs(&self) -> Vec<PathBuf> {
        let is_run = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("run-"));
        self.kept().into_iter().filter(is_run).collect()
    }

    pub fn checker(&self, args: &[&str]) -> Command {
        let mut command = match self.unprivileged {
            true => {
                let mut command = Command::new(self.folder.path().join("checker"));
                command.uid(65_534).gid(65_534);
                command
            }
            false => Command::new(env!("CARGO_BIN_EXE_checker-complete")),
        };
        command
            .args(args)
            .current_dir(self.workshop())
            .stdin(Stdio::null())
            .env("TMPDIR", self.place())
            // No engine: these tests are about private servers.
            .env("DOCKER_HOST", "tcp://127.0.0.1:1")
            .env_remove("DATABASE_URL")
            .env_remove("REDIS_URL");
        command
    }

    /// Starts `checker up` and waits until it has said all that it says.
    pub fn up(&self) -> Up {
        Self::wait_up(self.checker(&["up"]))
    }

    /// The same with a variable of the environment.
    pub fn up_with(&self, name: &str, value: &str) -> Up {
        let mut command = self.checker(&["up"]);
        command.env(name, value);
        Self::wait_up(command)
    }

    pub fn wait_up(mut command: Command) -> Up {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the checker starts");
        let mut text = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let said_all = lines.by_ref().map_while(Result::ok).any(|line| {
            text.push_str(&line);
            text.push('\n');
            line.starts_with("Ctrl-C")
        });
        let mut up = Up { child, text };
        if !said_all {
            let said = up.end();
            panic!("{:?} {}{}", said.code, up.text, said.text);
        }
        up
    }

    /// Runs a checker to its end.
    pub fn run(&self, mut command: Command) -> Said {
        let output = command.output().expect("the checker runs");
        let text = [output.stdout, output.stderr].concat();
        Said { code: output.status.code(), text: String::from_utf8(text).expect("UTF-8") }
    }

    /// Processes of services in this trial's place.
    pub fn processes(&self) -> Vec<Process> {
        let entries = fs::read_dir("/proc").expect("processes").flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter_map(Process::of).filter(|process| process.folder.starts_with(self.place())).collect()
    }

    /// Waits until no service of this trial is left.
    pub fn expect_nothing_running(&self) {
        wait_until("no process of a service is left", || self.processes().is_empty());
    }

    /// Waits until no data of a service of this trial is left.
    pub fn expect_nothing_stored(&self) {
        wait_until("no folder of a service is left", || self.runs().is_empty());
    }
}

impl Drop for Trial {
    /// A failed trial must not disturb the others.
    fn drop(&mut self) {
        for process in self.processes() {
            signal(process.pid, "KILL");
        }
    }
}

impl Up {
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// The value of a variable that was printed.
    pub fn variable(&self, name: &str) -> &str {
        let value = self.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }

    /// Runs SQL in the database that was printed.
    pub fn sql(&self, sql: &str) -> String {
        sql_at(self.variable("DATABASE_URL"), sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Asks the Redis that was printed.
    pub fn redis(&self, commands: &str) -> String {
        redis_at(self.variable("REDIS_URL"), commands)
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&mut self) -> Said {
        signal(self.pid(), "INT");
        self.end()
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Waits for its end.
    pub fn end(&mut self) -> Said {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            assert!(begun.elapsed() < BOUND, "the checker does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let mut text = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut text).expect("UTF-8");
        }
        Said { code: status.code(), text }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process and the folder it stands in.
#[derive(Debug)]
pub struct Process {
    pub pid: i32,
    pub args: Vec<String>,
    folder: PathBuf,
}

impl Process {
    fn of(pid: i32) -> Option<Process> {
        let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|line| !line.is_empty())?;
        let args = line.split(|&byte| byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
        Some(Process { pid, args, folder })
    }

    pub fn is_guard(&self) -> bool {
        self.args.get(1).map(String::as_str) == Some("guard")
    }

    /// Whether it is PostgreSQL's first process.
    pub fn is_postgres(&self) -> bool {
        !self.is_guard() && self.args[0].ends_with("/postgres")
    }
}

pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < BOUND, "it never comes that {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Runs SQL and gives its rows, one a line.
pub fn sql_at(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new("psql").args([url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().expect("psql");
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Sends commands as a person would type them, one a line, and gives the answers.
pub fn redis_at(url: &str, commands: &str) -> String {
    let (password, rest) = url.strip_prefix("redis://:").and_then(|rest| rest.split_once('@')).expect("a password");
    let (address, database) = rest.split_once('/').expect("a database");
    let mut stream = TcpStream::connect(address).expect("Redis listens");
    let database = if database.is_empty() { "0" } else { database };
    write!(stream, "AUTH {password}\r\nSELECT {database}\r\n{commands}\r\nQUIT\r\n").expect("Redis reads");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("UTF-8");
    answers
}

/// Sends a signal to a process.
pub fn signal(pid: i32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The programs that have to be there, installed if they are not.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let trial = Trial::without_installing();
        Trial::wait_up(trial.checker(&["up", "--yes"])).interrupt();
    });
}
