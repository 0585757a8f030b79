//! Examines the API documentation page and the OpenAPI document.

use serde_json::{Map, Value};

use harness::api::Api;
use harness::route::Route;
use model::{Outcome, Request};
use probe::Response;

/// The largest number of redirects to follow.
const REDIRECTS_MOST: usize = 3;

/// Fails unless `/docs` is an HTML page with a control that loads everything from the same server.
pub async fn docs_page(api: &Api) -> Outcome {
    let (path, page) = follow(api, "/docs").await?;
    page.status(200)?;
    page.media_type("text/html")?;
    let html = page.text();
    let lower = html.to_ascii_lowercase();
    if !["<script", "<form", "<button", "<input"].iter().any(|tag| lower.contains(tag)) {
        return Err(page.fail("an interactive page, with a script, a form or a button", "a page without any of them"));
    }
    let external = |reference: &str| page.fail("a page that loads everything from this server", format!("it loads {reference}"));
    let base = api.http.base();
    let path = base_url(&html).and_then(|folder| resolve(base, &path, &folder)).unwrap_or(path);
    for Resource { kind, reference } in resources(&html) {
        let local = resolve(base, &path, &reference).ok_or_else(|| external(&reference))?;
        let (local, part) = follow(api, &local).await?;
        part.status(200)?;
        // A server that returns its page for every path has neither the script nor the style sheet.
        if kind != Kind::Other && part.media_type("text/html").is_ok() {
            return Err(part.fail(format!("a script or a style sheet at {local}"), "an HTML page"));
        }
        let imports = if kind == Kind::Style { css_urls(&part.text()) } else { Vec::new() };
        if let Some(reference) = imports.iter().find(|reference| resolve(base, &local, reference).is_none()) {
            return Err(external(reference));
        }
    }
    Ok(())
}

/// Fails unless `/openapi.json` is an OpenAPI 3 document with these routes.
pub async fn document(api: &Api, wanted: &[Route]) -> Outcome {
    let response = api.get("/openapi.json").await?;
    response.status(200)?;
    let document = response.json()?;
    if document["openapi"].as_str().is_none_or(|version| !version.starts_with("3.")) {
        return Err(response.fail("\"openapi\": \"3.…\"", format!("\"openapi\": {}", document["openapi"])));
    }
    for field in ["title", "version"] {
        if !document["info"][field].is_string() {
            return Err(response.fail(format!("a string in info.{field}"), document["info"][field].to_string()));
        }
    }
    expect_routes(&response, &document, wanted)
}

/// Fails unless `/openapi.json` also names these routes.
pub async fn names_routes(api: &Api, wanted: &[Route]) -> Outcome {
    let response = api.get("/openapi.json").await?;
    response.status(200)?;
    let document = response.json()?;
    expect_routes(&response, &document, wanted)
}

fn expect_routes(response: &Response, document: &Value, wanted: &[Route]) -> Outcome {
    let Some(paths) = document["paths"].as_object() else {
        return Err(response.fail("\"paths\": an object", document["paths"].to_string()));
    };
    for route in wanted.iter().filter(|route| !route.stretch) {
        let wanted = template(route.path);
        let Some((path, item)) = paths.iter().find(|(path, _)| template(path) == wanted) else {
            let names: Vec<_> = paths.keys().map(String::as_str).collect();
            return Err(response.fail(format!("the path {}", route.path), format!("the paths {}", names.join(", "))));
        };
        expect_operation(response, document, path, resolve_ref(document, item), &route.method.to_lowercase())?;
    }
    Ok(())
}

/// Fails unless the path has this operation, with its path parameter and its responses, which only OpenAPI 3.0 requires.
fn expect_operation(response: &Response, document: &Value, path: &str, item: &Value, method: &str) -> Outcome {
    let name = format!("{} {path}", method.to_uppercase());
    let Some(operation) = item[method].as_object() else {
        return Err(response.fail(format!("the operation {name}"), "a document without it"));
    };
    let is_optional = document["openapi"].as_str().is_none_or(|version| !version.starts_with("3.0"));
    let is_missing = match operation.get("responses") {
        Some(responses) => responses.as_object().is_none_or(Map::is_empty),
        None => !is_optional,
    };
    if is_missing {
        return Err(response.fail(format!("{name} with its responses"), "an operation without responses"));
    }
    let Some(parameter) = path.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(name, _)| name) else {
        return Ok(());
    };
    let declared = [item.get("parameters"), operation.get("parameters")].into_iter().flatten().filter_map(Value::as_array);
    let found = declared.flatten().any(|entry| {
        let entry = resolve_ref(document, entry);
        entry["in"] == "path" && entry["name"] == parameter
    });
    match found {
        true => Ok(()),
        false => {
            Err(response.fail(format!("{name} with the path parameter {parameter}"), "an operation that does not declare it"))
        }
    }
}

/// The target of a `$ref` within the document; any other value itself.
fn resolve_ref<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let link = value["$ref"].as_str().and_then(|link| link.strip_prefix('#'));
    let found = link.and_then(|link| document.pointer(&link.replace("%7B", "{").replace("%7D", "}")));
    found.unwrap_or(value)
}

/// A path template without parameter names: `/habits/{habit_id}/` becomes `/habits/{}`.
fn template(path: &str) -> String {
    let segments = path.trim_end_matches('/').split('/');
    let segments = segments.map(|segment| if segment.starts_with('{') && segment.ends_with('}') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Sends a GET request without a token and follows redirects, as a browser does; returns the final path and response.
async fn follow(api: &Api, path: &str) -> Outcome<(String, Response)> {
    let api = api.anonymous();
    let mut path = path.to_owned();
    let mut response = api.http.send(Request::new("GET", &path)).await?;
    for _ in 0..REDIRECTS_MOST {
        if !matches!(response.code(), 301 | 302 | 303 | 307 | 308) {
            break;
        }
        let location = response.header("location").unwrap_or_default().to_owned();
        path = match resolve(api.http.base(), &path, &location) {
            Some(local) => local,
            None => return Err(response.fail("a redirect within this server", format!("Location: {location}"))),
        };
        response = api.http.send(Request::new("GET", &path)).await?;
    }
    Ok((path, response))
}

/// A resource that a browser fetches to render a page.
#[derive(Debug, PartialEq)]
struct Resource {
    kind: Kind,
    /// The URL as it appears on the page.
    reference: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Script,
    Style,
    Other,
}

/// Link relations that make a browser fetch the target, unlike `license` or `canonical`.
const FETCHED_RELATIONS: [&str; 7] =
    ["stylesheet", "icon", "apple-touch-icon", "preload", "modulepreload", "prefetch", "manifest"];

/// The resources that a browser fetches to render the page: scripts, images, frames and linked style sheets, and what inline
/// scripts and styles import.
fn resources(html: &str) -> Vec<Resource> {
    let mut found = Vec::new();
    for Tag { name, text, content } in tags(html) {
        let (kind, attribute) = match name.as_str() {
            "script" => (Kind::Script, "src"),
            "img" | "iframe" | "source" | "embed" => (Kind::Other, "src"),
            "link" => {
                let relation = attribute_value(text, "rel").unwrap_or_default().to_ascii_lowercase();
                let mut relations = relation.split_whitespace();
                match relations.clone().any(|relation| relation == "stylesheet") {
                    true => (Kind::Style, "href"),
                    false if relations.any(|relation| FETCHED_RELATIONS.contains(&relation)) => (Kind::Other, "href"),
                    false => continue,
                }
            }
            "style" => {
                found.extend(css_urls(content).into_iter().map(|reference| Resource { kind: Kind::Other, reference }));
                continue;
            }
            _ => continue,
        };
        match attribute_value(text, attribute) {
            Some(value) if !value.is_empty() && !value.starts_with("data:") && !value.starts_with('#') => {
                found.push(Resource { kind, reference: value });
            }
            _ => {}
        }
        if kind == Kind::Script {
            found.extend(script_urls(content).into_iter().map(|reference| Resource { kind: Kind::Other, reference }));
        }
    }
    found
}

/// The absolute URLs in a style sheet, after `@import` and in `url(…)`.
fn css_urls(css: &str) -> Vec<String> {
    let places = css.match_indices("@import").chain(css.match_indices("url("));
    let found = places.filter_map(|(at, word)| {
        let rest = css[at + word.len()..].trim_start_matches([' ', '"', '\'']);
        let address = rest.split(['"', '\'', ')', ';', ' ', '\n']).next().unwrap_or_default();
        is_absolute(address).then(|| address.to_owned())
    });
    found.collect()
}

/// The absolute URLs from which an inline script imports modules or adds resources to the page.
fn script_urls(script: &str) -> Vec<String> {
    const BEFORE: [&str; 4] = ["from", "import", "import(", ".src="];
    let mut found = Vec::new();
    for (at, quote) in script.match_indices(['"', '\'', '`']) {
        let address = script[at + 1..].split(quote).next().unwrap_or_default();
        if is_absolute(address) {
            let before: String = script[..at].chars().rev().filter(|c| !c.is_whitespace()).take(8).collect();
            let before: String = before.chars().rev().collect();
            if BEFORE.iter().any(|word| before.ends_with(word)) {
                found.push(address.to_owned());
            }
        }
    }
    found
}

fn is_absolute(address: &str) -> bool {
    ["http://", "https://", "//"].iter().any(|start| address.starts_with(start))
}

/// The base URL of the page's relative references, if it sets one.
fn base_url(html: &str) -> Option<String> {
    tags(html).find(|tag| tag.name == "base").and_then(|tag| attribute_value(tag.text, "href"))
}

/// An HTML start tag.
struct Tag<'a> {
    /// The name in lower case.
    name: String,
    /// The text from the name to the closing bracket.
    text: &'a str,
    /// The content of a `script` or `style` element; empty for other tags.
    content: &'a str,
}

/// The start tags outside of comments, scripts and styles.
fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find('<')? + 1..];
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            let (text, after) = rest.split_once('>')?;
            let name = text.split([' ', '\n', '\t', '\r', '/']).next().unwrap_or_default().to_ascii_lowercase();
            rest = after;
            let mut content = "";
            if name == "script" || name == "style" {
                // Changing the case of ASCII letters does not move anything.
                let end = after.to_ascii_lowercase().find(&format!("</{name}")).unwrap_or(after.len());
                (content, rest) = after.split_at(end);
            }
            return Some(Tag { name, text, content });
        }
    })
}

fn attribute_value(tag: &str, attribute: &str) -> Option<String> {
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

/// Resolves `reference` on the page at `path` to a path on this server; `None` if it leads to another host.
fn resolve(base: &str, path: &str, reference: &str) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or_default();
    let reference = reference.strip_prefix(base).unwrap_or(reference);
    let has_scheme = reference.split(['/', '?']).next().is_some_and(|first| first.contains(':'));
    if reference.starts_with("//") || has_scheme {
        return None;
    }
    if reference.starts_with('/') {
        return Some(reference.replace(' ', "%20"));
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
    let is_folder = !segments.is_empty() && (reference.ends_with('/') || reference.ends_with("/.") || reference == ".");
    let end = if is_folder { "/" } else { "" };
    Some(format!("/{}{end}", segments.join("/")).replace(' ', "%20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_as_a_browser_does() {
        let resolve = |path, reference| resolve("http://127.0.0.1:20000", path, reference);
        assert_eq!(resolve("/docs/", "./swagger-ui.css").as_deref(), Some("/docs/swagger-ui.css"));
        assert_eq!(resolve("/docs", "ui.js").as_deref(), Some("/ui.js"));
        assert_eq!(resolve("/docs", "docs/").as_deref(), Some("/docs/"));
        assert_eq!(resolve("/docs", "./").as_deref(), Some("/"));
        assert_eq!(resolve("/docs/a", "../ui.js?v=1").as_deref(), Some("/ui.js?v=1"));
        assert_eq!(resolve("/docs", "http://127.0.0.1:20000/x.js").as_deref(), Some("/x.js"));
        assert_eq!(resolve("/docs", "https://cdn.example/x.js"), None);
        assert_eq!(resolve("/docs", "//cdn.example/x.js"), None);
    }

    #[test]
    fn scripts_styles_and_imports_from_another_host_are_found() {
        let html = r#"<link rel=stylesheet href=https://a.example/x.css><SCRIPT defer src='//b.example/y.js'></SCRIPT>
            <style>@import url("https://c.example/z.css");</style><a href="https://fine.example">link</a>"#;
        let references: Vec<_> = resources(html).into_iter().map(|resource| resource.reference).collect();
        assert_eq!(references, ["https://a.example/x.css", "//b.example/y.js", "https://c.example/z.css"]);
    }

    #[test]
    fn imports_of_inline_styles_and_scripts_are_found() {
        let html = r#"<style>@font-face { src: url(https://a.example/x.woff2) } p { background: url(data:image/png;base64,//) }</style>
            <script type=module>import { x } from "https://b.example/y.js"; const at = "https://fine.example";
            const more = document.createElement("script"); more.src = 'https://c.example/z.js';</script>"#;
        let references: Vec<_> = resources(html).into_iter().map(|resource| resource.reference).collect();
        assert_eq!(references, ["https://a.example/x.woff2", "https://b.example/y.js", "https://c.example/z.js"]);
    }

    #[test]
    fn comments_strings_in_scripts_and_other_links_load_nothing() {
        let html = r#"<!-- <script src="https://a.example/x.js"></script> --><link rel="license" href="https://b.example">
            <script>const row = '<img src="' + url + '">';</script><link rel="icon" href="data:,">"#;
        assert_eq!(resources(html), []);
    }

    #[test]
    fn a_page_may_set_a_base_url() {
        assert_eq!(base_url(r#"<head><base href="/docs/"></head>"#).as_deref(), Some("/docs/"));
    }

    #[test]
    fn a_template_ignores_parameter_names() {
        assert_eq!(template("/habits/{habit_id}"), "/habits/{}");
        assert_eq!(template("/habits/"), "/habits");
    }
}
