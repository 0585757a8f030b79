//! A minimal PostgreSQL client for these tests: it sends any message, valid or not.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    pub stream: TcpStream,
    /// Process and key for a cancel request.
    pub key: Vec<u8>,
}

/// A message of the server.
#[derive(Debug)]
pub struct Message {
    pub kind: u8,
    pub body: Vec<u8>,
}

impl Message {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).replace('\0', " ")
    }
}

impl Client {
    /// A session of this user in the database `postgres`.
    pub fn connect(address: SocketAddr, user: &str) -> io::Result<Client> {
        let mut client = Client::raw(address)?;
        client.stream.write_all(&startup(196_608, user))?;
        loop {
            let message = client.read()?;
            match message.kind {
                b'K' => client.key = message.body,
                b'Z' => return Ok(client),
                b'E' => return Err(io::Error::other(message.text())),
                _ => {}
            }
        }
    }

    /// A connection on which nothing has been sent yet.
    pub fn raw(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { stream, key: Vec::new() })
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("an open connection");
    }

    /// The next message; an error if the connection ends.
    pub fn read(&mut self) -> io::Result<Message> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header)?;
        let [kind, length @ ..] = header;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        self.stream.read_exact(&mut body)?;
        Ok(Message { kind, body })
    }

    /// Every message until the server is ready.
    pub fn until_ready(&mut self) -> io::Result<Vec<Message>> {
        let mut messages = Vec::new();
        loop {
            let message = self.read()?;
            let ready = message.kind == b'Z';
            messages.push(message);
            if ready {
                return Ok(messages);
            }
        }
    }

    pub fn query(&mut self, sql: &str) -> Vec<Message> {
        self.try_query(sql).expect("an answer")
    }

    pub fn try_query(&mut self, sql: &str) -> io::Result<Vec<Message>> {
        self.stream.write_all(&query(sql))?;
        self.until_ready()
    }

    /// The first column of the first row.
    pub fn value(&mut self, sql: &str) -> String {
        let messages = self.query(sql);
        let row = messages.iter().find(|message| message.kind == b'D').expect("a row");
        String::from_utf8_lossy(&row.body[6..]).into_owned()
    }

    /// Sends a series of messages that ends with `Sync`, and waits for the replies.
    pub fn exchange(&mut self, messages: &[Vec<u8>]) -> Vec<Message> {
        self.send(&messages.concat());
        self.until_ready().expect("an answer")
    }

    /// Whether the connection has ended.
    pub fn is_over(&mut self) -> bool {
        self.stream.read(&mut [0; 1]).is_ok_and(|count| count == 0) || self.stream.write_all(b"H\0\0\0\x04").is_err()
    }
}

/// A session's first message.
pub fn startup(version: u32, user: &str) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend(format!("user\0{user}\0database\0postgres\0\0").bytes());
    lengthened(&body)
}

fn lengthened(body: &[u8]) -> Vec<u8> {
    let mut message = (body.len() as u32 + 4).to_be_bytes().to_vec();
    message.extend(body);
    message
}

pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(lengthened(body));
    message
}

pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

pub fn parse(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let mut body = [name.as_bytes(), b"\0", sql.as_bytes(), b"\0"].concat();
    body.extend((types.len() as u16).to_be_bytes());
    body.extend(types.iter().flat_map(|id| id.to_be_bytes()));
    message(b'P', &body)
}

/// Values in one format: 0 is text, 1 is binary.
pub fn bind(portal: &str, statement: &str, format: u16, values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = [portal.as_bytes(), b"\0", statement.as_bytes(), b"\0"].concat();
    body.extend([0, 1]);
    body.extend(format.to_be_bytes());
    body.extend((values.len() as u16).to_be_bytes());
    for value in values {
        body.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
        body.extend(value.unwrap_or_default());
    }
    body.extend([0, 0]);
    message(b'B', &body)
}

pub fn describe(statement: &str) -> Vec<u8> {
    message(b'D', &[b"S", statement.as_bytes(), b"\0"].concat())
}

pub fn execute(portal: &str, rows: u32) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), b"\0", &rows.to_be_bytes()].concat())
}

pub fn close(statement: &str) -> Vec<u8> {
    message(b'C', &[b"S", statement.as_bytes(), b"\0"].concat())
}

pub fn sync() -> Vec<u8> {
    message(b'S', b"")
}
