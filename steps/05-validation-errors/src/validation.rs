//! The rules for what clients send.

use serde::Serialize;
use utoipa::ToSchema;

/// A request body with rules. The extractor [`ValidJson`](crate::extract::ValidJson) applies them.
pub trait Validate {
    /// Tidies the fields up, then returns every rule they break; nothing if all is well.
    fn validate(&mut self) -> Vec<FieldError>;
}

/// A rule that a field breaks.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
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
pub const NO_NUL: &str = "must not contain the character U+0000";

// TODO(check_characters): refuse every control character, in a description all but newline and tab.
/// Refuses U+0000.
fn check_line(field: &'static str, text: &str) -> Option<FieldError> {
    text.contains('\0').then(|| FieldError::new(field, NO_NUL))
}

/// The same for a text that may have several lines.
fn check_lines(field: &'static str, text: &str) -> Option<FieldError> {
    check_line(field, text)
}

/// Removes white space around the name, then checks that it has 1 to [`NAME_MAX`] characters, none
/// of which is a control character.
pub fn check_name(name: &mut String) -> Option<FieldError> {
    *name = name.trim().to_owned();
    if let Some(error) = check_line("name", name) {
        return Some(error);
    }
    match name.chars().count() {
        0 => Some(FieldError::new("name", "must not be blank")),
        1..=NAME_MAX => None,
        _ => Some(FieldError::new("name", "must have at most 100 characters")),
    }
}

/// Most characters (Unicode code points) of an e-mail address.
pub const EMAIL_MAX: usize = 254;

/// Removes white space around the e-mail address, then checks that it can be one: only a letter to
/// it could prove that it is.
pub fn check_email(email: &mut String) -> Option<FieldError> {
    *email = email.trim().to_owned();
    if let Some(error) = check_line("email", email) {
        return Some(error);
    }
    if email.chars().count() > EMAIL_MAX {
        return Some(FieldError::new("email", "must have at most 254 characters"));
    }
    let can_be_one = email
        .split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains('@'));
    (!can_be_one).then(|| FieldError::new("email", "must look like ada@example.com"))
}

/// Checks that the description, if there is one, has at most [`DESCRIPTION_MAX`] characters, none
/// of which is a control character other than newline and tab.
pub fn check_description(description: Option<&str>) -> Option<FieldError> {
    let description = description?;
    if let Some(error) = check_lines("description", description) {
        return Some(error);
    }
    (description.chars().count() > DESCRIPTION_MAX)
        .then(|| FieldError::new("description", "must have at most 500 characters"))
}
