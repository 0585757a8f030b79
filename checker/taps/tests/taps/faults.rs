//! Faults disturb the traffic as declared, count their hits, and end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::client::{Client, bind, execute, parse, query, sync};
use crate::server::{away, server, with_tap};
use taps::Moment;
use taps::postgres::{Outcome, Statement};

fn inserts(statement: &Statement) -> bool {
    statement.text.starts_with("INSERT")
}

/// A new table, created past the tap.
fn table(name: &str) {
    let address = server().expect("a server").address;
    Client::connect(address, "postgres").expect("a session").query(&format!("CREATE TABLE {name} (n int)"));
}

/// The number of rows in a table, read past the tap, once all cut sessions have ended.
fn rows(name: &str) -> String {
    let address = server().expect("a server").address;
    let mut client = Client::connect(address, "postgres").expect("a session");
    let open = format!("SELECT count(*) FROM pg_locks WHERE relation = '{name}'::regclass");
    let started = Instant::now();
    while client.value(&open) != "0" && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    client.value(&format!("SELECT count(*) FROM {name}"))
}

fn insert_simply(address: SocketAddr, name: &str) -> std::io::Result<()> {
    let mut client = Client::connect(address, "postgres").expect("a session");
    client.query("BEGIN");
    client.query(&format!("SELECT count(*) FROM {name}"));
    client.try_query(&format!("INSERT INTO {name} SELECT generate_series(1, 10)"))?;
    client.try_query("COMMIT")?;
    Ok(())
}

fn insert_by_statement(address: SocketAddr, name: &str) -> std::io::Result<()> {
    let mut client = Client::connect(address, "postgres").expect("a session");
    let insert = format!("INSERT INTO {name} SELECT generate_series(1, $1)");
    client.exchange(&[parse("i", &insert, &[23]), sync()]);
    client.send(&[bind("", "i", 0, &[Some(b"10")]), execute("", 0), sync()].concat());
    client.until_ready()?;
    Ok(())
}

#[test]
fn a_statement_cut_before_or_in_the_middle_has_no_effect() {
    with_tap(async |tap, address| {
        for (moment, table_name) in [(Moment::Before, "cut_before"), (Moment::Mid, "cut_mid")] {
            away(move || table(table_name)).await;
            for insert in [insert_simply, insert_by_statement] {
                let mark = tap.mark();
                let fault = tap.cut_next(moment, inserts);
                assert!(away(move || insert(address, table_name)).await.is_err());
                assert_eq!(fault.end(), 1);
                assert_eq!(away(move || rows(table_name)).await, "0");
                let seen = tap.since(mark);
                let cut = seen.executed().find(|statement| inserts(statement)).expect("it came");
                assert_eq!(cut.outcome, Outcome::Lost);
                // The fault has ended.
                assert!(away(move || insert(address, table_name)).await.is_ok());
                away(move || {
                    let address = server().expect("a server").address;
                    Client::connect(address, "postgres").expect("a session").query(&format!("TRUNCATE {table_name}"));
                })
                .await;
            }
        }
    });
}

#[test]
fn a_cut_after_a_statement_hides_its_result() {
    with_tap(async |tap, address| {
        away(|| table("cut_after")).await;
        let fault = tap.cut_next(Moment::After, inserts);
        assert!(away(move || insert_by_statement(address, "cut_after")).await.is_err());
        assert_eq!(fault.end(), 1);
        assert_eq!(away(|| rows("cut_after")).await, "10");

        // Within a transaction it is rolled back, unless the cut comes after the commit.
        let fault = tap.cut_next(Moment::After, inserts);
        assert!(away(move || insert_simply(address, "cut_after")).await.is_err());
        assert_eq!(fault.end(), 1);
        assert_eq!(away(|| rows("cut_after")).await, "10");

        let fault = tap.cut_next(Moment::After, |statement| &*statement.text == "COMMIT");
        assert!(away(move || insert_simply(address, "cut_after")).await.is_err());
        assert_eq!(fault.end(), 1);
        assert_eq!(away(|| rows("cut_after")).await, "20");
    });
}

#[test]
fn a_cut_finds_its_statement_byte_by_byte() {
    with_tap(async |tap, address| {
        away(|| table("cut_slowly")).await;
        for moment in [Moment::Before, Moment::Mid, Moment::After] {
            let fault = tap.cut_next(moment, inserts);
            away(move || {
                let mut client = Client::connect(address, "postgres").expect("a session");
                let row = [parse("", "INSERT INTO cut_slowly VALUES (1)", &[]), bind("", "", 0, &[]), execute("", 0), sync()];
                for byte in [query("BEGIN"), row.concat()].concat() {
                    if std::io::Write::write_all(&mut client.stream, &[byte]).is_err() {
                        break;
                    }
                }
                while client.read().is_ok() {}
            })
            .await;
            assert_eq!(fault.end(), 1, "{moment:?}");
            assert_eq!(away(|| rows("cut_slowly")).await, "0");
        }
    });
}

#[test]
fn a_cut_that_finds_no_statement_has_no_hits() {
    with_tap(async |tap, address| {
        let fault = tap.cut_next(Moment::Mid, inserts);
        away(move || Client::connect(address, "postgres").expect("a session").query("SELECT 1")).await;
        assert_eq!(fault.end(), 0);
    });
}

#[test]
fn a_statement_too_long_to_keep_is_cut_too() {
    with_tap(async |tap, address| {
        away(|| table("cut_long")).await;
        let fault = tap.cut_next(Moment::Before, inserts);
        let ended = away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            let sql = format!("INSERT INTO cut_long VALUES (1) /* {} */", "long ".repeat(2_000_000));
            client.try_query(&sql).is_err()
        })
        .await;
        assert!(ended);
        assert_eq!(fault.end(), 1);
        assert_eq!(away(|| rows("cut_long")).await, "0");
    });
}

#[test]
fn a_delay_holds_each_round_trip_and_ends() {
    const DELAY: Duration = Duration::from_millis(100);
    with_tap(async |tap, address| {
        let timed = |mut client: Client, bytes: Vec<u8>| {
            away(move || {
                let clock = Instant::now();
                client.send(&bytes);
                client.until_ready().expect("an answer");
                (client, clock.elapsed())
            })
        };
        let fault = tap.delay(DELAY);
        // The beginning of a session is not delayed.
        let client = away(move || Client::connect(address, "postgres").expect("a session")).await;
        assert_eq!(fault.hits(), 0);
        let (client, taken) = timed(client, query("SELECT 1")).await;
        assert!(taken >= DELAY && fault.hits() == 1, "{taken:?}");
        let row = [parse("", "SELECT 1", &[]), bind("", "", 0, &[]), execute("", 0), sync()].concat();
        let (client, taken) = timed(client, row).await;
        assert!(taken >= DELAY && fault.hits() == 2, "{taken:?}");
        assert_eq!(fault.end(), 2);
        let (client, taken) = timed(client, query("SELECT 1")).await;
        assert!(taken < DELAY, "{taken:?}");

        // A delay that ends releases what it holds.
        let fault = tap.delay(Duration::from_secs(3600));
        let held = tokio::task::spawn_local(timed(client, query("SELECT 1")));
        while fault.hits() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(fault);
        assert!(held.await.expect("an answer").1 < Duration::from_secs(60));
    });
}

#[test]
fn a_black_hole_swallows_until_it_ends() {
    with_tap(async |tap, address| {
        let (idle, mut busy) = away(move || {
            let connect = || Client::connect(address, "postgres").expect("a session");
            (connect(), connect())
        })
        .await;
        let fault = tap.black_hole();
        assert_eq!(fault.hits(), 0);
        let silent = |client: &mut Client| {
            client.stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket");
            let error = client.read().expect_err("silence");
            client.stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
            matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        };
        busy = away(move || {
            busy.send(&query("SELECT 1"));
            assert!(silent(&mut busy));
            busy
        })
        .await;
        assert_eq!(fault.hits(), 1);
        let mut new = away(move || {
            let mut new = Client::raw(address).expect("accepted");
            new.send(&crate::client::startup(196_608, "postgres"));
            assert!(silent(&mut new));
            new
        })
        .await;
        assert_eq!(fault.end(), 2);
        away(move || {
            // A connection that has lost bytes ends; one that has not continues.
            assert!(busy.read().is_err());
            assert!(new.read().is_err());
            let mut idle = idle;
            idle.query("SELECT 1");
            Client::connect(address, "postgres").expect("a session").query("SELECT 1");
        })
        .await;
    });
}

#[test]
fn a_result_on_its_way_into_a_black_hole_arrives_when_it_ends() {
    with_tap(async |tap, address| {
        let asking = tokio::task::spawn_blocking(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            let response = client.query("SELECT pg_sleep(0.3)");
            (response.len(), Instant::now())
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        let fault = tap.black_hole();
        tokio::time::sleep(Duration::from_millis(400)).await;
        let healed = Instant::now();
        assert_eq!(fault.end(), 1);
        let (length, answered) = asking.await.expect("an answer");
        assert_eq!(length, 4);
        assert!(answered >= healed);
    });
}

#[test]
fn a_client_that_gives_up_in_a_black_hole_leaves_no_session() {
    with_tap(async |tap, address| {
        away(|| table("swallowed")).await;
        let mut client = away(move || {
            let mut client = Client::connect(address, "postgres").expect("a session");
            client.query("BEGIN; INSERT INTO swallowed VALUES (1)");
            client
        })
        .await;
        let fault = tap.black_hole();
        away(move || client.send(&query("COMMIT"))).await;
        assert_eq!(away(|| rows("swallowed")).await, "0");
        assert_eq!(fault.end(), 1);
    });
}

#[test]
fn refused_connections_are_counted_and_open_ones_continue() {
    with_tap(async |tap, address| {
        let mut old = away(move || Client::connect(address, "postgres").expect("a session")).await;
        let fault = tap.refuse();
        old = away(move || {
            assert!(Client::connect(address, "postgres").is_err());
            assert!(Client::connect(address, "postgres").is_err());
            old.query("SELECT 1");
            old
        })
        .await;
        assert_eq!(fault.hits(), 2);
        tap.cut_all();
        assert!(away(move || old.is_over()).await);
        assert_eq!(fault.end(), 2);
        away(move || Client::connect(address, "postgres").expect("a session").query("SELECT 1")).await;
    });
}

#[test]
fn a_replaced_fault_does_not_end_its_successor() {
    with_tap(async |tap, address| {
        let first = tap.delay(Duration::from_millis(1));
        let second = tap.delay(Duration::from_millis(2));
        drop(first);
        away(move || Client::connect(address, "postgres").expect("a session").query("SELECT 1")).await;
        assert_eq!(second.end(), 1);
    });
}

#[test]
fn a_dropped_tap_ends_its_connections() {
    let Some(server) = server() else { return };
    let mut outlived = None;
    crate::server::with_tap_before(server.address, async |_, address| {
        outlived = Some(away(move || Client::connect(address, "postgres").expect("a session")).await);
    });
    assert!(outlived.expect("a session").is_over());
}
