//! Sends requests and reads responses within bounds.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::Response;
use model::{Exchange, NoResponse, Origin, Outcome, Reply, Request};

/// The most bytes kept of a body. A correct response of any step is far smaller.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// The largest header section that a server may send, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;
/// How long a server may take for one response.
const PATIENCE: Duration = Duration::from_secs(10);
/// The shortest timeout, after several requests that timed out.
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
    /// The source address of connections; the system chooses if there is none.
    source: Option<IpAddr>,
    transcript: Rc<RefCell<Vec<Rc<Exchange>>>>,
    patience: Rc<Cell<Duration>>,
}

impl Probe {
    /// A client for the server at `base`, such as `http://127.0.0.1:20017`.
    pub fn new(base: &str) -> Self {
        // Without a valid origin, every connection fails.
        let address = Origin::parse(base).map_or_else(String::new, |origin| origin.address().to_owned());
        Probe {
            base: base.trim_end_matches('/').into(),
            address: address.into(),
            source: None,
            transcript: Rc::default(),
            patience: Rc::new(Cell::new(PATIENCE)),
        }
    }

    /// A client for another server that records to the same transcript.
    pub fn beside(&self, base: &str) -> Self {
        Probe { transcript: self.transcript.clone(), ..Probe::new(base) }
    }

    /// A client for the same server whose connections come from another address of this machine.
    ///
    /// # Errors
    ///
    /// The machine has no such address.
    pub async fn sending_from(&self, source: IpAddr) -> io::Result<Self> {
        TcpListener::bind((source, 0)).await?;
        Ok(Probe { source: Some(source), ..self.clone() })
    }

    /// Scheme, host and port.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Takes the recorded exchanges out of the transcript.
    pub fn take_transcript(&self) -> Vec<Rc<Exchange>> {
        self.transcript.take()
    }

    /// The exchanges recorded so far.
    pub fn transcript(&self) -> Vec<Rc<Exchange>> {
        self.transcript.borrow().clone()
    }

    /// Sends a request; no response is a failure.
    pub async fn send(&self, request: Request) -> Outcome<Response> {
        Response::of(self.exchange(request).await)
    }

    /// Sends a request and records the exchange, with or without a response.
    pub async fn exchange(&self, request: Request) -> Rc<Exchange> {
        self.recorded(request, async |request| self.attempt(request).await).await
    }

    /// Sends a request whose body ends before its declared `Content-Length`, and closes the sending side there.
    pub async fn exchange_truncated(&self, request: Request, declared: usize) -> Rc<Exchange> {
        let request = request.header("content-length", declared.to_string());
        self.recorded(request, async |request| self.attempt_raw(request, true).await).await
    }

    /// Sends a request with a chunked body, so that its length is not declared in advance (RFC 9112, section 7.1).
    pub async fn exchange_chunked(&self, request: Request) -> Rc<Exchange> {
        const CHUNK: usize = 8 * 1024;
        let request = request.header("transfer-encoding", "chunked");
        self.recorded(request, async |request| {
            let mut body = Vec::new();
            for chunk in request.body.as_deref().unwrap_or_default().chunks(CHUNK) {
                body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            self.attempt_raw(&request.clone().body(body), false).await
        })
        .await
    }

    async fn recorded(&self, request: Request, attempt: impl AsyncFnOnce(&Request) -> Result<Reply, NoResponse>) -> Rc<Exchange> {
        let limit = self.patience.get();
        let started = SystemTime::now();
        let clock = Instant::now();
        let reply = match tokio::time::timeout(limit, attempt(&request)).await {
            Ok(reply) => reply,
            Err(_) => Err(NoResponse::TimedOut(limit)),
        };
        // A server that never responds must not cost the full timeout on every request.
        self.patience.set(match &reply {
            Err(NoResponse::TimedOut(_)) => (limit / 2).max(LEAST_PATIENCE),
            Err(_) => limit,
            Ok(_) => PATIENCE,
        });
        let exchange = Rc::new(Exchange { base: self.base.to_string(), request, reply, started, duration: clock.elapsed() });
        self.transcript.borrow_mut().push(exchange.clone());
        exchange
    }

    async fn attempt(&self, request: &Request) -> Result<Reply, NoResponse> {
        let stream = self.connect().await?;
        let mut settings = http1::Builder::new();
        settings.max_buf_size(HEAD_LIMIT).max_headers(256);
        let handshake = settings.handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(explain)?;
        // The connection is driven here rather than in its own task, so that it always ends with the request.
        let exchange = async {
            let response = sender.send_request(self.build(request)?).await.map_err(explain)?;
            read(response).await
        };
        tokio::pin!(exchange);
        tokio::pin!(connection);
        tokio::select! {
            biased;
            reply = &mut exchange => reply,
            _ = &mut connection => exchange.await,
        }
    }

    async fn connect(&self) -> Result<TcpStream, NoResponse> {
        // When many clients connect at once to a short accept queue, the system drops attempts and retries all of them together
        // after 1, 3 and 7 seconds. New attempts at random moments get through sooner.
        let mut wait = FIRST_CONNECT;
        let connected = loop {
            let jitter = wait.mul_f64(fastrand::f64());
            match tokio::time::timeout(wait + jitter, self.connect_once()).await {
                Ok(connected) => break connected,
                Err(_) => wait = (wait * 2).min(LONGEST_CONNECT),
            }
        };
        let stream = connected.map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => NoResponse::Refused,
            _ => NoResponse::Closed(error.to_string()),
        })?;
        // Otherwise small requests wait for the other side's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    async fn connect_once(&self) -> io::Result<TcpStream> {
        let Some(source) = self.source else { return TcpStream::connect(&*self.address).await };
        let mut found = tokio::net::lookup_host(&*self.address).await?;
        let of_the_same_kind = found.find(|address| address.is_ipv4() == source.is_ipv4());
        let address = of_the_same_kind.ok_or_else(|| io::Error::other("the server has no address of this kind"))?;
        let socket = if source.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(address).await
    }

    /// Sends the request's bytes unchanged, adding no `Content-Length`, and reads only the status code. `ends` closes the sending
    /// side, which some servers take for a closed connection.
    async fn attempt_raw(&self, request: &Request, ends: bool) -> Result<Reply, NoResponse> {
        let closed = |error: io::Error| NoResponse::Closed(error.to_string());
        let mut stream = self.connect().await?;
        let mut sent = head(request, &self.address).into_bytes();
        sent.extend_from_slice(request.body.as_deref().unwrap_or_default());
        stream.write_all(&sent).await.map_err(closed)?;
        if ends {
            stream.shutdown().await.map_err(closed)?;
        }
        let mut received = Vec::new();
        let ended = stream.take(HEAD_LIMIT as u64).read_to_end(&mut received).await;
        let status = received.strip_prefix(b"HTTP/1.").and_then(|rest| std::str::from_utf8(rest.get(2..5)?).ok()?.parse().ok());
        match (status, ended) {
            (Some(status), _) => Ok(Reply { status, headers: Vec::new(), body: received.into(), cut: false }),
            (None, Err(error)) => Err(closed(error)),
            (None, Ok(_)) if received.is_empty() => Err(NoResponse::Closed("the connection ended without a response".into())),
            (None, Ok(_)) => Err(NoResponse::NotHttp("no status line".into())),
        }
    }

    fn build(&self, request: &Request) -> Result<hyper::Request<Full<Bytes>>, NoResponse> {
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
        builder.body(body).map_err(|error| NoResponse::Closed(format!("the checker could not send this request: {error}")))
    }

    /// Sends HEAD and counts the bytes that follow the header section; there should be none.
    ///
    /// A proper client never reads a body here, so this one reads the connection itself.
    pub async fn body_after_head(&self, request: &Request) -> Result<usize, NoResponse> {
        let talk = async {
            let mut stream = self.connect().await?;
            let closed = |error: io::Error| NoResponse::Closed(error.to_string());
            stream.write_all(head(request, &self.address).as_bytes()).await.map_err(closed)?;
            let mut received = Vec::new();
            stream.take(HEAD_LIMIT as u64).read_to_end(&mut received).await.map_err(closed)?;
            let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            end.map(|end| received.len() - end - 4).ok_or_else(|| NoResponse::NotHttp("no end of the header section".into()))
        };
        tokio::time::timeout(PATIENCE, talk).await.unwrap_or(Err(NoResponse::TimedOut(PATIENCE)))
    }
}

async fn read(response: hyper::Response<hyper::body::Incoming>) -> Result<Reply, NoResponse> {
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

fn explain(error: hyper::Error) -> NoResponse {
    if error.is_parse() { NoResponse::NotHttp(error.to_string()) } else { NoResponse::Closed(error.to_string()) }
}
/// The header section as HTTP/1.1 writes it (RFC 9112, section 2.1), for a server at `host`.
fn head(request: &Request, host: &str) -> String {
    let fields: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{fields}\r\n", request.method, request.path)
}
