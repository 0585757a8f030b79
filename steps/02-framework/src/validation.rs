//! The rules for what clients send.

use serde::Serialize;

/// A request body with rules. The extractor [`ValidJson`](crate::extract::ValidJson) applies them.
pub trait Validate {
    /// Tidies the fields up, then returns every rule they break; nothing if all is well.
    fn validate(&mut self) -> Vec<FieldError>;
}

/// A rule that a field breaks.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Name of the field.
    pub field: String,
    /// The rule, in words that go on from the field's name.
    pub message: &'static str,
}

impl FieldError {
    /// Says that `field` breaks the rule `message`.
    pub fn new(field: impl Into<String>, message: &'static str) -> Self {
        Self {
            field: field.into(),
            message,
        }
    }
}

// TODO(validation): trim the name and refuse one that is blank or longer than 100 characters.
/// Removes white space around the name, then checks its length.
pub fn check_name(_name: &mut String) -> Option<FieldError> {
    None
}

// TODO(validation): refuse a description of more than 500 characters.
/// Checks the length of the description, if there is one.
pub fn check_description(_description: Option<&str>) -> Option<FieldError> {
    None
}
