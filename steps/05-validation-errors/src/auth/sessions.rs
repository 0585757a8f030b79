//! `/auth/session`: signing in with a cookie, which a browser keeps and sends by itself.
//!
//! Another site could make the browser send a request too, and the cookie with it (CSRF). It
//! cannot here: `SameSite=Lax` keeps the cookie from all such requests but a visit with GET, and
//! GET changes nothing. Besides, other sites cannot send JSON or use the other methods unless this
//! server says so (CORS), and even where it does, it does so without cookies.

use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use sqlx::PgPool;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::login::{Credentials, authenticate};
use crate::auth::opaque;
use crate::error::{Error, OnConstraint};
use crate::extract::ValidJson;

/// Every call under `/auth/session`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(start, end))
}

/// Name of the cookie. With this beginning, browsers take it from nobody but this very host.
const COOKIE: &str = "__Host-session";

/// The cookie for this session id, or none of that name any more.
fn cookie(id: String) -> Cookie<'static> {
    Cookie::build((COOKIE, id))
        .path("/")
        .http_only(true)
        .secure(true)
        .same_site(SameSite::Lax)
        .build()
}

/// Signs in: the cookie in the answer stands for the user until it is given back.
#[utoipa::path(
    post,
    path = "/auth/session",
    request_body = Credentials,
    responses(
        (
            status = NO_CONTENT,
            description = "Signed in",
            headers(("set-cookie" = String, description = "The session"))
        ),
        (status = UNAUTHORIZED, description = "The e-mail address or the password is wrong")
    ),
    security(())
)]
async fn start(
    State(state): State<AppState>,
    jar: CookieJar,
    ValidJson(credentials): ValidJson<Credentials>,
) -> Result<(StatusCode, CookieJar), Error> {
    let user_id = authenticate(&state, credentials).await?;
    // Always a new id, whatever the client sent: somebody else may know that one.
    let id = opaque::random();
    sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND expires_at <= now()")
        .bind(user_id)
        .execute(&state.db)
        .await?;
    sqlx::query(
        "INSERT INTO sessions (id_hash, user_id, expires_at)
         VALUES ($1, $2, now() + interval '30 days')",
    )
    .bind(opaque::digest(&id))
    .bind(user_id)
    .execute(&state.db)
    .await
    // The user may have been deleted since somebody looked.
    .on_constraint("sessions_user_id_fkey", Error::Unauthorized)?;
    Ok((StatusCode::NO_CONTENT, jar.add(cookie(id))))
}

/// Signs out: the cookie is worth nothing from now on.
#[utoipa::path(
    delete,
    path = "/auth/session",
    responses((status = NO_CONTENT, description = "Signed out, or nobody was signed in")),
    security(())
)]
async fn end(
    State(state): State<AppState>,
    jar: CookieJar,
) -> Result<(StatusCode, CookieJar), Error> {
    if let Some(session) = jar.get(COOKIE) {
        sqlx::query("DELETE FROM sessions WHERE id_hash = $1")
            .bind(opaque::digest(session.value()))
            .execute(&state.db)
            .await?;
    }
    let jar = jar.remove(cookie(String::new()));
    Ok((StatusCode::NO_CONTENT, jar))
}

/// The id of the user whose session's cookie was sent, if there is one.
///
/// # Errors
///
/// The database fails.
pub async fn user_id(db: &PgPool, jar: &CookieJar) -> Result<Option<i64>, Error> {
    let Some(session) = jar.get(COOKIE) else {
        return Ok(None);
    };
    let found = sqlx::query_scalar(
        "SELECT user_id FROM sessions WHERE id_hash = $1 AND expires_at > now()",
    )
    .bind(opaque::digest(session.value()))
    .fetch_optional(db)
    .await?;
    Ok(found)
}
