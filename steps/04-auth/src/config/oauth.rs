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
