//! Users of the server under examination. Hashing a password is slow, so checks share users where they can.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::contract::SignIn;

use model::{Outcome, Stop, shorten};

use probe::{Probe, Response};

/// A user whom a check signed up, and who is logged in.
#[derive(Debug, Clone)]
pub struct Account {
    /// What was sent.
    pub email: String,
    /// What was sent.
    pub password: String,
    /// The user in the response to the signup.
    pub user: Value,
    /// The body of the response to the last login.
    pub login: Value,
    /// The access token.
    pub token: String,
    /// When to log in again: in the middle of the token's life.
    renewal: Option<Instant>,
}

/// Two users that the checks on one database share, signed up when they are first needed.
#[derive(Default)]
pub struct Users {
    first: Shared,
    second: Shared,
    password: OnceCell<String>,
}

type Shared = Mutex<Option<Rc<Account>>>;

impl Users {
    /// The user in whose name requests are sent.
    pub async fn first(&self, probe: &Probe, sign_in: &SignIn) -> Outcome<Rc<Account>> {
        self.signed_in(&self.first, probe, sign_in).await
    }

    /// Whether that user has already been signed up.
    pub fn has_first(&self) -> bool {
        self.first.try_lock().is_ok_and(|kept| kept.is_some())
    }

    /// Another user.
    pub async fn second(&self, probe: &Probe, sign_in: &SignIn) -> Outcome<Rc<Account>> {
        self.signed_in(&self.second, probe, sign_in).await
    }

    async fn signed_in(&self, user: &Shared, probe: &Probe, sign_in: &SignIn) -> Outcome<Rc<Account>> {
        let mut kept = user.lock().await;
        let account = match kept.take() {
            Some(account) if account.renewal.is_none_or(|renewal| Instant::now() < renewal) => account,
            Some(account) => Rc::new(Account::clone(&account).logged_in(probe, sign_in).await.map_err(not_signed_in)?),
            None => {
                // Both users share one password.
                let password = self.password.get_or_init(|| random(16)).clone();
                let account = Account::signed_up(probe, sign_in, format!("user-{}@example.com", random(12)), password).await;
                Rc::new(account.map_err(not_signed_in)?)
            }
        };
        Ok(kept.insert(account).clone())
    }
}

impl Account {
    /// Signs up and logs in; anything but 201 and 200 with a token is a failure.
    pub async fn signed_up(probe: &Probe, sign_in: &SignIn, email: String, password: String) -> Outcome<Account> {
        let signup = probe.send(sign_in.sign_up(&json!({ "email": email, "password": password, "name": random(8) }))).await?;
        signup.status(201)?;
        let user = signup.json()?;
        let account = Account { email, password, user, login: Value::Null, token: String::new(), renewal: None };
        account.logged_in(probe, sign_in).await
    }

    /// The same user after another login.
    pub async fn logged_in(self, probe: &Probe, sign_in: &SignIn) -> Outcome<Account> {
        let response = probe.send(sign_in.log_in(&json!({ "email": self.email, "password": self.password }))).await?;
        response.status(200)?;
        let login = response.json()?;
        let token = access_token(&response, &login)?;
        let life = login["expires_in"].as_u64().map(Duration::from_secs);
        let renewal = life.and_then(|life| Instant::now().checked_add(life / 2));
        Ok(Account { login, token, renewal, ..self })
    }

    /// The user's id as written in a token.
    pub fn id(&self) -> String {
        match &self.user["id"] {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        }
    }
}

/// The access token in the response to a login.
pub fn access_token(response: &Response, login: &Value) -> Outcome<String> {
    let token = login["access_token"].as_str().filter(|token| !token.is_empty() && token.bytes().all(|c| c.is_ascii_graphic()));
    let shown = || shorten(&format!("\"access_token\": {}", login["access_token"]), 200);
    token
        .map(str::to_owned)
        .ok_or_else(|| response.fail("\"access_token\": a non-empty string of visible ASCII characters", shown()))
}

fn random(length: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(length).collect::<String>().to_lowercase()
}

/// The same stop, marked as a failure to sign in: it breaks no claim of the check that is running.
fn not_signed_in(stop: Stop) -> Stop {
    match stop {
        Stop::Fail(failure) => Stop::NotSignedIn(failure),
        other => other,
    }
}
