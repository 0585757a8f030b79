//! What we ask the provider with which users can sign in (OAuth 2, RFC 6749).

use std::time::Duration;

use reqwest::{Client, redirect};
use serde::Deserialize;
use url::Url;

use crate::config::Secret;
use crate::config::oauth::OAuth;
use crate::error::Error;

/// How long one answer of the provider may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The provider, and how to reach it.
#[derive(Debug)]
pub struct Provider {
    /// Where it is, and who we are there.
    pub config: OAuth,
    http: Client,
}

/// A user of the provider, as it describes them.
#[derive(Debug, Deserialize)]
pub struct Person {
    /// Who it is; this never changes (subject).
    pub sub: String,
    /// Their e-mail address.
    pub email: String,
    /// How they want to be called.
    pub name: Option<String>,
}

/// What a code is exchanged for.
#[derive(Debug, Deserialize)]
struct Exchanged {
    access_token: Secret<String>,
}

impl Provider {
    /// A provider that nobody has asked yet.
    ///
    /// # Errors
    ///
    /// The system has no certificates by which to tell whether a server is genuine.
    pub fn new(config: OAuth) -> Result<Self, reqwest::Error> {
        // A second call finds this one installed, which is what it wants.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .timeout(TIMEOUT)
            // What we send is for the provider alone.
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { config, http })
    }

    /// The page of the provider where a user signs in. It sends them back with `state`, and with a
    /// code that is worth something only together with the text behind `challenge` (RFC 7636).
    pub fn authorize_url(&self, state: &str, challenge: &str) -> Url {
        let mut url = self.config.authorize_url.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", &self.config.redirect_url)
            .append_pair("scope", "openid email profile")
            .append_pair("state", state)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// The user who came back with this code.
    ///
    /// # Errors
    ///
    /// The provider does not answer in time, or not as it should.
    pub async fn person(&self, code: &str, verifier: &str) -> Result<Person, Error> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.config.redirect_url),
            ("client_id", &self.config.client_id),
            ("client_secret", &self.config.client_secret.0),
            ("code_verifier", verifier),
        ];
        let request = self.http.post(self.config.token_url.clone()).form(&form);
        let answer = request.send().await?.error_for_status()?;
        let Exchanged { access_token } = answer.json().await?;

        let request = self.http.get(self.config.userinfo_url.clone());
        let request = request.bearer_auth(access_token.0);
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::GatewayTimeout(error.into())
        } else {
            Self::BadGateway(error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_sent_with_all_that_the_provider_needs() -> Result<(), Box<dyn std::error::Error>> {
        let provider = Provider::new(OAuth {
            client_id: "habits".to_owned(),
            client_secret: Secret("s3cret".to_owned()),
            authorize_url: "https://provider.example/authorize?tenant=1".parse()?,
            token_url: "https://provider.example/token".parse()?,
            userinfo_url: "https://provider.example/userinfo".parse()?,
            redirect_url: "https://habits.example/auth/oauth/callback".to_owned(),
        })?;
        let url = provider.authorize_url("s", "c").to_string();
        assert_eq!(
            url,
            "https://provider.example/authorize?tenant=1&response_type=code&client_id=habits\
             &redirect_uri=https%3A%2F%2Fhabits.example%2Fauth%2Foauth%2Fcallback\
             &scope=openid+email+profile&state=s&code_challenge=c&code_challenge_method=S256"
        );
        Ok(())
    }
}
