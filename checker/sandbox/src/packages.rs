//! The packages of a workspace.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::{build, environment};

/// Cargo's metadata, reduced to the fields used here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// The names of the packages of the workspace in this folder; empty if cargo cannot list them, for example because of a manifest
/// that does not parse.
pub fn packages(root: &Path) -> Vec<String> {
    let listed = || {
        let mut cargo = Command::new(build::find_cargo()?);
        cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root);
        cargo.env_clear().envs(environment::for_cargo()).stdin(Stdio::null()).stderr(Stdio::null());
        let metadata: Metadata = serde_json::from_slice(&cargo.output().ok()?.stdout).ok()?;
        Some(metadata.packages.into_iter().map(|package| package.name).collect())
    };
    listed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_of_this_workspace_are_found() {
        let packages = packages(Path::new(env!("CARGO_MANIFEST_DIR")));
        assert!(["sandbox", "checker"].iter().all(|name| packages.iter().any(|package| package == name)), "{packages:?}");
    }

    #[test]
    fn without_a_workspace_there_are_none() {
        assert_eq!(packages(Path::new("/")), Vec::<String>::new());
    }
}
