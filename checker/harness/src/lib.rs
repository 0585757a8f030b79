//! What checks are made of: their description, the servers that they examine with their backing services, and the expectations
//! that they share.

pub mod api;
pub mod backing;
pub mod check;
pub mod client;
pub mod contract;
pub mod data;
pub mod environment;
pub mod habit;
pub mod logline;
pub mod problem;
pub mod route;
pub mod step;
pub mod timing;
pub mod traffic;
pub mod users;
