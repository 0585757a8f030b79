//! The upstream server: the right one, which a sabotage makes look wrong.

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

use super::request::Request;
use super::response::Response;
use crate::database::{Database, DatabaseError};

/// Headers that concern a single connection (RFC 9110, section 7.6.1). A proxy has two.
const HOP_BY_HOP: [HeaderName; 4] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("transfer-encoding"),
];

/// The body of a message: either streamed or whole.
pub type Body = BoxBody<Bytes, hyper::Error>;

/// A body that is sent whole.
pub fn whole(body: Bytes) -> Body {
    Full::new(body).map_err(|never: Infallible| match never {}).boxed()
}

/// The connection to the upstream server was lost. The proxy closes the client's connection in turn.
#[derive(Debug)]
pub struct ConnectionLost;

impl From<DatabaseError> for ConnectionLost {
    fn from(DatabaseError(message): DatabaseError) -> Self {
        eprintln!("saboteur: {message}");
        ConnectionLost
    }
}

/// The upstream server as one client's connection reaches it.
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

    /// Forwards a request and reads the whole response.
    pub async fn send(&self, request: Request) -> Result<Response, ConnectionLost> {
        let (head, body) = self.stream(hyper::Request::from_parts(request.head, whole(request.body))).await?.into_parts();
        let body = body.collect().await.map_err(|_| ConnectionLost)?.to_bytes();
        self.last_status.set(head.status.as_u16());
        Ok(Response { head, body })
    }

    /// The address of the client.
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    /// The database of the upstream server.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The status code of the upstream server's last response.
    pub fn last_status(&self) -> u16 {
        self.last_status.get()
    }

    /// Forwards a request and its response without holding their bodies in memory.
    pub async fn stream(&self, mut request: hyper::Request<Body>) -> Result<hyper::Response<Incoming>, ConnectionLost> {
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
                // The server closed an idle connection just now: the request was not sent, so it can be sent again.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => (request, sender) = (unsent, self.connect().await?),
                    None => return Err(ConnectionLost),
                },
            }
        };
        *self.sender.borrow_mut() = Some(sender);
        remove_hop_by_hop(response.headers_mut());
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Body>, ConnectionLost> {
        let stream = self.reach().await.map_err(|_| ConnectionLost)?;
        let _ = stream.set_nodelay(true);
        let mut settings = hyper::client::conn::http1::Builder::new();
        settings.preserve_header_case(true);
        let (sender, connection) = settings.handshake(TokioIo::new(stream)).await.map_err(|_| ConnectionLost)?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }

    /// Connects from the client's own address, so that the upstream server can tell clients apart.
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
