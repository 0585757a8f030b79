//! `/docs`: a page to try the API from, and the document that page reads.

mod errors;

use axum::routing::get;
use axum::{Json, Router};
use swagger_ui_dist::{ApiDefinition, OpenApiSource};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::problem::Problem;

/// The head of the OpenAPI 3 document; the routers add their calls to it.
#[derive(OpenApi)]
#[openapi(
    info(title = "Habit tracker"),
    components(schemas(Problem)),
    modifiers(&Bearer),
    // Every call needs a token, unless it says otherwise.
    security(("bearer" = []))
)]
pub struct ApiDoc;

/// Says how to send a token, so that the page can do it.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let bearer = Http::builder().scheme(HttpAuthScheme::Bearer);
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    }
}

/// Answers `GET /openapi.json` with `document`, and `GET /docs` with Swagger UI, a page that shows
/// it. The page is part of the program, so it needs no internet.
pub fn router(mut document: Document) -> Router {
    errors::add(&mut document);
    let page = swagger_ui_dist::generate_routes(ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some("Habit tracker"),
    });
    page.route("/openapi.json", get(|| async { Json(document) }))
}
