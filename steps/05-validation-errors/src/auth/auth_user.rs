//! Who is asking: the parameter by which a handler says that it is only for those who are signed in.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum_extra::TypedHeader;
use axum_extra::extract::CookieJar;
use axum_extra::headers::Authorization;
use axum_extra::headers::authorization::Bearer;

use crate::AppState;
use crate::auth::sessions;
use crate::error::Error;

/// The user who is signed in. As a parameter it must stand before those that read the path, the
/// query and the body, so that strangers learn nothing about these.
#[derive(Debug, Clone, Copy)]
pub struct AuthUser {
    /// Primary key. The user may have been deleted since they signed in.
    pub id: i64,
}

impl FromRequestParts<AppState> for AuthUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let id = if parts.headers.contains_key(header::AUTHORIZATION) {
            let TypedHeader(Authorization(bearer)) =
                TypedHeader::<Authorization<Bearer>>::from_request_parts(parts, state)
                    .await
                    .map_err(|_| Error::Unauthorized)?;
            state.tokens.user_id(bearer.token())
        } else {
            let cookies = CookieJar::from_headers(&parts.headers);
            sessions::user_id(&state.db, &cookies).await?
        };
        id.map(|id| Self { id }).ok_or(Error::Unauthorized)
    }
}
