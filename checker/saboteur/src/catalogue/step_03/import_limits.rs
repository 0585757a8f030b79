//! Wrong limits on the size of an import.

use serde_json::Value;

use crate::api::routes::imports;
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["3.import-limits"];
    let reject = |name, breaks, is_rejected: fn(&Request) -> bool| {
        wrong(name, trips, breaks).instead(imports, async move |request, upstream| match is_rejected(&request) {
            true => upstream.problem(&request, 413, "The import is too large.").await,
            false => upstream.send(request).await,
        })
    };
    vec![
        reject("import-takes-99-habits", "An import of 100 habits is rejected.", |request| request.items().len() > 99),
        reject("import-takes-64-kib", "An import of more than 64 KiB is rejected.", |request| request.body.len() > 64 * 1024),
        reject("import-takes-a-million-bytes", "An import of more than 1,000,000 bytes is rejected.", |request| {
            request.body.len() > 1_000_000
        }),
        reject("import-takes-less-than-1-mib", "An import of exactly 1 MiB is rejected.", |request| {
            request.body.len() >= 1024 * 1024
        }),
        wrong("import-takes-more-than-1-mib", trips, "An import of more than 1 MiB is accepted.").request(imports, |request| {
            if let Ok(body) = serde_json::from_slice::<Value>(&request.body) {
                // Without its white space the body is shorter.
                request.set_json(&body)
            }
        }),
        wrong("import-takes-any-number", trips, "An import of more than 100 habits is accepted.").instead(
            imports,
            async |request, upstream| {
                let (mut head, mut tail) = (request.clone(), request.clone());
                head.edit_items(|items| items.truncate(100));
                tail.edit_items(|items| drop(items.drain(..items.len().min(100))));
                if tail.items().is_empty() {
                    return upstream.send(request).await;
                }
                let mut response = upstream.send(head).await?;
                let more = upstream.send(tail).await?;
                if let Some(Value::Array(more)) = more.json() {
                    response.edit_list(|list| list.extend(more));
                }
                Ok(response)
            },
        ),
        wrong("import-stores-100-of-more", trips, "An import of more than 100 habits stores the first 100.").request(
            imports,
            |request| {
                if request.items().len() > 100 {
                    request.edit_items(|items| items.truncate(100))
                }
            },
        ),
        wrong("import-stores-50", trips, "An import stores the first 50 habits and answers 201.").request(imports, |request| {
            if request.items().len() > 50 && request.items().len() <= 100 {
                request.edit_items(|items| items.truncate(50))
            }
        }),
    ]
}
