//! Control characters that are accepted, removed or rejected where they should not be.

use serde_json::Value;

use crate::api::routes::{has_body, imports, logs_in, puts, signs_up, writes_habit};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.control-characters"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [names(), users(), descriptions(), passwords(), error_responses()].into_iter().flatten().collect()
}

/// Accepts such characters in names of habits.
fn accept_in_names(name: &'static str, breaks: &'static str, is_accepted: fn(char) -> bool) -> Sabotage {
    wrong(name, TRIPS, breaks).accepts(writes_habit, "name", move |name| {
        let text = name?.as_str()?.trim();
        let is_fine = !text.contains(|c: char| c.is_control() && !is_accepted(c)) && text.chars().count() <= 100;
        (is_fine && text.contains(is_accepted)).then(|| text.into())
    })
}

/// Removes such characters from a field before the upstream server gets it.
fn remove(
    name: &'static str,
    breaks: &'static str,
    when: fn(&Request) -> bool,
    field: &'static str,
    is_removed: fn(char) -> bool,
) -> Sabotage {
    wrong(name, TRIPS, breaks).request(when, move |request| request.edit_texts(field, |text| text.replace(is_removed, "")))
}

fn names() -> Vec<Sabotage> {
    vec![
        accept_in_names("controls-are-kept-in-names", "Control characters other than U+0000 are accepted in names.", |c| {
            c.is_control() && c != '\0'
        }),
        accept_in_names("only-controls-of-ascii-are-refused", "U+0080 to U+009F are accepted in names.", |c| {
            ('\u{80}'..='\u{9f}').contains(&c)
        }),
        accept_in_names("only-what-is-below-space-is-refused", "U+007F to U+009F are accepted in names.", |c| {
            ('\u{7f}'..='\u{9f}').contains(&c)
        }),
        accept_in_names("delete-is-kept-in-names", "U+007F is accepted in names.", |c| c == '\u{7f}'),
        accept_in_names("tabs-are-kept-in-names", "Tabs are accepted in names.", |c| c == '\t'),
        accept_in_names("line-ends-are-kept-in-names", "Newlines are accepted in names.", |c| c == '\n'),
        remove(
            "controls-are-removed-from-names",
            "Control characters are removed from names.",
            writes_habit,
            "name",
            char::is_control,
        ),
        remove("nul-is-removed-from-names", "U+0000 is removed from names.", writes_habit, "name", |c| c == '\0'),
        remove("import-removes-controls", "An import removes control characters from names.", imports, "name", char::is_control),
        remove("put-removes-controls", "PUT removes control characters from names.", puts, "name", char::is_control),
    ]
}

fn users() -> Vec<Sabotage> {
    vec![
        remove(
            "signup-removes-controls-from-names",
            "Control characters are removed from users' names.",
            signs_up,
            "name",
            char::is_control,
        ),
        remove(
            "signup-removes-controls-from-addresses",
            "Control characters are removed from e-mail addresses.",
            signs_up,
            "email",
            char::is_control,
        ),
        remove(
            "addresses-may-hold-upper-controls",
            "U+007F to U+009F are removed from e-mail addresses.",
            signs_up,
            "email",
            |c| c.is_control() && c > ' ',
        ),
    ]
}

fn descriptions() -> Vec<Sabotage> {
    let reject = |name, trips, breaks, is_rejected: fn(char) -> bool| {
        wrong(name, trips, breaks)
            .rejects(writes_habit, "description", move |text| text.as_str().is_some_and(|text| text.contains(is_rejected)))
    };
    vec![
        reject(
            "line-ends-are-refused-in-descriptions",
            &["5.control-characters", "5.injection", "1.text-fidelity"],
            "Newlines are rejected in descriptions.",
            |c| c == '\n',
        ),
        reject(
            "tabs-are-refused-in-descriptions",
            &["5.control-characters", "1.text-fidelity"],
            "Tabs are rejected in descriptions.",
            |c| c == '\t',
        ),
        remove(
            "controls-are-removed-from-descriptions",
            "Control characters are removed from descriptions.",
            writes_habit,
            "description",
            is_forbidden_in_text,
        ),
        remove(
            "import-removes-controls-from-descriptions",
            "An import removes control characters from descriptions.",
            imports,
            "description",
            is_forbidden_in_text,
        ),
        remove(
            "white-space-is-removed-from-descriptions",
            "Control characters that are white space, such as U+000B and U+0085, are removed from descriptions.",
            writes_habit,
            "description",
            |c| is_forbidden_in_text(c) && c.is_whitespace(),
        ),
        wrong("escapes-are-kept-in-descriptions", TRIPS, "U+001B is accepted in descriptions.").accepts(
            writes_habit,
            "description",
            |text| text.filter(|text| text.as_str().is_some_and(|text| text.contains('\u{1b}'))).cloned(),
        ),
    ]
}

fn passwords() -> Vec<Sabotage> {
    vec![
        wrong("password-refuses-controls", TRIPS, "Control characters are rejected in passwords.").rejects(
            signs_up,
            "password",
            |password| contains(password, char::is_control),
        ),
        wrong("password-refuses-what-is-beyond-ascii-controls", TRIPS, "U+007F to U+009F are rejected in passwords.").rejects(
            signs_up,
            "password",
            |password| contains(password, |c| c.is_control() && c > ' '),
        ),
        remove("password-loses-controls", "A signup removes control characters from the password.", signs_up, "password", |c| {
            c.is_control() && c != '\0'
        }),
        remove("password-loses-nul", "A signup removes U+0000 from the password.", signs_up, "password", |c| c == '\0'),
    ]
}

fn error_responses() -> Vec<Sabotage> {
    let has_control = |request: &Request| {
        let is_odd = |value: &Value| contains(value, |c| c.is_control() && !c.is_whitespace());
        has_body(request) && request.objects().iter().any(|object| object.values().any(is_odd))
    };
    let nul = |request: &Request, field| request.any_field(field, |value| contains(value, |c| c == '\0'));
    vec![
        wrong("controls-are-not-named", TRIPS, "The error response to a control character lacks `errors`.")
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

/// Whether a text of several lines must not contain this character.
fn is_forbidden_in_text(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

fn contains(value: &Value, is_meant: fn(char) -> bool) -> bool {
    value.as_str().is_some_and(|text| text.contains(is_meant))
}
