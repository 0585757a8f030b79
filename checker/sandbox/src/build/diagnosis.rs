//! Why a build failed: because of the learner's code, or because of this machine.

use std::io;
use std::path::Path;

use super::super::PrepareError;
use super::clock::{SILENT_FOR, WAIT_WITHIN};
use model::{Problem, Termination};

/// How many of the lines that show a cause are printed.
const TELLING: usize = 3;

/// The errors of the compiler.
#[derive(Debug, Default)]
pub struct Complaints {
    /// Each error as the compiler renders it for people.
    pub rendered: Vec<String>,
    /// Whether one of them points to a place in the code.
    pub in_code: bool,
    /// The plain lines of those that point to none.
    pub elsewhere: Vec<String>,
}

/// A cause of a failed build, recognized by the messages of cargo or the compiler.
struct Cause {
    /// Any of these texts shows it.
    signs: &'static [&'static str],
    /// Whether it lies in the learner's own files.
    own: bool,
    title: &'static str,
    remedy: &'static str,
}

impl Cause {
    fn is_in(&self, lines: &[String]) -> bool {
        lines.iter().any(|line| self.matches(line))
    }

    fn matches(&self, line: &str) -> bool {
        self.signs.iter().any(|sign| line.contains(sign))
    }
}

/// Causes that lie in this machine; the compiler or cargo reports them without a place in the code.
const MACHINE: &[Cause] = &[
    Cause {
        // The linker writes to a memory-mapped file; on a full disk that raises SIGBUS.
        signs: &["No space left on device", "Disk quota exceeded", "terminated with signal 7"],
        own: false,
        title: "The disk is full.",
        remedy: "Free some space; `cargo clean` in another project quickly frees some gigabytes.",
    },
    Cause {
        signs: &["(signal: 9, SIGKILL", "terminated with signal 9"],
        own: false,
        title: "The compiler was killed, most likely because this machine ran out of memory.",
        remedy: "Close other programs, or set CARGO_BUILD_JOBS=1 to compile one crate at a time.",
    },
    Cause {
        signs: &["linker `cc` not found", "failed to find tool \"cc\"", "Failed to find tool. Is `cc` installed?"],
        own: false,
        title: "There is no C compiler and linker (`cc`), which Rust needs to link programs.",
        remedy: "Install one: `sudo apt install build-essential`, `sudo dnf install gcc`, or on macOS `xcode-select --install`.",
    },
    Cause {
        // Another linker than `cc` is used only where the user has set one.
        signs: &["linker `", "invalid linker name in", "option '-fuse-ld=", "collect2: fatal error: cannot find"],
        own: false,
        title: "The linker that cargo is told to use was not found.",
        remedy: "Install it, or remove the setting: `linker` or `link-arg` in .cargo/config.toml, CARGO_TARGET_…_LINKER, or RUSTFLAGS.",
    },
    Cause {
        signs: &["Too many open files", "(os error 24)"],
        own: false,
        title: "The compiler may not open enough files.",
        remedy: "Raise the limit with `ulimit -n 4096` in this terminal, then try again.",
    },
    Cause {
        signs: &["Resource temporarily unavailable", "(os error 11)"],
        own: false,
        title: "This machine does not let the compiler start another process or thread.",
        remedy: "Close other programs or raise the limit (`ulimit -u`), or set CARGO_BUILD_JOBS=1 to compile one crate at a time.",
    },
    Cause {
        signs: &["Cannot allocate memory", "(os error 12)", "memory allocation of", "LLVM ERROR: out of memory"],
        own: false,
        title: "The compiler ran out of memory.",
        remedy: "Close other programs, remove a memory limit (`ulimit -v`), or set CARGO_BUILD_JOBS=1 to compile one crate at a time.",
    },
    Cause {
        signs: &["File too large", "(os error 27)", "(signal: 25, SIGXFSZ", "terminated with signal 25"],
        own: false,
        title: "The compiler may not write files as large as it needs.",
        remedy: "Remove the limit with `ulimit -f unlimited` in a new terminal, then try again.",
    },
    Cause {
        signs: &["(signal: 24, SIGXCPU"],
        own: false,
        title: "The compiler may not use as much processor time as it needs.",
        remedy: "Remove the limit with `ulimit -t unlimited` in a new terminal, then try again.",
    },
];

/// Causes that cargo reports before or instead of compiling.
const CARGO: &[Cause] = &[
    Cause {
        signs: &["Permission denied", "Read-only file system", "failed to create directory"],
        own: false,
        title: "Cargo cannot write to a folder that it needs.",
        remedy: "Make the folder that cargo names below writable, or set CARGO_TARGET_DIR to a folder that you can write to.",
    },
    Cause {
        // RUSTC_WRAPPER, RUSTC_WORKSPACE_WRAPPER or RUSTC names a program that is not there or does not work.
        signs: &["(never executed)", "failed to run `rustc` to learn about target-specific information"],
        own: false,
        title: "Cargo cannot run the compiler as it is told to.",
        remedy: "Check the variables RUSTC, RUSTC_WRAPPER and RUSTC_WORKSPACE_WRAPPER, and .cargo/config.toml in your home folder; \
                 then run `rustup show` in this folder, which installs the toolchain that rust-toolchain.toml names.",
    },
    Cause {
        signs: &["error: toolchain '", "error: override toolchain '", "error: rustup could", "could not execute process"],
        own: false,
        title: "The Rust toolchain is missing or incomplete.",
        remedy: "Run `rustup show` in this folder: it installs the toolchain that rust-toolchain.toml names.",
    },
    Cause {
        signs: &["failed to parse lock file", "failed to parse lockfile"],
        own: true,
        title: "Cargo.lock is damaged.",
        remedy: "Restore it with `git checkout Cargo.lock`.",
    },
    Cause {
        signs: &["did not match any packages", "could not find `Cargo.toml`", "could not find `workspace"],
        own: true,
        title: "There is no such package in this workspace.",
        remedy: "Check the name; `cargo run -p checker -- list` shows the steps. Packages have names such as step-01-api-basics.",
    },
    Cause {
        signs: &["failed to parse manifest", "TOML parse error", "could not parse input as TOML", "failed to load manifest"],
        own: true,
        title: "A Cargo.toml cannot be read.",
        // `reset` cannot help: cargo needs every manifest of the workspace to run the checker.
        remedy: "Fix the line that cargo shows, or put back the file that it names: `git checkout -- steps/01-api-basics/Cargo.toml`, \
                 for example.",
    },
    Cause {
        signs: &["you're using offline mode", "--offline was specified", "in offline mode", "cannot update the lock file"],
        own: false,
        title: "A dependency is not downloaded yet, and cargo works offline.",
        remedy: "Connect to the network, unset CARGO_NET_OFFLINE if it is set, and try again: cargo downloads each dependency once. \
                 If you have changed Cargo.toml, check the name and version of the dependency too.",
    },
    Cause {
        signs: &[
            "failed to download",
            "Could not resolve host",
            "Couldn't resolve host",
            "download of config.json failed",
            "unable to update registry",
            "failed to fetch",
            "network failure",
            "Timeout was reached",
            "Could not connect to server",
            "Couldn't connect to server",
            "spurious network error",
            "failed to query replaced source registry",
        ],
        own: false,
        title: "Cargo could not download the dependencies of the step.",
        remedy: "Check the network connection and, behind a proxy, the proxy settings. Then try again.",
    },
    Cause {
        signs: &[
            "no matching package",
            "failed to select a version",
            "does not have these features",
            "does not have that feature",
        ],
        own: true,
        title: "A dependency in a Cargo.toml does not exist in that form.",
        remedy: "Check the name, version and features against crates.io.",
    },
];

/// The error to report when cargo fails.
pub fn of_failure(name: &str, ending: Termination, errors: &Complaints, words: &[String]) -> PrepareError {
    let own_words = cargo_messages(words);
    if !errors.in_code
        && let Some(problem) = of_machine(errors.elsewhere.iter().chain(&own_words))
    {
        return PrepareError::Environment(problem);
    }
    if !errors.rendered.is_empty() {
        return PrepareError::NotBuilt(errors.rendered.concat());
    }
    match CARGO.iter().find(|cause| cause.is_in(&own_words)) {
        Some(cause) if cause.own => not_built(cause.title, cause.remedy, &own_words),
        Some(cause) => environment(cause.title, cause.remedy, own_words),
        None if matches!(ending, Termination::Code(_)) => {
            not_built(&format!("Cargo could not build {name}."), "Cargo's own message says why.", &own_words)
        }
        None => environment(
            &format!("Cargo was killed while it built {name}: {ending}."),
            "Try again. If it happens again, check whether this machine runs out of memory.",
            own_words,
        ),
    }
}

/// The problem with this machine that these messages of cargo and the compiler show, if they show one.
pub fn of_machine<'a>(words: impl Iterator<Item = &'a String> + Clone) -> Option<Problem> {
    MACHINE.iter().find_map(|cause| {
        let telling: Vec<String> = words.clone().filter(|line| cause.matches(line)).take(TELLING).cloned().collect();
        (!telling.is_empty()).then(|| Problem { details: telling, ..Problem::new(cause.title, cause.remedy) })
    })
}

/// A package without a binary to run.
pub fn no_program(name: &str) -> PrepareError {
    not_built(&format!("Package {name} builds, but it has no binary to run."), "A server needs a src/main.rs.", &[])
}

/// A package with several binaries, none of them named like the package.
pub fn many_programs(name: &str, programs: &[&str]) -> PrepareError {
    not_built(
        &format!("Package {name} has several binaries: {}.", programs.join(", ")),
        "Keep one, or give the server's binary the name of the package.",
        &[],
    )
}

/// No cargo to build with.
pub fn no_cargo() -> Problem {
    Problem::new(
        "There is no cargo on this machine's PATH.",
        "Install Rust from https://rustup.rs, open a new terminal, and try again.",
    )
}

/// A build takes too long, or the build that it waits for does.
pub fn too_slow(name: &str, waiting: bool) -> Problem {
    if waiting {
        return Problem::new(
            format!("Another cargo has held the lock on the build folder for {} minutes.", WAIT_WITHIN.as_secs() / 60),
            "Look for a cargo that hangs, in an editor or another terminal, and stop it.",
        );
    }
    Problem::new(
        format!("The build has made no progress for {} minutes, so the checker stopped it.", SILENT_FOR.as_secs() / 60),
        format!("Run `cargo build -p {name}` once without the checker: it has no time limit, and shows where it hangs."),
    )
}

/// The program that cargo has built cannot be copied.
pub fn not_copied(executable: &Path, error: &io::Error) -> PrepareError {
    let said = format!("{}: {error}", executable.display());
    let problem = of_machine(std::iter::once(&said)).unwrap_or_else(|| {
        Problem::new(
            format!("The program that cargo has built cannot be copied. {said}."),
            "Make the build folder writable, or set CARGO_TARGET_DIR to one that is. Keep other programs out of it.",
        )
    });
    PrepareError::Environment(problem)
}

/// Whatever is built, it is not what is in the folder by then.
pub fn always_changed(name: &str) -> Problem {
    Problem::new(
        format!("The files of {name}, or the program built from them, change all the time."),
        "Look for another program that writes there: an editor, a backup, or a second cargo with the same build folder.",
    )
}

fn environment(title: &str, remedy: &str, words: Vec<String>) -> PrepareError {
    PrepareError::Environment(Problem { title: title.to_owned(), remedy: remedy.to_owned(), details: words })
}

fn not_built(title: &str, remedy: &str, words: &[String]) -> PrepareError {
    let mut text = format!("{title} {remedy}\n");
    if !words.is_empty() {
        text.push('\n');
        text.push_str(&words.join("\n"));
        text.push('\n');
    }
    PrepareError::NotBuilt(text)
}

/// Cargo's output from its first error on; before that, it only reports progress.
fn cargo_messages(words: &[String]) -> Vec<String> {
    let first = words.iter().position(|line| line.starts_with("error")).unwrap_or(0);
    words[first..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(errors: &Complaints, words: &str) -> PrepareError {
        let words: Vec<String> = words.lines().map(str::to_owned).collect();
        of_failure("step-01-api-basics", Termination::Code(101), errors, &words)
    }

    fn cargo_said(words: &str) -> PrepareError {
        said(&Complaints::default(), words)
    }

    fn errors(text: &str, in_code: bool) -> Complaints {
        let elsewhere = if in_code { Vec::new() } else { text.lines().map(str::to_owned).collect() };
        Complaints { rendered: vec![text.to_owned()], in_code, elsewhere }
    }

    fn environment_title(error: PrepareError) -> String {
        match error {
            PrepareError::Environment(problem) => problem.title,
            other => panic!("{other:?}"),
        }
    }

    fn not_built_text(error: PrepareError) -> String {
        match error {
            PrepareError::NotBuilt(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_fault_of_the_machine_is_an_environment_error() {
        let network = "    Updating crates.io index\nerror: failed to get `itoa` as a dependency of package `step v0.1.0`\n\n\
                       Caused by:\n  download of config.json failed";
        assert!(environment_title(cargo_said(network)).contains("download"));
        let toolchain = "error: toolchain '1.95.0-x86_64-unknown-linux-gnu' is not installed";
        assert!(environment_title(cargo_said(toolchain)).contains("toolchain"));
        let memory = "error: could not compile `serde`\n\nCaused by:\n  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)";
        assert!(environment_title(cargo_said(memory)).contains("memory"));
        let linker = "linker `cc` not found\nNo such file or directory (os error 2)\n";
        assert!(environment_title(said(&errors(linker, false), "error: could not compile `step`")).contains("linker"));
    }

    #[test]
    fn a_full_disk_is_an_environment_error_whichever_program_reports_it() {
        let words = "error: failed to write `/t/debug/.fingerprint/step/invoked.timestamp`\n\nCaused by:\n  No space left on device (os error 28)";
        assert_eq!(environment_title(cargo_said(words)), "The disk is full.");
        for error in [
            "failed to write to `/t/debug/deps/rmetaX/full.rmeta`: No space left on device (os error 28)\n",
            "linking with `cc` failed: exit status: 1\ncollect2: fatal error: ld terminated with signal 7 [Bus error]\n",
        ] {
            let PrepareError::Environment(problem) = said(&errors(error, false), "error: could not compile `step`") else {
                panic!("{error}");
            };
            assert_eq!(problem.title, "The disk is full.");
            assert_eq!(problem.details, [error.lines().last().unwrap_or_default()]);
        }
    }

    #[test]
    fn a_sign_within_the_learners_code_is_ignored() {
        let error = "error[E0308]: mismatched types\n  let message: u16 = \"No space left on device\";\n";
        assert_eq!(not_built_text(said(&errors(error, true), "error: could not compile `step`")), error);
        let linking = "linking with `cc` failed: exit status: 1\nundefined symbol: transmogrify\n";
        assert_eq!(not_built_text(said(&errors(linking, false), "error: could not compile `step`")), linking);
    }

    #[test]
    fn cargos_output_begins_with_its_error_and_keeps_its_layout() {
        let words = "   Compiling step v0.1.0\nerror: TOML parse error\n  |\n3 | version =\n  |           ^";
        let text = not_built_text(cargo_said(words));
        assert!(text.starts_with("A Cargo.toml cannot be read."));
        assert!(text.ends_with("error: TOML parse error\n  |\n3 | version =\n  |           ^\n"), "{text}");
    }
}
