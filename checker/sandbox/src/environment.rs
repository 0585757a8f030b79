//! The environment variables of started programs: few of the checker's own, so that a server behaves the same everywhere.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::guard::orphans;

/// A list of environment variables.
pub type Variables = Vec<(OsString, OsString)>;

/// The variables that a server inherits: the user, the language, and the locations of programming languages' runtimes.
const PASSED: &str = "
    PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR LD_LIBRARY_PATH DYLD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR
    RUSTUP_HOME RUSTUP_TOOLCHAIN CARGO_HOME JAVA_HOME MAVEN_HOME GRADLE_HOME GRADLE_USER_HOME GOPATH GOROOT GOCACHE
    GOMODCACHE NODE_PATH NODE_EXTRA_CA_CERTS DENO_DIR BUN_INSTALL VOLTA_HOME PNPM_HOME PYTHONPATH PYTHONHOME VIRTUAL_ENV
    CONDA_PREFIX GEM_HOME GEM_PATH RUBYLIB PERL5LIB PHPRC PHP_INI_SCAN_DIR COMPOSER_HOME DOTNET_ROOT NUGET_PACKAGES
    ERL_LIBS MIX_HOME HEX_HOME OPAMROOT STACK_ROOT";

/// Prefixes of further inherited variables.
const PASSED_PREFIXES: &str = "LC_ XDG_ PYENV_ RBENV_ NVM_ FNM_ ASDF_ MISE_ SDKMAN_ UV_ POETRY_ NIX_";

/// Variables that `cargo run` sets for the checker. The learner's build scripts and crates must not see them.
const OF_CARGO_RUN: &[&str] = &["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];

/// Prefixes of further variables that `cargo run` sets.
const OF_CARGO_RUN_PREFIXES: &[&str] = &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];

/// The environment of a server that should listen on `port`. Later entries override earlier ones.
pub fn for_server(port: u16, extra: &[(&str, &str)]) -> Variables {
    let port = port.to_string();
    let ours = [("HOST", "127.0.0.1"), ("PORT", &port), ("RUST_LOG", "info"), ("NO_COLOR", "1"), ("PYTHONUNBUFFERED", "1")];
    let mut variables = for_service(&ours);
    variables.extend(extra.iter().map(|(name, value)| (name.into(), value.into())));
    variables
}

/// The environment of one of the checker's own services. Later entries override earlier ones.
pub fn for_service(extra: &[(&str, &str)]) -> Variables {
    let mut variables: Variables = env::vars_os().filter(|(name, _)| is_passed(name)).collect();
    clean_library_paths(&mut variables);
    variables.push((orphans::MARK.into(), orphans::mark().into()));
    variables.extend(extra.iter().map(|(name, value)| (name.into(), value.into())));
    variables
}

/// The environment of cargo: everything that the learner has set, so that cargo sees no change and rebuilds nothing.
pub fn for_cargo() -> Variables {
    let mut variables: Variables = env::vars_os().filter(|(name, _)| !is_of_cargo_run(name)).collect();
    clean_library_paths(&mut variables);
    let ours = [
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_TERM_QUIET", "false"),
        ("CARGO_TERM_VERBOSE", "false"),
        ("CARGO_TERM_PROGRESS_WHEN", "always"),
        ("CARGO_TERM_PROGRESS_WIDTH", "200"),
    ];
    variables.extend(ours.iter().map(|(name, value)| (name.into(), value.into())));
    variables
}

fn is_passed(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    PASSED.split_ascii_whitespace().any(|passed| passed == name)
        || PASSED_PREFIXES.split_ascii_whitespace().any(|prefix| name.starts_with(prefix))
}

fn is_of_cargo_run(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    OF_CARGO_RUN.contains(&name) || OF_CARGO_RUN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || name == orphans::MARK
}

/// Removes the library folders that `cargo run` has added for the checker: those of its build and of the toolchain.
fn clean_library_paths(variables: &mut Variables) {
    let executable = env::current_exe().unwrap_or_default();
    let own = executable.parent().unwrap_or(Path::new("/nonexistent"));
    for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
        let Some(at) = variables.iter().position(|(variable, _)| variable == name) else {
            continue;
        };
        let kept: Vec<_> = env::split_paths(&variables[at].1)
            .filter(|path| !path.as_os_str().is_empty())
            .filter(|path| !path.starts_with(own) && !path.components().any(|part| part.as_os_str() == "toolchains"))
            .collect();
        match env::join_paths(&kept) {
            Ok(joined) if !kept.is_empty() => variables[at].1 = joined,
            _ => drop(variables.remove(at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(variables: &'a Variables, name: &str) -> Option<&'a str> {
        variables.iter().rev().find(|(variable, _)| variable == name).and_then(|(_, value)| value.to_str())
    }

    #[test]
    fn a_server_inherits_little_of_the_checkers_environment() {
        let variables = for_server(20017, &[("RUST_LOG", "debug"), ("DATABASE_URL", "")]);
        assert_eq!(value(&variables, "PORT"), Some("20017"));
        assert_eq!(value(&variables, "HOST"), Some("127.0.0.1"));
        assert_eq!(value(&variables, "RUST_LOG"), Some("debug"));
        assert_eq!(value(&variables, "DATABASE_URL"), Some(""));
        assert_eq!(value(&variables, "PATH"), env::var("PATH").ok().as_deref());
        assert_eq!(value(&variables, "CARGO_PKG_NAME"), None);
    }

    #[test]
    fn cargo_does_not_inherit_what_cargo_run_has_set() {
        let variables = for_cargo();
        assert!(variables.iter().all(|(name, _)| !is_of_cargo_run(name)));
        assert_eq!(value(&variables, "PATH"), env::var("PATH").ok().as_deref());
    }

    #[test]
    fn library_folders_of_the_checkers_build_are_removed() {
        let own = env::current_exe().expect("a path").parent().expect("a folder").join("deps");
        let listed = env::join_paths([own.as_path(), "/opt/lib".as_ref(), "/r/toolchains/1.95/lib".as_ref()]);
        let mut variables: Variables = vec![("LD_LIBRARY_PATH".into(), listed.expect("no colons"))];
        clean_library_paths(&mut variables);
        assert_eq!(value(&variables, "LD_LIBRARY_PATH"), Some("/opt/lib"));
        variables[0].1 = own.into();
        clean_library_paths(&mut variables);
        assert!(variables.is_empty());
    }
}
