//! `/auth/oauth`: signing in with an account at a provider (OAuth 2, code flow with PKCE).
//!
//! The browser goes to the provider and comes back with a code, which we exchange there for what
//! the provider knows of the user. Three things keep others out: a code that was intercepted is
//! worth nothing without the verifier, which never leaves this server; `state` works once, so an
//! answer cannot be sent again; and only in the browser that has its cookie, so nobody can be made
//! to finish what somebody else began.

// ANCHOR: oauth
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::provider::Person;
use crate::auth::signed_in::SignedIn;
use crate::auth::{opaque, refresh, signup};
use crate::error::{Error, OnConstraint};
use crate::extract::ValidQuery;
use crate::validation::{FieldError, Validate, check_email, check_name};

/// Every call under `/auth/oauth`. Without a provider all of them answer 404.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(callback))
}

/// Name of the cookie that holds `state`.
const COOKIE: &str = "__Host-oauth-state";

/// The cookie for this state, or none of that name any more.
fn cookie(state: String) -> Cookie<'static> {
    Cookie::build((COOKIE, state))
        .path("/")
        .http_only(true)
        .secure(true)
        // The provider's page leads back here, and the cookie must come along: `Strict` forbids it.
        .same_site(SameSite::Lax)
        .build()
}
// ANCHOR_END: oauth

// ANCHOR: start
/// Sends the browser to the provider.
#[utoipa::path(
    get,
    path = "/auth/oauth/start",
    responses(
        (
            status = FOUND,
            description = "The provider's page",
            headers(
                ("location" = String, description = "Its address"),
                ("set-cookie" = String, description = "Tells this browser from others")
            )
        ),
        (status = NOT_FOUND, description = "There is no provider")
    ),
    security(())
)]
async fn start(State(state): State<AppState>, jar: CookieJar) -> Result<impl IntoResponse, Error> {
    let provider = state.provider.as_ref().ok_or(Error::NotFound)?;
    let attempt = opaque::random();
    let verifier = opaque::random();
    let url = provider.authorize_url(&attempt, &opaque::digest_text(&verifier));

    sqlx::query("DELETE FROM oauth_attempts WHERE expires_at <= now()")
        .execute(&state.db)
        .await?;
    sqlx::query(
        "INSERT INTO oauth_attempts (state_hash, code_verifier, expires_at)
         VALUES ($1, $2, now() + interval '10 minutes')",
    )
    .bind(opaque::digest(&attempt))
    .bind(verifier)
    .execute(&state.db)
    .await?;
    let location = [(header::LOCATION, url.to_string())];
    Ok((StatusCode::FOUND, jar.add(cookie(attempt)), location))
}
// ANCHOR_END: start

/// What the provider sends along with the browser (RFC 6749, section 4.1.2).
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
// Providers may send more, which a client must ignore.
pub struct Callback {
    /// What we sent.
    #[serde(default)]
    #[param(required)]
    pub state: String,
    /// Stands for the user, once.
    pub code: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl Validate for Callback {
    fn validate(&mut self) -> Vec<FieldError> {
        match self.state.as_str() {
            "" => vec![FieldError::new("state", "must not be blank")],
            _ => Vec::new(),
        }
    }
}

// ANCHOR: callback
/// Signs in who comes back from the provider, and signs them up the first time.
#[utoipa::path(
    get,
    path = "/auth/oauth/callback",
    params(Callback),
    responses(
        (status = OK, description = "Tokens", body = SignedIn),
        (status = BAD_REQUEST, description = "Not begun in this browser, over, or refused"),
        (status = NOT_FOUND, description = "There is no provider"),
        (status = CONFLICT, description = "The e-mail address is taken"),
        (status = BAD_GATEWAY, description = "The provider failed"),
        (status = GATEWAY_TIMEOUT, description = "The provider did not answer in time")
    ),
    security(())
)]
async fn callback(
    State(state): State<AppState>,
    jar: CookieJar,
    ValidQuery(callback): ValidQuery<Callback>,
) -> Result<(CookieJar, SignedIn), Error> {
    let provider = state.provider.as_ref().ok_or(Error::NotFound)?;
    if jar.get(COOKIE).map(Cookie::value) != Some(&callback.state) {
        let detail = "This sign-in was not begun in this browser.";
        return Err(Error::BadRequest(detail));
    }
    // Finding it and forgetting it are one: it works once.
    let verifier: Option<String> = sqlx::query_scalar(
        "DELETE FROM oauth_attempts WHERE state_hash = $1
         RETURNING CASE WHEN expires_at > now() THEN code_verifier END",
    )
    .bind(opaque::digest(&callback.state))
    .fetch_optional(&state.db)
    .await?
    .flatten();
    let verifier = verifier.ok_or(Error::BadRequest("This sign-in is over. Begin again."))?;
    let code = match (callback.code, callback.error) {
        (Some(code), None) => code,
        _ => return Err(Error::BadRequest("The provider did not sign you in.")),
    };

    let person = provider.person(&code, &verifier).await?;
    let user_id = find_or_add(&state, person).await?;
    let signed_in = refresh::sign_in(&state, user_id).await?;
    Ok((jar.remove(cookie(String::new())), signed_in))
}
// ANCHOR_END: callback

// ANCHOR: find_or_add
/// The id of the user who is `person` at the provider, and who is new here the first time.
async fn find_or_add(state: &AppState, mut person: Person) -> Result<i64, Error> {
    let known: Option<i64> =
        sqlx::query_scalar("SELECT user_id FROM oauth_accounts WHERE subject = $1")
            .bind(&person.sub)
            .fetch_optional(&state.db)
            .await?;
    if let Some(user_id) = known {
        return Ok(user_id);
    }

    if let Some(error) = check_email(&mut person.email) {
        let cause = format!("the provider's e-mail address {}", error.message);
        return Err(Error::BadGateway(cause.into()));
    }
    let mut name = person.name;
    name.take_if(|name| check_name(name).is_some());

    let mut transaction = state.db.begin().await?;
    // A user who has this e-mail address already need not be the same person: neither we nor every
    // provider has made sure whose address it is. So it is a conflict, and nobody is let in.
    let user = signup::insert(&mut *transaction, person.email, name, None).await?;
    sqlx::query("INSERT INTO oauth_accounts (subject, user_id) VALUES ($1, $2)")
        .bind(person.sub)
        .bind(user.id)
        .execute(&mut *transaction)
        .await
        .on_constraint("oauth_accounts_pkey", signup::email_taken())?;
    transaction.commit().await?;
    Ok(user.id)
}
// ANCHOR_END: find_or_add
