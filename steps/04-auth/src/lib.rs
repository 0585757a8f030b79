//! A habit tracker's web API with users, each of whom has habits of their own.

pub mod admin;
pub mod auth;
pub mod completions;
pub mod config;
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
pub mod request_id;
pub mod shapes;
pub mod shutdown;
pub mod streak;
pub mod trace;
pub mod validation;

use std::sync::Arc;

use axum::Router;
use sqlx::PgPool;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::provider::Provider;
use crate::auth::token::Tokens;
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
}

impl AppState {
    /// The state of a program that has just started.
    pub fn new(db: PgPool, tokens: Tokens, provider: Option<Provider>) -> Self {
        Self {
            db,
            tokens: Arc::new(tokens),
            provider: provider.map(Arc::new),
        }
    }
}

/// Builds the whole API.
pub fn app(state: AppState) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(auth::router())
        .merge(me::router())
        .merge(admin::router())
        .merge(habits::router())
        .merge(completions::router())
        .merge(import::router())
        .split_for_parts();
    let api = api.with_state(state);
    let api = api.clone().nest("/v1", api);

    let router = fallback::around(api.merge(docs::router(document)));
    let router = router.layer(tower_http::compression::CompressionLayer::new());
    // Each layer goes around those before it: the last one here is the first to see a request.
    let router = trace::around(router);
    request_id::around(router)
}
