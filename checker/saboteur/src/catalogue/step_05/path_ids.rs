//! Wrong responses to ids that are not integers and to limits out of range.

use crate::api::routes::{deletes, lists, reads};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.path-ids"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [ids(), limits()].into_iter().flatten().collect()
}

fn ids() -> Vec<Sabotage> {
    // Steps 2 to 4 allow this.
    let answer_404 = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, TRIPS, breaks).response(
            move |request| when(request) && has_bad_id(request),
            |_, response| response.set_problem(404, "There is no such habit."),
        )
    };
    let on_rejection = |name, breaks, change: fn(&mut Response)| {
        wrong(name, TRIPS, breaks).response(has_bad_id, move |_, response| {
            if matches!(response.status(), 400 | 422) {
                change(response)
            }
        })
    };
    let read_as = |name, breaks, reading: fn(&str) -> Option<String>| {
        // Only below a habit, since the habit itself could be another existing one.
        wrong(name, TRIPS, breaks).request(is_of_completions, move |request| {
            let id = id_part(request).unwrap_or_default().to_owned();
            if let Some(number) = reading(&id) {
                let path = request.head.uri.path().replacen(&id, &number, 1);
                let query = request.head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                request.set_path(&format!("{path}{query}"));
            }
        })
    };
    vec![
        answer_404("bad-ids-are-not-found", "An id that is not an integer answers 404.", |_| true),
        answer_404("get-of-a-bad-id-is-not-found", "GET of an id that is not an integer answers 404.", reads),
        answer_404("delete-of-a-bad-id-is-not-found", "DELETE of an id that is not an integer answers 404.", deletes),
        answer_404(
            "completions-of-a-bad-id-are-not-found",
            "GET of the completions of an id that is not an integer answers 404.",
            |request| request.path().contains("/completions"),
        ),
        answer_404(
            "ids-with-letters-behind-are-not-found",
            "An id that begins with a digit but is not an integer answers 404.",
            |request| id_part(request).is_some_and(|id| id.starts_with(|first: char| first.is_ascii_digit())),
        ),
        on_rejection(
            "bad-ids-are-not-named",
            "The error response to an id that is not an integer lacks `errors`.",
            Response::remove_errors,
        ),
        on_rejection(
            "bad-ids-blame-the-path",
            "The error response to an id that is not an integer names the field \"path\".",
            |response| response.rename_error_fields(|_| "path".into()),
        ),
        read_as("ids-are-read-up-to-a-letter", "In the paths of completions the id 12abc is read as 12.", |id| {
            let digits: String = id.chars().take_while(char::is_ascii_digit).collect();
            (!digits.is_empty()).then_some(digits)
        }),
        read_as("ids-may-be-hexadecimal", "In the paths of completions the id 0x10 is read as 16.", |id| {
            id.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok()).map(|id| id.to_string())
        }),
        read_as("ids-may-have-an-exponent", "In the paths of completions the id 1e3 is read as 1000.", |id| {
            let number: f64 = id.parse().ok().filter(|number: &f64| number.is_finite() && number.fract() == 0.0)?;
            Some(format!("{number:.0}"))
        }),
        read_as("ids-are-rounded-down", "In the paths of completions the id 1.5 is read as 1.", |id| {
            let (whole, fraction) = id.split_once('.')?;
            let is_number =
                [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
            is_number.then(|| whole.to_owned())
        }),
    ]
}

fn limits() -> Vec<Sabotage> {
    let both = &["5.path-ids", "3.pages-limits"];
    let limit = |request: &Request| lists(request) && request.query_parameter("limit").is_some();
    let after = |request: &Request| {
        lists(request) && request.query_parameter("after").is_some_and(|after| !after.is_empty() && after.parse::<i64>().is_err())
    };
    let on_rejection = |name, breaks, change: fn(&mut Response)| {
        wrong(name, TRIPS, breaks).response(limit, move |_, response| {
            if matches!(response.status(), 400 | 422) {
                change(response)
            }
        })
    };
    vec![
        wrong("limits-are-clamped", both, "A limit out of range is clamped to 1 or 100.").request(limit, |request| {
            let number = request.query_parameter("limit").and_then(|limit| limit.parse::<i128>().ok());
            if let Some(number) = number.filter(|number| !(1..=100).contains(number)) {
                request.set_query_parameter("limit", Some(&number.clamp(1, 100).to_string()))
            }
        }),
        on_rejection("limits-are-not-named", "The error response to an invalid limit lacks `errors`.", Response::remove_errors),
        on_rejection("limits-are-called-page", "The error response to an invalid limit names the field \"page\".", |response| {
            response.rename_error_fields(|_| "page".into())
        }),
        wrong("after-beyond-64-bits-answers-500", TRIPS, "An `after` of more than 64 bits answers 500.").response(
            |request| {
                let after = |after: &str| after.parse::<i128>().is_ok_and(|after| i64::try_from(after).is_err());
                lists(request) && request.query_parameter("after").is_some_and(after)
            },
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        wrong("bad-after-is-ignored", TRIPS, "An `after` that is not a number is ignored.")
            .request(after, |request| request.set_query_parameter("after", None)),
        wrong("bad-after-is-empty", TRIPS, "An `after` that is not a number answers an empty page.").response(
            after,
            |_, response| {
                response.set_status(200);
                response.set_body("application/json", "[]");
            },
        ),
        wrong("word-in-after-answers-500", TRIPS, "An `after` that begins with a letter answers 500.").response(
            |request| {
                lists(request) && request.query_parameter("after").is_some_and(|after| after.starts_with(char::is_alphabetic))
            },
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

/// The path segment where a habit's id should be.
fn id_part(request: &Request) -> Option<&str> {
    let id = request.path().strip_prefix("/habits/")?.split('/').next()?;
    (id != "import" && !id.is_empty()).then_some(id)
}

fn has_bad_id(request: &Request) -> bool {
    let is_integer = |id: &str| {
        let digits = id.strip_prefix('-').unwrap_or(id);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    id_part(request).is_some_and(|id| !is_integer(id))
}

fn is_of_completions(request: &Request) -> bool {
    has_bad_id(request) && request.path().contains("/completions")
}
