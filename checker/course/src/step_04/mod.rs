//! Step 4 · Authentication and authorization: signup, login, tokens, sessions, and access control.

mod access;
mod cookie;
mod hash;
mod jwt;
mod leaving;
mod login;
mod oauth;
mod passwords;
mod refresh;
mod roles;
mod sessions;
mod signup;
mod tokens;

use serde_json::Value;

use fixtures::Fixture;
use harness::api::Api;
use harness::check::Check;
use harness::contract::SignIn;
use harness::problem::expect_problem;
use harness::route::{Route, route};
use harness::step::Step;
use model::{Outcome, Request, Stop};
use probe::Response;
use sandbox::RunToExit;
use services::postgres::{Store, quoted};
use services::{DATABASE, JWT_SECRET};

pub use passwords::expect_not_logged;

/// Step 4.
pub const STEP: Step = Step {
    number: 4,
    slug: "04-auth",
    title: "Authentication and authorization",
    fixtures: FIXTURES,
    sign_in: Some(SIGN_IN),
    routes: ROUTES,
    checks,
    advice: |_| Vec::new(),
};

/// What servers need from this step on.
pub const FIXTURES: &[&dyn Fixture] = &[DATABASE, JWT_SECRET];

/// How users sign in from this step on.
pub const SIGN_IN: &SignIn = &SignIn {
    sign_up: "/auth/signup",
    log_in: "/auth/login",
    public: &["/auth", "/docs", "/openapi.json"],
    checks: &["4.signup", "4.login"],
};

/// The routes on the user.
const ROUTES: &[Route] = &[route("GET", "/me"), route("DELETE", "/me").last()];

/// The checks of step 4.
fn checks() -> Vec<Check> {
    let subjects = [
        signup::checks(),
        login::checks(),
        passwords::checks(),
        tokens::checks(),
        access::checks(),
        leaving::checks(),
        sessions::checks(),
        refresh::checks(),
        oauth::checks(),
        roles::checks(),
    ];
    subjects.into_iter().flatten().collect()
}

/// Fails unless the response is 401 with problem details and a Bearer challenge (RFC 6750, section 3).
fn expect_unauthorized(response: &Response) -> Outcome {
    expect_problem(response, 401)?;
    expect_challenge(response)
}

/// Fails unless `WWW-Authenticate` offers the scheme `Bearer`, alone or among others.
fn expect_challenge(response: &Response) -> Outcome {
    let fields = response.headers("www-authenticate").collect::<Vec<_>>().join(", ");
    let is_bearer = |part: &str| part.split_whitespace().next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    if fields.split(',').any(is_bearer) {
        return Ok(());
    }
    let actual = if fields.is_empty() { "no WWW-Authenticate header".into() } else { format!("WWW-Authenticate: {fields}") };
    Err(response.fail("WWW-Authenticate: Bearer", actual))
}

/// Fails unless the response body is the user with this e-mail address.
fn expect_user(response: &Response, email: &str) -> Outcome<Value> {
    let user = response.json()?;
    if !matches!(&user["id"], Value::String(_) | Value::Number(_)) {
        return Err(response.fail("a user with an id", format!("\"id\": {}", user["id"])));
    }
    // The server may change the letter case.
    match user["email"].as_str() {
        Some(shown) if shown.eq_ignore_ascii_case(email) => Ok(user),
        _ => Err(response.fail(format!("\"email\": \"{email}\""), format!("\"email\": {}", user["email"]))),
    }
}

/// Fails if the response contains the password, a hash, or a field for either.
fn expect_no_secret(response: &Response, password: &str) -> Outcome {
    let text = response.text();
    let fields = ["\"password", "\"hash", "$argon2", "$2a$", "$2b$", "$2y$"];
    let leak = fields.into_iter().chain([password]).find(|secret| text.contains(secret));
    match leak {
        Some(secret) => Err(response.fail("a response without a password or a hash", format!("a body with {secret}…"))),
        None => Ok(()),
    }
}

/// `GET /me` with this access token.
async fn me_of(api: &Api, token: &str) -> Outcome<Response> {
    api.as_holder(token).get("/me").await
}

/// `GET path` with a forged token, one that no server issued.
async fn get_with_forged_token(api: &Api, path: &str, token: &str) -> Outcome<Response> {
    let request = Request::new("GET", path).header("authorization", format!("Bearer {token}"));
    api.http.send(request).await
}

/// The SQL condition for the user with this e-mail address, in any letter case.
fn email_condition(email: &str) -> String {
    format!("lower(email) = lower({})", quoted(email))
}

/// Fails unless there are `count` users with this e-mail address. Skipped where the database is not accessible.
async fn expect_users(api: &Api, email: &str, count: u64) -> Outcome {
    let Some(store) = api.visible::<Store>() else { return Ok(()) };
    match store.count(&format!("FROM users WHERE {}", email_condition(email))).await? {
        found if found == count => Ok(()),
        found => Err(Stop::fail(format!("{count} rows in users with the e-mail address {email}"), format!("{found} rows"))),
    }
}

/// The stored password hash of the user with this e-mail address.
async fn stored_hash(store: &Store, email: &str) -> Outcome<String> {
    if !store.columns("users").await?.iter().any(|column| column == "password_hash") {
        return Err(Stop::fail("a column users.password_hash", "the table users without it"));
    }
    let rows = store.rows(&format!("SELECT password_hash FROM users WHERE {}", email_condition(email))).await?;
    match rows.into_iter().next() {
        Some(row) => Ok(row.into_iter().flatten().next().unwrap_or_default()),
        None => Err(Stop::fail(format!("a row in users with the e-mail address {email}"), "no such row")),
    }
}

/// Fails unless the program exited at once with a non-zero exit code and named the variable. `setting` describes its environment.
fn expect_refusal(variable: &str, setting: &str, run: RunToExit) -> Outcome {
    match run {
        RunToExit::Exited { ending, .. } if ending.is_success() => {
            Err(Stop::fail(format!("a non-zero exit code for {setting}"), ending.to_string()))
        }
        RunToExit::Exited { stderr, .. } if stderr.iter().any(|line| line.to_uppercase().contains(variable)) => Ok(()),
        RunToExit::Exited { ending, stderr } => {
            let actual = format!("{ending}, and stderr:\n{}", stderr.join("\n"));
            Err(Stop::fail(format!("a message on stderr that names {variable}, for {setting}"), actual))
        }
        RunToExit::StillRunning => {
            Err(Stop::fail(format!("a program that exits at once for {setting}"), "a program that keeps running"))
        }
        RunToExit::Problem(problem) => Err(Stop::Inconclusive(problem.title)),
    }
}
