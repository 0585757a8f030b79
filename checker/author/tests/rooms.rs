//! Tests of the architecture: no two modules of a package use each other, and code that is specific to a step or a service is
//! only in the folder of that step or service.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use course::COURSE;

/// The packages of the checker, each with the folders in it that are the room of a step or of a service.
const PACKAGES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("transcript", &[]),
    ("probe", &[]),
    ("sandbox", &[]),
    ("taps", &["postgres/", "lib.rs"]),
    ("fixtures", &[]),
    // Each of its folders and files is the room of a service.
    ("services", &[""]),
    // What no response may show: the names of libraries and services.
    ("harness", &["problem.rs"]),
    ("first-step", &["step.rs"]),
    ("course", &["step_", "lib.rs"]),
    ("engine", &[]),
    ("checkout", &[]),
    ("report", &[]),
    ("workshop", &[]),
    (".", &[]),
    ("complete", &[]),
    // It measures single services, and the list of the step that has one.
    ("author", &["bench/"]),
];

/// A source file: its path below `src`, and its code without comments and tests.
struct Source {
    path: String,
    code: String,
}

fn sources(package: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources").flatten() {
            let path: PathBuf = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let below = path.strip_prefix(&root).expect("it lies there").to_string_lossy().into_owned();
                let text = fs::read_to_string(&path).expect("a source file");
                found.push(Source { path: below, code: code_of(&text) });
            }
        }
    }
    found.retain(|source| {
        !source.path.contains("tests") && !source.path.contains("samples.rs") && !source.path.contains("scratch.rs")
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The text without its tests, which stand last in a file, and without comments.
fn code_of(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    code.lines().filter(is_code).map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

// ------------------------------------------------------------------------------------------- circles

/// The module of a file, from the root of its package: `a/b.rs` and `a/b/mod.rs` are both `[a, b]`.
fn module_of(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    if matches!(parts.last(), Some(&"mod" | &"lib" | &"main")) {
        parts.pop();
    }
    parts
}

/// The modules of its own package that a file names.
fn used_by(source: &Source) -> Vec<Vec<String>> {
    let own = module_of(&source.path);
    let mut used = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in source.code.match_indices(start) {
            let before = source.code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let mut rest = &source.code[at..];
            let mut base: Vec<String> = Vec::new();
            if let Some(after) = rest.strip_prefix("crate::") {
                rest = after;
            } else {
                let mut depth = own.len();
                while let Some(after) = rest.strip_prefix("super::") {
                    depth = depth.saturating_sub(1);
                    rest = after;
                }
                base.extend(own[..depth].iter().map(|part| (*part).to_owned()));
            }
            let end = rest.find([';', ' ', '(', ')', ',', '<', '>', '\n']).unwrap_or(rest.len());
            // `use crate::{a, b}` names several.
            let names = match rest.strip_prefix('{') {
                Some(list) => list.split(['}']).next().unwrap_or_default().split(',').map(str::trim).collect(),
                None => vec![&rest[..end]],
            };
            for name in names {
                let parts = name.split("::").map(|part| part.trim_matches(['{', '}'])).filter(|part| !part.is_empty());
                used.push(base.iter().cloned().chain(parts.map(str::to_owned)).collect());
            }
        }
    }
    used
}

/// Modules that stand beside each other and use each other, directly or not, as a list of their names.
fn circles(sources: &[Source]) -> Vec<String> {
    let modules: BTreeSet<Vec<&str>> = sources.iter().map(|source| module_of(&source.path)).collect();
    // For each folder: which of its modules uses which.
    let mut graphs: BTreeMap<Vec<&str>, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for source in sources {
        let own = module_of(&source.path);
        for used in used_by(source) {
            let target =
                modules.iter().filter(|module| used.len() >= module.len() && module.iter().zip(&used).all(|(a, b)| a == b));
            let Some(target) = target.max_by_key(|module| module.len()) else { continue };
            let common = own.iter().zip(target).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (own.get(common), target.get(common)) {
                graphs.entry(own[..common].to_vec()).or_default().entry(from).or_default().insert(to);
            }
        }
    }
    let mut found = Vec::new();
    for (folder, graph) in graphs {
        for start in graph.keys() {
            let (mut reached, mut open) = (BTreeSet::new(), vec![*start]);
            while let Some(module) = open.pop() {
                for next in graph.get(module).into_iter().flatten() {
                    if reached.insert(*next) {
                        open.push(next);
                    }
                }
            }
            if reached.contains(start) {
                found.push(format!("{}::{start}", folder.join("::")));
            }
        }
    }
    found
}

#[test]
fn no_two_modules_of_a_package_use_each_other() {
    let in_package = |(package, _): &(&str, _)| {
        circles(&sources(package)).into_iter().map(|module| format!("checker/{package}: {module}")).collect::<Vec<_>>()
    };
    let found: Vec<String> = PACKAGES.iter().flat_map(in_package).collect();
    assert!(found.is_empty(), "these modules stand in a circle:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_however_long_it_is() {
    let source = |path: &str, code: &str| Source { path: path.to_owned(), code: code.to_owned() };
    let circle = [
        source("lib.rs", "mod a; mod b; mod c;"),
        source("a.rs", "use crate::b::B;"),
        source("b/mod.rs", "fn f() { super::c::g() }"),
        source("c.rs", "use crate::{a::A};"),
    ];
    assert_eq!(circles(&circle), ["::a", "::b", "::c"]);
    let tree = [
        source("lib.rs", "use a::A;"),
        source("a/mod.rs", "mod x; mod y; use x::X;"),
        source("a/x.rs", "use super::helper; use super::y::Y;"),
        source("a/y.rs", "use crate::a::helper;"),
    ];
    assert!(circles(&tree).is_empty(), "a parent and its children are one room");
}

// --------------------------------------------------------------------------------------------- rooms

/// Names of services that are no fixtures, or not yet.
const OTHER_SERVICES: &[&str] = &["oauth", "minio", "resend", "s3_bucket", "email_api"];

/// Names of services and of their variables, in lower case.
fn services() -> Vec<String> {
    let started = COURSE.fixtures.iter().filter(|fixture| fixture.availability().is_some());
    let variables = COURSE.fixtures.iter().flat_map(|fixture| fixture.variables()).map(|variable| variable.name);
    // In code, PostgreSQL is `postgres`.
    let names = started.map(|fixture| fixture.name().trim_end_matches("SQL"));
    OTHER_SERVICES.iter().copied().chain(names).chain(variables).map(str::to_lowercase).collect()
}

/// What stands in a file that knows a step by its number, a check by its id, or a service by its name.
fn strangers(code: &str) -> Vec<String> {
    let services = services();
    let mut found = Vec::new();
    for line in code.lines() {
        let lower = line.to_lowercase();
        if services.iter().any(|name| lower.contains(name)) || names_a_check(line) || names_a_step(&lower) {
            found.push(line.trim().to_owned());
        }
    }
    found
}

/// Whether a line holds an id such as `1.create`, in quotes or in a text.
fn names_a_check(line: &str) -> bool {
    let mut words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'));
    words.any(|word| {
        let (step, slug) = word.split_once('.').unwrap_or_default();
        let is_step = (1..=2).contains(&step.len()) && step.bytes().all(|c| c.is_ascii_digit());
        is_step && slug.len() > 2 && slug.bytes().all(|c| c.is_ascii_lowercase() || c == b'-')
    })
}

/// Whether a line compares the number of a step with a literal, takes a step by a literal, or writes of `step 3`.
fn names_a_step(line: &str) -> bool {
    let is_digit = |text: &str| text.trim_start().starts_with(|c: char| c.is_ascii_digit());
    let compares = [".number", "step"].iter().any(|name| {
        line.match_indices(name).any(|(at, _)| {
            let rest = line[at + name.len()..].trim_start();
            let compared = ["==", "!=", ">=", "<=", "> ", "< "].iter().find_map(|sign| rest.strip_prefix(sign));
            compared.is_some_and(is_digit)
        })
    });
    let takes = ["step(", "steps[", "step_0", "step_1", "step "].iter().any(|start| {
        line.match_indices(start).any(|(at, _)| is_digit(&line[at + start.len() - usize::from(start.ends_with(['0', '1']))..]))
    });
    compares || takes
}

#[test]
fn code_of_one_step_or_service_is_only_in_its_folder() {
    let mut found = Vec::new();
    for (package, rooms) in PACKAGES {
        for source in sources(package).iter().filter(|source| !rooms.iter().any(|room| source.path.starts_with(room))) {
            found.extend(strangers(&source.code).iter().map(|line| format!("checker/{package}/src/{}: {line}", source.path)));
        }
    }
    assert!(found.is_empty(), "these lines know a step or a service outside its room:\n{}", found.join("\n"));
}

#[test]
fn a_stranger_is_recognized() {
    for line in [
        "if step.number >= 4 {",
        "let step = COURSE.step(3);",
        "use crate::step_04::SIGN_IN;",
        "const COSTLY: &[&str] = &[\"3.list-flat\"];",
        "    \"there are no users before step 4\"",
        "services::postgres(root)",
        "(\"DATABASE_URL\", url)",
    ] {
        assert_eq!(strangers(line).len(), 1, "{line}");
    }
    for line in
        ["for step in COURSE.steps {", "step.number + 1", "let version = \"15.18\";", "http::Version::HTTP_11 1.5.0", "0..3"]
    {
        assert!(strangers(line).is_empty(), "{line}");
    }
}
