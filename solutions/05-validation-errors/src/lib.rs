//! A habit tracker's web API with users, each of whom has habits of their own.

pub mod admin;
pub mod auth;
pub mod body_limit;
pub mod catch_panic;
pub mod completions;
pub mod config;
pub mod cors;
pub mod database;
pub mod day;
pub mod docs;
pub mod error;
pub mod extract;
pub mod fallback;
pub mod habits;
pub mod import;
pub mod logging;
pub mod me;
pub mod page;
pub mod problem;
pub mod rate_limit;
pub mod request_id;
pub mod security_headers;
pub mod shapes;
pub mod shutdown;
pub mod streak;
pub mod timeout;
pub mod trace;
pub mod validation;

use std::sync::Arc;

use axum::Router;
use sqlx::PgPool;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::provider::Provider;
use crate::auth::token::Tokens;
use crate::config::hardening::Hardening;
use crate::docs::ApiDoc;

/// What the handlers share. A clone is another handle on the same, so every request can have one.
#[derive(Debug, Clone)]
pub struct AppState {
    /// Connections to the database.
    pub db: PgPool,
    /// Makes tokens, and tells whose they are.
    pub tokens: Arc<Tokens>,
    /// With whom users can sign in, if that is set up.
    pub provider: Option<Arc<Provider>>,
    /// What we put up with.
    pub hardening: Arc<Hardening>,
}

impl AppState {
    /// The state of a program that has just started.
    pub fn new(
        db: PgPool,
        tokens: Tokens,
        provider: Option<Provider>,
        hardening: Hardening,
    ) -> Self {
        Self {
            db,
            tokens: Arc::new(tokens),
            provider: provider.map(Arc::new),
            hardening: Arc::new(hardening),
        }
    }
}

/// Builds the whole API.
pub fn app(state: AppState) -> Router {
    let hardening = Arc::clone(&state.hardening);
    let (api, document) = OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(rate_limit::around(
            auth::router(),
            hardening.rate_limit_per_minute,
        ))
        .merge(me::router())
        .merge(admin::router())
        .merge(habits::router())
        .merge(completions::router())
        .merge(import::router())
        .split_for_parts();
    let api = api.with_state(state);
    let api = api.clone().nest("/v1", api);

    let router = api.merge(docs::router(document));
    // ANCHOR: layers
    // Each layer goes around those before it: the last one here is the first to see a request.
    let router = fallback::around(body_limit::around(router));
    let router = timeout::around(router, hardening.request_timeout);
    let router = catch_panic::around(router);
    let router = router.layer(CompressionLayer::new());
    let router = cors::around(router, &hardening.cors_allowed_origins);
    let router = security_headers::around(router);
    let router = trace::around(router);
    request_id::around(router)
    // ANCHOR_END: layers
}

// ANCHOR: app_tests
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use axum::http::{Method, Request, StatusCode, header};
    use axum::response::Response;
    use serde_json::{Map, Value};
    use sqlx::postgres::PgConnectOptions;
    use tower::ServiceExt;

    use super::*;
    use crate::config::Secret;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    /// Sends a request without a token. There is no database, so what needs one fails.
    async fn send(method: Method, path: &str) -> Result<Response, axum::http::Error> {
        let secret = Secret("0123456789abcdef0123456789abcdef".to_owned());
        let db = PgPool::connect_lazy_with(PgConnectOptions::new().port(1));
        let hardening = Hardening {
            request_timeout: Duration::from_secs(5),
            cors_allowed_origins: Vec::new(),
            rate_limit_per_minute: None,
        };
        let app = app(AppState::new(db, Tokens::new(&secret), None, hardening));
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty())?;
        Ok(app
            .oneshot(request)
            .await
            .unwrap_or_else(|never| match never {}))
    }

    #[tokio::test]
    async fn nobody_gets_in_but_where_the_document_says_so() -> Outcome {
        let document = send(Method::GET, "/openapi.json").await?;
        let document = to_bytes(document.into_body(), usize::MAX).await?;
        let document: Value = serde_json::from_slice(&document)?;
        let paths: Map<String, Value> = serde_json::from_value(document["paths"].clone())?;

        let mut guarded = 0;
        for (path, calls) in &paths {
            let calls: Map<String, Value> = serde_json::from_value(calls.clone())?;
            for (method, call) in calls {
                if call.get("security").is_some() {
                    continue;
                }
                guarded += 1;
                // With nonsense for an id: who is asking comes before what they ask.
                let answer = send(
                    method.to_uppercase().parse()?,
                    &path.replace(['{', '}'], ""),
                )
                .await?;
                assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
                assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
            }
        }
        assert!(guarded > 10, "only {guarded}");
        Ok(())
    }
}
// ANCHOR_END: app_tests
