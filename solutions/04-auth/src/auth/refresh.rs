//! `/auth/refresh`: a new access token without the password, for a refresh token.
//!
//! Each refresh token is good for one use and gives the next one. A second use means that two have
//! it, one of whom stole it; nobody can tell which, so both are signed out (RFC 9700, section 4.14).

// ANCHOR: refresh_tokens
use axum::extract::State;
use serde::Deserialize;
use sqlx::PgExecutor;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::opaque;
use crate::auth::signed_in::SignedIn;
use crate::config::Secret;
use crate::error::{Error, OnConstraint};
use crate::extract::ValidJson;
use crate::validation::{FieldError, Validate};

/// The call `/auth/refresh`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(refresh))
}

/// What a client sends to stay signed in.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Refresh {
    /// The refresh token that came last.
    #[serde(default)]
    #[schema(required, value_type = String)]
    pub refresh_token: Secret<String>,
}

impl Validate for Refresh {
    fn validate(&mut self) -> Vec<FieldError> {
        match self.refresh_token.0.as_str() {
            "" => vec![FieldError::new("refresh_token", "must not be blank")],
            _ => Vec::new(),
        }
    }
}
// ANCHOR_END: refresh_tokens
//~ use utoipa_axum::router::OpenApiRouter;
//~
//~ use crate::AppState;
//~
//~ // TODO(refresh_tokens): (stretch) POST gives the next tokens; a second use of one ends them all.
//~ /// Every call under `/auth/refresh`.
//~ pub fn router() -> OpenApiRouter<AppState> {
//~     OpenApiRouter::new()
//~ }

// ANCHOR: refresh
/// Stays signed in.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    request_body = Refresh,
    responses(
        (status = OK, description = "New tokens", body = SignedIn),
        (status = UNAUTHORIZED, description = "The refresh token is not good, or not any more")
    ),
    security(())
)]
async fn refresh(
    State(state): State<AppState>,
    ValidJson(Refresh { refresh_token }): ValidJson<Refresh>,
) -> Result<SignedIn, Error> {
    let hash = opaque::digest(&refresh_token.0);
    let mut transaction = state.db.begin().await?;
    // All uses of one family take turns from here on, so that none overlooks another.
    let family: Option<(i64, i64)> = sqlx::query_as(
        "SELECT family.id, family.user_id
         FROM refresh_families AS family JOIN refresh_tokens ON family_id = family.id
         WHERE token_hash = $1 AND expires_at > now()
         FOR UPDATE OF family",
    )
    .bind(&hash)
    .fetch_optional(&mut *transaction)
    .await?;
    let (family, user_id) = family.ok_or(Error::Unauthorized)?;

    let marked =
        sqlx::query("UPDATE refresh_tokens SET used = true WHERE token_hash = $1 AND NOT used")
            .bind(&hash)
            .execute(&mut *transaction)
            .await?;
    if marked.rows_affected() == 0 {
        sqlx::query("DELETE FROM refresh_families WHERE id = $1")
            .bind(family)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        return Err(Error::Unauthorized);
    }
    let next = add(&mut *transaction, family).await?;
    transaction.commit().await?;
    Ok(SignedIn::new(&state.tokens, user_id, next))
}

/// Makes the next token of a family.
async fn add(db: impl PgExecutor<'_>, family: i64) -> Result<String, Error> {
    let token = opaque::random();
    sqlx::query("INSERT INTO refresh_tokens (token_hash, family_id) VALUES ($1, $2)")
        .bind(opaque::digest(&token))
        .bind(family)
        .execute(db)
        .await?;
    Ok(token)
}
// ANCHOR_END: refresh
//~!

// ANCHOR: sign_in
/// Begins a family for a user who has just proved who they are.
///
/// # Errors
///
/// The user does not exist any more.
pub async fn sign_in(state: &AppState, user_id: i64) -> Result<SignedIn, Error> {
    let mut transaction = state.db.begin().await?;
    sqlx::query("DELETE FROM refresh_families WHERE user_id = $1 AND expires_at <= now()")
        .bind(user_id)
        .execute(&mut *transaction)
        .await?;
    let family: i64 = sqlx::query_scalar(
        "INSERT INTO refresh_families (user_id, expires_at)
         VALUES ($1, now() + interval '30 days')
         RETURNING id",
    )
    .bind(user_id)
    .fetch_one(&mut *transaction)
    .await
    .on_constraint("refresh_families_user_id_fkey", Error::Unauthorized)?;
    let token = add(&mut *transaction, family).await?;
    transaction.commit().await?;
    Ok(SignedIn::new(&state.tokens, user_id, token))
}
// ANCHOR_END: sign_in
//~!
