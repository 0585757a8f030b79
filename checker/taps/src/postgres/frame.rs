//! Splits a stream of PostgreSQL's protocol into messages without delaying it.

/// The most bytes kept of one message; the rest is forwarded unparsed.
pub const KEPT: usize = 4 * 1024 * 1024;

/// A complete message.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The letter of its type; 0 for the first message of a client, which has none.
    pub kind: u8,
    /// The body, at most [`KEPT`] bytes of it; empty for types that were not asked for.
    pub body: &'a [u8],
    /// Whether the body is complete.
    pub whole: bool,
    /// Where in the input it begins; `None` if that part has already been consumed.
    pub start: Option<usize>,
    /// Where in the input it ends.
    pub end: usize,
}

/// A message that violates the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// The letter of the message.
    pub kind: u8,
    /// Its length as sent.
    pub length: u32,
}

/// Follows one direction of one connection.
#[derive(Debug)]
pub struct Framer {
    /// The types whose body is kept.
    wanted: &'static [u8],
    /// The types that may occur, where known.
    known: Option<&'static [u8]>,
    header: [u8; 5],
    /// How much of the header has arrived. The first message of a client starts at 1, because it has no type.
    filled: usize,
    first_header: usize,
    /// How much of the body is still to come.
    left: u64,
    kept: Vec<u8>,
    start: Option<usize>,
}

const HEADER: usize = 5;

impl Framer {
    /// For the messages of a service.
    pub fn of_service(wanted: &'static [u8]) -> Self {
        Framer { wanted, known: None, header: [0; 5], filled: 0, first_header: 0, left: 0, kept: Vec::new(), start: None }
    }

    /// For the messages of a client, including the first one.
    pub fn of_client(wanted: &'static [u8], known: &'static [u8]) -> Self {
        Framer { known: Some(known), filled: 1, first_header: 1, ..Framer::of_service(wanted) }
    }

    /// The next message that ends within `input`, starting at `at`, which is advanced to the first unread byte.
    pub fn next<'a>(&'a mut self, input: &'a [u8], at: &mut usize) -> Result<Option<Frame<'a>>, Malformed> {
        if self.filled == self.first_header && *at < input.len() {
            self.start = Some(*at);
            self.kept.clear();
        }
        while self.filled < HEADER {
            let Some(byte) = input.get(*at) else { return Ok(None) };
            self.header[self.filled] = *byte;
            self.filled += 1;
            *at += 1;
            if self.filled == HEADER {
                self.left = self.begin()?;
            }
        }
        let kind = self.header[0];
        let rest = &input[*at..];
        let part = &rest[..usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len())];
        *at += part.len();
        self.left -= part.len() as u64;
        let wanted = self.wanted.contains(&kind);
        let ends = self.left == 0;
        // A message in one piece is not copied.
        let in_one_piece = ends && self.kept.is_empty();
        if wanted && !in_one_piece {
            let room = KEPT.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&part[..part.len().min(room)]);
        }
        if !ends {
            return Ok(None);
        }
        let length = u32::from_be_bytes([self.header[1], self.header[2], self.header[3], self.header[4]]) as usize - 4;
        (self.filled, self.first_header) = (0, 0);
        let body = match (wanted, in_one_piece) {
            (false, _) => &[],
            (true, true) => &part[..part.len().min(KEPT)],
            (true, false) => self.kept.as_slice(),
        };
        Ok(Some(Frame { kind, body, whole: body.len() == length, start: self.start, end: *at }))
    }

    /// The length of the body that the header declares.
    fn begin(&self) -> Result<u64, Malformed> {
        let [kind, length @ ..] = self.header;
        let length = u32::from_be_bytes(length);
        let known = self.first_header == 1 || self.known.is_none_or(|known| known.contains(&kind));
        // PostgreSQL reads the length as a signed number that counts itself, and takes 10,000 bytes at the start.
        let most = if self.first_header == 1 { 10_000 } else { i32::MAX as u32 };
        if !known || !(4..=most).contains(&length) {
            return Err(Malformed { kind, length });
        }
        Ok(u64::from(length) - 4)
    }

    /// The type and the start of an incomplete message, unless part of it was consumed.
    pub fn unfinished(&self) -> Option<(u8, usize)> {
        let begun = self.filled > self.first_header;
        self.start.filter(|_| begun).map(|start| (self.header[0], start))
    }

    /// How much is kept of the incomplete message.
    pub fn held(&self) -> usize {
        self.kept.len()
    }

    /// Notes that this many bytes at the beginning of the input were consumed.
    pub fn consumed(&mut self, count: usize) {
        self.start = self.start.and_then(|start| start.checked_sub(count));
    }
}
