//! Invalid access tokens that are accepted, or refused in a wrong way.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Value, json};

use super::token_claims::take;
use crate::api::jwt::{self, Jwt};
use crate::api::routes::{any, reads_me};
use crate::api::users::{act_as, caller};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [expired(), tampered(), unsecured(), foreign(), refusals(), deleted()].into_iter().flatten().collect()
}

/// Takes tokens that the right server refuses.
fn takes(
    name: &'static str,
    trips: &'static [&'static str],
    breaks: &'static str,
    is_taken: impl Fn(&Jwt) -> bool + 'static,
) -> Sabotage {
    wrong(name, trips, breaks).request(
        move |request| Jwt::from_request(request).is_some_and(|token| is_taken(&token)),
        |request| act_as(request, caller(request).unwrap_or(1)),
    )
}

fn is_ours(token: &Jwt) -> bool {
    token.is_hs256() && token.is_signed_with(&jwt::key())
}

fn expired() -> Vec<Sabotage> {
    let trips = &["4.token-expired"];
    let ended = |token: &Jwt| jwt::unix_now().saturating_sub(token.claims.get("exp").and_then(Value::as_u64).unwrap_or(u64::MAX));
    vec![
        takes("expired-tokens-are-taken", trips, "The exp of a token is not looked at.", move |token| {
            is_ours(token) && ended(token) > 0
        }),
        takes("tokens-have-days-of-grace", trips, "A token that expired a day ago is taken.", move |token| {
            is_ours(token) && (1..86_400).contains(&ended(token))
        }),
        takes("tokens-expired-for-long-are-taken", trips, "A token that expired more than a week ago is taken.", move |token| {
            is_ours(token) && ended(token) > 7 * 86_400
        }),
        wrong("expired-tokens-are-taken-for-habits", trips, "The exp of a token is looked at by /me alone.").request(
            move |request| {
                !reads_me(request) && Jwt::from_request(request).is_some_and(|token| is_ours(&token) && ended(&token) > 0)
            },
            take,
        ),
        wrong("expired-tokens-answer-403", trips, "An expired token answers 403.").response(
            move |request| Jwt::from_request(request).is_some_and(|token| is_ours(&token) && ended(&token) > 0),
            |_, response| response.set_problem(403, "The token has expired."),
        ),
    ]
}

fn tampered() -> Vec<Sabotage> {
    let trips = &["4.token-tampered"];
    let known: Rc<RefCell<HashSet<String>>> = Rc::default();
    let given = known.clone();
    vec![
        takes(
            "signatures-are-not-checked",
            &["4.token-tampered", "4.token-none", "4.token-foreign"],
            "A token is read and its signature is not checked.",
            |token| token.is_current(),
        ),
        takes(
            "only-hs256-is-asked-for",
            &["4.token-tampered", "4.token-foreign"],
            "A token that says HS256 is taken with any signature.",
            |token| token.is_current() && token.is_hs256(),
        ),
        takes("empty-signatures-are-taken", trips, "A token that says HS256 is taken without a signature.", |token| {
            token.is_current() && token.is_hs256() && token.signature.is_empty()
        }),
        takes("signatures-are-compared-as-far-as-they-go", trips, "The beginning of a signature is enough.", |token| {
            let is_beginning = !token.signature.is_empty() && token.expected_signature().starts_with(&token.signature);
            token.is_current() && token.is_hs256() && is_beginning
        }),
        takes("signatures-are-compared-by-their-end", trips, "The first letter of a signature does not count.", |token| {
            let (signature, right) = (&token.signature, token.expected_signature());
            token.is_current() && token.is_hs256() && signature.len() == right.len() && signature[1..] == right[1..]
        }),
        takes(
            "signatures-are-compared-by-their-letters",
            trips,
            "The order of the letters of a signature does not count.",
            |token| {
                let sorted = |text: &str| {
                    let mut letters: Vec<char> = text.chars().collect();
                    letters.sort_unstable();
                    letters
                };
                token.is_current() && token.is_hs256() && sorted(&token.signature) == sorted(&token.expected_signature())
            },
        ),
        takes("known-signatures-are-taken", trips, "A signature that was once given out is good for any claims.", move |token| {
            token.is_current() && token.is_hs256() && known.borrow().contains(&token.signature)
        })
        .response(any, move |_, response| {
            if let Some(token) = response.json().and_then(|login| Jwt::decode(login["access_token"].as_str()?)) {
                given.borrow_mut().insert(token.signature);
            }
        }),
        wrong("tokens-of-two-parts-are-taken", trips, "A token without a third part is taken.").request(any, |request| {
            let field =
                request.header("authorization").filter(|field| field.matches('.').count() == 1).map(|field| format!("{field}."));
            if let Some(token) =
                field.as_deref().and_then(|field| Jwt::decode(field.strip_prefix("Bearer ")?)).filter(Jwt::is_current)
            {
                act_as(request, token.user().unwrap_or_default());
            }
        }),
        wrong("further-parts-are-passed-over", trips, "What follows the third part of a token is passed over.").request(
            any,
            |request| {
                let field = request.header("authorization").filter(|field| field.matches('.').count() > 2);
                if let Some(field) = field.map(|field| field.splitn(4, '.').take(3).collect::<Vec<_>>().join(".")) {
                    request.set_header("authorization", &field);
                }
            },
        ),
    ]
}

fn unsecured() -> Vec<Sabotage> {
    let none = |name, breaks, is_none: fn(&str) -> bool| {
        takes(name, &["4.token-none"], breaks, move |token| token.is_current() && is_none(token.algorithm()))
    };
    vec![
        none("alg-none-is-taken", "A token that says none is taken.", |name| name == "none"),
        none("alg-none-is-taken-in-any-case", "A token that says none in any letter case is taken.", |name| {
            name.eq_ignore_ascii_case("none")
        }),
        none("only-small-none-is-refused", "A token that says None, NONE or nOnE is taken.", |name| {
            name != "none" && name.eq_ignore_ascii_case("none")
        }),
        none("only-usual-nones-are-refused", "A token that says nOnE is taken.", |name| name == "nOnE"),
        none("alg-may-be-missing", "A token that says no algorithm is taken.", str::is_empty),
        takes(
            "alg-none-is-taken-with-a-signature",
            &["4.token-none"],
            "A token that says none is taken if it has some signature.",
            |token| token.is_current() && token.algorithm() == "none" && !token.signature.is_empty(),
        ),
    ]
}

fn foreign() -> Vec<Sabotage> {
    let trips = &["4.token-foreign"];
    let keys = |name, breaks, key: &'static str| {
        takes(name, trips, breaks, move |token| token.is_current() && token.is_hs256() && token.is_signed_with(key.as_bytes()))
    };
    let algorithm = |name, breaks, is_it: fn(&str) -> bool| {
        takes(name, trips, breaks, move |token| token.is_current() && !token.signature.is_empty() && is_it(token.algorithm()))
    };
    vec![
        keys("the-key-secret-is-taken", "A token signed with the key secret is taken.", "secret"),
        keys("the-key-changeme-is-taken", "A token signed with the key changeme is taken.", "changeme"),
        keys("the-empty-key-is-taken", "A token signed with an empty key is taken.", ""),
        keys(
            "a-key-of-old-is-taken",
            "A token signed with a key of another server is taken.",
            "another key that is as long as it has to be",
        ),
        algorithm("hs384-is-not-checked", "A token that says HS384 is taken with any signature.", |name| name == "HS384"),
        algorithm("hs512-is-not-checked", "A token that says HS512 is taken with any signature.", |name| name == "HS512"),
        algorithm("rs256-is-not-checked", "A token that says RS256 is taken with any signature.", |name| name == "RS256"),
        algorithm("es256-is-not-checked", "A token that says ES256 is taken with any signature.", |name| name == "ES256"),
        algorithm(
            "unknown-algorithms-are-not-checked",
            "A token for an algorithm that the server does not know is taken.",
            |name| !name.is_empty() && name != "HS256" && !name.eq_ignore_ascii_case("none"),
        ),
        takes("tokens-without-an-end-are-taken", trips, "A token without exp is good for ever.", |token| {
            is_ours(token) && !token.claims.contains_key("exp")
        }),
        takes("tokens-without-a-user-are-taken", trips, "A token without sub is the first user's.", |token| {
            is_ours(token) && token.user().is_none()
        }),
        wrong("tokens-without-a-user-answer-500", trips, "A token without sub answers 500.").response(
            |request| Jwt::from_request(request).is_some_and(|token| is_ours(&token) && token.user().is_none()),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

fn refusals() -> Vec<Sabotage> {
    const BAD: &[&str] = &["4.token-expired", "4.token-tampered", "4.token-none", "4.token-foreign", "4.token-of-deleted"];
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, BAD, breaks).response(
            |request| Jwt::from_request(request).is_some(),
            move |_, response| {
                if response.status() == 401 {
                    spoil(response)
                }
            },
        )
    };
    vec![
        told("bad-tokens-answer-403", "A token that is not good answers 403.", |response| {
            response.set_problem(403, "The token is not good.")
        }),
        told("bad-tokens-answer-400", "A token that is not good answers 400.", |response| {
            response.set_problem(400, "The token is not good.")
        }),
        told("bad-tokens-get-no-challenge", "A token that is not good answers 401 without WWW-Authenticate.", |response| {
            response.remove_header("www-authenticate")
        }),
        told("bad-tokens-get-no-problem", "The 401 for a token that is not good is no problem details.", |response| {
            response.set_plain_error(401, "the token is not good")
        }),
    ]
}

fn deleted() -> Vec<Sabotage> {
    let told = |name, breaks, spoil: fn(&Request, &mut Response)| {
        wrong(name, &["4.token-of-deleted"], breaks).response(
            |request| reads_me(request) && Jwt::from_request(request).is_some_and(|token| is_ours(&token) && token.is_current()),
            move |request, response| {
                if response.status() == 401 {
                    spoil(request, response)
                }
            },
        )
    };
    vec![
        told("a-deleted-user-is-shown", "GET /me answers 200 as long as the token is good.", |request, response| {
            response.set_status(200);
            response.remove_header("www-authenticate");
            response.set_json("application/json", &json!({ "id": caller(request), "email": null, "name": null }));
        }),
        told("a-deleted-user-answers-404", "GET /me answers 404 to a user who is gone.", |_, response| {
            response.set_problem(404, "There is no such user.")
        }),
        told("a-deleted-user-answers-500", "GET /me answers 500 to a user who is gone.", |_, response| {
            response.set_problem(500, "Something went wrong.")
        }),
    ]
}
