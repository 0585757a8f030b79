//! `/docs`: a page to try the API from, and the document that page reads.

use axum::routing::get;
use axum::{Json, Router};
use swagger_ui_dist::{ApiDefinition, OpenApiSource};
use utoipa::OpenApi;

/// The head of the OpenAPI 3 document; the routers add their calls to it.
#[derive(OpenApi)]
#[openapi(info(title = "Habit tracker"))]
pub struct ApiDoc;

/// Answers `GET /openapi.json` with `document`, and `GET /docs` with Swagger UI, a page that shows
/// it. The page is part of the program, so it needs no internet.
pub fn router(document: utoipa::openapi::OpenApi) -> Router {
    let page = swagger_ui_dist::generate_routes(ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some("Habit tracker"),
    });
    page.route("/openapi.json", get(|| async { Json(document) }))
}
