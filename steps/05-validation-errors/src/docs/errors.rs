//! The errors that many calls have in common, so that the document names every status there is.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, OpenApi, PathItem, Ref, RefOr, Response};

use crate::error::Error;

/// Adds to every call of `document` the errors that it can answer and does not name itself.
pub fn add(document: &mut OpenApi) {
    for (path, calls) in &mut document.paths.paths {
        for call in operations(calls) {
            for (status, description) in common(path, call) {
                let responses = &mut call.responses.responses;
                let added = || RefOr::T(Response::new(description));
                responses.entry(status.to_owned()).or_insert_with(added);
            }
            for (status, response) in &mut call.responses.responses {
                if let RefOr::T(response) = response
                    && status.starts_with(['4', '5'])
                {
                    describe_body(response);
                }
            }
        }
    }
}

fn operations(calls: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut calls.get,
        &mut calls.post,
        &mut calls.put,
        &mut calls.patch,
        &mut calls.delete,
    ]
    .into_iter()
    .flatten()
}

/// The errors that this call can answer because of what it takes, and why.
fn common(path: &str, call: &Operation) -> Vec<(&'static str, &'static str)> {
    let mut errors = vec![("503", "Not at the moment")];
    if call.parameters.is_some() || call.request_body.is_some() {
        errors.push(("400", "A rule is broken"));
    }
    if call.request_body.is_some() {
        errors.extend([
            ("408", "The body took too long to arrive"),
            ("413", "The body is too long"),
            ("415", "The body is not JSON"),
        ]);
    }
    // Those for everybody say so by a list of their own.
    if call.security.is_none() {
        errors.push(("401", "Nobody is signed in"));
    }
    if path.starts_with("/auth") {
        errors.push(("429", "Too often"));
    }
    errors
}

/// Says that the body is problem details.
fn describe_body(response: &mut Response) {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    response
        .content
        .insert(Error::MEDIA_TYPE.to_owned(), RefOr::T(problem));
}
