//! `/admin`: what only administrators may do. Nobody becomes one through the API.

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

// TODO(admin_router): (stretch) GET `/admin/users` lists the users, for administrators only.
/// Every call under `/admin`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}
