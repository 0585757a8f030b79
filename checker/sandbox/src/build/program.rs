//! Builds a program from the files as they are, whatever their modification times say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::private_copy::PrivateCopy;
use super::sources::{self, LastBuild, Sources};
use super::{BuildProgress, diagnosis, find_cargo, output_folder};
use crate::{PrepareError, environment};

/// How often to build while the files, or the program, change meanwhile.
const ATTEMPTS: usize = 4;

/// A program that was built from what is in its folder.
#[derive(Debug, Clone)]
pub struct PackageProgram {
    copy: Arc<PrivateCopy>,
    /// The folder of its `Cargo.toml`, where it runs.
    pub folder: PathBuf,
    /// The time that the build took.
    pub time: Duration,
}

impl PackageProgram {
    /// Its file, which nobody else knows.
    pub fn executable(&self) -> &Path {
        self.copy.path()
    }
}

/// Builds the binary of package `name` from the files as they are, and copies it, so that nothing can replace it.
///
/// `folder` is the folder of the package, as far as that is known before.
pub async fn of_package(
    name: &str,
    folder: Option<&Path>,
    root: &Path,
    color: bool,
    progress: &mut dyn FnMut(BuildProgress),
) -> Result<PackageProgram, PrepareError> {
    let output = output_folder(root);
    let record = output.join("builds").join(format!("{name}.json"));
    let mut last = LastBuild::load(&record);
    let mut places: BTreeSet<PathBuf> = folder.map(Path::to_owned).into_iter().collect();
    let mut time = Duration::ZERO;
    for attempt in 0..ATTEMPTS {
        if let Some(last) = &last {
            places.extend(last.places.iter().cloned());
        }
        let before = Sources::read(&places);
        let mut sees = false;
        if let Some(last) = &last {
            sees = attempt == 0 && last.lets_cargo_see(&before);
            // Where the files cannot be touched, or that did not help, cargo forgets what it has built.
            if !sees && (attempt > 1 || sources::touch(&last.roots).is_err()) {
                clean(&last.packages, root).await;
            }
        }
        let built = super::build(name, root, color, progress).await?;
        let ended = SystemTime::now();
        time += built.time;
        places = built.places();
        let after = Sources::read(&places);
        let identity = built.identity.as_ref().map_err(|error| diagnosis::not_copied(&built.executable, error))?;
        if (sees || built.all_compiled) && before == after {
            let copy = PrivateCopy::of(&built.executable, *identity, &output);
            if let Some(copy) = copy.map_err(|error| diagnosis::not_copied(&built.executable, &error))? {
                built.record(ended, *identity, places, after).store(&record);
                return Ok(PackageProgram { copy: Arc::new(copy), folder: built.folder, time });
            }
        }
        last = Some(built.record(ended, *identity, places.clone(), after));
    }
    Err(PrepareError::Environment(diagnosis::always_changed(name)))
}

/// Makes cargo forget what it has built of these packages. If it cannot, the next build shows why.
async fn clean(packages: &BTreeSet<String>, root: &Path) {
    let Some(cargo) = find_cargo() else { return };
    let mut cargo = tokio::process::Command::new(cargo);
    cargo
        .arg("clean")
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .current_dir(root)
        .env_clear()
        .envs(environment::for_cargo());
    let _ = cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).status().await;
}
