//! The difference between two texts, line by line.

use std::time::Duration;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Lines beyond this many are left out of a comparison.
const COMPARED: usize = 2_000;
/// Changed and unchanged lines that are shown.
const SHOWN: usize = 40;
/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// A comparison that takes longer settles for a coarser result.
const DEADLINE: Duration = Duration::from_millis(200);

/// One line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// In both texts.
    Both(String),
    /// Only in the expected text.
    Expected(String),
    /// Only in the actual text.
    Actual(String),
    /// This many lines are not shown here.
    Left(usize),
}

/// The comparison of two texts line by line, if both have several lines.
///
/// JSON objects and arrays are first laid out with one member per line, so they count as such texts.
pub fn lines(expected: &str, actual: &str) -> Option<Vec<Line>> {
    let (expected, actual) = match (pretty(expected), pretty(actual)) {
        (Some(expected), Some(actual)) => (expected, actual),
        _ if expected.trim_end().contains('\n') && actual.trim_end().contains('\n') => (expected.to_owned(), actual.to_owned()),
        _ => return None,
    };
    Some(compare(&expected, &actual))
}

/// A JSON object or array with one member a line.
fn pretty(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    (value.is_object() || value.is_array()).then(|| format!("{value:#}"))
}

fn compare(expected: &str, actual: &str) -> Vec<Line> {
    let expected: Vec<_> = expected.lines().take(COMPARED).collect();
    let actual: Vec<_> = actual.lines().take(COMPARED).collect();
    let diff = TextDiff::configure().timeout(DEADLINE).diff_slices(&expected, &actual);
    let groups = diff.grouped_ops(CONTEXT);
    let (mut lines, mut seen) = (Vec::new(), 0);
    for group in &groups {
        let start = group.first().map_or(0, |op| op.old_range().start);
        left_out(&mut lines, start.saturating_sub(seen));
        seen = group.last().map_or(seen, |op| op.old_range().end);
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text = (*change.value()).to_owned();
            lines.push(match change.tag() {
                ChangeTag::Equal => Line::Both(text),
                ChangeTag::Delete => Line::Expected(text),
                ChangeTag::Insert => Line::Actual(text),
            });
        }
    }
    if !groups.is_empty() {
        left_out(&mut lines, expected.len().saturating_sub(seen));
    }
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(Line::Left(more));
    }
    lines
}

fn left_out(lines: &mut Vec<Line>, count: usize) {
    if count > 0 {
        lines.push(Line::Left(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> Line {
        Line::Both(text.to_owned())
    }

    #[test]
    fn json_on_one_line_is_laid_out_before_it_is_compared() {
        let lines = lines(r#"{"id":1,"name":"walk"}"#, r#"{"id": 1, "name": "run"}"#).expect("both are objects");
        let expected = Line::Expected(r#"  "name": "walk""#.to_owned());
        let actual = Line::Actual(r#"  "name": "run""#.to_owned());
        assert_eq!(lines, [both("{"), both(r#"  "id": 1,"#), expected, actual, both("}")]);
    }

    #[test]
    fn short_texts_are_not_compared_line_by_line() {
        assert_eq!(lines("status 201 Created", "status 200 OK"), None);
        assert_eq!(lines("one\ntwo", "one"), None);
        assert_eq!(lines("1", "2"), None);
    }

    #[test]
    fn far_away_lines_are_left_out_and_counted() {
        let long: Vec<_> = (0..100).map(|line| line.to_string()).collect();
        let mut other = long.clone();
        other[50] = "changed".to_owned();
        let lines = lines(&long.join("\n"), &other.join("\n")).expect("both have several lines");
        assert_eq!(lines.first(), Some(&Line::Left(47)));
        assert_eq!(lines.last(), Some(&Line::Left(46)));
        assert_eq!(lines.len(), 2 + 2 + 2 * CONTEXT);
    }

    #[test]
    fn a_huge_difference_stays_short_and_quick() {
        let one: String = (0..200_000).map(|line| format!("a{line}\n")).collect();
        let other: String = (0..200_000).map(|line| format!("b{}\n", line * 7)).collect();
        let lines = lines(&one, &other).expect("both have several lines");
        assert_eq!(lines.len(), SHOWN + 1);
    }
}
