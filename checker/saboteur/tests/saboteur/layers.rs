//! The sources of the saboteur are layered: no files import each other in a circle, and no step knows another step's folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The text of each file of the crate, by its module, such as `api::routes`. The module of `main.rs` is empty.
type Sources = BTreeMap<String, String>;

/// The only file that may name the folder of any step.
const CATALOGUE: &str = "catalogue";

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_eq!(circles(&sources()), Vec::<String>::new());
}

#[test]
fn only_the_catalogue_names_the_folder_of_a_step() {
    assert_eq!(foreign_steps(&sources()), Vec::<String>::new());
}

#[test]
fn a_circle_is_found_however_it_is_imported() {
    let found = |files: &[(&str, &str)]| circles(&made_up(files));
    assert_eq!(found(&[("a", "use crate::b::One;"), ("b", "use crate::a::Two;")]), ["a → b → a"]);
    assert_eq!(found(&[("a", "use crate::{c, b::{self, One}};"), ("b", "fn f() { crate::a::f() }")]), ["a → b → a"]);
    assert_eq!(found(&[("a", "use super::b;"), ("b", "use crate::c::x;"), ("c", "use super::{x, a::y};")]), ["a → b → c → a"]);
    assert_eq!(found(&[("d", "pub mod x;"), ("d::x", "use super::helper;")]), ["d → d::x → d"]);
    assert_eq!(found(&[("d::x", "use super::y::One;"), ("d::y", "use super::super::d::x;")]), ["d::x → d::y → d::x"]);
    assert_eq!(found(&[("", "mod a;"), ("a", "use crate::CONSTANT;")]), [" → a → "]);
}

#[test]
fn imports_in_one_direction_are_no_circle() {
    let found = |files: &[(&str, &str)]| circles(&made_up(files));
    let none = Vec::<String>::new();
    assert_eq!(found(&[("a", "use crate::b::One;"), ("b", "use std::fmt; struct One;")]), none);
    assert_eq!(found(&[("a", "/// See [`crate::b`].\nuse std::fmt;"), ("b", "use crate::a::Two;")]), none);
    assert_eq!(found(&[("d", "mod x; mod y;"), ("d::x", "use super::y::One;"), ("d::y", "use crate::e::f;"), ("e", "")]), none);
    assert_eq!(found(&[("a", "use crate::b;"), ("b", "fn f() {}\n#[cfg(test)]\nmod tests { use crate::a::f; }")]), none);
}

#[test]
fn the_folder_of_another_step_is_found() {
    let found = |module, text| foreign_steps(&made_up(&[(module, text)]));
    assert_eq!(found("catalogue::step_03::names", "use crate::catalogue::step_03::import;"), Vec::<String>::new());
    assert_eq!(found("catalogue", "use self::{step_01, step_02};"), Vec::<String>::new());
    assert_eq!(found("catalogue::step_04", "use super::step_03::quoted;"), ["catalogue::step_04 names step_03"]);
    assert_eq!(found("catalogue::step_05::dates", "super::super::step_04::jwt()"), ["catalogue::step_05::dates names step_04"]);
    assert_eq!(found("api::routes", "use crate::{clock, catalogue::step_01};"), ["api::routes names step_01"]);
}

fn made_up(files: &[(&str, &str)]) -> Sources {
    files.iter().map(|(module, text)| (module.to_string(), text.to_string())).collect()
}

/// The files of the crate's main program.
fn sources() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Sources::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder of sources can be read") {
            let path = entry.expect("an entry of the folder can be read").path();
            let module = path.with_extension("");
            let module = module.strip_prefix(&root).expect("the path begins with the root").iter();
            let mut module: Vec<_> = module.map(|part| part.to_string_lossy().into_owned()).collect();
            if path.is_dir() && module != ["bin"] {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                module.pop_if(|last| last == "main" || last == "mod");
                sources.insert(module.join("::"), std::fs::read_to_string(&path).expect("a source can be read"));
            }
        }
    }
    assert!(
        sources.contains_key("") && sources.contains_key("catalogue::step_01"),
        "the sources are not where this test expects them"
    );
    sources
}

/// Every step's folder that a file outside of it names.
fn foreign_steps(sources: &Sources) -> Vec<String> {
    let mut foreign = BTreeSet::new();
    for (module, text) in sources.iter().filter(|(module, _)| *module != CATALOGUE) {
        for (at, name) in text.match_indices("step_") {
            let step = text.get(at..at + name.len() + 2).filter(|step| step.ends_with(|last: char| last.is_ascii_digit()));
            let own = module.split("::").find(|part| part.starts_with("step_"));
            foreign.extend(step.filter(|step| Some(*step) != own).map(|step| format!("{module} names {step}")));
        }
    }
    foreign.into_iter().collect()
}

/// Circles of files that import each other, each as the way around it. A folder's file imports the files that it declares.
fn circles(sources: &Sources) -> Vec<String> {
    let imports: BTreeMap<&str, BTreeSet<&str>> =
        sources.iter().map(|(module, text)| (module.as_str(), imports(sources, module, text))).collect();
    let mut circles = BTreeMap::new();
    for start in imports.keys().copied() {
        // A depth-first search for a way back to the start.
        let mut ways = vec![vec![start]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            for next in imports[way[way.len() - 1]].iter().copied() {
                if next == start {
                    let members: BTreeSet<&str> = way.iter().copied().collect();
                    circles.entry(members).or_insert_with(|| format!("{} → {start}", way.join(" → ")));
                } else if seen.insert(next) {
                    ways.push([&way[..], &[next]].concat());
                }
            }
        }
    }
    circles.into_values().collect()
}

/// The files that a file imports from.
fn imports<'a>(sources: &'a Sources, module: &str, text: &str) -> BTreeSet<&'a str> {
    let own: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    // Unit tests may use anything.
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut paths = Vec::new();
    for statement in code.split(';') {
        let mut words = statement.split_whitespace().rev();
        if let (Some(child), Some("mod")) = (words.next(), words.next()) {
            paths.push([&own[..], &[child]].concat());
        }
    }
    for start in ["crate::", "super::"] {
        for (at, _) in
            code.match_indices(start).filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c)))
        {
            expand(&code[at..], &own, &mut paths);
        }
    }
    let files = paths.iter().filter_map(|path| {
        let prefixes = (0..=path.len()).rev().map(|length| path[..length].join("::"));
        prefixes.filter_map(|prefix| sources.get_key_value(&prefix)).map(|(file, _)| file.as_str()).next()
    });
    files.filter(|file| *file != module).collect()
}

/// Adds the paths of a tree such as `crate::a::{b, c::d}` to `paths`, as seen from a module.
fn expand<'a>(tree: &'a str, module: &[&'a str], paths: &mut Vec<Vec<&'a str>>) {
    let tree = tree.trim_start();
    if let Some(list) = tree.strip_prefix('{') {
        let mut depth = 0;
        let mut begin = 0;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => return expand(&list[begin..at], module, paths),
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&list[begin..at], module, paths);
                    begin = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let end = tree.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tree.len());
    let (name, rest) = tree.split_at(end);
    let path = match name {
        "crate" => vec![],
        "super" => module[..module.len().saturating_sub(1)].to_vec(),
        "self" => module.to_vec(),
        name => [module, &[name]].concat(),
    };
    match rest.trim_start().strip_prefix("::") {
        Some(rest) => expand(rest, &path, paths),
        None => paths.push(path),
    }
}
