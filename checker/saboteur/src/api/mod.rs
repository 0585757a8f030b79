//! What several sabotages need to know of the API: its routes, its habits, its users and its tokens.

pub mod habits;
pub mod history;
pub mod jwt;
pub mod routes;
pub mod users;
pub mod validation;
