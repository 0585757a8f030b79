//! Advice in the book and the READMEs that depends on how this workspace compiles.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A handler that takes the body before the state, which only the last parameter may do.
const HANDLER: &str = r#"
use axum::Json;
use axum::extract::State;

#[axum::debug_handler]
async fn create(Json(name): Json<String>, State(count): State<usize>) -> String {
    format!("{name} {count}")
}

fn main() {
    let _: axum::Router = axum::Router::new().route("/", axum::routing::post(create)).with_state(1);
}
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The workspace with one package in place of all of its own: the same dependencies, in the same versions, compiled in the same way.
fn workspace_of_one(program: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut manifest: toml_edit::DocumentMut =
        fs::read_to_string(root().join("Cargo.toml")).expect("a manifest").parse().expect("TOML");
    let one: toml_edit::Array = ["step"].into_iter().collect();
    manifest["workspace"]["members"] = toml_edit::value(one.clone());
    manifest["workspace"]["default-members"] = toml_edit::value(one);
    let package = fs::read_to_string(root().join("steps/01-api-basics/Cargo.toml")).expect("a manifest");
    fs::create_dir_all(folder.path().join("step/src")).expect("a writable folder");
    for (path, text) in [
        ("Cargo.toml", manifest.to_string()),
        ("Cargo.lock", fs::read_to_string(root().join("Cargo.lock")).expect("a lock file")),
        ("step/Cargo.toml", package),
        ("step/src/main.rs", program.to_owned()),
    ] {
        fs::write(folder.path().join(path), text).expect("a writable folder");
    }
    folder
}

#[test]
fn debug_handler_names_the_parameter_that_is_wrong() {
    let folder = workspace_of_one(HANDLER);
    // Beside this test's own program, so that nothing is compiled for it that is there already.
    let target = Path::new(env!("CARGO_BIN_EXE_checker-complete")).ancestors().nth(2).expect("cargo's target folder");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--color", "never", "--target-dir"])
        .arg(target)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("must be the last argument to the handler function"), "{said}");
}
