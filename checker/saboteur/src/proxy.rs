//! An HTTP/1.1 reverse proxy that changes nothing by itself: not a header, not the spelling of one, not a byte of a body.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::message::Request;
use crate::sabotage::Sabotage;
use crate::upstream::{Body, Lost, Upstream};

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
    if sabotage.is_transparent() {
        let response = upstream.stream(request.map(BodyExt::boxed)).await.map_err(lost)?;
        return Ok(response.map(BodyExt::boxed));
    }
    let (head, body) = request.into_parts();
    let body = match (body.collect().await, sabotage.half_a_body()) {
        (Ok(body), _) => body.to_bytes(),
        (Err(_), Some(status)) => {
            let mut response = hyper::Response::new(Full::default().map_err(|never: Infallible| match never {}).boxed());
            *response.status_mut() = StatusCode::from_u16(status).map_err(std::io::Error::other)?;
            return Ok(response);
        }
        (Err(_), None) => return Err(lost(Lost)),
    };
    let answer = sabotage.exchange(Request { head, body, peer: upstream.client() }, &upstream).await.map_err(lost)?;
    let body = Full::new(answer.body).map_err(|never: Infallible| match never {}).boxed();
    Ok(hyper::Response::from_parts(answer.head, body))
}
