//! Builds a package with cargo: reports progress while it compiles, and the compiler's messages if it fails.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::sync::mpsc;

use super::guard::{Care, Guarded, Program};
use super::{PrepareError, environment};
use clock::Clock;
use diagnosis::Complaints;
use model::Termination;
use sources::{Identity, LastBuild, Sources};

mod clock;
pub mod diagnosis;
mod private_copy;
pub mod program;
mod sources;

/// How long cargo may take to exit after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// The most bytes kept of the compiler's messages; nobody reads more.
const MESSAGES: usize = 256 * 1024;
/// The most lines kept of cargo's own output.
const WORDS: usize = 200;

/// What cargo is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildProgress {
    /// Another cargo holds the lock.
    Waiting,
    /// Cargo fetches dependencies.
    Downloading,
    /// `done` of `total` units are compiled, and `now` names those in progress.
    Compiling { done: usize, total: usize, now: String },
}

/// A successfully built package.
#[derive(Debug)]
pub struct Built {
    /// The path of the binary.
    pub executable: PathBuf,
    /// The folder of its `Cargo.toml`, where it runs.
    pub folder: PathBuf,
    /// The time that the build took.
    pub time: Duration,
    /// The file that was the binary when cargo reported it.
    identity: io::Result<Identity>,
    /// The packages that it consists of and whose files are on this machine: their ids, folders and root files.
    packages: BTreeSet<String>,
    folders: BTreeSet<PathBuf>,
    roots: BTreeSet<PathBuf>,
    /// Whether cargo compiled all of them.
    all_compiled: bool,
}

/// A line of cargo's `--message-format=json`, reduced to the fields used here.
#[derive(Debug, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Record {
    CompilerArtifact {
        package_id: String,
        target: Target,
        manifest_path: PathBuf,
        executable: Option<PathBuf>,
        /// Whether cargo found no reason to compile it.
        fresh: bool,
    },
    CompilerMessage {
        message: Diagnostic,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
    rendered: Option<String>,
    /// The places in the code that it points to.
    #[serde(default)]
    spans: Vec<serde::de::IgnoredAny>,
    /// Its notes.
    #[serde(default)]
    children: Vec<Note>,
}

#[derive(Debug, Deserialize)]
struct Note {
    message: String,
}

/// Output of cargo.
enum Heard {
    Record(Record),
    Words(String),
    /// One of its two streams has ended.
    End,
}

/// The folder in which the checker keeps its files of this workspace, below cargo's build output.
pub fn output_folder(root: &Path) -> PathBuf {
    output_folder_below(std::env::var_os("CARGO_TARGET_DIR"), root)
}

/// Cargo's own rule: the variable, relative to the working folder, or else `target` in the workspace.
fn output_folder_below(target: Option<OsString>, root: &Path) -> PathBuf {
    let target = target.filter(|folder| !folder.is_empty());
    target.map_or_else(|| root.join("target"), PathBuf::from).join("checker")
}

/// Builds the binary of package `name`.
pub async fn build(name: &str, root: &Path, color: bool, progress: &mut dyn FnMut(BuildProgress)) -> Result<Built, PrepareError> {
    let cargo = find_cargo().ok_or_else(|| PrepareError::Environment(diagnosis::no_cargo()))?;
    let format = if color { "json-diagnostic-rendered-ansi" } else { "json" };
    let program = Program {
        care: Care::Tool,
        path: cargo,
        args: ["build", "--package", name, "--message-format", format].iter().map(Into::into).collect(),
        folder: root.to_owned(),
        env: environment::for_cargo(),
    };
    let (guarded, stdout, stderr) =
        Guarded::start(program).map_err(|error| PrepareError::Environment(super::complaint::no_process(&error)))?;
    let (sender, mut heard) = mpsc::channel(64);
    tokio::spawn(read_messages(stdout, sender.clone()));
    tokio::spawn(read_words(stderr, sender));

    let mut build = Build::new(name);
    let mut streams = 2;
    while streams > 0 {
        let remaining = build.clock.remaining();
        match tokio::time::timeout(remaining, heard.recv()).await {
            Ok(Some(Heard::Record(record))) => build.note(record),
            Ok(Some(Heard::Words(line))) => build.hear(&line, progress),
            Ok(Some(Heard::End)) => streams -= 1,
            Ok(None) => break,
            Err(_) => {
                let problem = diagnosis::too_slow(name, build.clock.is_waiting());
                guarded.stop(GRACE).await;
                return Err(PrepareError::Environment(problem));
            }
        }
    }
    let mut guarded = guarded;
    let ending = guarded.wait_until(|status| status.ending().is_some()).await.ending();
    build.result(ending.unwrap_or(Termination::GuardKilled))
}

/// A binary that cargo reports.
struct Binary {
    name: String,
    executable: PathBuf,
    manifest: PathBuf,
    identity: io::Result<Identity>,
}

/// The state of a running build.
struct Build<'a> {
    name: &'a str,
    clock: Clock,
    /// The binaries of the package.
    programs: Vec<Binary>,
    /// What was built from files on this machine.
    packages: BTreeSet<String>,
    folders: BTreeSet<PathBuf>,
    roots: BTreeSet<PathBuf>,
    all_compiled: bool,
    /// What the progress bar said last.
    compiling: Option<BuildProgress>,
    errors: Complaints,
    size: usize,
    words: VecDeque<String>,
}

impl<'a> Build<'a> {
    fn new(name: &'a str) -> Self {
        Build {
            name,
            clock: Clock::new(),
            programs: Vec::new(),
            packages: BTreeSet::new(),
            folders: BTreeSet::new(),
            roots: BTreeSet::new(),
            all_compiled: true,
            compiling: None,
            errors: Complaints::default(),
            size: 0,
            words: VecDeque::new(),
        }
    }

    fn note(&mut self, record: Record) {
        self.clock.works();
        self.clock.advances();
        match record {
            Record::CompilerArtifact { package_id, target, manifest_path, executable, fresh } => {
                if package_id.starts_with("path+file://") {
                    self.packages.insert(package_id);
                    self.folders.extend(manifest_path.parent().map(Path::to_owned));
                    self.roots.insert(target.src_path);
                    self.all_compiled &= !fresh;
                }
                if let Some(executable) = executable
                    && target.kind.iter().any(|kind| kind == "bin")
                {
                    // Cargo still holds its lock, so no other cargo has replaced the file yet.
                    let identity = Identity::of(&executable);
                    self.programs.push(Binary { name: target.name, executable, manifest: manifest_path, identity });
                }
            }
            Record::CompilerMessage { message } => self.note_diagnostic(message),
            _ => {}
        }
    }

    /// Keeps errors. Warnings do not fail a build, so they would only hide its cause.
    fn note_diagnostic(&mut self, diagnostic: Diagnostic) {
        let Some(rendered) = diagnostic.rendered.filter(|_| diagnostic.level.starts_with("error")) else {
            return;
        };
        // Neither a repeated error (of a library and of its tests) nor "aborting due to 3 previous errors" adds anything.
        let is_new = !self.errors.rendered.contains(&rendered) && !rendered.contains("aborting due to");
        if is_new && self.size < MESSAGES {
            self.size += rendered.len();
            self.errors.rendered.push(rendered);
            if diagnostic.spans.is_empty() {
                let texts = std::iter::once(&diagnostic.message).chain(diagnostic.children.iter().map(|note| &note.message));
                self.errors.elsewhere.extend(texts.flat_map(|text| text.lines()).map(str::to_owned));
            } else {
                self.errors.in_code = true;
            }
        }
    }

    fn hear(&mut self, words: &str, progress: &mut dyn FnMut(BuildProgress)) {
        let line = words.trim();
        if line.starts_with("Blocking waiting for file lock") {
            self.clock.waits();
            return progress(BuildProgress::Waiting);
        }
        if line.is_empty() {
            return;
        }
        self.clock.works();
        if let Some(compiling) = parse_progress(line) {
            // The bar is drawn again and again; it is progress only if it says something else.
            if self.compiling.as_ref() != Some(&compiling) {
                self.clock.advances();
                self.compiling = Some(compiling.clone());
            }
            return progress(compiling);
        }
        self.clock.advances();
        if ["Updating ", "Downloading ", "Downloaded "].iter().any(|word| line.starts_with(word)) {
            progress(BuildProgress::Downloading);
        }
        if self.words.len() == WORDS {
            self.words.pop_front();
        }
        self.words.push_back(words.trim_end().to_owned());
    }

    fn result(mut self, ending: Termination) -> Result<Built, PrepareError> {
        if !ending.is_success() {
            let words: Vec<String> = self.words.into();
            return Err(diagnosis::of_failure(self.name, ending, &self.errors, &words));
        }
        let named = self.programs.iter().position(|program| program.name == self.name);
        match (self.programs.len(), named) {
            (1, _) => Ok(self.built(0)),
            (_, Some(at)) => Ok(self.built(at)),
            (0, None) => Err(diagnosis::no_program(self.name)),
            (_, None) => {
                let names: Vec<&str> = self.programs.iter().map(|program| program.name.as_str()).collect();
                Err(diagnosis::many_programs(self.name, &names))
            }
        }
    }

    fn built(&mut self, at: usize) -> Built {
        let Binary { executable, manifest, identity, .. } = self.programs.swap_remove(at);
        Built {
            executable,
            folder: manifest.parent().unwrap_or(Path::new(".")).to_owned(),
            time: self.clock.worked(),
            identity,
            packages: std::mem::take(&mut self.packages),
            folders: std::mem::take(&mut self.folders),
            roots: std::mem::take(&mut self.roots),
            all_compiled: self.all_compiled,
        }
    }
}

impl Built {
    /// What it was built from: folders of packages, and single files elsewhere.
    fn places(&self) -> BTreeSet<PathBuf> {
        // A path such as `src/../../shared.rs` only begins like one in the folder.
        let whole = |path: PathBuf| path.canonicalize().unwrap_or(path);
        let folders: Vec<PathBuf> = self.folders.iter().cloned().map(whole).collect();
        let is_elsewhere = |file: &PathBuf| !folders.iter().any(|folder| file.starts_with(folder));
        let elsewhere = sources::compiled_into(&self.executable).into_iter().map(whole).filter(is_elsewhere);
        self.folders.iter().cloned().chain(elsewhere).collect()
    }

    fn record(&self, ended: SystemTime, program: Identity, places: BTreeSet<PathBuf>, sources: Sources) -> LastBuild {
        let (executable, packages, roots) = (self.executable.clone(), self.packages.clone(), self.roots.clone());
        LastBuild { ended, executable, program, packages, places, roots, sources }
    }
}

/// Reads a progress bar such as `Building [====>   ] 12/87: serde, tokio`.
fn parse_progress(line: &str) -> Option<BuildProgress> {
    let (_, rest) = line.strip_prefix("Building [")?.split_once("] ")?;
    let (count, now) = rest.split_once(':').unwrap_or((rest, ""));
    let (done, total) = count.trim().split_once('/')?;
    let now = now.trim().to_owned();
    Some(BuildProgress::Compiling { done: done.parse().ok()?, total: total.parse().ok()?, now })
}

async fn read_messages(stdout: impl tokio::io::AsyncRead + Unpin, to: mpsc::Sender<Heard>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Ok(record) = serde_json::from_str(&line)
            && to.send(Heard::Record(record)).await.is_err()
        {
            return;
        }
    }
    let _ = to.send(Heard::End).await;
}

/// Reads cargo's own output line by line; a carriage return ends a state of the progress bar.
async fn read_words(mut stderr: impl tokio::io::AsyncRead + Unpin, to: mpsc::Sender<Heard>) {
    const LONGEST: usize = 64 * 1024;
    let mut buffer = [0; 4096];
    let mut line = Vec::new();
    while let Ok(size @ 1..) = stderr.read(&mut buffer).await {
        for &byte in &buffer[..size] {
            if byte != b'\n' && byte != b'\r' {
                if line.len() < LONGEST {
                    line.push(byte);
                }
                continue;
            }
            let words = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            if to.send(Heard::Words(words)).await.is_err() {
                return;
            }
        }
    }
    let _ = to.send(Heard::Words(String::from_utf8_lossy(&line).into_owned())).await;
    let _ = to.send(Heard::End).await;
}

/// The cargo that this program was started by, or the one on `PATH`.
pub fn find_cargo() -> Option<PathBuf> {
    let given = std::env::var_os("CARGO").map(PathBuf::from).filter(|path| path.is_file());
    given.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("cargo")).find(|file| file.is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::clock::SILENT_FOR;
    use super::*;

    #[test]
    fn the_target_folder_of_cargo_is_honored() {
        let root = Path::new("/course");
        assert_eq!(output_folder_below(None, root), Path::new("/course/target/checker"));
        assert_eq!(output_folder_below(Some("".into()), root), Path::new("/course/target/checker"));
        assert_eq!(output_folder_below(Some("/elsewhere".into()), root), Path::new("/elsewhere/checker"));
    }

    #[test]
    fn the_progress_bar_is_parsed() {
        let line = "Building [=======>        ] 12/87: serde, tokio(build)";
        let now = "serde, tokio(build)".to_owned();
        assert_eq!(parse_progress(line), Some(BuildProgress::Compiling { done: 12, total: 87, now }));
        assert_eq!(parse_progress("Compiling serde v1.0.0"), None);
    }

    #[test]
    fn progress_is_reported_and_only_messages_are_kept() {
        let mut seen = Vec::new();
        let mut build = Build::new("step-01-api-basics");
        for line in [
            "    Updating crates.io index",
            "    Blocking waiting for file lock on build directory",
            "    Building [=>   ] 1/2: step",
            "error: no",
        ] {
            build.hear(line, &mut |progress| seen.push(progress));
        }
        let now = "step".to_owned();
        let expected = [BuildProgress::Downloading, BuildProgress::Waiting, BuildProgress::Compiling { done: 1, total: 2, now }];
        assert_eq!(seen, expected);
        assert_eq!(build.words, ["    Updating crates.io index", "error: no"]);
    }

    #[test]
    fn a_build_may_take_long_as_long_as_it_advances() {
        let mut build = Build::new("step");
        let long_ago = |build: &mut Build| build.clock.advanced -= SILENT_FOR - Duration::from_secs(1);
        build.hear("Building [=>   ] 1/2: step", &mut |_| ());
        long_ago(&mut build);
        build.hear("Building [=>   ] 1/2: step", &mut |_| ());
        assert!(build.clock.remaining() <= Duration::from_secs(1), "the same bar again is no progress");
        build.hear("Building [==>  ] 2/2: step", &mut |_| ());
        assert!(build.clock.remaining() > SILENT_FOR / 2);
        long_ago(&mut build);
        build.hear("   Compiling serde v1.0.0", &mut |_| ());
        assert!(build.clock.remaining() > SILENT_FOR / 2);
    }

    #[test]
    fn an_error_without_a_span_is_not_an_error_in_the_code() {
        let heard = |json: &str| {
            let mut build = Build::new("step");
            build.note(serde_json::from_str(json).expect("a record"));
            build.errors
        };
        let full = r#"{"reason":"compiler-message","message":{"level":"error","message":"linking with `cc` failed: exit status: 1",
            "code":null,"rendered":"error: linking\n","spans":[],"children":[{"message":"some arguments are omitted\nterminated","spans":[]}]}}"#;
        let errors = heard(full);
        assert!(!errors.in_code);
        assert_eq!(errors.elsewhere, ["linking with `cc` failed: exit status: 1", "some arguments are omitted", "terminated"]);
        let errors = heard(&full.replacen(r#""spans":[]"#, r#""spans":[{"line_start":1}]"#, 1));
        assert!(errors.in_code && errors.elsewhere.is_empty());
        assert_eq!(errors.rendered, ["error: linking\n"]);
    }

    #[test]
    fn the_server_is_the_binary_with_the_name_of_the_package() {
        let program = |name: &str| Binary {
            name: name.to_owned(),
            executable: PathBuf::from(format!("/t/{name}")),
            manifest: PathBuf::from("/s/Cargo.toml"),
            identity: Err(io::ErrorKind::NotFound.into()),
        };
        let result = |programs: &[&str]| {
            let mut build = Build::new("step");
            build.programs = programs.iter().map(|name| program(name)).collect();
            build.result(Termination::Code(0)).map(|built| built.executable)
        };
        assert!(result(&["other"]).is_ok_and(|path| path == Path::new("/t/other")));
        assert!(result(&["other", "step"]).is_ok_and(|path| path == Path::new("/t/step")));
        assert!(matches!(result(&["other", "another"]), Err(PrepareError::NotBuilt(text)) if text.contains("another")));
    }
}
