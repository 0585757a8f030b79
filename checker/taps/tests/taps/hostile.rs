//! Bytes that no client or server should send are forwarded unchanged, and nothing breaks.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::client::{message, query, startup};
use crate::server::{away, with_tap_before};
use taps::Moment;
use taps::postgres::{Seen, Trouble};

/// A service that sends something at once and returns everything it received.
fn service(says: Vec<u8>) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.write_all(&says).expect("an open connection");
        let _ = stream.shutdown(Shutdown::Write);
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).expect("an orderly end");
        heard
    });
    (address, heard)
}

/// Sends bytes both ways through a tap, and asserts that they arrive unchanged.
fn pass(sent: Vec<u8>, answered: Vec<u8>, piece: usize) -> Seen {
    let (address, heard) = service(answered.clone());
    let mut seen = None;
    with_tap_before(address, async |tap, address| {
        let mark = tap.mark();
        let sending = sent.clone();
        let got = away(move || {
            let mut stream = TcpStream::connect(address).expect("accepted");
            stream.set_nodelay(true).expect("a socket");
            for piece in sending.chunks(piece) {
                stream.write_all(piece).expect("an open connection");
            }
            stream.shutdown(Shutdown::Write).expect("a socket");
            let mut got = Vec::new();
            stream.read_to_end(&mut got).expect("an orderly end");
            got
        })
        .await;
        assert_eq!(got, answered);
        let heard = away(move || heard.join().expect("a service that does not panic")).await;
        assert_eq!(heard, sent);
        assert!(tap.quiet(Duration::from_millis(10), Duration::from_secs(20)).await);
        seen = Some(tap.since(mark));
    });
    seen.expect("it was passed")
}

fn is_unreadable(seen: &Seen) -> bool {
    seen.troubles.iter().any(|(_, trouble)| matches!(trouble, Trouble::Unreadable(_)))
}

#[test]
fn an_invalid_first_message_is_forwarded() {
    let length = |length: u32| [&length.to_be_bytes()[..], b"rest of it"].concat();
    for sent in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"G".to_vec(),
        vec![0; 3],
        vec![0; 100],
        vec![255; 100],
        length(0),
        length(7),
        length(10_001),
        length(i32::MAX as u32),
        length(u32::MAX),
        startup(2 << 16, "old"),
        startup(0, "none"),
    ] {
        for piece in [1, 1_000] {
            let seen = pass(sent.clone(), b"no\n".to_vec(), piece);
            assert!(seen.events.is_empty());
            assert!(is_unreadable(&seen) || sent.len() < 8, "{sent:?}");
        }
    }
    assert!(pass(Vec::new(), Vec::new(), 1).events.is_empty());
}

#[test]
fn impossible_lengths_are_forwarded() {
    for (kind, length) in [(b'Q', 0), (b'Q', 3), (b'Q', u32::MAX), (b'P', 1 << 31), (0, 4), (b'@', 4), (0xff, 4)] {
        let mut sent = startup(196_608, "u");
        sent.push(kind);
        sent.extend(length.to_be_bytes());
        sent.extend(b"and more");
        assert!(is_unreadable(&pass(sent.clone(), Vec::new(), 1)), "{kind} {length}");
        assert!(is_unreadable(&pass(sent, Vec::new(), 1_000)), "{kind} {length}");
    }
}

#[test]
fn a_declared_message_of_two_gigabytes_takes_no_memory() {
    let endless = |kind: u8| {
        let mut bytes = vec![kind];
        bytes.extend(0x7fff_ffff_u32.to_be_bytes());
        bytes.extend(vec![b'x'; 20_000_000]);
        bytes
    };
    let begun = startup(196_608, "u");
    for kind in *b"QPBE" {
        assert!(!is_unreadable(&pass([begun.clone(), endless(kind)].concat(), Vec::new(), 1 << 20)));
    }
    assert!(!is_unreadable(&pass(begun, endless(b'E'), 1_000)));
}

#[test]
fn a_service_that_does_not_speak_the_protocol_is_forwarded() {
    let sent = [startup(196_608, "u"), query("SELECT 1 AS lost")].concat();
    for answered in [b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), b"E\0\0\0\0".to_vec(), vec![0xff; 64], b"Z".to_vec()] {
        pass(sent.clone(), answered.clone(), 1);
        pass(sent.clone(), answered, 1_000);
    }
}

#[test]
fn messages_with_invalid_contents_are_forwarded() {
    let nonsense: [&[u8]; 6] = [b"", b"\0", b"no end", b"\0\0", b"\0\0\xff\xff", b"a\0b\0\xff\xff\x7f\xff\xff\xff\x80\0\0\0"];
    let mut sent = startup(196_608, "u");
    let mut answered = Vec::new();
    for body in nonsense {
        for kind in *b"QPBDECSHFdcfp" {
            sent.extend(message(kind, body));
        }
        for kind in *b"RKSZCDEGHIKNTVWctsn123AX" {
            answered.extend(message(kind, body));
        }
    }
    for piece in [1, 7, 100_000] {
        assert!(!is_unreadable(&pass(sent.clone(), answered.clone(), piece)));
    }
}

#[test]
fn any_bytes_are_forwarded_while_a_cut_waits() {
    let mut random = fastrand::Rng::with_seed(20_260_131);
    for _ in 0..200 {
        let mut sent = startup(196_608, "u");
        for _ in 0..random.usize(0..20) {
            let kind = *random.choice(b"QPBDECSHFdcfpX\0\xff").expect("one of them");
            let mut body = vec![0; random.usize(0..50)];
            random.fill(&mut body);
            sent.extend(message(kind, &body));
        }
        // Flips a bit or two.
        for _ in 0..random.usize(0..3) {
            let place = random.usize(8..sent.len());
            sent[place] ^= 1 << random.u8(0..8);
        }
        let mut answered = vec![0; random.usize(0..200)];
        random.fill(&mut answered);
        let (address, heard) = service(answered);
        with_tap_before(address, async |tap, address| {
            let fault = tap.cut_next(Moment::Mid, |_| false);
            let piece = random.usize(1..100);
            let sending = sent.clone();
            away(move || {
                let mut stream = TcpStream::connect(address).expect("accepted");
                for piece in sending.chunks(piece) {
                    stream.write_all(piece).expect("an open connection");
                }
                stream.shutdown(Shutdown::Write).expect("a socket");
                stream.read_to_end(&mut Vec::new()).expect("an orderly end");
            })
            .await;
            assert_eq!(away(move || heard.join().expect("a service that does not panic")).await, sent);
            assert_eq!(fault.end(), 0);
        });
    }
}

#[test]
fn an_unreachable_service_closes_the_connection_in_order() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port").local_addr().expect("an address");
    with_tap_before(gone, async |tap, address| {
        let mark = tap.mark();
        let got = away(move || {
            let mut stream = TcpStream::connect(address).expect("accepted");
            stream.write_all(&startup(196_608, "u")).expect("an open connection");
            let mut got = Vec::new();
            stream.read_to_end(&mut got).map(|_| got)
        })
        .await;
        assert_eq!(got.expect("no reset"), b"");
        assert!(matches!(&tap.since(mark).troubles[..], [(1, Trouble::Unreachable(_))]));
    });
}
