use super::check::Check;
pub const SIGNING_IN: [&str; 2] = ["4.signup", "4.login"];
pub fn checks() -> Vec<Check> { vec![] }
