//! The upstream server: the one that a sabotage makes wrong, as one client's connection reaches it.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONNECTION, HeaderMap, HeaderName};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};

use crate::database::{Database, Failed};
use crate::message::{Answer, Request};

/// RFC 9110, section 7.6.1: these speak of one connection, and there are two.
const HOP_BY_HOP: [HeaderName; 4] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("transfer-encoding"),
];

/// A body that is passed on as it arrives, or sent whole.
pub type Body = BoxBody<Bytes, hyper::Error>;

/// The connection to the right server was lost; the client's is closed in turn.
#[derive(Debug)]
pub struct Lost;

impl From<Failed> for Lost {
    fn from(Failed(message): Failed) -> Self {
        eprintln!("saboteur: {message}");
        Lost
    }
}

/// The right server, over a connection that belongs to one client's.
pub struct Upstream {
    address: SocketAddr,
    client: SocketAddr,
    database: Rc<Database>,
    sender: RefCell<Option<SendRequest<Body>>>,
    last_status: Cell<u16>,
}

impl Upstream {
    /// The server at `address`, on behalf of the client at `client`.
    pub fn new(address: SocketAddr, client: SocketAddr, database: Rc<Database>) -> Self {
        Upstream { address, client, database, sender: RefCell::new(None), last_status: Cell::new(0) }
    }

    /// Forwards a request and reads the whole answer.
    pub async fn send(&self, request: Request) -> Result<Answer, Lost> {
        let body = Full::new(request.body).map_err(|never: Infallible| match never {}).boxed();
        let (head, body) = self.stream(hyper::Request::from_parts(request.head, body)).await?.into_parts();
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        self.last_status.set(head.status.as_u16());
        Ok(Answer { head, body })
    }

    /// The address of the client.
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    /// The database that the right server keeps its data in.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What the right server answered last.
    pub fn last_status(&self) -> u16 {
        self.last_status.get()
    }

    /// Forwards a request and its response without holding their bodies in memory.
    pub async fn stream(&self, mut request: hyper::Request<Body>) -> Result<hyper::Response<Incoming>, Lost> {
        remove_hop_by_hop(request.headers_mut());
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
        let mut response = loop {
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
        remove_hop_by_hop(response.headers_mut());
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

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}
