//! The marks of one solution, as far as they fit a later one.

use std::collections::BTreeSet;

/// A line that is a mark.
enum Mark<'a> {
    /// The beginning or end of the region with this name.
    Anchor(&'a str),
    /// What a starter gets in place of a region.
    Stub,
}

/// `text` without the marks that do not fit the same file of a later solution.
///
/// Tasks belong to one step, so no stub fits. Anchors fit if the later file has a region of that name; others would make
/// a conflict of every change beside them.
pub fn fitting(text: &str, later: &str) -> String {
    let regions: BTreeSet<_> = later.lines().filter_map(anchor).collect();
    let fits = |line: &&str| match mark(line) {
        Some(Mark::Anchor(name)) => regions.contains(name),
        Some(Mark::Stub) => false,
        None => true,
    };
    text.split_inclusive('\n').filter(fits).collect()
}

fn anchor(line: &str) -> Option<&str> {
    match mark(line)? {
        Mark::Anchor(name) => Some(name),
        Mark::Stub => None,
    }
}

fn mark(line: &str) -> Option<Mark<'_>> {
    let line = line.trim();
    let comment = ["//", "#", "--", "<!--"].into_iter().find_map(|open| line.strip_prefix(open))?;
    if comment.starts_with('~') {
        return Some(Mark::Stub);
    }
    let comment = comment.trim_end_matches("-->").trim();
    let name = comment.strip_prefix("ANCHOR:").or_else(|| comment.strip_prefix("ANCHOR_END:"))?;
    Some(Mark::Anchor(name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_and_regions_that_the_later_file_lacks_do_not_fit() {
        let text = "\
// ANCHOR: a
a();
// ANCHOR_END: a
//~ stub();
    // ANCHOR: b
    b();
    // ANCHOR_END: b
";
        let later = "// ANCHOR: b\nb();\n// ANCHOR_END: b\n";
        assert_eq!(fitting(text, later), "a();\n    // ANCHOR: b\n    b();\n    // ANCHOR_END: b\n");
    }

    #[test]
    fn every_kind_of_comment_can_be_a_mark() {
        for (open, close) in [("//", ""), ("#", ""), ("--", ""), ("<!--", " -->")] {
            let text = format!("{open} ANCHOR: a{close}\ntext\n{open} ANCHOR_END: a{close}\n{open}~ stub{close}\n{open}~!\n");
            assert_eq!(fitting(&text, ""), "text\n", "{open}");
            assert_eq!(fitting(&text, &text).lines().count(), 3, "{open}");
        }
    }
}
