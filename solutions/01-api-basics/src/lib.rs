//! A habit tracker's web API that keeps its data in memory.

pub mod docs;
pub mod habits;
pub mod shutdown;
pub mod store;

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::docs::ApiDoc;
use crate::store::Store;

// ANCHOR: app
/// Builds the whole API around one store of habits.
pub fn app(store: Store) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(habits::router())
        .split_for_parts();

    api.with_state(store).merge(docs::router(document))
}
// ANCHOR_END: app
