//! What applies to a server at one step, as far as checks of every step need it.

use model::{Request, SignInPaths};
use serde_json::Value;

use crate::route::Route;

/// What applies to a server at one step: everything of the steps before it included.
pub struct Contract {
    /// How users sign in; `None` before there are users.
    pub sign_in: Option<&'static SignIn>,
    /// The routes that work on habits or on the user; those that delete come last.
    pub routes: Vec<&'static Route>,
}

/// How a server's users sign up and log in.
#[derive(Debug)]
pub struct SignIn {
    /// Where users sign up: `POST {email, password, name}`.
    pub sign_up: &'static str,
    /// Where they log in: `POST {email, password}` returns `{access_token}`.
    pub log_in: &'static str,
    /// The public routes, with everything below them.
    pub public: &'static [&'static str],
    /// The checks that prove that users can sign in. They run first, because all other checks need a user.
    pub checks: &'static [&'static str],
}

impl SignIn {
    /// A request that signs a user up.
    pub fn sign_up(&self, body: &Value) -> Request {
        Request::new("POST", self.sign_up).json(body)
    }

    /// A request that logs a user in.
    pub fn log_in(&self, body: &Value) -> Request {
        Request::new("POST", self.log_in).json(body)
    }

    /// Whether this path is public, also below a version such as `/v1`.
    pub fn is_public(&self, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        let path = path.strip_prefix("/v1").unwrap_or(path);
        let is_below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.public.iter().any(|root| is_below(root))
    }

    /// The routes, as a report needs them.
    pub fn paths(&self) -> SignInPaths {
        SignInPaths { sign_up: self.sign_up.to_owned(), log_in: self.log_in.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_route_and_everything_below_it_are_public() {
        let sign_in =
            SignIn { sign_up: "/auth/signup", log_in: "/auth/login", public: &["/auth", "/docs", "/openapi.json"], checks: &[] };
        for path in ["/auth/login", "/v1/auth/signup", "/docs", "/docs/ui.js?v=1", "/openapi.json"] {
            assert!(sign_in.is_public(path), "{path}");
        }
        for path in ["/habits", "/v1/habits/7", "/me", "/authors", "/no-such-thing", "/docsx"] {
            assert!(!sign_in.is_public(path), "{path}");
        }
    }
}
