//! Cookies as a browser stores and sends them (RFC 6265).

use model::Request;
use probe::Response;

/// A cookie that the server set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its attributes: lower-case names, and values, empty for flags.
    attributes: Vec<(String, String)>,
}

impl Cookie {
    /// Parses the value of a `Set-Cookie` header (section 5.2).
    fn parse(field: &str) -> Option<Cookie> {
        let mut parts = field.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let attributes = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_ascii_lowercase(), value.trim().to_owned())
        });
        Some(Cookie { name: name.trim().into(), value: value.trim().into(), attributes: attributes.collect() })
    }

    /// The value of the attribute with this lower-case name; empty for a flag.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The attribute of `HttpOnly; Secure; SameSite=Lax` that the cookie lacks, if any.
    pub fn missing_attribute(&self) -> Option<&'static str> {
        let same_site = self.attribute("samesite").unwrap_or_default();
        [
            ("HttpOnly", self.attribute("httponly").is_some()),
            ("Secure", self.attribute("secure").is_some()),
            ("SameSite=Lax", same_site.eq_ignore_ascii_case("lax")),
        ]
        .into_iter()
        .find_map(|(name, is_present)| (!is_present).then_some(name))
    }

    /// What a browser misses if it ignores the cookie because of its prefix: `__Secure-` and `__Host-` are promises that it verifies
    /// (RFC 6265bis, section 4.1.3).
    pub fn broken_prefix(&self) -> Option<&'static str> {
        let is_host = self.name.starts_with("__Host-");
        let is_secure = self.attribute("secure").is_some();
        match self.name.starts_with("__Secure-") || is_host {
            true if !is_secure => Some("Secure"),
            true if is_host && self.attribute("path") != Some("/") => Some("Path=/"),
            true if is_host && self.attribute("domain").is_some() => Some("no Domain"),
            _ => None,
        }
    }

    /// Whether the browser deletes the cookie at once.
    fn is_expired(&self) -> bool {
        let age = self.attribute("max-age").and_then(|age| age.parse::<i64>().ok());
        let year = self
            .attribute("expires")
            .and_then(|date| date.split([' ', '-']).find_map(|part| part.parse::<u32>().ok().filter(|n| *n > 1900)));
        self.value.is_empty() || age.is_some_and(|age| age <= 0) || age.is_none() && year.is_some_and(|year| year < 2000)
    }

    /// Whether the browser sends the cookie to `path` (section 5.1.4). `from` is the path whose response set it.
    fn matches_path(&self, path: &str, from: &str) -> bool {
        let own = self.attribute("path").filter(|own| own.starts_with('/'));
        let default = from.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let own = own.unwrap_or(default);
        path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']) || own.ends_with('/'))
    }
}

/// The cookie jar of a browser: the cookies, each with the path whose response set it.
#[derive(Debug, Clone, Default)]
pub struct Jar(Vec<(Cookie, String)>);

impl Jar {
    /// Stores the cookies that a response from this path sets, and deletes those that it expires.
    pub fn keep(&mut self, response: &Response, path: &str) {
        for cookie in response.headers("set-cookie").filter_map(Cookie::parse) {
            self.0.retain(|(known, _)| known.name != cookie.name);
            if !cookie.is_expired() {
                self.0.push((cookie, path.to_owned()));
            }
        }
    }

    /// A cookie of a response with the name of one in this jar that a browser ignores, so that it keeps the one that it has; and what
    /// the browser misses.
    pub fn ignored_change(&self, response: &Response) -> Option<(Cookie, &'static str)> {
        let changes = response.headers("set-cookie").filter_map(Cookie::parse);
        let mut known = changes.filter(|change| self.cookies().any(|cookie| cookie.name == change.name));
        known.find_map(|change| change.broken_prefix().map(|missed| (change, missed)))
    }

    /// The cookies.
    pub fn cookies(&self) -> impl Iterator<Item = &Cookie> {
        self.0.iter().map(|(cookie, _)| cookie)
    }

    /// A jar with only the cookies for which `is_wanted` returns true.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(&Cookie) -> bool) -> Jar {
        Jar(self.0.iter().filter(|(cookie, _)| is_wanted(cookie)).cloned().collect())
    }

    /// The same cookies with other values.
    #[must_use]
    pub fn with_values(&self, value: impl Fn(&Cookie) -> String) -> Jar {
        let changed = |(cookie, from): &(Cookie, String)| (Cookie { value: value(cookie), ..cookie.clone() }, from.clone());
        Jar(self.0.iter().map(changed).collect())
    }

    /// Adds the cookies for the request's path.
    pub fn send(&self, request: Request) -> Request {
        let matching = self.0.iter().filter(|(cookie, from)| cookie.matches_path(&request.path, from));
        let pairs: Vec<String> = matching.map(|(cookie, _)| format!("{}={}", cookie.name, cookie.value)).collect();
        match pairs.is_empty() {
            true => request,
            false => request.header("cookie", pairs.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(field: &str) -> Cookie {
        Cookie::parse(field).expect("a cookie")
    }

    #[test]
    fn attributes_are_parsed_in_any_letter_case_and_order() {
        let good = parse("session=a=b; path=/; SAMESITE=lax;httponly ; Secure; Max-Age=3600");
        assert_eq!((good.name.as_str(), good.value.as_str(), good.missing_attribute()), ("session", "a=b", None));
        assert_eq!(parse("s=1; Secure; SameSite=Lax").missing_attribute(), Some("HttpOnly"));
        assert_eq!(parse("s=1; HttpOnly; SameSite=Lax").missing_attribute(), Some("Secure"));
        assert_eq!(parse("s=1; HttpOnly; Secure; SameSite=None").missing_attribute(), Some("SameSite=Lax"));
        assert_eq!(Cookie::parse("no cookie"), None);
    }

    #[test]
    fn a_cookie_is_sent_to_its_path_and_below() {
        assert!(parse("s=1; Path=/").matches_path("/me", "/auth/session"));
        assert!(parse("s=1; Path=/auth").matches_path("/auth/session?x", "/auth/session"));
        assert!(!parse("s=1; Path=/auth").matches_path("/authors", "/auth/session"));
        // Without a Path attribute, the directory of the path that set the cookie.
        assert!(!parse("s=1").matches_path("/me", "/auth/session"));
        assert!(parse("s=1").matches_path("/auth/session", "/auth/session"));
    }

    #[test]
    fn a_prefix_is_a_promise() {
        for (field, missed) in [
            ("__Host-s=1; Secure; Path=/", None),
            ("__Host-s=; Path=/; Max-Age=0", Some("Secure")),
            ("__Host-s=; Secure; Max-Age=0", Some("Path=/")),
            ("__Host-s=1; Secure; Path=/auth", Some("Path=/")),
            ("__Host-s=1; Secure; Path=/; Domain=example.com", Some("no Domain")),
            ("__Secure-s=1; Path=/auth", Some("Secure")),
            ("__Secure-s=1; Secure; Path=/auth", None),
            ("s=; Max-Age=0", None),
        ] {
            assert_eq!(parse(field).broken_prefix(), missed, "{field}");
        }
    }

    #[test]
    fn an_empty_or_past_cookie_is_expired() {
        for field in ["s=; Path=/", "s=x; Max-Age=0", "s=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
            assert!(parse(field).is_expired(), "{field}");
        }
        for field in
            ["s=x", "s=x; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "s=x; Expires=Fri, 30 Jan 2099 08:00:00 GMT"]
        {
            assert!(!parse(field).is_expired(), "{field}");
        }
    }
}
