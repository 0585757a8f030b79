//! What we ask the provider with which users can sign in (OAuth 2, RFC 6749).

use std::convert::Infallible;

use crate::config::oauth::OAuth;

// TODO(provider): (stretch) ask the provider who somebody is, over HTTP.
/// The provider, and how to reach it.
#[derive(Debug)]
pub struct Provider {
    /// Where it is, and who we are there.
    pub config: OAuth,
}

impl Provider {
    /// A provider that nobody has asked yet.
    ///
    /// # Errors
    ///
    /// None so far.
    pub fn new(config: OAuth) -> Result<Self, Infallible> {
        Ok(Self { config })
    }
}
