//! An HTTP/1.1 reverse proxy that changes nothing by itself: not a header, not the spelling of one, not a byte of a body.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONNECTION, HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::message::{Answer, Request};
use crate::sabotage::Sabotage;

/// RFC 9110, section 7.6.1: these speak of one connection, and there are two.
const HOP_BY_HOP: [HeaderName; 4] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("transfer-encoding"),
];

type Body = BoxBody<Bytes, hyper::Error>;

/// The connection to the right server was lost; the client's is closed in turn.
#[derive(Debug)]
pub struct Lost;

/// The right server, over a connection that belongs to one client's.
pub struct Upstream {
    address: SocketAddr,
    client: SocketAddr,
    database: Rc<Database>,
    sender: RefCell<Option<SendRequest<Body>>>,
    last_status: Cell<u16>,
}

impl Upstream {
    fn new(address: SocketAddr, client: SocketAddr, database: Rc<Database>) -> Self {
        Upstream { address, client, database, sender: RefCell::new(None), last_status: Cell::new(0) }
    }

    /// Forwards a request and reads the whole answer.
    pub async fn send(&self, mut request: Request) -> Result<Answer, Lost> {
        remove_hop_by_hop(&mut request.head.headers);
        let body = Full::new(request.body).map_err(|never: Infallible| match never {}).boxed();
        let (mut head, body) = self.stream(hyper::Request::from_parts(request.head, body)).await?.into_parts();
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        remove_hop_by_hop(&mut head.headers);
        self.last_status.set(head.status.as_u16());
        Ok(Answer { head, body })
    }

    /// The database that the right server keeps its data in.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What the right server answered last.
    pub fn last_status(&self) -> u16 {
        self.last_status.get()
    }

    async fn stream(&self, mut request: hyper::Request<Body>) -> Result<hyper::Response<Incoming>, Lost> {
        let mut kept = self.sender.borrow_mut().take();
        if let Some(sender) = &mut kept
            && sender.ready().await.is_err()
        {
            kept = None;
        }
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let response = loop {
            match sender.try_send_request(request).await {
                Ok(response) => break response,
                // The server closed an idle connection just now: the request never left, so another connection may take it.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => (request, sender) = (unsent, self.connect().await?),
                    None => return Err(Lost),
                },
            }
        };
        *self.sender.borrow_mut() = Some(sender);
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Body>, Lost> {
        let stream = self.reach().await.map_err(|_| Lost)?;
        let _ = stream.set_nodelay(true);
        let mut settings = hyper::client::conn::http1::Builder::new();
        settings.preserve_header_case(true);
        let (sender, connection) = settings.handshake(TokioIo::new(stream)).await.map_err(|_| Lost)?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }

    /// Connects from the client's own address, so that the right server can tell clients apart.
    async fn reach(&self) -> io::Result<TcpStream> {
        let client = self.client.ip();
        if client == self.address.ip() || !client.is_loopback() {
            return TcpStream::connect(self.address).await;
        }
        let socket = if client.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind((client, 0).into())?;
        socket.connect(self.address).await
    }
}

/// Serves until told to stop, and until the last answer is out.
pub async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    database: Rc<Database>,
    sabotage: Rc<Sabotage>,
    mut stop: watch::Receiver<bool>,
) {
    let mut clients = JoinSet::new();
    let told = stop.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(clients.spawn_local(client(stream, server, database.clone(), sabotage.clone(), told.clone()))),
                // Out of file descriptors, perhaps: let some clients end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            _ = stop.wait_for(|stop| *stop) => break,
        }
        while clients.try_join_next().is_some() {}
    }
    drop(listener);
    while clients.join_next().await.is_some() {}
}

async fn client(
    stream: TcpStream,
    server: SocketAddr,
    database: Rc<Database>,
    sabotage: Rc<Sabotage>,
    mut stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let Ok(peer) = stream.peer_addr() else { return };
    if sabotage.sends_body_to_head() && begins_with_head(&stream).await {
        let _ = head_as_get(stream, server).await;
        return;
    }
    let upstream = Rc::new(Upstream::new(server, peer, database));
    let service = service_fn(move |request| answer(request, upstream.clone(), sabotage.clone()));
    let mut settings = hyper::server::conn::http1::Builder::new();
    settings.preserve_header_case(true).auto_date_header(false);
    let mut connection = pin!(settings.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Whether the first request of a connection is HEAD, by its first bytes, which stay unread.
async fn begins_with_head(stream: &TcpStream) -> bool {
    const HEAD: &[u8] = b"HEAD ";
    let mut start = [0; HEAD.len()];
    loop {
        match stream.peek(&mut start).await {
            Ok(count) if count > 0 && count < HEAD.len() && HEAD.starts_with(&start[..count]) => {
                // The rest is under way; what is there already makes the next look return at once.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(count) => return start[..count] == *HEAD,
            Err(_) => return false,
        }
    }
}

/// Passes bytes on both ways, HEAD as GET, so that the body comes too.
async fn head_as_get(mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
    client.read_exact(&mut [0; 4]).await?;
    let mut server = TcpStream::connect(server).await?;
    server.write_all(b"GET").await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// An error closes the connection, as a server that is gone does.
async fn answer(
    request: hyper::Request<Incoming>,
    upstream: Rc<Upstream>,
    sabotage: Rc<Sabotage>,
) -> Result<hyper::Response<Body>, io::Error> {
    let lost = |_| io::Error::other("the server hung up");
    let (mut head, body) = request.into_parts();
    if sabotage.is_transparent() {
        remove_hop_by_hop(&mut head.headers);
        let response = upstream.stream(hyper::Request::from_parts(head, body.boxed())).await.map_err(lost)?;
        let (mut head, body) = response.into_parts();
        remove_hop_by_hop(&mut head.headers);
        return Ok(hyper::Response::from_parts(head, body.boxed()));
    }
    let body = match (body.collect().await, sabotage.half_a_body()) {
        (Ok(body), _) => body.to_bytes(),
        (Err(_), Some(status)) => {
            let mut response = hyper::Response::new(Full::default().map_err(|never: Infallible| match never {}).boxed());
            *response.status_mut() = StatusCode::from_u16(status).map_err(std::io::Error::other)?;
            return Ok(response);
        }
        (Err(_), None) => return Err(lost(Lost)),
    };
    let answer = sabotage.exchange(Request { head, body, peer: upstream.client }, &upstream).await.map_err(lost)?;
    let body = Full::new(answer.body).map_err(|never: Infallible| match never {}).boxed();
    Ok(hyper::Response::from_parts(answer.head, body))
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}
