//! Wrong servers for step 3: tables and constraints, completions and streaks, taken names, imports, pages and queries.

mod completions;
mod import;
mod names;
mod pages;
mod queries;
mod schema;
mod start;
mod streaks;

use hyper::Method;
use serde_json::{Value, json};

use crate::message::{Answer, Request};
use crate::sabotage::Sabotage;
use crate::upstream::{Lost, Upstream};

/// The sabotages of step 3.
pub fn sabotages() -> Vec<Sabotage> {
    let parts = [
        start::sabotages(),
        schema::sabotages(),
        completions::sabotages(),
        streaks::sabotages(),
        names::sabotages(),
        import::sabotages(),
        queries::sabotages(),
        pages::sabotages(),
    ];
    parts.into_iter().flatten().collect()
}

fn wrong(name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Sabotage {
    Sabotage::new(3, name, trips, breaks)
}

/// Whether a request is `POST /habits/import`.
pub fn imports(request: &Request) -> bool {
    request.head.method == Method::POST && request.path() == "/habits/import"
}

/// Whether a request is `PUT /habits/{id}/completions/{date}`.
pub fn completes(request: &Request) -> bool {
    request.head.method == Method::PUT && completion(request).is_some()
}

/// Whether a request is `DELETE /habits/{id}/completions/{date}`.
pub fn uncompletes(request: &Request) -> bool {
    request.head.method == Method::DELETE && completion(request).is_some()
}

/// Whether a request is `GET /habits/{id}/completions`.
pub fn lists_days(request: &Request) -> bool {
    request.head.method == Method::GET && days_of(request).is_some()
}

/// The id and the date in `/habits/{id}/completions/{date}`.
pub fn completion(request: &Request) -> Option<(i64, &str)> {
    let (id, date) = request.path().strip_prefix("/habits/")?.split_once("/completions/")?;
    Some((id.parse().ok()?, date))
}

/// The id in `/habits/{id}/completions`.
pub fn days_of(request: &Request) -> Option<i64> {
    request.path().strip_prefix("/habits/")?.strip_suffix("/completions")?.parse().ok()
}

/// A parameter behind the `?`, as it is written.
pub fn parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let mut pairs = request.head.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Sets a parameter behind the `?`, or takes it away.
pub fn set_parameter(request: &mut Request, name: &str, value: Option<&str>) {
    let query = request.head.uri.query().unwrap_or_default();
    let mut pairs: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    pairs.retain(|pair| pair.split('=').next() != Some(name));
    pairs.extend(value.map(|value| format!("{name}={value}")));
    let path = request.head.uri.path().to_owned();
    request.set_path(&format!("{path}?{}", pairs.join("&")));
}

/// The items of a body that is an array.
pub fn items(request: &Request) -> Vec<Value> {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// Changes the items of a body that is an array.
pub fn edit_items(request: &mut Request, change: impl FnOnce(&mut Vec<Value>)) {
    if let Ok(mut items) = serde_json::from_slice::<Vec<Value>>(&request.body) {
        change(&mut items);
        request.set_json(&Value::Array(items));
    }
}

/// Becomes problem details with this status.
pub fn refuse(answer: &mut Answer, status: u16, detail: &str) {
    answer.set_status(status);
    let title = answer.head.status.canonical_reason().unwrap_or("Error");
    answer.set_json("application/problem+json", &json!({ "title": title, "status": status, "detail": detail }));
}

/// Problem details with this status, in the place of the right server's answer.
pub async fn refusal(request: &Request, server: &Upstream, status: u16, detail: &str) -> Result<Answer, Lost> {
    let mut answer = server.send(request.another(Method::GET, "/no-such-route", None)).await?;
    refuse(&mut answer, status, detail);
    Ok(answer)
}

/// A text as SQL writes it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
