//! Checks whether the machine has what the workshop needs, and says what to do if it has not.

use std::path::Path;
use std::process::{Command, Stdio};

use super::CommandResult;
use checker::evidence;
use checker::output::print;
use harness::step::Course;
use model::{Problem, exit};
use report::terminal::{escape, escape_line};
use sandbox::{PrepareError, machine};

use workshop::Workshop;

/// Free space that building every step takes, in GiB, with room to spare.
const DISK: u64 = 4;

/// One thing that was looked at.
struct Finding {
    subject: &'static str,
    result: Result<String, Problem>,
    /// Whether the workshop cannot be used without it.
    needed: bool,
}

/// Prints what was found. The exit code is 4 if something that is needed is missing.
pub async fn doctor(workshop: &Workshop, course: &Course) -> CommandResult {
    let root = workshop.root();
    let mut findings = vec![
        needed("Rust toolchain", toolchain(root)),
        needed("linker", linker()),
        needed("compiling", compiling(root).await),
        needed("workshop folder", folder(root)),
        needed("build folder", folder(&evidence::folder(root, "doctor"))),
        needed("port", port()),
    ];
    findings.extend(machine::NEEDS.iter().map(|(subject, look)| needed(subject, look())));
    findings.extend([
        wanted("disk space", disk(root)),
        wanted("git", tool("git", "--version", "Install git: it keeps your work, and carries it to another machine.")),
        wanted("curl", tool("curl", "--version", "Install curl: failures show each request as a curl command to try.")),
        wanted("process supervision", supervision()),
    ]);
    for fixture in course.fixtures {
        if let Some(availability) = fixture.availability() {
            findings.push(wanted(fixture.name(), availability.await));
        }
    }
    findings.push(wanted("containers", containers(root).await));
    let mut code = exit::PASSED;
    for finding in findings {
        match finding.result {
            Ok(found) => print(&format!("ok       {:<20} {}\n", finding.subject, escape(&found)))?,
            Err(problem) => {
                let mark = if finding.needed { "MISSING " } else { "advice  " };
                print(&format!("{mark} {:<20} {}\n", finding.subject, escape(&problem.title)))?;
                for line in [&problem.remedy].into_iter().chain(&problem.details) {
                    print(&format!("{:30}{}\n", "", escape_line(line)))?;
                }
                if finding.needed {
                    code = exit::ENVIRONMENT;
                }
            }
        }
    }
    let without = course.steps.iter().take_while(|step| step.fixtures.is_empty()).map(|step| step.number.to_string());
    print(&format!("\nSteps {} need no service and no container.\n", without.collect::<Vec<_>>().join(" and ")))?;
    Ok(code)
}

fn needed(subject: &'static str, result: Result<String, Problem>) -> Finding {
    Finding { subject, result, needed: true }
}

fn wanted(subject: &'static str, result: Result<String, Problem>) -> Finding {
    Finding { subject, result, needed: false }
}

/// Whether the toolchain in use is the one that `rust-toolchain.toml` asks for.
fn toolchain(root: &Path) -> Result<String, Problem> {
    let install = "Install Rust with rustup (https://rustup.rs), open a new terminal, and try again.";
    let cargo = first_line("cargo", "--version", root).ok_or_else(|| Problem::new("cargo was not found.", install))?;
    let rustc = first_line("rustc", "--version", root).ok_or_else(|| Problem::new("rustc was not found.", install))?;
    let pinned = std::fs::read_to_string(root.join("rust-toolchain.toml")).unwrap_or_default();
    let pinned = pinned.parse::<toml_edit::DocumentMut>().ok();
    let pinned = pinned.as_ref().and_then(|file| file.get("toolchain")?.get("channel")?.as_str());
    match pinned {
        Some(version) if !rustc.contains(version) => Err(Problem::new(
            format!("This is {rustc}, and the workshop is made for {version}."),
            format!("Type `rustup toolchain install {version}`; without rustup, install Rust {version}."),
        )),
        _ => Ok(format!("{rustc}, {cargo}")),
    }
}

fn linker() -> Result<String, Problem> {
    first_line("cc", "--version", Path::new(".")).ok_or_else(|| {
        let remedy = match std::env::consts::OS {
            "macos" => "Type `xcode-select --install`.",
            _ => {
                "Install a C compiler: `sudo apt install build-essential` on Debian and Ubuntu, `sudo dnf install gcc` on Fedora."
            }
        };
        Problem::new("No C compiler and linker (`cc`) was found. Rust needs one to link programs.", remedy)
    })
}

/// Builds a small program as the steps are built: wrappers, linkers and limits of this terminal show then.
async fn compiling(root: &Path) -> Result<String, Problem> {
    const NAME: &str = "doctor-trial";
    let folder = evidence::folder(root, NAME);
    let unwritable = |error: std::io::Error| {
        Problem::new(format!("{} cannot be written: {error}.", folder.display()), "Make that folder writable for you.")
    };
    let manifest = format!("[package]\nname = \"{NAME}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n");
    // A text that differs each time, so that cargo compiles it each time.
    let program = format!("fn main() {{}} // {}\n", std::process::id());
    let write = || {
        std::fs::create_dir_all(folder.join("src"))?;
        std::fs::write(folder.join("Cargo.toml"), manifest)?;
        std::fs::write(folder.join("src/main.rs"), program)
    };
    write().map_err(unwritable)?;
    let built = sandbox::build(NAME, &folder, false, &mut |_| ()).await;
    let _ = std::fs::remove_dir_all(&folder);
    match built {
        Ok(built) => Ok(format!("a small program is built in {:.1} s", built.time.as_secs_f64())),
        Err(PrepareError::Environment(problem) | PrepareError::NotStarted(problem)) => Err(problem),
        Err(PrepareError::NotBuilt(message)) => Err(Problem {
            details: message.lines().map(str::to_owned).collect(),
            ..Problem::new("Cargo cannot build a small program.", "The lines below say why.")
        }),
    }
}

/// Whether a file can be written there. Windows drives are very slow under WSL.
fn folder(path: &Path) -> Result<String, Problem> {
    let trial = path.join(format!(".doctor-{}", std::process::id()));
    let written =
        std::fs::create_dir_all(path).and_then(|()| std::fs::write(&trial, "")).and_then(|()| std::fs::remove_file(&trial));
    match written {
        Ok(()) if is_windows_drive(path) => Err(Problem::new(
            format!("{} lies on a Windows drive, where builds take many times as long.", path.display()),
            "Clone the workshop into your Linux home folder instead: `cd ~` and clone again.",
        )),
        Ok(()) => Ok(path.display().to_string()),
        Err(error) => Err(Problem::new(
            format!("{} cannot be written: {error}.", path.display()),
            "Make the folder your own (`ls -ld` shows its owner), or clone the workshop into a folder that you own.",
        )),
    }
}

fn is_windows_drive(path: &Path) -> bool {
    std::env::var_os("WSL_DISTRO_NAME").is_some() && path.starts_with("/mnt")
}

fn port() -> Result<String, Problem> {
    sandbox::claim_port().map(|port| format!("a server can listen on 127.0.0.1:{port}"))
}

fn disk(root: &Path) -> Result<String, Problem> {
    let Ok(space) = rustix::fs::statvfs(root) else {
        return Err(Problem::new("The free disk space could not be read.", format!("Make sure that {DISK} GiB are free.")));
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize) / (1 << 30);
    match free < DISK {
        true => Err(Problem::new(
            format!("{free} GiB are free; building every step takes up to {DISK} GiB."),
            "Free some space, or type `cargo clean`.",
        )),
        false => Ok(format!("{free} GiB free")),
    }
}

fn supervision() -> Result<String, Problem> {
    match Path::new("/proc/self/stat").exists() {
        true => Ok("every process of a server can be found and stopped".into()),
        false => Err(Problem::new(
            "This system has no /proc, so a server that leaves its process group cannot be found.",
            "This matters only for such a server. Others are graded as usual.",
        )),
    }
}

/// A container engine for docker-compose.yml: one of the ways to get the services.
async fn containers(root: &Path) -> Result<String, Problem> {
    let file = fixtures::docker::FILE;
    match fixtures::docker::version().await {
        Some(version) => Ok(format!("docker {version}, for {}", root.join(file).display())),
        None => Err(Problem::new(
            format!("Docker does not respond, so `docker compose up` with {file} will not work."),
            "You do not need it if the services above are installed.",
        )),
    }
}

fn tool(name: &str, flag: &str, remedy: &str) -> Result<String, Problem> {
    first_line(name, flag, Path::new(".")).ok_or_else(|| Problem::new(format!("{name} was not found."), remedy))
}

fn first_line(program: &str, flag: &str, folder: &Path) -> Option<String> {
    let output = Command::new(program).arg(flag).current_dir(folder).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().filter(|_| output.status.success()).map(str::to_owned)
}
