//! Cookies as a browser keeps and sends them (RFC 6265).

use model::Request;
use probe::Answer;

/// A cookie that a server set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What follows: names in lower case, and values, empty where there is none.
    attributes: Vec<(String, String)>,
}

impl Cookie {
    /// Reads the value of a `Set-Cookie` field (section 5.2).
    fn read(field: &str) -> Option<Cookie> {
        let mut parts = field.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let attributes = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_ascii_lowercase(), value.trim().to_owned())
        });
        Some(Cookie { name: name.trim().into(), value: value.trim().into(), attributes: attributes.collect() })
    }

    /// An attribute's value, empty for a flag; `name` in lower case.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What a session's cookie lacks of `HttpOnly; Secure; SameSite=Lax`.
    pub fn lacks(&self) -> Option<&'static str> {
        let same_site = self.attribute("samesite").unwrap_or_default();
        [
            ("HttpOnly", self.attribute("httponly").is_some()),
            ("Secure", self.attribute("secure").is_some()),
            ("SameSite=Lax", same_site.eq_ignore_ascii_case("lax")),
        ]
        .into_iter()
        .find_map(|(name, is_there)| (!is_there).then_some(name))
    }

    /// Whether the browser throws it away at once.
    fn is_over(&self) -> bool {
        let age = self.attribute("max-age").and_then(|age| age.parse::<i64>().ok());
        let year = self
            .attribute("expires")
            .and_then(|date| date.split([' ', '-']).find_map(|part| part.parse::<u32>().ok().filter(|n| *n > 1900)));
        self.value.is_empty() || age.is_some_and(|age| age <= 0) || age.is_none() && year.is_some_and(|year| year < 2000)
    }

    /// Whether the browser sends it to a path (section 5.1.4). `from` is the path whose answer set it.
    fn goes_to(&self, path: &str, from: &str) -> bool {
        let own = self.attribute("path").filter(|own| own.starts_with('/'));
        let default = from.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let own = own.unwrap_or(default);
        path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']) || own.ends_with('/'))
    }
}

/// What a browser has been given.
#[derive(Debug, Clone, Default)]
pub struct Jar(Vec<(Cookie, String)>);

impl Jar {
    /// Keeps what an answer from this path sets, and forgets what it takes back.
    pub fn keep(&mut self, answer: &Answer, path: &str) {
        for cookie in answer.headers("set-cookie").filter_map(Cookie::read) {
            self.0.retain(|(known, _)| known.name != cookie.name);
            if !cookie.is_over() {
                self.0.push((cookie, path.to_owned()));
            }
        }
    }

    /// The cookies.
    pub fn cookies(&self) -> impl Iterator<Item = &Cookie> {
        self.0.iter().map(|(cookie, _)| cookie)
    }

    /// The cookies of which this holds.
    #[must_use]
    pub fn only(&self, choice: impl Fn(&Cookie) -> bool) -> Jar {
        Jar(self.0.iter().filter(|(cookie, _)| choice(cookie)).cloned().collect())
    }

    /// The same cookies with other values.
    #[must_use]
    pub fn with_values(&self, value: impl Fn(&Cookie) -> String) -> Jar {
        let changed = |(cookie, from): &(Cookie, String)| (Cookie { value: value(cookie), ..cookie.clone() }, from.clone());
        Jar(self.0.iter().map(changed).collect())
    }

    /// The request with the cookies that go to its path.
    pub fn send(&self, request: Request) -> Request {
        let sent = self.0.iter().filter(|(cookie, from)| cookie.goes_to(&request.path, from));
        let pairs: Vec<String> = sent.map(|(cookie, _)| format!("{}={}", cookie.name, cookie.value)).collect();
        match pairs.is_empty() {
            true => request,
            false => request.header("cookie", pairs.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str) -> Cookie {
        Cookie::read(field).expect("a cookie")
    }

    #[test]
    fn the_flags_are_read_in_any_case_and_order() {
        let good = read("session=a=b; path=/; SAMESITE=lax;httponly ; Secure; Max-Age=3600");
        assert_eq!((good.name.as_str(), good.value.as_str(), good.lacks()), ("session", "a=b", None));
        assert_eq!(read("s=1; Secure; SameSite=Lax").lacks(), Some("HttpOnly"));
        assert_eq!(read("s=1; HttpOnly; SameSite=Lax").lacks(), Some("Secure"));
        assert_eq!(read("s=1; HttpOnly; Secure; SameSite=None").lacks(), Some("SameSite=Lax"));
        assert_eq!(Cookie::read("no cookie"), None);
    }

    #[test]
    fn a_cookie_goes_to_its_path_and_below() {
        assert!(read("s=1; Path=/").goes_to("/me", "/auth/session"));
        assert!(read("s=1; Path=/auth").goes_to("/auth/session?x", "/auth/session"));
        assert!(!read("s=1; Path=/auth").goes_to("/authors", "/auth/session"));
        // Without a path, the folder of the path that set it.
        assert!(!read("s=1").goes_to("/me", "/auth/session"));
        assert!(read("s=1").goes_to("/auth/session", "/auth/session"));
    }

    #[test]
    fn a_cookie_that_is_taken_back_is_over() {
        for field in ["s=; Path=/", "s=x; Max-Age=0", "s=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
            assert!(read(field).is_over(), "{field}");
        }
        for field in
            ["s=x", "s=x; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "s=x; Expires=Fri, 30 Jan 2099 08:00:00 GMT"]
        {
            assert!(!read(field).is_over(), "{field}");
        }
    }
}
