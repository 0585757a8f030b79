//! What can be seen from outside of an API page and its OpenAPI document.

use serde_json::{Map, Value};

use super::api::Api;
use crate::outcome::Outcome;
use crate::probe::{Answer, Request};

/// Redirects that are followed to the page.
const REDIRECTS: usize = 3;
/// What every document has to name.
const ROUTES: [(&str, &[&str]); 2] = [("/habits", &["get", "post"]), ("/habits/{}", &["get", "patch", "delete"])];

/// `/docs` is HTML with a control, and everything it loads comes from the same server.
pub async fn docs_page(api: &Api) -> Outcome {
    let (path, page) = follow(api, "/docs").await?;
    page.status(200)?;
    page.media_type("text/html")?;
    let html = page.text();
    let lower = html.to_ascii_lowercase();
    if !["<script", "<form", "<button", "<input"].iter().any(|tag| lower.contains(tag)) {
        return Err(page.fail("an interactive page: a script, a form or a button", "a page with none of them"));
    }
    for reference in loaded(&html) {
        match resolve(api.http.base(), &path, &reference) {
            Some(local) => drop(follow(api, &local).await?.1.status(200)?),
            None => return Err(page.fail("a page that loads everything from this server", format!("it loads {reference}"))),
        }
    }
    Ok(())
}

/// `/openapi.json` is an OpenAPI 3 document with every route of step 1.
pub async fn document(api: &Api) -> Outcome {
    let answer = api.get("/openapi.json").await?;
    answer.status(200)?;
    let document = answer.json()?;
    if document["openapi"].as_str().is_none_or(|version| !version.starts_with("3.")) {
        return Err(answer.fail("\"openapi\": \"3.…\"", format!("\"openapi\": {}", document["openapi"])));
    }
    for field in ["title", "version"] {
        if !document["info"][field].is_string() {
            return Err(answer.fail(format!("info.{field}, a string"), document["info"][field].to_string()));
        }
    }
    let Some(paths) = document["paths"].as_object() else {
        return Err(answer.fail("\"paths\": an object", document["paths"].to_string()));
    };
    for (route, methods) in ROUTES {
        let Some((written, item)) = paths.iter().find(|(written, _)| template(written) == route) else {
            let names: Vec<_> = paths.keys().map(String::as_str).collect();
            let expected = format!("a path {}", route.replace("{}", "{id}"));
            return Err(answer.fail(expected, format!("the paths {}", names.join(", "))));
        };
        for method in methods {
            operation(&answer, &document, written, item, method)?;
        }
    }
    Ok(())
}

/// An operation has responses (required until OpenAPI 3.0), and declares what stands in braces in its path.
fn operation(answer: &Answer, document: &Value, path: &str, item: &Value, method: &str) -> Outcome {
    let name = format!("{} {path}", method.to_uppercase());
    let Some(operation) = item[method].as_object() else {
        return Err(answer.fail(format!("the operation {name}"), "a document without it"));
    };
    if operation.get("responses").and_then(Value::as_object).is_none_or(Map::is_empty) {
        return Err(answer.fail(format!("{name} with its responses"), "an operation without responses"));
    }
    let Some(parameter) = path.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(name, _)| name) else {
        return Ok(());
    };
    let declared = [item.get("parameters"), operation.get("parameters")].into_iter().flatten().filter_map(Value::as_array);
    let found = declared.flatten().any(|entry| {
        let entry = entry["$ref"].as_str().and_then(|link| document.pointer(link.trim_start_matches('#'))).unwrap_or(entry);
        entry["in"] == "path" && entry["name"] == parameter
    });
    match found {
        true => Ok(()),
        false => Err(answer.fail(format!("{name} with the path parameter {parameter}"), "an operation that does not declare it")),
    }
}

/// A path with the names in braces left out: `/habits/{habit_id}/` is `/habits/{}`.
fn template(path: &str) -> String {
    let segments = path.trim_end_matches('/').split('/');
    let segments = segments.map(|segment| if segment.starts_with('{') && segment.ends_with('}') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

async fn follow(api: &Api, path: &str) -> Outcome<(String, Answer)> {
    let mut path = path.to_owned();
    let mut answer = api.http.send(Request::new("GET", &path)).await?;
    for _ in 0..REDIRECTS {
        if !matches!(answer.code(), 301 | 302 | 303 | 307 | 308) {
            break;
        }
        let location = answer.header("location").unwrap_or_default().to_owned();
        path = match resolve(api.http.base(), &path, &location) {
            Some(local) => local,
            None => return Err(answer.fail("a redirect on this server", format!("Location: {location}"))),
        };
        answer = api.http.send(Request::new("GET", &path)).await?;
    }
    Ok((path, answer))
}

/// What a browser fetches to show the page: sources of scripts, pictures and frames, and linked styles.
fn loaded(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tag in tags(html) {
        let attribute = match tag.split([' ', '\n', '\t', '\r', '/']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "script" | "img" | "iframe" | "source" | "embed" => "src",
            "link" => "href",
            _ => continue,
        };
        let needed = attribute == "src" || !tag.to_ascii_lowercase().contains("canonical");
        match value_of(tag, attribute) {
            Some(value) if needed && !value.is_empty() && !value.starts_with("data:") && !value.starts_with('#') => {
                found.push(value)
            }
            _ => {}
        }
    }
    let imports =
        html.split("@import").skip(1).filter_map(|rest| rest.split(['"', '\'', '(', ')', ';']).find(|part| part.contains("//")));
    found.extend(imports.map(|url| url.trim().to_owned()));
    found
}

fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
}

fn value_of(tag: &str, attribute: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find(attribute).map(|at| at + from) {
        from = at + attribute.len();
        let starts_word = lower[..at].ends_with(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        let Some(value) = tag[from..].trim_start().strip_prefix('=').filter(|_| starts_word) else { continue };
        let value = value.trim_start();
        let quoted = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        return Some(match quoted {
            Some(quote) => value[1..].split(quote).next().unwrap_or_default().to_owned(),
            None => value.split_whitespace().next().unwrap_or_default().trim_end_matches('/').to_owned(),
        });
    }
    None
}

/// The path on this server that `reference` means on the page at `path`; `None` when it means another host.
fn resolve(base: &str, path: &str, reference: &str) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or_default();
    let reference = reference.strip_prefix(base).unwrap_or(reference);
    let has_scheme = reference.split(['/', '?']).next().is_some_and(|first| first.contains(':'));
    if reference.starts_with("//") || has_scheme {
        return None;
    }
    if reference.starts_with('/') {
        return Some(reference.to_owned());
    }
    let folder = path.split('?').next().unwrap_or_default().rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in reference.split('/') {
        match segment {
            "." | "" => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    Some(format!("/{}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_as_a_browser_does() {
        let resolve = |path, reference| resolve("http://127.0.0.1:20000", path, reference);
        assert_eq!(resolve("/docs/", "./swagger-ui.css").as_deref(), Some("/docs/swagger-ui.css"));
        assert_eq!(resolve("/docs", "ui.js").as_deref(), Some("/ui.js"));
        assert_eq!(resolve("/docs/a", "../ui.js?v=1").as_deref(), Some("/ui.js?v=1"));
        assert_eq!(resolve("/docs", "http://127.0.0.1:20000/x.js").as_deref(), Some("/x.js"));
        assert_eq!(resolve("/docs", "https://cdn.example/x.js"), None);
        assert_eq!(resolve("/docs", "//cdn.example/x.js"), None);
    }

    #[test]
    fn a_page_from_a_foreign_host_is_seen_in_scripts_styles_and_imports() {
        let html = r#"<link rel=stylesheet href=https://a.example/x.css><SCRIPT defer src='//b.example/y.js'></SCRIPT>
            <style>@import url("https://c.example/z.css");</style><a href="https://fine.example">link</a>"#;
        assert_eq!(loaded(html), ["https://a.example/x.css", "//b.example/y.js", "https://c.example/z.css"]);
    }

    #[test]
    fn a_path_is_known_by_its_shape() {
        assert_eq!(template("/habits/{habit_id}"), "/habits/{}");
        assert_eq!(template("/habits/"), "/habits");
    }
}
