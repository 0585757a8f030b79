//! A habit tracker's web API that keeps its data in PostgreSQL.

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
pub mod page;
pub mod problem;
pub mod request_id;
pub mod shapes;
pub mod shutdown;
pub mod store;
pub mod streak;
pub mod trace;
pub mod validation;

use axum::Router;
use sqlx::PgPool;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::docs::ApiDoc;
use crate::store::Store;

// TODO(state): when no handler needs the store any more, remove it here, its file, and what
// `shapes.rs` has for it.
/// What the handlers share. A clone is another handle on the same, so every request can have one.
#[derive(Debug, Clone)]
pub struct AppState {
    /// Connections to the database.
    pub db: PgPool,
    /// Habits in memory.
    pub store: Store,
}

impl AppState {
    /// The state of a program that has just started.
    pub fn new(db: PgPool) -> Self {
        Self {
            db,
            store: Store::default(),
        }
    }
}

/// Gives `State<Store>` to the handlers that still ask for it.
impl axum::extract::FromRef<AppState> for Store {
    fn from_ref(state: &AppState) -> Self {
        state.store.clone()
    }
}

/// Builds the whole API.
pub fn app(state: AppState) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(ApiDoc::openapi())
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
