//! An HTTP/1.1 reverse proxy. By itself it changes nothing: no header, no header's spelling, no byte of a body.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::http::{Body, ConnectionLost, Request, Upstream, whole};
use crate::sabotage::Sabotage;

/// Serves until `stop` turns true and the last response is out.
pub async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    database: Rc<Database>,
    sabotage: Rc<Sabotage>,
    mut stop: watch::Receiver<bool>,
) {
    let mut clients = JoinSet::new();
    let client_stop = stop.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(clients.spawn_local(client(stream, server, database.clone(), sabotage.clone(), client_stop.clone()))),
                // The process may be out of file descriptors: let some clients finish first.
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
    let service = service_fn(move |request| respond(request, upstream.clone(), sabotage.clone()));
    let mut settings = hyper::server::conn::http1::Builder::new();
    settings.preserve_header_case(true).auto_date_header(false);
    let mut connection = pin!(settings.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Whether the first request of a connection is HEAD. Its bytes stay unread.
async fn begins_with_head(stream: &TcpStream) -> bool {
    const HEAD: &[u8] = b"HEAD ";
    let mut start = [0; HEAD.len()];
    loop {
        match stream.peek(&mut start).await {
            Ok(count) if count > 0 && count < HEAD.len() && HEAD.starts_with(&start[..count]) => {
                // The rest is still to come, and the next peek returns at once with what is there.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(count) => return start[..count] == *HEAD,
            Err(_) => return false,
        }
    }
}

/// Copies bytes both ways and turns HEAD into GET, so that the response has a body.
async fn head_as_get(mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
    client.read_exact(&mut [0; 4]).await?;
    let mut server = TcpStream::connect(server).await?;
    server.write_all(b"GET").await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// The response to a request. An error closes the client's connection.
async fn respond(
    request: hyper::Request<Incoming>,
    upstream: Rc<Upstream>,
    sabotage: Rc<Sabotage>,
) -> Result<hyper::Response<Body>, io::Error> {
    let lost = |_| io::Error::other("the connection to the upstream server was lost");
    if sabotage.is_transparent() {
        let response = upstream.stream(request.map(BodyExt::boxed)).await.map_err(lost)?;
        return Ok(response.map(BodyExt::boxed));
    }
    let (head, body) = request.into_parts();
    let body = match (body.collect().await, sabotage.cut_body_status()) {
        (Ok(body), _) => body.to_bytes(),
        (Err(_), Some(status)) => {
            let mut response = hyper::Response::new(whole(Bytes::new()));
            *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
            return Ok(response);
        }
        (Err(_), None) => return Err(lost(ConnectionLost)),
    };
    let response = sabotage.exchange(Request { head, body, peer: upstream.client() }, &upstream).await.map_err(lost)?;
    Ok(hyper::Response::from_parts(response.head, whole(response.body)))
}
