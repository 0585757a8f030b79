//! A small PostgreSQL client: enough to create databases and to look into them. Only later steps need it, so it is not
//! worth a library that every learner compiles before the first verdict.
//!
//! It speaks version 3.0 of the protocol without encryption, supports cleartext and SCRAM-SHA-256 passwords, and sends
//! simple queries, whose results come as text
//! (<https://www.postgresql.org/docs/current/protocol-flow.html>).

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::scram::Scram;
use fixtures::find::Address;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one query may take; creating a database copies some megabytes.
const QUERY: Duration = Duration::from_secs(60);
/// The largest message accepted, in bytes; no result that we ask for is larger.
const LARGEST: usize = 16 * 1024 * 1024;
/// Version 3.0 of the protocol.
const VERSION: i32 = 3 << 16;

/// The rows of a result; `None` stands for NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// A connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// Why a query has no result.
#[derive(Debug)]
pub enum Fault {
    /// The connection could not be opened, or broke.
    Connection(io::Error),
    /// The server reported an error: its SQLSTATE and its message (untrusted text).
    Refused { code: String, message: String },
    /// The server asks for something that this client does not support.
    Unknown(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Connection(error) => write!(f, "{error}"),
            Fault::Refused { message, .. } => write!(f, "it reports an error: {message}"),
            Fault::Unknown(what) => write!(f, "it asks for {what}, which the checker does not support"),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Connection(error)
    }
}

impl Client {
    /// Connects to the database that the address names.
    pub async fn connect(address: &Address) -> Result<Self, Fault> {
        let connect = async {
            let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
            stream.set_nodelay(true)?;
            let mut client = Client { stream: BufReader::new(stream) };
            client.start(address).await?;
            Ok(client)
        };
        timeout(CONNECT, connect).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }

    /// Runs SQL and returns the rows of the last statement that has any.
    pub async fn query(&mut self, sql: &str) -> Result<Rows, Fault> {
        let run = async {
            self.send(b'Q', &[sql.as_bytes(), b"\0"].concat()).await?;
            let mut rows = Vec::new();
            let mut refused = None;
            loop {
                match self.receive().await? {
                    (b'T', _) => rows.clear(),
                    (b'D', body) => rows.push(row(&body).ok_or_else(garbled)?),
                    (b'E', body) => refused = Some(refusal(&body)),
                    (b'Z', _) => return refused.map_or(Ok(rows), Err),
                    _ => {}
                }
            }
        };
        timeout(QUERY, run).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }

    /// Startup and authentication, until the server is ready for queries.
    async fn start(&mut self, address: &Address) -> Result<(), Fault> {
        let mut body = VERSION.to_be_bytes().to_vec();
        let database = if address.database.is_empty() { &address.user } else { &address.database };
        for text in ["user", &address.user, "database", database, "application_name", "checker", ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.stream.write_all(&[&length[..], &body].concat()).await?;

        let password = address.password.as_deref().unwrap_or_default();
        let mut scram = None;
        loop {
            let (kind, body) = self.receive().await?;
            match (kind, number(&body), body.get(4..).unwrap_or_default()) {
                (b'R', Some(0), _) => {}
                (b'R', Some(3), _) => self.send(b'p', &[password.as_bytes(), b"\0"].concat()).await?,
                (b'R', Some(10), offered) => {
                    if !offered.split(|&byte| byte == 0).any(|name| name == b"SCRAM-SHA-256") {
                        return Err(Fault::Unknown("a password in an unusual form".into()));
                    }
                    let (begun, first) = Scram::begin();
                    let length = (first.len() as u32).to_be_bytes();
                    self.send(b'p', &[b"SCRAM-SHA-256\0", &length[..], first.as_bytes()].concat()).await?;
                    scram = Some(begun);
                }
                (b'R', Some(11), challenge) => {
                    let response = scram.as_mut().and_then(|scram| scram.response(challenge, password)).ok_or_else(garbled)?;
                    self.send(b'p', response.as_bytes()).await?;
                }
                (b'R', Some(12), proof) if scram.as_ref().is_some_and(|scram| scram.is_proven_by(proof)) => {}
                (b'R', Some(5), _) => return Err(Fault::Unknown("a password hashed by MD5".into())),
                (b'R', Some(number), _) => return Err(Fault::Unknown(format!("authentication by method {number}"))),
                (b'E', ..) => return Err(refusal(&body)),
                (b'Z', ..) => return Ok(()),
                _ => {}
            }
        }
    }

    async fn send(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.stream.write_all(&[&[kind], &length[..], body].concat()).await
    }

    async fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let kind = self.stream.read_u8().await?;
        let length = self.stream.read_u32().await? as usize;
        if !(4..=LARGEST).contains(&length) {
            return Err(garbled());
        }
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).await?;
        Ok((kind, body))
    }
}

fn garbled() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the server there does not speak PostgreSQL's protocol")
}

fn number(body: &[u8]) -> Option<i32> {
    body.first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
}

/// The columns of a `DataRow` message.
fn row(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut columns = Vec::new();
    for _ in 0..i16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        // A negative length stands for NULL.
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            columns.push(None);
            rest = after;
            continue;
        };
        columns.push(Some(String::from_utf8_lossy(after.get(..length)?).into_owned()));
        rest = &after[length..];
    }
    Some(columns)
}

/// Parses an `ErrorResponse` message: fields of a letter and a text each.
fn refusal(body: &[u8]) -> Fault {
    let fields = body.split(|&byte| byte == 0).filter_map(|field| field.split_first());
    let field = |name| {
        let text = fields.clone().find(|(letter, _)| **letter == name).map(|(_, text)| text);
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    };
    Fault::Refused { code: field(b'C'), message: field(b'M') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_text_null_and_empty_text() {
        let body = b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(row(body), Some(vec![Some("ab".into()), None, Some(String::new())]));
        for end in 0..body.len() {
            assert_eq!(row(&body[..end]), None, "cut off after {end} bytes");
        }
    }

    #[test]
    fn an_error_is_parsed_by_the_letters_of_its_fields() {
        let Fault::Refused { code, message } = refusal(b"SERROR\0VERROR\0C3D000\0Mno such database\0Fx.c\0\0") else {
            panic!("a refusal");
        };
        assert_eq!((code.as_str(), message.as_str()), ("3D000", "no such database"));
    }
}
