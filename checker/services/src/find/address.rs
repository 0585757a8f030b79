//! The address and credentials of a service: the parts of a URL such as `postgresql://me:secret@127.0.0.1/habits`.

use std::fmt;

/// The parts of a service's URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// `postgresql` or `redis`.
    pub scheme: &'static str,
    /// A name or an IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user; empty if the service has none.
    pub user: String,
    /// The password, if there is one.
    pub password: Option<String>,
    /// The database; empty for the service's default.
    pub database: String,
}

/// Host and port only, so that a password is never shown by accident.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", bracketed(&self.host), self.port)
    }
}

impl Address {
    /// Parses the URL of a service with these schemes, the usual one first.
    ///
    /// # Errors
    ///
    /// Why it cannot be used: the predicate of a sentence whose subject is the variable's name.
    pub fn parse(url: &str, schemes: &[&'static str], default_port: u16) -> Result<Self, String> {
        let wrong = || format!("is not a URL of the form {}://USER:PASSWORD@HOST:PORT/DATABASE", schemes[0]);
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(wrong)?;
        if scheme.strip_suffix('s').is_some_and(|plain| schemes.contains(&plain)) {
            return Err("asks for an encrypted connection, which the checker does not support".into());
        }
        if !schemes.contains(&scheme) {
            return Err(wrong());
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if let Some(mode) = query.split('&').find_map(|pair| pair.strip_prefix("sslmode="))
            && matches!(mode, "require" | "verify-ca" | "verify-full")
        {
            return Err(format!("asks for an encrypted connection (sslmode={mode}), which the checker does not support"));
        }
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (userinfo, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match userinfo.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (userinfo, None),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (place, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("names no host".into());
        }
        Ok(Address {
            scheme: schemes[0],
            host: host.to_owned(),
            port,
            user: decode(user).ok_or_else(wrong)?,
            password: password.map(decode).map(|password| password.ok_or_else(wrong)).transpose()?,
            database: decode(database).ok_or_else(wrong)?,
        })
    }

    /// The URL of another database of the same service.
    pub fn with_database(&self, database: &str) -> Address {
        Address { database: database.to_owned(), ..self.clone() }
    }

    /// The whole URL, password included.
    pub fn url(&self) -> String {
        let password = self.password.as_ref().map(|password| format!(":{}", encode(password))).unwrap_or_default();
        let user = format!("{}{password}", encode(&self.user));
        let at = if user.is_empty() { "" } else { "@" };
        format!("{}://{user}{at}{self}/{}", self.scheme, encode(&self.database))
    }
}

/// The host, in brackets if it is an IPv6 address.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Percent-encodes reserved characters (RFC 3986, section 2.1).
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                (digit(rest.next())? << 4 | digit(rest.next())?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTGRES: &[&str] = &["postgresql", "postgres"];

    fn parse(url: &str) -> Result<Address, String> {
        Address::parse(url, POSTGRES, 5432)
    }

    #[test]
    fn a_url_survives_a_round_trip() {
        let address = parse("postgres://me:p%40ss%2Fw@db.example:6543/my%20habits?sslmode=disable").expect("a URL");
        assert_eq!((address.host.as_str(), address.port), ("db.example", 6543));
        assert_eq!((address.user.as_str(), address.password.as_deref()), ("me", Some("p@ss/w")));
        assert_eq!(address.database, "my habits");
        assert_eq!(address.url(), "postgresql://me:p%40ss%2Fw@db.example:6543/my%20habits");
        assert_eq!(address.with_database("other").url(), "postgresql://me:p%40ss%2Fw@db.example:6543/other");
        assert_eq!(address.to_string(), "db.example:6543");
    }

    #[test]
    fn missing_parts_have_default_values() {
        let address = parse("postgresql://localhost").expect("a URL");
        assert_eq!((address.port, address.user.as_str(), address.password), (5432, "", None));
        let redis = Address::parse("redis://:secret@[::1]:7000/3", &["redis"], 6379).expect("a URL");
        assert_eq!((redis.host.as_str(), redis.port, redis.database.as_str()), ("::1", 7000, "3"));
        assert_eq!(redis.url(), "redis://:secret@[::1]:7000/3");
    }

    #[test]
    fn an_unusable_url_is_rejected_with_the_reason() {
        let why = |url| parse(url).err().expect("no usable URL");
        assert!(why("mysql://localhost/habits").contains("postgresql://USER"));
        assert!(why("habits").contains("postgresql://USER"));
        assert!(why("postgres://localhost:port/").contains("postgresql://USER"));
        assert!(why("postgres:///habits").contains("no host"));
        assert!(why("postgres://db/habits?sslmode=require").contains("encrypted"));
        assert!(Address::parse("rediss://cache", &["redis"], 6379).err().expect("no usable URL").contains("encrypted"));
    }
}
