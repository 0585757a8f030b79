//! The origin of a server: scheme, host and port (RFC 6454).

use std::fmt;

use http::Uri;

/// The origin of a server that speaks plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Host, and port if one was given.
    authority: String,
    /// Host and port.
    address: String,
}

impl Origin {
    /// Parses a URL with a scheme, a host and perhaps a port, and nothing else except a trailing slash; `None` for any other.
    pub fn parse(url: &str) -> Option<Origin> {
        let uri: Uri = url.trim_end_matches('/').parse().ok()?;
        let authority = uri.authority()?;
        let is_bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/") && !authority.as_str().contains('@');
        if uri.scheme_str() != Some("http") || !is_bare || authority.host().is_empty() || url.contains('#') {
            return None;
        }
        // A port that is empty or not a number is an error, not the default port.
        let given = authority.as_str().strip_prefix(authority.host())?;
        let port = match given.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None => 80_u16,
        };
        Some(Origin { authority: authority.as_str().to_owned(), address: format!("{}:{port}", authority.host()) })
    }

    /// Host and port, to connect to.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Display for Origin {
    /// As a URL without a slash at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_scheme_host_and_perhaps_a_port() {
        for (url, shown, address) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("http://localhost/", "http://localhost", "localhost:80"),
            ("http://[::1]:8000", "http://[::1]:8000", "[::1]:8000"),
        ] {
            let origin = Origin::parse(url).expect(url);
            assert_eq!((origin.to_string().as_str(), origin.address()), (shown, address));
        }
    }

    #[test]
    fn a_url_that_is_not_exactly_an_origin_is_rejected() {
        for url in [
            "",
            "http://",
            "127.0.0.1:8000",
            "https://localhost",
            "ftp://localhost",
            "http://localhost/habits",
            "http://localhost?a=b",
            "http://localhost#top",
            "http://me@localhost",
            "http://localhost:port",
            "http://localhost:70000",
            "http://a b",
            "http://:80",
        ] {
            assert_eq!(Origin::parse(url), None, "{url}");
        }
    }
}
