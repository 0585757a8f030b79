//! Invalid access tokens that are accepted, or rejected in a wrong way.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::api::jwt::{self, Jwt};
use crate::api::routes::{any, reads_me};
use crate::api::users::{act_as, caller, reissue_token};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [expired(), tampered(), unsecured(), foreign(), error_responses(), deleted()].into_iter().flatten().collect()
}

/// Accepts tokens that the upstream server rejects.
fn accept(
    name: &'static str,
    trips: &'static [&'static str],
    breaks: &'static str,
    is_accepted: impl Fn(&Jwt) -> bool + 'static,
) -> Sabotage {
    wrong(name, trips, breaks).request(
        move |request| Jwt::from_request(request).is_some_and(|token| is_accepted(&token)),
        |request| act_as(request, caller(request).unwrap_or(1)),
    )
}

fn has_valid_signature(token: &Jwt) -> bool {
    token.is_hs256() && token.is_signed_with(&jwt::key())
}

fn expired() -> Vec<Sabotage> {
    let trips = &["4.token-expired"];
    let seconds_expired =
        |token: &Jwt| jwt::unix_now().saturating_sub(token.claims.get("exp").and_then(Value::as_u64).unwrap_or(u64::MAX));
    vec![
        accept("expired-tokens-are-taken", trips, "Expired tokens are accepted.", move |token| {
            has_valid_signature(token) && seconds_expired(token) > 0
        }),
        accept("tokens-have-days-of-grace", trips, "Tokens are accepted for a day after they expire.", move |token| {
            has_valid_signature(token) && (1..86_400).contains(&seconds_expired(token))
        }),
        accept(
            "tokens-expired-for-long-are-taken",
            trips,
            "Tokens that expired more than a week ago are accepted.",
            move |token| has_valid_signature(token) && seconds_expired(token) > 7 * 86_400,
        ),
        wrong("expired-tokens-are-taken-for-habits", trips, "Only /me rejects expired tokens.").request(
            move |request| {
                !reads_me(request)
                    && Jwt::from_request(request).is_some_and(|token| has_valid_signature(&token) && seconds_expired(&token) > 0)
            },
            reissue_token,
        ),
        wrong("expired-tokens-answer-403", trips, "An expired token answers 403.").response(
            move |request| {
                Jwt::from_request(request).is_some_and(|token| has_valid_signature(&token) && seconds_expired(&token) > 0)
            },
            |_, response| response.set_problem(403, "The token has expired."),
        ),
    ]
}

fn tampered() -> Vec<Sabotage> {
    let trips = &["4.token-tampered"];
    let known: Rc<RefCell<HashSet<String>>> = Rc::default();
    let issued = known.clone();
    vec![
        accept(
            "signatures-are-not-checked",
            &["4.token-tampered", "4.token-none", "4.token-foreign"],
            "The signature of a token is not verified.",
            |token| token.is_current(),
        ),
        accept(
            "only-hs256-is-asked-for",
            &["4.token-tampered", "4.token-foreign"],
            "A token with alg HS256 is accepted with any signature.",
            |token| token.is_current() && token.is_hs256(),
        ),
        accept("empty-signatures-are-taken", trips, "A token with alg HS256 is accepted with an empty signature.", |token| {
            token.is_current() && token.is_hs256() && token.signature.is_empty()
        }),
        accept(
            "signatures-are-compared-as-far-as-they-go",
            trips,
            "A token is accepted with a prefix of its signature.",
            |token| {
                let is_beginning = !token.signature.is_empty() && token.expected_signature().starts_with(&token.signature);
                token.is_current() && token.is_hs256() && is_beginning
            },
        ),
        accept("signatures-are-compared-by-their-end", trips, "The first character of a signature is not compared.", |token| {
            let (signature, right) = (&token.signature, token.expected_signature());
            token.is_current() && token.is_hs256() && signature.len() == right.len() && signature[1..] == right[1..]
        }),
        accept(
            "signatures-are-compared-by-their-letters",
            trips,
            "The order of a signature's characters is not compared.",
            |token| {
                let sorted = |text: &str| {
                    let mut letters: Vec<char> = text.chars().collect();
                    letters.sort_unstable();
                    letters
                };
                token.is_current() && token.is_hs256() && sorted(&token.signature) == sorted(&token.expected_signature())
            },
        ),
        accept(
            "known-signatures-are-taken",
            trips,
            "A signature that was issued once is accepted with any claims.",
            move |token| token.is_current() && token.is_hs256() && known.borrow().contains(&token.signature),
        )
        .response(any, move |_, response| {
            if let Some(token) = response.json().and_then(|login| Jwt::decode(login["access_token"].as_str()?)) {
                issued.borrow_mut().insert(token.signature);
            }
        }),
        wrong("tokens-of-two-parts-are-taken", trips, "A token without a signature part is accepted.").request(any, |request| {
            let field =
                request.header("authorization").filter(|field| field.matches('.').count() == 1).map(|field| format!("{field}."));
            if let Some(token) =
                field.as_deref().and_then(|field| Jwt::decode(field.strip_prefix("Bearer ")?)).filter(Jwt::is_current)
            {
                act_as(request, token.user().unwrap_or_default());
            }
        }),
        wrong("further-parts-are-passed-over", trips, "Anything after the third part of a token is ignored.").request(
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
    let accept_none = |name, breaks, is_none: fn(&str) -> bool| {
        accept(name, &["4.token-none"], breaks, move |token| token.is_current() && is_none(token.algorithm()))
    };
    vec![
        accept_none("alg-none-is-taken", "A token with alg none is accepted.", |name| name == "none"),
        accept_none("alg-none-is-taken-in-any-case", "A token with alg none in any letter case is accepted.", |name| {
            name.eq_ignore_ascii_case("none")
        }),
        accept_none("only-small-none-is-refused", "A token with alg None, NONE or nOnE is accepted.", |name| {
            name != "none" && name.eq_ignore_ascii_case("none")
        }),
        accept_none("only-usual-nones-are-refused", "A token with alg nOnE is accepted.", |name| name == "nOnE"),
        accept_none("alg-may-be-missing", "A token without alg is accepted.", str::is_empty),
        accept(
            "alg-none-is-taken-with-a-signature",
            &["4.token-none"],
            "A token with alg none is accepted if it has any signature.",
            |token| token.is_current() && token.algorithm() == "none" && !token.signature.is_empty(),
        ),
    ]
}

fn foreign() -> Vec<Sabotage> {
    let trips = &["4.token-foreign"];
    let accept_key = |name, breaks, key: &'static str| {
        accept(name, trips, breaks, move |token| token.is_current() && token.is_hs256() && token.is_signed_with(key.as_bytes()))
    };
    let accept_algorithm = |name, breaks, is_accepted: fn(&str) -> bool| {
        accept(name, trips, breaks, move |token| {
            token.is_current() && !token.signature.is_empty() && is_accepted(token.algorithm())
        })
    };
    vec![
        accept_key("the-key-secret-is-taken", "A token signed with the key \"secret\" is accepted.", "secret"),
        accept_key("the-key-changeme-is-taken", "A token signed with the key \"changeme\" is accepted.", "changeme"),
        accept_key("the-empty-key-is-taken", "A token signed with an empty key is accepted.", ""),
        accept_key(
            "a-key-of-old-is-taken",
            "A token signed with another server's key is accepted.",
            "another key that is as long as it has to be",
        ),
        accept_algorithm("hs384-is-not-checked", "A token with alg HS384 is accepted with any signature.", |name| {
            name == "HS384"
        }),
        accept_algorithm("hs512-is-not-checked", "A token with alg HS512 is accepted with any signature.", |name| {
            name == "HS512"
        }),
        accept_algorithm("rs256-is-not-checked", "A token with alg RS256 is accepted with any signature.", |name| {
            name == "RS256"
        }),
        accept_algorithm("es256-is-not-checked", "A token with alg ES256 is accepted with any signature.", |name| {
            name == "ES256"
        }),
        accept_algorithm(
            "unknown-algorithms-are-not-checked",
            "A token with an unknown alg is accepted with any signature.",
            |name| !name.is_empty() && name != "HS256" && !name.eq_ignore_ascii_case("none"),
        ),
        accept("tokens-without-an-end-are-taken", trips, "A token without exp never expires.", |token| {
            has_valid_signature(token) && !token.claims.contains_key("exp")
        }),
        accept("tokens-without-a-user-are-taken", trips, "A token without sub is accepted as the first user's.", |token| {
            has_valid_signature(token) && token.user().is_none()
        }),
        wrong("tokens-without-a-user-answer-500", trips, "A token without sub answers 500.").response(
            |request| Jwt::from_request(request).is_some_and(|token| has_valid_signature(&token) && token.user().is_none()),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

fn error_responses() -> Vec<Sabotage> {
    const BAD: &[&str] = &["4.token-expired", "4.token-tampered", "4.token-none", "4.token-foreign", "4.token-of-deleted"];
    let on_401 = |name, breaks, change: fn(&mut Response)| {
        wrong(name, BAD, breaks).response(
            |request| Jwt::from_request(request).is_some(),
            move |_, response| {
                if response.status() == 401 {
                    change(response)
                }
            },
        )
    };
    vec![
        on_401("bad-tokens-answer-403", "An invalid token answers 403.", |response| {
            response.set_problem(403, "The token is not good.")
        }),
        on_401("bad-tokens-answer-400", "An invalid token answers 400.", |response| {
            response.set_problem(400, "The token is not good.")
        }),
        on_401("bad-tokens-get-no-challenge", "The 401 for an invalid token has no WWW-Authenticate.", |response| {
            response.remove_header("www-authenticate")
        }),
        on_401("bad-tokens-get-no-problem", "The 401 for an invalid token is not problem details.", |response| {
            response.set_plain_error(401, "the token is not good")
        }),
    ]
}

fn deleted() -> Vec<Sabotage> {
    let on_401 = |name, breaks, change: fn(&Request, &mut Response)| {
        wrong(name, &["4.token-of-deleted"], breaks).response(
            |request| {
                reads_me(request)
                    && Jwt::from_request(request).is_some_and(|token| has_valid_signature(&token) && token.is_current())
            },
            move |request, response| {
                if response.status() == 401 {
                    change(request, response)
                }
            },
        )
    };
    vec![
        on_401("a-deleted-user-is-shown", "GET /me answers 200 to a deleted user.", |request, response| {
            response.set_status(200);
            response.remove_header("www-authenticate");
            response.set_json("application/json", &json!({ "id": caller(request), "email": null, "name": null }));
        }),
        on_401("a-deleted-user-answers-404", "GET /me answers 404 to a deleted user.", |_, response| {
            response.set_problem(404, "There is no such user.")
        }),
        on_401("a-deleted-user-answers-500", "GET /me answers 500 to a deleted user.", |_, response| {
            response.set_problem(500, "Something went wrong.")
        }),
    ]
}
