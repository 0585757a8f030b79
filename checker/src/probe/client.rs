//! Sends requests and reads answers within bounds.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::exchange::{Answer, Exchange, NoAnswer, Reply, Request};
use crate::outcome::Outcome;

/// The most of a body that is kept, in bytes. A right answer of any step is far smaller.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// The most a server may send as header section, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;
/// How long a server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The least patience left after several answers that never came.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// How long the first attempt to connect may take; later ones take longer.
const FIRST_CONNECT: Duration = Duration::from_millis(100);
/// The longest attempt to connect.
const LONGEST_CONNECT: Duration = Duration::from_secs(2);

/// A client for one server.
#[derive(Clone)]
pub struct Probe {
    base: Rc<str>,
    address: Rc<str>,
    transcript: Rc<RefCell<Vec<Rc<Exchange>>>>,
    patience: Rc<Cell<Duration>>,
}

impl Probe {
    /// A client for the server at `base`, such as `http://127.0.0.1:20017`.
    pub fn new(base: &str) -> Self {
        let authority = base.trim_start_matches("http://").trim_end_matches('/');
        let address = match authority.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => authority.to_owned(),
            _ => format!("{authority}:80"),
        };
        Probe {
            base: base.trim_end_matches('/').into(),
            address: address.into(),
            transcript: Rc::default(),
            patience: Rc::new(Cell::new(PATIENCE)),
        }
    }

    /// A client for another server, whose exchanges go to the same transcript.
    pub fn beside(&self, base: &str) -> Self {
        Probe { transcript: self.transcript.clone(), ..Probe::new(base) }
    }

    /// Scheme, host and port.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Takes the exchanges recorded so far out of the transcript.
    pub fn take_transcript(&self) -> Vec<Rc<Exchange>> {
        self.transcript.take()
    }

    /// The exchanges recorded so far.
    pub fn transcript(&self) -> Vec<Rc<Exchange>> {
        self.transcript.borrow().clone()
    }

    /// Sends a request; having no answer is a failure.
    pub async fn send(&self, request: Request) -> Outcome<Answer> {
        Answer::of(self.exchange(request).await)
    }

    /// Sends a request and records what came of it, be it an answer or none.
    pub async fn exchange(&self, request: Request) -> Rc<Exchange> {
        let limit = self.patience.get();
        let started = SystemTime::now();
        let clock = Instant::now();
        let reply = match tokio::time::timeout(limit, self.attempt(&request)).await {
            Ok(reply) => reply,
            Err(_) => Err(NoAnswer::TimedOut(limit)),
        };
        // A server that never answers must not cost the whole patience at every request.
        self.patience.set(match &reply {
            Err(NoAnswer::TimedOut(_)) => (limit / 2).max(LEAST_PATIENCE),
            Err(_) => limit,
            Ok(_) => PATIENCE,
        });
        let exchange = Rc::new(Exchange { base: self.base.to_string(), request, reply, started, duration: clock.elapsed() });
        self.transcript.borrow_mut().push(exchange.clone());
        exchange
    }

    async fn attempt(&self, request: &Request) -> Result<Reply, NoAnswer> {
        let stream = self.connect().await?;
        let mut settings = http1::Builder::new();
        settings.max_buf_size(HEAD_LIMIT).max_headers(256);
        let handshake = settings.handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(explain)?;
        // The connection is driven here rather than in a task of its own: it ends with the request, whatever happens.
        let answer = async {
            let response = sender.send_request(self.build(request)?).await.map_err(explain)?;
            read(response).await
        };
        tokio::pin!(answer);
        tokio::pin!(connection);
        tokio::select! {
            biased;
            reply = &mut answer => reply,
            _ = &mut connection => answer.await,
        }
    }

    async fn connect(&self) -> Result<TcpStream, NoAnswer> {
        // Where many connect at once and a server's queue is short, the system drops attempts and repeats each only after
        // 1, 3 and 7 seconds, all of them together again. New attempts at random moments get in sooner.
        let mut wait = FIRST_CONNECT;
        let connected = loop {
            let jitter = wait.mul_f64(fastrand::f64());
            match tokio::time::timeout(wait + jitter, TcpStream::connect(&*self.address)).await {
                Ok(connected) => break connected,
                Err(_) => wait = (wait * 2).min(LONGEST_CONNECT),
            }
        };
        let stream = connected.map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => NoAnswer::Refused,
            _ => NoAnswer::Closed(error.to_string()),
        })?;
        // Without it small requests wait for the other side's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    fn build(&self, request: &Request) -> Result<hyper::Request<Full<Bytes>>, NoAnswer> {
        let mut builder = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(&request.path)
            .header("host", &*self.address)
            .header("connection", "close");
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if request.body.is_none() && matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
            builder = builder.header("content-length", "0");
        }
        let body = Full::new(request.body.clone().unwrap_or_default());
        builder.body(body).map_err(|error| NoAnswer::Closed(format!("the checker could not send this request: {error}")))
    }

    /// Sends HEAD and counts the bytes that follow the header section; there should be none.
    ///
    /// A proper client never reads a body here, so this one reads the connection itself.
    pub async fn body_after_head(&self, request: &Request) -> Result<usize, NoAnswer> {
        let talk = async {
            let mut stream = self.connect().await?;
            let closed = |error: std::io::Error| NoAnswer::Closed(error.to_string());
            let fields: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let (path, host) = (&request.path, &self.address);
            let request = format!("HEAD {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{fields}\r\n");
            stream.write_all(request.as_bytes()).await.map_err(closed)?;
            let mut answer = Vec::new();
            stream.take(HEAD_LIMIT as u64).read_to_end(&mut answer).await.map_err(closed)?;
            let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            end.map(|end| answer.len() - end - 4).ok_or_else(|| NoAnswer::NotHttp("no end of the header section".into()))
        };
        tokio::time::timeout(PATIENCE, talk).await.unwrap_or(Err(NoAnswer::TimedOut(PATIENCE)))
    }
}

async fn read(response: hyper::Response<hyper::body::Incoming>) -> Result<Reply, NoAnswer> {
    let (head, mut incoming) = response.into_parts();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let mut body = BytesMut::new();
    let mut cut = false;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(explain)?.into_data() else { continue };
        let room = BODY_LIMIT - body.len();
        body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            cut = true;
            break;
        }
    }
    Ok(Reply { status: head.status.as_u16(), headers, body: body.freeze(), cut })
}

fn explain(error: hyper::Error) -> NoAnswer {
    if error.is_parse() { NoAnswer::NotHttp(error.to_string()) } else { NoAnswer::Closed(error.to_string()) }
}
