//! Runs the checker against misfits: servers that misbehave in one named way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// No run may take longer, on a machine as busy as may be.
const BOUND: Duration = Duration::from_secs(150);
/// How long a process may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// A program that misbehaves, below a checker in an empty workshop.
pub struct Trial {
    /// What tells the processes of this trial from all others: an argument of each.
    pub marker: String,
    workshop: TempDir,
}

/// What the checker said.
pub struct Verdict {
    pub code: Option<i32>,
    pub report: Value,
    pub text: String,
    /// The most memory the checker held, in MiB, as far as it was seen.
    pub peak: u64,
}

impl Trial {
    pub fn new() -> Trial {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let workshop = tempfile::tempdir().expect("a temporary folder");
        for folder in ["steps", "checker"] {
            fs::create_dir(workshop.path().join(folder)).expect("a writable folder");
        }
        fs::write(workshop.path().join("Cargo.toml"), "[workspace]\nmembers = [\"steps/*\"]\n").expect("a writable folder");
        Trial { marker: format!("trial-{}-{count}-{:?}", std::process::id(), Instant::now()).replace(' ', ""), workshop }
    }

    /// The top folder of the workshop.
    pub fn folder(&self) -> &Path {
        self.workshop.path()
    }

    /// The command by which a misfit with this behavior is started.
    pub fn misfit(&self, behavior: &str) -> String {
        format!("exec {} {behavior} '{}'", misfit().display(), self.marker)
    }

    /// A checker with these arguments.
    pub fn checker(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_checker-complete"));
        command.args(args).current_dir(self.folder()).stdin(Stdio::null()).env_remove("CARGO_TARGET_DIR");
        command
    }

    /// Starts a checker that examines a misfit, and does not wait for its end.
    pub fn start(&self, behavior: &str) -> Child {
        self.checker(&["check", "1", "--format", "json", "--command", &self.misfit(behavior)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the checker starts")
    }

    /// Examines a misfit by one check.
    pub fn examine(&self, behavior: &str) -> Verdict {
        self.examine_command(&self.misfit(behavior))
    }

    /// Examines what a shell command starts, by one check.
    pub fn examine_command(&self, command: &str) -> Verdict {
        self.run(self.checker(&["check", "1", "--only", "1.create", "--format", "json", "--command", command]))
    }

    /// Runs a checker to its end, and makes sure that nothing it started is left.
    pub fn run(&self, mut checker: Command) -> Verdict {
        let output = fs::File::create(self.folder().join("output")).expect("a writable folder");
        let mut child = checker.stdout(output).spawn().expect("the checker starts");
        let begun = Instant::now();
        let mut peak = 0;
        let status = loop {
            peak = peak.max(peak_memory(child.id()));
            if let Some(status) = child.try_wait().expect("our own child") {
                break status;
            }
            if begun.elapsed() > BOUND {
                let _ = child.kill();
                panic!("the run takes more than {BOUND:?}");
            }
            thread::sleep(Duration::from_millis(5));
        };
        let output = fs::read(self.folder().join("output")).expect("what was just written");
        self.expect_nothing_left();
        let text = String::from_utf8(output).expect("UTF-8");
        Verdict { code: status.code(), report: serde_json::from_str(&text).unwrap_or_default(), text, peak }
    }

    /// Waits for a process of this trial.
    pub fn wait_for(&self, what: impl Fn(&Process) -> bool) -> Process {
        let begun = Instant::now();
        loop {
            if let Some(found) = self.processes().into_iter().find(&what) {
                return found;
            }
            assert!(begun.elapsed() < GONE_WITHIN, "no such process comes up among {:?}", self.processes());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until no process of this trial is left.
    pub fn expect_nothing_left(&self) {
        let begun = Instant::now();
        while !self.processes().is_empty() {
            assert!(begun.elapsed() < GONE_WITHIN, "left running: {:?}", self.processes());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The processes that carry the marker, the checkers of this trial left out.
    pub fn processes(&self) -> Vec<Process> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter_map(Process::of)
            .filter(|process| process.args.iter().any(|arg| arg.contains(&self.marker)))
            .filter(|process| process.args.get(1).map(String::as_str) != Some("check"))
            .collect()
    }
}

impl Drop for Trial {
    /// A failed trial must not disturb the others.
    fn drop(&mut self) {
        for process in self.processes() {
            process.signal("KILL");
        }
    }
}

impl Verdict {
    /// What the checker says about the start of the server.
    pub fn title(&self) -> &str {
        self.report["problem"]["title"].as_str().unwrap_or_default()
    }

    pub fn remedy(&self) -> &str {
        self.report["problem"]["remedy"].as_str().unwrap_or_default()
    }

    /// The titles of what the checker advises.
    pub fn advice(&self) -> Vec<&str> {
        self.report["advice"].as_array().into_iter().flatten().filter_map(|advice| advice["title"].as_str()).collect()
    }

    /// The server did not start, and this part of a sentence says why.
    pub fn expect_not_started(&self, because: &str) {
        assert_eq!(self.code, Some(3), "{}", self.text);
        assert!(self.title().contains(because), "{}", self.text);
        assert!(!self.remedy().is_empty());
    }

    /// The server was examined, and this is the only advice; none if it is empty.
    pub fn expect_advice(&self, only: &str) {
        assert_eq!(self.code, Some(1), "{}", self.text);
        match (self.advice().as_slice(), only) {
            ([], "") => {}
            ([advice], only) if !only.is_empty() && advice.contains(only) => {}
            (advice, _) => panic!("{advice:?}"),
        }
    }
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    pub pid: u32,
    pub args: Vec<String>,
}

impl Process {
    fn of(pid: u32) -> Option<Process> {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|line| !line.is_empty())?;
        let args = line.split(|&byte| byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
        Some(Process { pid, args })
    }

    /// Whether it is a guard of the checker.
    pub fn is_guard(&self) -> bool {
        self.args.get(1).map(String::as_str) == Some("guard") && self.args.get(2).map(String::as_str) == Some("server")
    }

    /// Whether it is a misfit with this behavior.
    pub fn is(&self, behavior: &str) -> bool {
        self.args.get(1).map(String::as_str) == Some(behavior)
    }

    /// A variable of the environment it was started with.
    pub fn env(&self, name: &str) -> Option<String> {
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).ok()?;
        let environment = String::from_utf8_lossy(&environment).into_owned();
        environment.split('\0').find_map(|entry| Some(entry.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid as i32, name);
    }
}

/// Sends a signal to a process, or with a negative number to a process group.
pub fn signal(pid: i32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), "--", &pid.to_string()]).stderr(Stdio::null()).status();
}

fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_ascii_whitespace().next()?.parse().ok());
    peak.unwrap_or(0u64) / 1024
}

/// The misfit's executable, built beside the checker's.
fn misfit() -> &'static Path {
    static MISFIT: OnceLock<PathBuf> = OnceLock::new();
    MISFIT.get_or_init(|| {
        let beside = Path::new(env!("CARGO_BIN_EXE_checker-complete")).parent().expect("a folder");
        let cargo = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "saboteur", "--bin", "misfit", "--target-dir"])
            .arg(beside.parent().expect("cargo's target folder"))
            .args(if beside.ends_with("release") { &["--release"][..] } else { &[] })
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .status();
        assert!(cargo.expect("cargo runs").success());
        beside.join("misfit")
    })
}
