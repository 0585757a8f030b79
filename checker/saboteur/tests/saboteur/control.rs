//! The control changes nothing: with and without it, the bytes of requests and responses are the same.

use std::thread::scope;
use std::time::{Duration, Instant};

use crate::support::{RawResponse, mirror, run_to_end, sabotaged};

const HOST: &str = "Host: habits.example\r\n";

/// The mirror's response without and with the control.
fn both(head: &str, body: &[u8]) -> (RawResponse, RawResponse) {
    (mirror().send(head, body), sabotaged("none").send(head, body))
}

/// The request that the mirror echoes.
fn echoed(response: &RawResponse) -> Vec<String> {
    let mut lines: Vec<String> = response.text().lines().map(str::to_owned).collect();
    lines.retain(|line| line != "Connection: close");
    lines
}

#[test]
fn requests_arrive_as_they_were_sent() {
    let body = [&b"name=\0\xff\r\n"[..], "ü💧".as_bytes()].concat();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        let head = format!(
            "{method} /seen/a%20b//c?x=1&x=%2f&empty=&plus=+ HTTP/1.1\r\n{HOST}X-Odd-CASE: kept\r\nx-twice: 1\r\nx-twice: 2\r\n\
             accept-encoding: gzip, br\r\nX-Request-Id: a b;é\r\nContent-Length: {}\r\n",
            body.len(),
        );
        let (direct, proxied) = both(&head, &body);
        assert_eq!(echoed(&proxied), echoed(&direct), "{method}");
        assert_eq!(proxied.status, "HTTP/1.1 200 OK");
    }
}

#[test]
fn a_chunked_request_arrives_complete() {
    let head = format!("POST /seen HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n");
    let response = sabotaged("none").send(&head, b"4\r\ndrin\r\n2\r\nk \r\n0\r\n\r\n");
    assert!(response.text().ends_with("\n\ndrink "), "{}", response.text());
}

#[test]
fn responses_come_back_as_they_were_sent() {
    let compressed = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\0".to_vec();
    let responses: Vec<Vec<u8>> = vec![
        compressed,
        b"HTTP/1.1 204 No Content\r\nX-Request-Id: 7\r\n\r\n".to_vec(),
        b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, POST\r\nDATE: never\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 404 Not Found\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\ncontent-length: 2\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 308 Permanent Redirect\r\nlocation: /v1/habits?x=1\r\ncontent-length: 0\r\n\r\n".to_vec(),
    ];
    for said in responses {
        let head = format!("POST /say HTTP/1.1\r\n{HOST}Content-Length: {}\r\n", said.len());
        let (direct, proxied) = both(&head, &said);
        assert_eq!(proxied, direct, "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn the_response_to_head_keeps_its_content_length() {
    // The mirror responds to HEAD as to any request, but only the headers may pass.
    let said = b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\ncontent-type: application/json\r\n\r\n";
    let head = format!("HEAD /say HTTP/1.1\r\n{HOST}Content-Length: {}\r\n", said.len());
    let response = sabotaged("none").send(&head, said);
    assert_eq!(response.headers, ["content-length: 1234", "content-type: application/json"]);
    assert_eq!(response.body, b"");
}

#[test]
fn a_response_of_unknown_length_gets_no_content_length() {
    let said = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let head = format!("POST /say HTTP/1.1\r\n{HOST}Content-Length: {}\r\n", said.len());
    let response = sabotaged("none").send(&head, said);
    assert_eq!(response.headers.iter().map(|line| line.to_lowercase()).collect::<Vec<_>>(), ["transfer-encoding: chunked"]);
    assert_eq!(response.body, b"3\r\nabc\r\n0\r\n\r\n");
}

#[test]
fn requests_run_concurrently() {
    let control = sabotaged("none");
    let started = Instant::now();
    scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| control.send(&format!("GET /slow HTTP/1.1\r\n{HOST}"), b""));
        }
    });
    // One after the other, they would take 5 s.
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn an_invalid_port_exits_as_the_server_does() {
    for port in ["not-a-port", "70000", "-1"] {
        let output = run_to_end("none", port);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "mirror: PORT is not a port number\n");
    }
}

#[test]
fn an_error_message_names_a_port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it has an address").port().to_string();
    let output = run_to_end("none", &port);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("PORT={port}")));
}
