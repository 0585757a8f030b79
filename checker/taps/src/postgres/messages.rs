//! The contents of the messages of PostgreSQL's protocol (chapter 55.7 of its manual), as far as a tap needs them.

use std::rc::Rc;

use bytes::{Buf, Bytes};

use super::{Parameter, ServiceError};

/// Reads up to the next zero byte. Invalid UTF-8 is replaced: text in other encodings is only shown.
pub fn text(body: &mut &[u8]) -> Option<String> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let text = String::from_utf8_lossy(&body[..end]).into_owned();
    body.advance(end + 1);
    Some(text)
}

/// The text of a message with nothing else in it, which may be truncated.
pub fn whole_text(body: &[u8]) -> Rc<str> {
    let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
    String::from_utf8_lossy(&body[..end]).into()
}

/// The request in a client's first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// A session, in a version of the protocol that a tap can parse.
    Session,
    /// The cancellation of another connection's statement.
    Cancel,
}

/// Parses a client's first message.
pub fn opening(mut body: &[u8]) -> Option<Opening> {
    match body.try_get_u32().ok()? {
        CANCEL => Some(Opening::Cancel),
        version if version >> 16 == 3 => Some(Opening::Session),
        _ => None,
    }
}

/// The codes that stand in place of a version.
pub const CANCEL: u32 = 80_877_102;
pub const SSL: u32 = 80_877_103;
pub const GSS: u32 = 80_877_104;

/// A statement to prepare.
pub struct Parse {
    /// The name; empty for the unnamed statement.
    pub name: String,
    /// The text.
    pub text: Rc<str>,
    /// The types of the first parameters; 0 where the service infers them.
    pub types: Vec<u32>,
}

impl Parse {
    /// Parses the message, which may be truncated.
    pub fn read(mut body: &[u8]) -> Option<Self> {
        let name = text(&mut body)?;
        let text = text(&mut body).map_or_else(|| whole_text(body), Rc::from);
        let count = body.try_get_u16().unwrap_or_default();
        let types = (0..count).map_while(|_| body.try_get_u32().ok()).collect();
        Some(Parse { name, text, types })
    }
}

/// Values given to a prepared statement.
pub struct Bind {
    /// The name of the portal; empty for the unnamed one.
    pub portal: String,
    /// The name of the statement.
    pub statement: String,
    binary: Vec<bool>,
    values: Bytes,
}

impl Bind {
    /// Parses the message up to its values.
    pub fn read(mut body: &[u8]) -> Option<Self> {
        let portal = text(&mut body)?;
        let statement = text(&mut body)?;
        let count = body.try_get_u16().ok()?;
        let binary = (0..count).map(|_| body.try_get_u16().map(|format| format == 1)).collect::<Result<_, _>>().ok()?;
        Some(Bind { portal, statement, binary, values: Bytes::copy_from_slice(body) })
    }

    /// The values, as far as they are kept.
    pub fn parameters(mut self, types: &[u32]) -> Rc<[Parameter]> {
        let count = self.values.try_get_u16().unwrap_or_default();
        let mut parameters = Vec::new();
        for index in 0..usize::from(count) {
            let Ok(length) = self.values.try_get_i32() else { break };
            let value = match usize::try_from(length) {
                Ok(length) => Some(self.values.split_to(length.min(self.values.len()))),
                Err(_) => None,
            };
            // A single format applies to all values; none means text.
            let format = if self.binary.len() == 1 { 0 } else { index };
            let binary = self.binary.get(format).copied().unwrap_or_default();
            parameters.push(Parameter { type_id: types.get(index).copied().unwrap_or_default(), binary, value });
        }
        parameters.into()
    }
}

/// The types that the service reports for the parameters of a statement.
pub fn parameter_types(mut body: &[u8]) -> Vec<u32> {
    let count = body.try_get_u16().unwrap_or_default();
    (0..count).map_while(|_| body.try_get_u32().ok()).collect()
}

/// Parses an error.
pub fn error(mut body: &[u8]) -> ServiceError {
    let mut error = ServiceError { severity: String::new(), code: String::new(), message: String::new() };
    while let Ok(field @ 1..) = body.try_get_u8() {
        let Some(value) = text(&mut body) else { break };
        match field {
            b'S' if error.severity.is_empty() => error.severity = value,
            // The severity that is never translated.
            b'V' => error.severity = value,
            b'C' => error.code = value,
            b'M' => error.message = value,
            _ => {}
        }
    }
    error
}
