//! A habit tracker's web API that keeps its data in memory.

pub mod config;
pub mod docs;
pub mod error;
pub mod extract;
pub mod fallback;
pub mod habits;
pub mod logging;
pub mod problem;
pub mod request_id;
pub mod shapes;
pub mod shutdown;
pub mod store;
pub mod trace;
pub mod validation;

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::docs::ApiDoc;
use crate::store::Store;

/// Builds the whole API around one store of habits.
pub fn app(store: Store) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(habits::router())
        .split_for_parts();
    let api = api.with_state(store);

    // ANCHOR: v1
    let api = api.clone().nest("/v1", api);
    // ANCHOR_END: v1
    //~ // TODO(v1): (stretch) answer the same calls under /v1 too.

    let router = fallback::around(api.merge(docs::router(document)));

    // ANCHOR: compression
    let router = router.layer(tower_http::compression::CompressionLayer::new());
    // ANCHOR_END: compression
    //~ // TODO(compression): (stretch) compress long answers when the client accepts it.

    // Each layer goes around those before it: the last one here is the first to see a request.
    let router = trace::around(router);
    request_id::around(router)
}
