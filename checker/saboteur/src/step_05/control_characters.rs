//! Control characters that get in, and some that should.

use serde_json::Value;

use crate::api::routes::{has_body, imports, logs_in, puts, signs_up, writes_habit};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.control-characters"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [names(), users(), descriptions(), passwords(), told()].into_iter().flatten().collect()
}

/// Stores names of habits that hold such a character.
fn kept(name: &'static str, breaks: &'static str, is_kept: fn(char) -> bool) -> Sabotage {
    wrong(name, TRIPS, breaks).accepts(writes_habit, "name", move |name| {
        let text = name?.as_str()?.trim();
        let is_fine = !text.contains(|c: char| c.is_control() && !is_kept(c)) && text.chars().count() <= 100;
        (is_fine && text.contains(is_kept)).then(|| text.into())
    })
}

/// Takes such characters out of one text before the right server sees them.
fn removed(
    name: &'static str,
    breaks: &'static str,
    when: fn(&Request) -> bool,
    field: &'static str,
    out: fn(char) -> bool,
) -> Sabotage {
    wrong(name, TRIPS, breaks).request(when, move |request| request.edit_texts(field, |text| text.replace(out, "")))
}

fn names() -> Vec<Sabotage> {
    vec![
        kept("controls-are-kept-in-names", "Names hold control characters, all but U+0000.", |c| c.is_control() && c != '\0'),
        kept("only-controls-of-ascii-are-refused", "U+0080 to U+009F are kept in names.", |c| ('\u{80}'..='\u{9f}').contains(&c)),
        kept("only-what-is-below-space-is-refused", "U+007F to U+009F are kept in names.", |c| {
            ('\u{7f}'..='\u{9f}').contains(&c)
        }),
        kept("delete-is-kept-in-names", "U+007F is kept in names.", |c| c == '\u{7f}'),
        kept("tabs-are-kept-in-names", "A tab is kept in a name.", |c| c == '\t'),
        kept("line-ends-are-kept-in-names", "A newline is kept in a name.", |c| c == '\n'),
        removed(
            "controls-are-removed-from-names",
            "Control characters are removed from names.",
            writes_habit,
            "name",
            char::is_control,
        ),
        removed("nul-is-removed-from-names", "U+0000 is removed from names.", writes_habit, "name", |c| c == '\0'),
        removed("import-removes-controls", "An import removes control characters from names.", imports, "name", char::is_control),
        removed("put-removes-controls", "PUT removes control characters from names.", puts, "name", char::is_control),
    ]
}

fn users() -> Vec<Sabotage> {
    vec![
        removed(
            "signup-removes-controls-from-names",
            "Control characters are removed from the names of users.",
            signs_up,
            "name",
            char::is_control,
        ),
        removed(
            "signup-removes-controls-from-addresses",
            "Control characters are removed from e-mail addresses.",
            signs_up,
            "email",
            char::is_control,
        ),
        removed(
            "addresses-may-hold-upper-controls",
            "U+007F to U+009F are removed from e-mail addresses.",
            signs_up,
            "email",
            |c| c.is_control() && c > ' ',
        ),
    ]
}

fn descriptions() -> Vec<Sabotage> {
    let refused = |name, trips, breaks, is_refused: fn(char) -> bool| {
        wrong(name, trips, breaks)
            .rejects(writes_habit, "description", move |text| text.as_str().is_some_and(|text| text.contains(is_refused)))
    };
    vec![
        refused(
            "line-ends-are-refused-in-descriptions",
            &["5.control-characters", "5.injection", "1.text-fidelity"],
            "A newline is refused in a description.",
            |c| c == '\n',
        ),
        refused(
            "tabs-are-refused-in-descriptions",
            &["5.control-characters", "1.text-fidelity"],
            "A tab is refused in a description.",
            |c| c == '\t',
        ),
        removed(
            "controls-are-removed-from-descriptions",
            "Control characters are removed from descriptions.",
            writes_habit,
            "description",
            out_of_lines,
        ),
        removed(
            "import-removes-controls-from-descriptions",
            "An import removes control characters from descriptions.",
            imports,
            "description",
            out_of_lines,
        ),
        removed(
            "white-space-is-removed-from-descriptions",
            "Control characters that are white space, such as U+000B and U+0085, are removed from descriptions.",
            writes_habit,
            "description",
            |c| out_of_lines(c) && c.is_whitespace(),
        ),
        wrong("escapes-are-kept-in-descriptions", TRIPS, "U+001B is kept in a description.").accepts(
            writes_habit,
            "description",
            |text| text.filter(|text| text.as_str().is_some_and(|text| text.contains('\u{1b}'))).cloned(),
        ),
    ]
}

fn passwords() -> Vec<Sabotage> {
    vec![
        wrong("password-refuses-controls", TRIPS, "Control characters are refused in a password.").rejects(
            signs_up,
            "password",
            |password| holds(password, char::is_control),
        ),
        wrong("password-refuses-what-is-beyond-ascii-controls", TRIPS, "U+007F to U+009F are refused in a password.").rejects(
            signs_up,
            "password",
            |password| holds(password, |c| c.is_control() && c > ' '),
        ),
        removed("password-loses-controls", "A signup removes control characters from the password.", signs_up, "password", |c| {
            c.is_control() && c != '\0'
        }),
        removed("password-loses-nul", "A signup removes U+0000 from the password.", signs_up, "password", |c| c == '\0'),
    ]
}

fn told() -> Vec<Sabotage> {
    let has_control = |request: &Request| {
        let is_odd = |value: &Value| holds(value, |c| c.is_control() && !c.is_whitespace());
        has_body(request) && request.objects().iter().any(|object| object.values().any(is_odd))
    };
    let nul = |request: &Request, field| request.any_field(field, |value| holds(value, |c| c == '\0'));
    vec![
        wrong("controls-are-not-named", TRIPS, "The refusal of a control character has no errors.")
            .response(has_control, |_, response| response.remove_errors()),
        wrong("nul-answers-500", &["5.control-characters", "5.malformed"], "U+0000 in a name or a description answers 500.")
            .response(
                move |request| has_body(request) && (nul(request, "name") || nul(request, "description")),
                |_, response| response.set_problem(500, "Something went wrong."),
            ),
        wrong("nul-in-a-login-answers-500", TRIPS, "U+0000 in the e-mail address of a login answers 500.").response(
            move |request| logs_in(request) && nul(request, "email"),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        wrong("nul-in-an-address-answers-500", TRIPS, "U+0000 in the e-mail address of a signup answers 500.").response(
            move |request| signs_up(request) && nul(request, "email"),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

/// Whether a text of several lines must not hold it.
fn out_of_lines(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

fn holds(value: &Value, is_meant: fn(char) -> bool) -> bool {
    value.as_str().is_some_and(|text| text.contains(is_meant))
}
