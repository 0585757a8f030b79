//! HTTP services that the checker plays itself: an axum application on a free port of the loopback interface, and the faults
//! it can be told to have.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::{Listener, ListenerExt};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

/// A running application. Dropping it closes its port and all its connections.
pub struct LoopbackServer {
    address: SocketAddr,
    /// Aborts the one task in it when it is dropped.
    _task: JoinSet<()>,
}

impl LoopbackServer {
    /// Serves `app` on a free port, on the current runtime.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub async fn start(app: Router) -> io::Result<LoopbackServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut task = JoinSet::new();
        task.spawn(serve(listener, app));
        Ok(LoopbackServer { address, _task: task })
    }

    /// Scheme, host and port.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Serves until the task is aborted, and then aborts its connections. `axum::serve` would leave those running.
async fn serve(listener: TcpListener, app: Router) {
    let mut listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await;
        let service = TowerToHyperService::new(app.clone());
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        // Forget the connections that are closed.
        while connections.try_join_next().is_some() {}
    }
}

/// What clients get in place of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing, for as long as they wait.
    Hang,
    /// 200 with an HTML page.
    Nonsense,
    /// 500.
    ServerError,
}

/// Turns the fault of some routes on and off. Its clones are one switch.
#[derive(Debug, Clone, Default)]
pub struct FaultSwitch(Arc<Mutex<Option<Fault>>>);

impl FaultSwitch {
    /// Has this fault from now on, or none.
    pub fn set(&self, fault: Option<Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn get(&self) -> Option<Fault> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Middleware for [`axum::middleware::from_fn_with_state`]: replaces the response by the fault. The handler still runs, so
/// that the request is recorded.
pub async fn inject_fault(State(switch): State<FaultSwitch>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match switch.get() {
        None => response,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Nonsense) => ([(CONTENT_TYPE, "text/html")], "<!doctype html><title>Welcome</title>").into_response(),
        Some(Fault::ServerError) => {
            (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "text/plain")], "out of order").into_response()
        }
    }
}

/// A port that refuses connections, and that nobody else gets while the value lives.
pub struct ClosedPort {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl ClosedPort {
    /// Binds a port without listening on it.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub fn bind() -> io::Result<ClosedPort> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(ClosedPort { address: socket.local_addr()?, _socket: socket })
    }

    /// Scheme, host and port.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Notify;

    use super::*;

    async fn connect_and_ask(server: &LoopbackServer) -> TcpStream {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("a request");
        stream
    }

    async fn status_line(server: &LoopbackServer) -> String {
        let mut stream = connect_and_ask(server).await;
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.expect("a response");
        String::from_utf8_lossy(&line).into_owned()
    }

    #[tokio::test]
    async fn a_dropped_server_closes_its_port_and_its_connections() {
        let arrived = Arc::new(Notify::new());
        let hang = {
            let arrived = arrived.clone();
            async move || {
                arrived.notify_one();
                std::future::pending::<()>().await
            }
        };
        let server = LoopbackServer::start(Router::new().route("/", get(hang))).await.expect("a port");
        let address = server.address;
        let mut stream = connect_and_ask(&server).await;
        arrived.notified().await;
        drop(server);
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0])).await.expect("the end of the connection");
        assert!(matches!(read, Ok(0) | Err(_)));
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_fault_can_be_turned_on_and_off() {
        let faults = FaultSwitch::default();
        let app = Router::new().route("/", get(async || "well")).layer(from_fn_with_state(faults.clone(), inject_fault));
        let server = LoopbackServer::start(app).await.expect("a port");
        faults.set(Some(Fault::ServerError));
        assert_eq!(status_line(&server).await, "HTTP/1.1 500");
        faults.set(None);
        assert_eq!(status_line(&server).await, "HTTP/1.1 200");
    }

    #[tokio::test]
    async fn a_closed_port_refuses_connections() {
        let port = ClosedPort::bind().expect("a port");
        let error = TcpStream::connect(port.address).await.expect_err("no connection");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
