//! The provider with which users can sign in (OAuth 2). Without it, all of these are unset.
//!
//! | Variable | Meaning |
//! | --- | --- |
//! | `OAUTH_CLIENT_ID`, `OAUTH_CLIENT_SECRET` | who we are at the provider, and its proof |
//! | `OAUTH_AUTHORIZE_URL` | the provider's page where users sign in |
//! | `OAUTH_TOKEN_URL` | where a code is exchanged for a token |
//! | `OAUTH_USERINFO_URL` | where that token tells who the user is |
//! | `PUBLIC_URL` | where browsers reach this server, such as `https://habits.example` |

use std::ffi::OsString;

use url::Url;

use super::{ConfigError, Secret};

/// What we know of the provider.
#[derive(Debug, Clone)]
pub struct OAuth {
    /// Who we are.
    pub client_id: String,
    /// The proof of it.
    pub client_secret: Secret<String>,
    /// Where users sign in.
    pub authorize_url: Url,
    /// Where we exchange a code for a token.
    pub token_url: Url,
    /// Where we learn who the user is.
    pub userinfo_url: Url,
    /// Where users come back to.
    pub redirect_url: String,
}

impl OAuth {
    /// Reads the variables from `lookup`; none if those that begin with `OAUTH_` are unset.
    pub(super) fn read(
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, ConfigError> {
        let is_set = |variable: &&str| lookup(variable).is_some_and(|value| !value.is_empty());
        let any = [
            "OAUTH_CLIENT_ID",
            "OAUTH_CLIENT_SECRET",
            "OAUTH_AUTHORIZE_URL",
            "OAUTH_TOKEN_URL",
            "OAUTH_USERINFO_URL",
        ];
        if !any.iter().any(is_set) {
            return Ok(None);
        }
        let public_url = url(&lookup, "PUBLIC_URL")?;
        Ok(Some(Self {
            client_id: text(&lookup, "OAUTH_CLIENT_ID", "our id at the provider")?,
            client_secret: Secret(text(
                &lookup,
                "OAUTH_CLIENT_SECRET",
                "our secret at the provider",
            )?),
            authorize_url: url(&lookup, "OAUTH_AUTHORIZE_URL")?,
            token_url: url(&lookup, "OAUTH_TOKEN_URL")?,
            userinfo_url: url(&lookup, "OAUTH_USERINFO_URL")?,
            redirect_url: format!(
                "{}/auth/oauth/callback",
                public_url.as_str().trim_end_matches('/')
            ),
        }))
    }
}

/// Reads a variable that may hold a secret.
fn text(
    lookup: impl Fn(&str) -> Option<OsString>,
    variable: &'static str,
    expected: &'static str,
) -> Result<String, ConfigError> {
    lookup(variable)
        .filter(|value| !value.is_empty())
        .ok_or(ConfigError::Missing { variable, expected })?
        .into_string()
        .map_err(|_| ConfigError::UnusableSecret { variable, expected })
}

fn url(
    lookup: impl Fn(&str) -> Option<OsString>,
    variable: &'static str,
) -> Result<Url, ConfigError> {
    let expected = "a URL that begins with https:// or http://";
    let value = text(lookup, variable, expected)?;
    match Url::parse(&value) {
        Ok(url) if matches!(url.scheme(), "https" | "http") => Ok(url),
        _ => Err(ConfigError::Unusable {
            variable,
            value,
            expected,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 6] = [
        ("OAUTH_CLIENT_ID", "habits"),
        ("OAUTH_CLIENT_SECRET", "s3cret"),
        ("OAUTH_AUTHORIZE_URL", "https://provider.example/authorize"),
        ("OAUTH_TOKEN_URL", "https://provider.example/token"),
        ("OAUTH_USERINFO_URL", "https://provider.example/userinfo"),
        ("PUBLIC_URL", "https://habits.example/"),
    ];

    /// The configuration with these variables set, or the text of the error.
    fn with(variables: &[(&str, &str)]) -> Result<Option<OAuth>, String> {
        let lookup = |name: &str| {
            let variable = variables.iter().find(|(variable, _)| *variable == name);
            variable.map(|(_, value)| (*value).into())
        };
        OAuth::read(lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_off_when_nothing_says_who_the_provider_is() {
        assert!(with(&[]).is_ok_and(|oauth| oauth.is_none()));
        assert!(with(&[ALL[5]]).is_ok_and(|oauth| oauth.is_none()));
    }

    #[test]
    fn users_come_back_to_the_callback() {
        let redirect_url = with(&ALL).map(|oauth| oauth.map(|oauth| oauth.redirect_url));
        let expected = "https://habits.example/auth/oauth/callback";
        assert_eq!(redirect_url, Ok(Some(expected.to_owned())));
    }

    #[test]
    fn one_that_is_left_out_or_wrong_is_named() {
        for (index, (variable, _)) in ALL.into_iter().enumerate() {
            let mut some = ALL;
            some[index].1 = "";
            let error = with(&some).expect_err("one is left out");
            assert!(error.starts_with(variable), "{error}");
            if variable.ends_with("URL") {
                some[index].1 = "ftp://x";
                let error = with(&some).expect_err("one is wrong");
                assert!(error.starts_with(variable), "{error}");
            }
        }
    }

    #[test]
    fn the_secret_is_never_shown() {
        let shown = format!("{:?}", with(&ALL));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
