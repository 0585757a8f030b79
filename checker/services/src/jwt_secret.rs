//! The key with which a server signs access tokens (HS256, RFC 7518 section 3.2): new in each run, the same for all its servers.

use std::path::Path;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use model::Problem;

use fixtures::{Console, Fixture, Part, Running, Variable, Visible};

/// The fixture.
pub const JWT_SECRET: &dyn Fixture = &Secret;

const VARIABLE: Variable = Variable { name: "JWT_SECRET", by_hand: "JWT_SECRET is any text of at least 32 bytes." };

struct Secret;

/// The key of a run.
#[derive(Debug, Clone)]
pub struct JwtSecret(String);

impl JwtSecret {
    /// The key.
    pub fn key(&self) -> &str {
        &self.0
    }
}

impl Fixture for Secret {
    fn name(&self) -> &'static str {
        "signing key"
    }

    fn variables(&self) -> &'static [Variable] {
        &[VARIABLE]
    }

    fn disturbed(&self) -> &'static str {
        "signing key"
    }

    fn start<'a>(&'a self, _: &'a Path, _: &'a mut dyn Console) -> LocalBoxFuture<'a, Result<Box<dyn Running>, Problem>> {
        ready(Ok(Box::new(new_key()) as Box<dyn Running>)).boxed_local()
    }

    fn start_at_hand<'a>(&'a self, _: &'a mut dyn Console) -> LocalBoxFuture<'a, Option<Box<dyn Running>>> {
        ready(Some(Box::new(new_key()) as Box<dyn Running>)).boxed_local()
    }

    fn availability(&self) -> Option<LocalBoxFuture<'_, Result<String, Problem>>> {
        None
    }
}

/// 64 random hexadecimal digits.
fn new_key() -> JwtSecret {
    JwtSecret(std::iter::repeat_with(|| fastrand::digit(16)).take(64).collect())
}

impl Running for JwtSecret {
    fn isolate(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Part>, Problem>> {
        ready(Ok(Rc::new(self.clone()) as Rc<dyn Part>)).boxed_local()
    }

    fn lend(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Part>, Problem>> {
        self.isolate()
    }

    fn describe(&self) -> String {
        JWT_SECRET.name().to_owned()
    }

    fn unexpected_exit(&mut self) -> LocalBoxFuture<'_, String> {
        std::future::pending().boxed_local()
    }

    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        ready(()).boxed_local()
    }
}

impl Part for JwtSecret {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![(VARIABLE.name, self.0.clone())]
    }

    fn remove(self: Rc<Self>) -> LocalBoxFuture<'static, ()> {
        ready(()).boxed_local()
    }
}

impl Visible for JwtSecret {
    const UNSEEN: &'static str = "the target is a URL, so the checker does not know its JWT_SECRET";
}
