//! Bringing a learner's own `Cargo.toml` from one step to the next.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, TableLike};

use model::Problem;
use workshop::starters::manifest::toml_problem;

/// The tables whose entries are compared one by one.
const BY_ENTRY: [&str; 4] = ["package", "dependencies", "dev-dependencies", "build-dependencies"];

/// What became of the learner's manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The new manifest.
    pub text: String,
    /// Dependencies that the new step brings.
    pub added: Vec<String>,
    /// Entries (`table.key`) which the new step changes and the learner had changed as well: the learner's stay.
    pub kept: Vec<String>,
}

/// Reads a manifest.
///
/// # Errors
///
/// The text is not TOML; the problem names the line.
pub fn parse(path: &Path, text: &str) -> Result<DocumentMut, Problem> {
    text.parse().map_err(|error: toml_edit::TomlError| toml_problem(path, text, error.span(), error.message()))
}

/// The learner's manifest `own` with what changed from the starter `before` to the starter `now`.
///
/// What the learner changed stays as it is, in its place and format.
pub fn merge(mut own: DocumentMut, before: &DocumentMut, now: &DocumentMut) -> Merged {
    let mut merged = Merged::default();
    for (name, item) in now.iter() {
        let (Some(table), true) = (item.as_table(), BY_ENTRY.contains(&name)) else {
            if own.get(name).is_none_or(|mine| same(Some(mine), before.get(name))) {
                own.insert(name, placed_last(item.clone()));
            } else if !same(own.get(name), Some(item)) && !same(before.get(name), Some(item)) {
                merged.kept.push(name.to_owned());
            }
            continue;
        };
        if own.get(name).is_none() {
            own.insert(name, placed_last(Item::Table(Table::new())));
        }
        let before = before.get(name).and_then(Item::as_table_like);
        if let Some(mine) = own.get_mut(name).and_then(Item::as_table_like_mut) {
            merge_table(name, mine, before, table, &mut merged);
        }
    }
    if let Some(name) = now.get("package").and_then(|package| package.get("name")?.as_str()) {
        set_name(&mut own, name);
    }
    merged.text = own.to_string();
    merged
}

fn merge_table(name: &str, mine: &mut dyn TableLike, before: Option<&dyn TableLike>, now: &Table, merged: &mut Merged) {
    for (key, item) in now.iter() {
        let was = before.and_then(|table| table.get(key));
        match mine.get(key) {
            None if was.is_some() => merged.kept.extend(changed(name, key, was, item)),
            None => {
                insert(mine, now, key, item);
                if name != "package" {
                    merged.added.push(key.to_owned());
                }
            }
            Some(own) if same(Some(own), Some(item)) => {}
            Some(own) if same(Some(own), was) => {
                mine.insert(key, item.clone());
            }
            Some(_) => merged.kept.extend(changed(name, key, was, item)),
        }
    }
}

/// Names the package; a comment beside the old name stays.
fn set_name(own: &mut DocumentMut, name: &str) {
    let package = own.get_mut("package").and_then(Item::as_table_like_mut);
    let Some(item) = package.and_then(|package| package.get_mut("name")) else { return };
    let decor = item.as_value().map(|value| value.decor().clone());
    *item = toml_edit::value(name);
    if let (Some(value), Some(decor)) = (item.as_value_mut(), decor) {
        *value.decor_mut() = decor;
    }
}

/// The entry's name, if the new step changes it; the package's name is set in any case.
fn changed(table: &str, key: &str, was: Option<&Item>, item: &Item) -> Option<String> {
    let name = table == "package" && key == "name";
    (!name && !same(was, Some(item))).then(|| format!("{table}.{key}"))
}

/// Adds an entry together with the comment above it.
fn insert(mine: &mut dyn TableLike, now: &Table, key: &str, item: &Item) {
    let Some((formatted, _)) = now.get_key_value(key) else { return };
    match mine.entry_format(formatted) {
        toml_edit::Entry::Vacant(entry) => {
            entry.insert(item.clone());
        }
        toml_edit::Entry::Occupied(mut entry) => {
            entry.insert(item.clone());
        }
    }
}

/// A table from another document, to be written after those that are there.
fn placed_last(mut item: Item) -> Item {
    if let Some(table) = item.as_table_mut() {
        table.set_position(None);
    }
    item
}

/// Whether two entries mean the same, however they are written.
fn same(one: Option<&Item>, other: Option<&Item>) -> bool {
    one.map(plain) == other.map(plain)
}

fn plain(item: &Item) -> String {
    if let Some(table) = item.as_table_like() {
        let mut entries: Vec<_> = table.iter().map(|(key, item)| format!("{key}={}", plain(item))).collect();
        entries.sort();
        return format!("{{{}}}", entries.join(","));
    }
    match item {
        Item::Value(toml_edit::Value::Array(array)) => {
            let entries: Vec<_> = array.iter().map(|value| plain(&Item::Value(value.clone()))).collect();
            format!("[{}]", entries.join(","))
        }
        Item::ArrayOfTables(tables) => {
            let entries: Vec<_> = tables.iter().map(|table| plain(&Item::Table(table.clone()))).collect();
            format!("[{}]", entries.join(","))
        }
        item => item.to_string().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "\
[package]
name = \"step-02-framework\"
description = \"In memory.\"
edition.workspace = true

[dependencies]
axum.workspace = true
tokio.workspace = true

[lints]
workspace = true
";

    const NOW: &str = "\
[package]
name = \"step-02-framework\"
description = \"Used well.\"
edition.workspace = true

[dependencies]
axum = { workspace = true, features = [\"macros\"] }
tokio.workspace = true
# Layers.
tower-http = { workspace = true, features = [\"trace\"] }

[dev-dependencies]
tower.workspace = true

[lints]
workspace = true
";

    fn toml(text: &str) -> DocumentMut {
        parse(Path::new("Cargo.toml"), text).expect("TOML")
    }

    fn merge_into(own: &str) -> Merged {
        merge(toml(own), &toml(BEFORE), &toml(NOW))
    }

    #[test]
    fn an_untouched_manifest_becomes_that_of_the_new_step() {
        let merged = merge_into(BEFORE);
        assert_eq!(merged.added, ["tower-http", "tower"]);
        assert!(merged.kept.is_empty());
        let sorted = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&merged.text), sorted(NOW), "{}", merged.text);
        assert!(merged.text.contains("# Layers.\ntower-http = {"), "{}", merged.text);
    }

    #[test]
    fn the_learner_s_own_entries_and_format_stay() {
        let own = "\
[package]
name = \"my-own-name\" # mine
description = \"Mine.\"
edition.workspace = true

[dependencies]
# I like dates.
chrono   =   \"0.4\"
axum.workspace = true
tokio = { workspace = true, features = [\"full\"] }

[lints]
workspace = true
";
        let merged = merge_into(own);
        assert!(merged.text.contains("name = \"step-02-framework\" # mine\n"), "{}", merged.text);
        assert!(merged.text.contains("# I like dates.\nchrono   =   \"0.4\"\n"), "{}", merged.text);
        assert!(merged.text.contains("tokio = { workspace = true, features = [\"full\"] }"), "{}", merged.text);
        assert!(merged.text.contains("features = [\"macros\"]"), "{}", merged.text);
        assert_eq!(merged.added, ["tower-http", "tower"]);
        assert_eq!(merged.kept, ["package.description"]);
        toml(&merged.text);
    }

    #[test]
    fn a_dependency_the_learner_has_already_is_not_added_again() {
        let own = BEFORE.replace("[lints]", "tower-http = \"0.1\"\n\n[lints]");
        let merged = merge_into(&own);
        assert_eq!(merged.added, ["tower"]);
        assert_eq!(merged.kept, ["dependencies.tower-http"]);
        assert!(merged.text.contains("tower-http = \"0.1\""), "{}", merged.text);
    }

    #[test]
    fn a_dependency_the_learner_removed_stays_away_unless_the_new_step_changes_it() {
        let merged = merge_into(&BEFORE.replace("tokio.workspace = true\n", ""));
        assert!(!merged.text.contains("tokio"), "{}", merged.text);
        let merged = merge_into(&BEFORE.replace("axum.workspace = true\n", ""));
        assert_eq!(merged.kept, ["dependencies.axum"]);
    }

    #[test]
    fn a_manifest_that_is_no_toml_is_reported_with_its_line() {
        let problem = parse(Path::new("Cargo.toml"), "[package]\nname = \n").expect_err("no TOML");
        assert!(problem.title.starts_with("Cargo.toml, line 2: "), "{}", problem.title);
    }
}
