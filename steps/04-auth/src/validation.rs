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

    /// The same for a field of one item of a list: `name` becomes `0.name`.
    pub fn within(self, index: usize) -> Self {
        Self {
            field: format!("{index}.{}", self.field),
            ..self
        }
    }
}

/// Most characters (Unicode code points) of a habit's name.
pub const NAME_MAX: usize = 100;
/// Most characters (Unicode code points) of a description.
pub const DESCRIPTION_MAX: usize = 500;

/// PostgreSQL keeps every character but this one.
const NO_NUL: &str = "must not contain the character U+0000";

/// Removes white space around the name, then checks that it has 1 to [`NAME_MAX`] characters.
pub fn check_name(name: &mut String) -> Option<FieldError> {
    *name = name.trim().to_owned();
    if name.contains('\0') {
        return Some(FieldError::new("name", NO_NUL));
    }
    match name.chars().count() {
        0 => Some(FieldError::new("name", "must not be blank")),
        1..=NAME_MAX => None,
        _ => Some(FieldError::new("name", "must have at most 100 characters")),
    }
}

// TODO(check_email): remove white space around the address, and refuse what cannot be one.
/// Removes white space around the e-mail address, then checks that it can be one.
pub fn check_email(_email: &mut String) -> Option<FieldError> {
    None
}

/// Checks that the description, if there is one, has at most [`DESCRIPTION_MAX`] characters.
pub fn check_description(description: Option<&str>) -> Option<FieldError> {
    let description = description?;
    if description.contains('\0') {
        return Some(FieldError::new("description", NO_NUL));
    }
    (description.chars().count() > DESCRIPTION_MAX)
        .then(|| FieldError::new("description", "must have at most 500 characters"))
}
