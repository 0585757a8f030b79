//! Tests of valid and invalid marks.

use super::*;

const MARKED: &str = "\
use axum::Router;

// ANCHOR: app
fn app() {}
// ANCHOR_END: app

impl Habits {
    // ANCHOR: create
    async fn create() {
        real();
    }
    // ANCHOR_END: create
    //~ // TODO(create): store the habit.
    //~ async fn create() -> StatusCode {
    //~
    //~     StatusCode::NOT_IMPLEMENTED
    //~ }
}
";

fn starter(text: &str) -> Result<String, MarkError> {
    side("src/lib.rs", text, None, Side::Starter)
}

fn finished(text: &str) -> String {
    side("src/lib.rs", text, None, Side::Finished).expect("the marks are right")
}

fn error(text: &str) -> (usize, String) {
    let error = starter(text).expect_err("the marks are wrong");
    (error.line, error.what)
}

#[test]
fn a_starter_holds_the_stub_at_the_region_s_indentation() {
    let expected = "\
use axum::Router;

fn app() {}

impl Habits {
    // TODO(create): store the habit.
    async fn create() -> StatusCode {

        StatusCode::NOT_IMPLEMENTED
    }
}
";
    assert_eq!(starter(MARKED).as_deref(), Ok(expected));
}

#[test]
fn a_finished_text_holds_the_code_and_no_mark() {
    let expected = "\
use axum::Router;

fn app() {}

impl Habits {
    async fn create() {
        real();
    }
}
";
    assert_eq!(finished(MARKED), expected);
}

#[test]
fn a_region_dropped_for_nothing_leaves_no_gap() {
    let between = "a();\n\n// ANCHOR: x\nb();\n// ANCHOR_END: x\n//~!\n\nc();\n";
    assert_eq!(starter(between).as_deref(), Ok("a();\n\nc();\n"));
    let first = "{\n    // ANCHOR: x\n    b();\n    // ANCHOR_END: x\n    //~!\n\n    c();\n}\n";
    assert_eq!(starter(first).as_deref(), Ok("{\n    c();\n}\n"));
    let last = "{\n    a();\n\n    // ANCHOR: x\n    b();\n    // ANCHOR_END: x\n    //~!\n}\n";
    assert_eq!(starter(last).as_deref(), Ok("{\n    a();\n}\n"));
    let end = "a();\n\n// ANCHOR: x\nb();\n// ANCHOR_END: x\n//~!\n";
    assert_eq!(starter(end).as_deref(), Ok("a();\n"));
    assert_eq!(finished(end), "a();\n\nb();\n");
}

#[test]
fn the_asked_side_has_the_code_of_tasks_and_not_the_regions_that_a_starter_drops() {
    let text = "// ANCHOR: x\na();\n// ANCHOR_END: x\n//~ stub();\n// ANCHOR: y\nb();\n// ANCHOR_END: y\n//~!\n";
    assert_eq!(side("src/lib.rs", text, None, Side::Asked).as_deref(), Ok("a();\n"));
}

#[test]
fn a_region_without_a_stub_stays() {
    let text = "// ANCHOR: x\na();\n// ANCHOR_END: x\nb();\n";
    assert_eq!(starter(text).as_deref(), Ok("a();\nb();\n"));
}

#[test]
fn a_stub_directly_before_the_next_region_belongs_to_the_first() {
    let text = "// ANCHOR: x\na();\n// ANCHOR_END: x\n//~ stub();\n// ANCHOR: y\nb();\n// ANCHOR_END: y\n";
    assert_eq!(starter(text).as_deref(), Ok("stub();\nb();\n"));
}

#[test]
fn every_kind_of_file_has_its_own_comment_sign() {
    let toml = "# ANCHOR: deps\naxum = \"1\"\n# ANCHOR_END: deps\n#~ # here\n";
    assert_eq!(side("Cargo.toml", toml, None, Side::Starter).as_deref(), Ok("# here\n"));
    let markdown = "<!-- ANCHOR: a -->\nx\n<!-- ANCHOR_END: a -->\n<!--~ y -->\n";
    assert_eq!(side("README.md", markdown, None, Side::Starter).as_deref(), Ok("y\n"));
    let sql = "-- ANCHOR: t\nx\n-- ANCHOR_END: t\n--~!\n";
    assert_eq!(side("migrations/1.sql", sql, None, Side::Starter).as_deref(), Ok(""));
}

#[test]
fn a_windows_line_ending_is_kept() {
    let text = "// ANCHOR: x\r\na();\r\n// ANCHOR_END: x\r\n//~ b();\r\nc();\r\n";
    assert_eq!(starter(text).as_deref(), Ok("b();\r\nc();\r\n"));
}

#[test]
fn an_unclosed_region_is_named_with_the_line_that_opened_it() {
    let (line, what) = error("a();\n// ANCHOR: x\nb();\n");
    assert_eq!(line, 2);
    assert!(what.contains("`x` is never closed"), "{what}");
}

#[test]
fn a_region_s_name_is_used_once() {
    let (line, what) = error("// ANCHOR: x\n// ANCHOR_END: x\n// ANCHOR: x\n// ANCHOR_END: x\n");
    assert_eq!(line, 3);
    assert!(what.contains("in line 1"), "{what}");
}

#[test]
fn regions_do_not_nest() {
    let (line, what) = error("// ANCHOR: x\n// ANCHOR: y\n");
    assert_eq!(line, 2);
    assert!(what.contains("inside `x`"), "{what}");
}

#[test]
fn an_end_must_match_what_is_open() {
    assert_eq!(error("// ANCHOR_END: x\n").0, 1);
    let (line, what) = error("// ANCHOR: x\na();\n// ANCHOR_END: y\n");
    assert_eq!(line, 3);
    assert!(what.contains("`x`, opened in line 1"), "{what}");
}

#[test]
fn a_stub_belongs_directly_below_a_region() {
    assert_eq!(error("a();\n//~ b();\n").0, 2);
    assert_eq!(error("// ANCHOR: x\n//~ b();\n// ANCHOR_END: x\n").0, 2);
    assert_eq!(error("// ANCHOR: x\n// ANCHOR_END: x\n\n//~ b();\n").0, 4);
    assert_eq!(error("// ANCHOR: x\n// ANCHOR_END: x\n//~ b();\n//~!\n").0, 4);
    assert_eq!(error("// ANCHOR: x\n// ANCHOR_END: x\n//~!\n//~ b();\n").0, 4);
}

#[test]
fn a_stub_needs_a_space_after_its_sign() {
    let (line, what) = error("// ANCHOR: x\n// ANCHOR_END: x\n//~b();\n");
    assert_eq!(line, 3);
    assert!(what.contains("a space"), "{what}");
}

#[test]
fn a_stub_announces_its_own_task() {
    let (line, what) = error("// ANCHOR: x\n// ANCHOR_END: x\n//~ // TODO(y): do it.\n");
    assert_eq!(line, 3);
    assert!(what.contains("write `TODO(x)`"), "{what}");
}

#[test]
fn a_mark_stands_on_a_line_of_its_own_and_has_a_name() {
    assert_eq!(error("a(); // ANCHOR: x\n").0, 1);
    assert_eq!(error("// see ANCHOR: x\n").0, 1);
    assert_eq!(error("// ANCHOR:\n").0, 1);
    assert_eq!(error("// ANCHOR: two words\n").0, 1);
    let unknown = side("data.bin", "ANCHOR: x\n", None, Side::Starter).expect_err("no marks there");
    assert!(unknown.what.contains("not supported"), "{}", unknown.what);
}

#[test]
fn a_stub_can_be_the_region_of_the_solution_before() {
    let before = "a();\n// ANCHOR: get\nold();\n\n    older();\n// ANCHOR_END: get\nb();\n";
    let text = "// ANCHOR: get\nnew();\n// ANCHOR_END: get\n//~ // TODO(get): only one's own.\n//~<\nc();\n";
    let side = |before, wanted| side("src/lib.rs", text, before, wanted);
    let starter = "// TODO(get): only one's own.\nold();\n\n    older();\nc();\n";
    assert_eq!(side(Some(before), Side::Starter).as_deref(), Ok(starter));
    assert_eq!(side(Some(before), Side::Finished).as_deref(), Ok("new();\nc();\n"));

    for lacking in [None, Some("old();\n"), Some("// ANCHOR: put\n// ANCHOR_END: put\n")] {
        let error = side(lacking, Side::Finished).expect_err("there is no such region");
        assert_eq!(error.line, 5);
        assert_eq!(error.what, "the file of the previous solution has no region `get` to start from");
    }
    assert_eq!(error("//~<\n").0, 1);
}
