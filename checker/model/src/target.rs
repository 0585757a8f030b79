//! What is examined.

use std::fmt;

/// What the user asks to examine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A package of the workspace, by name.
    Package(String),
    /// A shell command that starts a server on the port in `PORT`.
    Command(String),
    /// A server that runs already, such as `http://127.0.0.1:8000`, without a slash at the end.
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
    /// The folder of a package of the workshop, from its root: `step-01-api-basics` is `steps/01-api-basics`.
    pub fn folder(&self) -> Option<String> {
        let Target::Package(package) = self else { return None };
        Some(match package.split_once('-') {
            Some(("solution", slug)) => format!("solutions/{slug}"),
            Some(("step", slug)) => format!("steps/{slug}"),
            _ => package.clone(),
        })
    }
}
