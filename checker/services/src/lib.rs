//! The services that servers under examination use: real ones, each a fixture, and test doubles within the checker.

mod backed;
pub mod find;
pub mod fixture;
pub mod form;
pub mod jwt_secret;
pub mod loopback;
pub mod oauth;
pub mod postgres;
pub mod redis;

pub use find::docker;
pub use fixture::{Console, Fixture, Part, Running, Tapped, Variable, Visible};
pub use jwt_secret::{JWT_SECRET, JwtSecret};
pub use postgres::DATABASE;
pub use redis::REDIS;

/// Every fixture, in the order in which they are shown.
pub const FIXTURES: &[&dyn Fixture] = &[DATABASE, REDIS, JWT_SECRET];
