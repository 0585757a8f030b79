//! What was examined, and how a person repeats that by hand.

use model::{Target, VariableHint, shell};

/// Where the learner's own server listens by default.
const OWN_BASE: &str = "http://127.0.0.1:8000";

/// What was examined, as the user named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A package of the workspace.
    Package(&'a str),
    /// A command line.
    Command(&'a str),
    /// The URL of a running server.
    Url(&'a str),
}

impl<'a> Subject<'a> {
    /// The subject behind the target of a report.
    pub fn of(target: &'a Target) -> Self {
        match target {
            Target::Package(name) => Subject::Package(name),
            Target::Command(command) => Subject::Command(command),
            Target::Url(url) => Subject::Url(url),
        }
    }

    /// Scheme, host and port to show in requests. The examined server has stopped by the time a person tries them, unless it was
    /// given by its URL.
    pub fn base(self) -> &'a str {
        match self {
            Subject::Url(url) => url.trim_end_matches('/'),
            _ => OWN_BASE,
        }
    }

    /// The command that starts a server that needs these variables, with these settings, at [`Subject::base`], if it has to be started.
    pub fn start(self, variables: &[VariableHint], settings: &[(String, Option<String>)]) -> Option<String> {
        let needed = variables.iter().map(|variable| format!("{}=… ", variable.name));
        let set = settings.iter().map(|(name, value)| match value {
            Some(value) => format!("{name}={} ", shell::word(value)),
            None => format!("{name}=… "),
        });
        let settings: String = needed.chain(set).collect();
        match self {
            Subject::Package(package) => Some(format!("{settings}cargo run -p {package}")),
            Subject::Command(command) => Some(format!("{settings}PORT=8000 sh -c {}", shell::quoted(command))),
            Subject::Url(_) => None,
        }
    }

    /// The command that examines it again as `step`, with `flags` added.
    pub fn check(self, step: u8, flags: &str) -> String {
        let target = match self {
            Subject::Package(_) if self.folder().is_some() => String::new(),
            Subject::Package(package) => format!(" --package {package}"),
            Subject::Command(command) => format!(" --command {}", shell::quoted(command)),
            Subject::Url(url) => format!(" --url {url}"),
        };
        format!("cargo run -p checker -- check {step}{target}{flags}")
    }

    /// The folder of the learner's own sources, if it is one of the steps' packages.
    pub fn folder(self) -> Option<String> {
        match self {
            Subject::Package(package) if package.starts_with("step-") => Target::Package(package.to_owned()).folder(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_needs_no_flags_to_be_checked_again() {
        let step = Subject::Package("step-01-api-basics");
        let variables = ["DATABASE_URL", "JWT_SECRET"].map(|name| VariableHint { name: name.into(), by_hand: String::new() });
        assert_eq!(step.check(1, " --stretch"), "cargo run -p checker -- check 1 --stretch");
        assert_eq!(step.start(&[], &[]).as_deref(), Some("cargo run -p step-01-api-basics"));
        assert_eq!(step.start(&variables, &[]).as_deref(), Some("DATABASE_URL=… JWT_SECRET=… cargo run -p step-01-api-basics"));
        assert_eq!(step.folder().as_deref(), Some("steps/01-api-basics"));
    }

    #[test]
    fn other_targets_are_named_again() {
        let solution = Subject::Package("solution-01-api-basics");
        assert_eq!(solution.check(1, ""), "cargo run -p checker -- check 1 --package solution-01-api-basics");
        let command = Subject::Command("python3 it's.py");
        assert_eq!(command.check(1, ""), r"cargo run -p checker -- check 1 --command 'python3 it'\''s.py'");
        assert_eq!(command.start(&[], &[]).as_deref(), Some(r"PORT=8000 sh -c 'python3 it'\''s.py'"));
        let url = Subject::Url("http://127.0.0.1:9000/");
        assert_eq!(url.check(2, ""), "cargo run -p checker -- check 2 --url http://127.0.0.1:9000/");
        assert_eq!((url.base(), url.start(&[], &[])), ("http://127.0.0.1:9000", None));
    }
}
