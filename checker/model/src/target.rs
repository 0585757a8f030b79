//! The target under examination.

use std::fmt;

/// The target that the user chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A package of the workspace, by name.
    Package(String),
    /// A shell command that starts a server on the port in `PORT`.
    Command(String),
    /// A server that is already running, such as `http://127.0.0.1:8000`, without a trailing slash.
    Url(String),
}

impl fmt::Display for Target {
    /// As the user would name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Target::Package(name) | Target::Command(name) | Target::Url(name)) = self;
        f.write_str(name)
    }
}

impl Target {
    /// The folder of a package of the workshop, relative to its root: `steps/01-api-basics` for `step-01-api-basics`.
    pub fn folder(&self) -> Option<String> {
        let Target::Package(package) = self else { return None };
        Some(match package.split_once('-') {
            Some(("solution", slug)) => format!("solutions/{slug}"),
            Some(("step", slug)) => format!("steps/{slug}"),
            _ => package.clone(),
        })
    }
}
