//! The corners of the protocol, with a real server behind the tap.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::client::{Client, bind, describe, execute, message, parse, query, startup, sync};
use crate::server::{away, with_tap};
use taps::postgres::{Outcome, Trouble};

#[test]
fn a_session_byte_by_byte() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::raw(address).expect("accepted");
            let mut trickle = |bytes: &[u8]| {
                for byte in bytes {
                    client.send(&[*byte]);
                    // So that no two bytes travel together.
                    std::thread::sleep(Duration::from_micros(200));
                }
            };
            trickle(&startup(196_608, "postgres"));
            trickle(&query("SELECT 'one' AS a; SELECT 'two' AS b"));
            trickle(
                &[parse("", "SELECT $1::int", &[23]), describe(""), bind("", "", 0, &[Some(b"7")]), execute("", 0), sync()]
                    .concat(),
            );
            for _ in 0..3 {
                client.until_ready().expect("an answer");
            }
        })
        .await;
        let shown: Vec<String> = tap.since(mark).executed().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["SELECT 'one' AS a → SELECT 1", "SELECT 'two' AS b → SELECT 1", "SELECT $1::int -- $1 = '7' → SELECT 1"]
        );
    });
}

#[test]
fn a_pipeline_of_a_thousand_series_of_requests() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            let mut pipeline = parse("s", "SELECT 100 / $1::int", &[23]);
            for number in 0_i32..1_000 {
                // One in a hundred fails.
                let number = (number % 100).to_be_bytes();
                pipeline.extend([bind("", "s", 1, &[Some(&number)]), execute("", 0), sync()].concat());
            }
            client.send(&pipeline);
            for _ in 0..1_000 {
                client.until_ready().expect("an answer");
            }
        })
        .await;
        let seen = tap.since(mark);
        assert_eq!(seen.executed().count(), 1_000);
        for (index, statement) in seen.executed().enumerate() {
            assert_eq!(statement.parameters[0].to_string(), (index % 100).to_string());
            let failed = matches!(statement.outcome, Outcome::Failed(_));
            assert_eq!(failed, index % 100 == 0, "{statement}");
            assert!(failed || statement.outcome == Outcome::Done("SELECT 1".into()));
        }
    });
}

#[test]
fn big_rows_arrive_unchanged() {
    const SIZE: usize = 50 * 1024 * 1024;
    with_tap(async |tap, address| {
        let mark = tap.mark();
        let sizes = away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            let one = client.query(&format!("SELECT repeat('x', {SIZE})"));
            let many = client.query("SELECT repeat('x', 1000) FROM generate_series(1, 50000)");
            let size = |messages: &[crate::client::Message]| -> usize {
                messages.iter().filter(|message| message.kind == b'D').map(|message| message.body.len() - 6).sum()
            };
            // And one that goes the other way.
            let sent = client.exchange(&[
                parse("", "SELECT length($1)", &[25]),
                bind("", "", 0, &[Some(&vec![b'y'; SIZE])]),
                execute("", 0),
                sync(),
            ]);
            let length = sent.iter().find(|message| message.kind == b'D').expect("a row").text();
            (size(&one), size(&many), length)
        })
        .await;
        assert_eq!((sizes.0, sizes.1), (SIZE, 50_000_000));
        assert!(sizes.2.ends_with(&SIZE.to_string()));
        let seen = tap.since(mark);
        let tags: Vec<&Outcome> = seen.executed().map(|statement| &statement.outcome).collect();
        assert_eq!(
            tags,
            [&Outcome::Done("SELECT 1".into()), &Outcome::Done("SELECT 50000".into()), &Outcome::Done("SELECT 1".into())]
        );
        // Only the beginning of that value is kept, and the recording says so.
        assert_eq!(seen.missed, 1);
    });
}

#[test]
fn a_slow_client_gets_everything() {
    with_tap(async |_, address| {
        let size = away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.send(&query("SELECT repeat('x', 20000000)"));
            std::thread::sleep(Duration::from_millis(500));
            client.until_ready().expect("an answer").iter().map(|message| message.body.len()).max()
        })
        .await;
        assert_eq!(size, Some(20_000_006));
    });
}

#[test]
fn copies_go_both_ways() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.query("CREATE TEMPORARY TABLE copied (line text)");
            let lines = |count: usize| message(b'd', "a line; with DROP TABLE in it\n".repeat(count).as_bytes());
            client.send(&query("COPY copied FROM STDIN"));
            assert_eq!(client.read().expect("an answer").kind, b'G');
            for _ in 0..1_000 {
                client.send(&lines(100));
            }
            client.send(&message(b'c', b""));
            client.until_ready().expect("an answer");

            // Through a prepared statement, with a Sync that the server ignores.
            client.send(&[parse("", "COPY copied FROM STDIN", &[]), bind("", "", 0, &[]), execute("", 0), sync()].concat());
            while client.read().expect("an answer").kind != b'G' {}
            client.send(&[lines(10), message(b'c', b""), sync()].concat());
            client.until_ready().expect("an answer");

            // Aborted by the client.
            client.send(&query("COPY copied FROM STDIN"));
            assert_eq!(client.read().expect("an answer").kind, b'G');
            client.send(&[lines(1), message(b'f', b"changed my mind\0")].concat());
            client.until_ready().expect("an answer");

            let out = client.query("COPY copied TO STDOUT");
            assert_eq!(out.iter().filter(|message| message.kind == b'd').count(), 100_010);
        })
        .await;
        let outcomes: Vec<String> = tap.since(mark).executed().map(ToString::to_string).collect();
        assert_eq!(
            outcomes[1..],
            [
                "COPY copied FROM STDIN → COPY 100000",
                "COPY copied FROM STDIN → COPY 10",
                "COPY copied FROM STDIN → ERROR 57014: COPY from stdin failed: changed my mind",
                "COPY copied TO STDOUT → COPY 100010",
            ]
        );
        assert!(tap.quiet(Duration::from_millis(10), Duration::from_secs(20)).await);
    });
}

#[test]
fn a_statement_is_canceled_from_another_connection() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.send(&query("SELECT pg_sleep(60)"));
            std::thread::sleep(Duration::from_millis(200));
            let mut other = Client::raw(address).expect("accepted");
            let request = [&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &client.key].concat();
            other.send(&request);
            assert_eq!(other.stream.read_to_end(&mut Vec::new()).expect("an orderly end"), 0);
            let clock = Instant::now();
            client.until_ready().expect("an answer");
            assert!(clock.elapsed() < Duration::from_secs(30));
        })
        .await;
        let seen = tap.since(mark);
        assert!(matches!(&seen.events[0].outcome, Outcome::Failed(error) if error.code == "57014"));
        assert!(seen.troubles.iter().all(|(_, trouble)| matches!(trouble, Trouble::Refused(_))));
    });
}

#[test]
fn requests_for_encryption_are_declined() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::raw(address).expect("accepted");
            for code in [80_877_104_u32, 80_877_103] {
                // The first one in pieces.
                for piece in [&8_u32.to_be_bytes()[..], &code.to_be_bytes()[..2], &code.to_be_bytes()[2..]] {
                    client.send(piece);
                    std::thread::sleep(Duration::from_millis(5));
                }
                let mut response = [0; 1];
                client.stream.read_exact(&mut response).expect("an answer");
                assert_eq!(&response, b"N");
            }
            client.send(&startup(196_608, "postgres"));
            client.until_ready().expect("a session");
            client.query("SELECT 'plain' AS text");
        })
        .await;
        let seen = tap.since(mark);
        assert_eq!(seen.queries().count(), 0);
        assert_eq!(seen.executed().count(), 1);
        assert!(seen.troubles.is_empty());
    });
}

#[test]
fn a_client_that_insists_on_tls_is_rejected() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        let response = away(move || {
            let mut client = Client::raw(address).expect("accepted");
            client.send(&[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]);
            let mut response = Vec::new();
            client.stream.read_to_end(&mut response).map(|_| response)
        })
        .await;
        assert_eq!(response.expect("an orderly end"), [0x15, 3, 1, 0, 2, 2, 40]);
        assert!(matches!(&tap.since(mark).troubles[..], [(_, Trouble::Unreadable(reason))] if reason.contains("TLS")));
    });
}

#[test]
fn a_newer_minor_version_is_negotiated_past_the_tap() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut client = Client::raw(address).expect("accepted");
            client.send(&startup((3 << 16) + 2, "postgres"));
            let greeting = client.until_ready().expect("a session");
            // Servers before version 18 ask for 3.0.
            let asked = greeting.iter().any(|message| message.kind == b'v');
            let key = greeting.iter().find(|message| message.kind == b'K').expect("a key").body.len();
            assert!(asked == (key == 8));
            client.query("SELECT 'negotiated' FROM pg_class LIMIT 1");
        })
        .await;
        assert_eq!(tap.since(mark).executed().count(), 1);
    });
}

#[test]
fn notifications_arrive_without_a_request() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut listener = Client::connect(address, "postgres").expect("a session");
            listener.query("LISTEN news");
            Client::connect(address, "postgres").expect("a session").query("NOTIFY news, 'it works'");
            let message = listener.read().expect("a notification");
            assert_eq!(message.kind, b'A');
            assert!(message.text().contains("it works"));
            listener.query("SELECT 1");
        })
        .await;
        assert_eq!(tap.since(mark).executed().count(), 3);
    });
}

#[test]
fn a_half_closed_connection_still_delivers_results() {
    with_tap(async |_, address| {
        away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.send(&query("SELECT pg_sleep(0.2), 'late' AS answer"));
            client.stream.shutdown(std::net::Shutdown::Write).expect("a socket");
            let mut rest = Vec::new();
            client.stream.read_to_end(&mut rest).expect("an orderly end");
            assert!(rest.windows(4).any(|window| window == b"late"));
        })
        .await;
    });
}

#[test]
fn a_session_ended_by_the_server_ends_for_the_client() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || {
            let mut victim = Client::connect(address, "postgres").expect("a session");
            let pid = victim.value("SELECT pg_backend_pid()");
            let mut other = Client::connect(address, "postgres").expect("a session");
            victim.send(&query("SELECT pg_sleep(60)"));
            std::thread::sleep(Duration::from_millis(200));
            other.query(&format!("SELECT pg_terminate_backend({pid})"));
            let error = loop {
                // Columns may have been described before.
                let message = victim.read().expect("an error");
                if message.kind == b'E' {
                    break message;
                }
            };
            assert!(error.text().contains("57P01"), "{}", error.text());
            assert!(victim.is_over());
        })
        .await;
        let seen = tap.since(mark);
        let (asleep, _) = seen.with("pg_sleep").next().expect("it came");
        assert!(matches!(&asleep.outcome, Outcome::Failed(error) if error.severity == "FATAL"));
    });
}

#[test]
fn a_refused_session_is_recorded() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        away(move || assert!(Client::connect(address, "nobody").is_err())).await;
        assert!(matches!(&tap.since(mark).troubles[..], [(_, Trouble::Refused(error))] if error.code == "28000"));
    });
}

#[test]
fn tens_of_connections_at_once() {
    with_tap(async |tap, address| {
        let mark = tap.mark();
        let clients: Vec<_> = (0..60)
            .map(|number| {
                tokio::task::spawn_blocking(move || {
                    let mut client = Client::connect(address, "postgres").expect("a session");
                    for turn in 0..50 {
                        assert_eq!(
                            client.value(&format!("SELECT {number} * 1000 + {turn} AS n")),
                            (number * 1000 + turn).to_string()
                        );
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.expect("a client that does not panic");
        }
        let seen = tap.since(mark);
        assert_eq!(seen.executed().count(), 3_000);
        assert!(seen.executed().all(|statement| statement.outcome == Outcome::Done("SELECT 1".into())));
        // In the order in which each connection sent them.
        for connection in 1..=60 {
            let own: Vec<_> = seen.executed().filter(|statement| statement.connection == connection).collect();
            assert_eq!(own.len(), 50);
            assert!(own.is_sorted_by_key(|statement| statement.at));
        }
    });
}

#[test]
fn a_client_that_vanishes_ends_its_session() {
    with_tap(async |_, address| {
        let pid = away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            let pid = client.value("SELECT pg_backend_pid()");
            client.stream.write_all(&query("BEGIN")[..4]).expect("an open connection");
            pid
        })
        .await;
        away(move || {
            let mut other = Client::connect(address, "postgres").expect("a session");
            let alive = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
            let started = Instant::now();
            while other.value(&alive) != "0" {
                assert!(started.elapsed() < Duration::from_secs(20));
                std::thread::sleep(Duration::from_millis(10));
            }
        })
        .await;
    });
}
