//! A server for tests of the proxy. It echoes a request, or responds with the bytes that the request contains.
//!
//! ```text
//! ANY  /seen…    responds with the request itself, head and body, as text
//! POST /say      responds with the body of the request byte for byte, which must be a complete HTTP/1.1 response
//! ANY  /slow     responds after a short delay
//! ```
//!
//! It listens on `HOST` and `PORT`, logs a line for each request, and exits with code 3 if `PORT` is invalid.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// How long a slow response takes.
const SLOW: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let Ok(port) = env::var("PORT").unwrap_or_default().parse::<u16>() else {
        eprintln!("mirror: PORT is not a port number");
        return ExitCode::from(3);
    };
    let host = env::var("HOST").unwrap_or_else(|_| "127.0.0.1".into());
    let listener = match TcpListener::bind((host.as_str(), port)) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("mirror: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("mirror {}", std::process::id());
    for stream in listener.incoming().flatten() {
        // A client that hangs up ends its thread.
        thread::spawn(move || serve(&stream));
    }
    ExitCode::SUCCESS
}

fn serve(stream: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(Request { head, body }) = Request::read(&mut reader)? {
        let last = head.to_ascii_lowercase().contains("\r\nconnection: close\r\n");
        let (target, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
        println!("{target}");
        let words: Vec<&str> = target.split(' ').collect();
        let mut writer = stream;
        match words.get(1) {
            Some(&"/say") => writer.write_all(&body)?,
            Some(&"/slow") => {
                thread::sleep(SLOW);
                writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
            }
            _ => {
                let mut lines: Vec<&str> = rest.lines().filter(|line| !line.is_empty()).collect();
                lines.sort_unstable();
                let seen = [target.as_bytes(), b"\n", lines.join("\n").as_bytes(), b"\n\n", &body].concat();
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", seen.len())?;
                writer.write_all(&seen)?;
            }
        }
        if last {
            break;
        }
    }
    Ok(())
}

/// A request as it arrived. The chunks of a body are joined.
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(None);
            }
        }
        let field = |name: &str| {
            let mut fields = head.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
        };
        let mut body = Vec::new();
        if field("transfer-encoding").is_some() {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size)?;
                let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
                reader.take(size).read_to_end(&mut body)?;
                reader.read_line(&mut String::new())?;
                if size == 0 {
                    break;
                }
            }
        } else {
            let length = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            reader.take(length).read_to_end(&mut body)?;
        }
        Ok(Some(Request { head, body }))
    }
}
