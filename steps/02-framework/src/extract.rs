//! Extractors: how a handler gets its arguments out of a request. Ours answer with our own errors.

// TODO(json_extractor): refuse a bad body with our own errors, and apply the rules of `Validate`.
pub use axum::Json as ValidJson;

// TODO(path_extractor): refuse an id that is no integer with our own error.
pub use axum::extract::Path;
