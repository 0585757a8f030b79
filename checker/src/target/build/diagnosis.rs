//! Why a build failed, said so that a learner knows whose turn it is.

use super::super::PrepareError;
use super::super::guard::Ending;
use super::{BUILD_WITHIN, WAIT_WITHIN};
use crate::outcome::Problem;

/// A cause that cargo's own words give away, when the compiler has said nothing.
struct Cause {
    /// Any of these tells it.
    signs: &'static [&'static str],
    /// Whether it lies in the learner's own files.
    own: bool,
    title: &'static str,
    remedy: &'static str,
}

impl Cause {
    fn is_in(&self, lines: &[String]) -> bool {
        lines.iter().any(|line| self.signs.iter().any(|sign| line.contains(sign)))
    }
}

/// The one thing the compiler complains of that is not in anybody's code.
const NO_LINKER: Cause = Cause {
    signs: &["linker `cc` not found"],
    own: false,
    title: "There is no C linker, which Rust needs to put a program together.",
    remedy: "Install one: `sudo apt install build-essential`, `sudo dnf install gcc`, or on macOS `xcode-select --install`.",
};

const CAUSES: &[Cause] = &[
    Cause {
        signs: &["No space left on device"],
        own: false,
        title: "The disk is full.",
        remedy: "Free some space; `cargo clean` in another project is a quick way to some gigabytes.",
    },
    Cause {
        signs: &["Permission denied", "Read-only file system", "failed to create directory"],
        own: false,
        title: "Cargo cannot write where it has to.",
        remedy: "Make the folder that cargo names below writable, or set CARGO_TARGET_DIR to a folder you can write to.",
    },
    Cause {
        signs: &["error: toolchain '", "error: override toolchain '", "error: rustup could", "could not execute process `rustc"],
        own: false,
        title: "The Rust toolchain is missing or incomplete.",
        remedy: "Run `rustup show` in this folder: it installs the toolchain that rust-toolchain.toml names.",
    },
    Cause {
        signs: &["(signal: 9, SIGKILL"],
        own: false,
        title: "The compiler was killed, most likely because memory ran out.",
        remedy: "Close other programs, or set CARGO_BUILD_JOBS=1 to compile one crate at a time.",
    },
    Cause {
        signs: &["failed to parse lock file", "failed to parse lockfile"],
        own: true,
        title: "Cargo.lock is damaged.",
        remedy: "Put it back with `git checkout Cargo.lock`.",
    },
    Cause {
        signs: &["did not match any packages", "could not find `Cargo.toml`", "could not find `workspace"],
        own: true,
        title: "There is no such package in this workspace.",
        remedy: "Check the name; `cargo run -p checker -- list` shows the steps, whose packages are called like step-01-api-basics.",
    },
    Cause {
        signs: &["failed to parse manifest", "TOML parse error", "could not parse input as TOML", "failed to load manifest"],
        own: true,
        title: "A Cargo.toml cannot be read.",
        remedy: "Correct the place that cargo shows, or put the step back with `cargo run -p checker -- reset STEP` (it keeps a backup).",
    },
    Cause {
        signs: &[
            "no matching package",
            "failed to select a version",
            "does not have these features",
            "does not have that feature",
        ],
        own: true,
        title: "A dependency in a Cargo.toml does not exist as it is written there.",
        remedy: "Check the name, version and features against crates.io.",
    },
    Cause {
        signs: &[
            "failed to download",
            "Could not resolve host",
            "Couldn't resolve host",
            "download of config.json failed",
            "unable to update registry",
            "--offline was specified",
            "failed to fetch",
            "network failure",
            "Timeout was reached",
        ],
        own: false,
        title: "Cargo could not download what the step depends on.",
        remedy: "Check the network connection (and the proxy settings, if there is a proxy), then try again.",
    },
];

/// What to say of a cargo that ended badly.
pub fn of_failure(name: &str, ending: Ending, errors: &[String], words: &[String]) -> PrepareError {
    let own_words = cargos_words(words);
    let cause = match errors {
        [] => CAUSES.iter().find(|cause| cause.is_in(&own_words)),
        errors => Some(&NO_LINKER).filter(|cause| cause.is_in(errors)),
    };
    match cause {
        None if !errors.is_empty() => PrepareError::NotBuilt(errors.concat()),
        Some(cause) if cause.own => not_built(cause.title, cause.remedy, &own_words),
        Some(cause) => environment(cause.title, cause.remedy, own_words),
        None if matches!(ending, Ending::Code(_)) => {
            not_built(&format!("Cargo could not build {name}."), "Cargo's own message says why.", &own_words)
        }
        None => environment(
            &format!("Cargo was killed while it built {name}: {ending}."),
            "Try again. If it happens again, look whether memory runs out.",
            own_words,
        ),
    }
}

/// A package without a program to run.
pub fn no_program(name: &str) -> PrepareError {
    not_built(&format!("Package {name} builds, but it has no program to run."), "A server needs a src/main.rs.", &[])
}

/// A package with several programs, none of them named like it.
pub fn many_programs(name: &str, programs: &[&str]) -> PrepareError {
    not_built(
        &format!("Package {name} has several programs: {}.", programs.join(", ")),
        "Keep one, or give the server's program the name of the package.",
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

/// A build, or another one that is waited for, takes too long.
pub fn too_slow(waiting: bool) -> Problem {
    if waiting {
        return Problem::new(
            format!("Another cargo has held the lock on the build folder for {} minutes.", WAIT_WITHIN.as_secs() / 60),
            "Look for a cargo that hangs, in an editor or another terminal, and end it.",
        );
    }
    Problem::new(
        format!("The build was stopped after {} minutes.", BUILD_WITHIN.as_secs() / 60),
        "Run `cargo build` by itself once: what it has compiled is kept, and the checker then only builds your own crate.",
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

/// From cargo's first error on; what it says before is what it was doing.
fn cargos_words(words: &[String]) -> Vec<String> {
    let first = words.iter().position(|line| line.starts_with("error")).unwrap_or(0);
    words[first..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(errors: &[&str], words: &str) -> PrepareError {
        let lines = |text: &[&str]| text.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        of_failure("step-01-api-basics", Ending::Code(101), &lines(errors), &lines(&words.lines().collect::<Vec<_>>()))
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
    fn what_the_machine_lacks_is_not_the_learners_turn() {
        let network = "    Updating crates.io index\nerror: failed to get `itoa` as a dependency of package `step v0.1.0`\n\n\
                       Caused by:\n  download of config.json failed";
        assert!(environment_title(said(&[], network)).contains("download"));
        let toolchain = "error: toolchain '1.95.0-x86_64-unknown-linux-gnu' is not installed";
        assert!(environment_title(said(&[], toolchain)).contains("toolchain"));
        let memory = "error: could not compile `serde`\n\nCaused by:\n  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)";
        assert!(environment_title(said(&[], memory)).contains("memory"));
        let linker = "error: linker `cc` not found\n  |\n  = note: No such file or directory (os error 2)\n\n";
        assert!(environment_title(said(&[linker], "error: could not compile `step`")).contains("linker"));
    }

    #[test]
    fn words_in_the_learners_code_mean_nothing() {
        let error = "error[E0308]: mismatched types\n  let message: u16 = \"Permission denied\";\n";
        assert_eq!(not_built_text(said(&[error], "error: could not compile `step`")), error);
    }

    #[test]
    fn cargos_own_words_begin_with_its_error_and_keep_their_shape() {
        let words = "   Compiling step v0.1.0\nerror: TOML parse error\n  |\n3 | version =\n  |           ^";
        let text = not_built_text(said(&[], words));
        assert!(text.starts_with("A Cargo.toml cannot be read."));
        assert!(text.ends_with("error: TOML parse error\n  |\n3 | version =\n  |           ^\n"), "{text}");
    }
}
