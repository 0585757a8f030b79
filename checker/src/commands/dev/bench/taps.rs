//! What a tap adds to the way to a database, against the way without it, turn by turn.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::show;
use crate::grade::Event;
use crate::outcome::Problem;
use crate::services::{self, Client, Fault, Service};
use crate::taps::Tap;

/// Round trips per kind of statement, on each of the two ways.
const ROUND_TRIPS: usize = 2_000;
/// How often many rows are fetched on each way.
const FETCHES: usize = 20;

/// Statements whose way is measured, and how often.
const STATEMENTS: [(&str, &str, usize); 3] = [
    ("one row", "SELECT 1", ROUND_TRIPS),
    ("100 rows", "SELECT n, 'drink water', true FROM generate_series(1, 100) AS n", ROUND_TRIPS / 4),
    ("20 MB", "SELECT repeat('x', 1000) FROM generate_series(1, 20000)", FETCHES),
];

/// Measures, or says why not. The client has a thread of its own, as a server under examination has a process.
pub async fn run(root: &Path) -> Result<(), Problem> {
    let service = match services::postgres(root, &mut |_: Event<'_>| ()).await {
        Ok(service) => service,
        Err(problem) => {
            println!("taps: not measured. {}", problem.title);
            return Ok(());
        }
    };
    let database = service.database().await?;
    let direct = database.address().clone();
    let tap = async {
        let place = tokio::net::lookup_host((direct.host.as_str(), direct.port)).await?.next();
        Tap::start(place.ok_or(io::ErrorKind::NotFound)?).await
    };
    let tap = tap.await.map_err(|error| Problem::new(format!("There is no way for a tap: {error}."), "Try again."))?;
    let mut tapped = direct.clone();
    (tapped.host, tapped.port) = (tap.address().ip().to_string(), tap.address().port());
    let measured = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::Connection)?;
        runtime.block_on(async {
            let mut ways = [Client::connect(&direct).await?, Client::connect(&tapped).await?];
            let mut measured = Vec::new();
            for (name, sql, count) in STATEMENTS {
                let mut times = [Vec::new(), Vec::new()];
                for _ in 0..count {
                    for (way, times) in ways.iter_mut().zip(&mut times) {
                        let clock = Instant::now();
                        way.query(sql).await?;
                        times.push(clock.elapsed());
                    }
                }
                measured.push((name, times));
            }
            Ok::<_, Fault>(measured)
        })
    });
    let measured = measured.await;
    drop(tap);
    database.remove().await;
    service.stop().await;
    match measured {
        Ok(Ok(measured)) => measured.into_iter().for_each(|(name, times)| tell(name, times)),
        Ok(Err(fault)) => println!("taps: not measured. The database failed: {fault}."),
        Err(error) => println!("taps: not measured. {error}."),
    }
    Ok(())
}

fn tell(name: &str, [mut direct, mut tapped]: [Vec<Duration>; 2]) {
    show(&format!("{name} from the database, without a tap"), &mut direct);
    show(&format!("{name} through a tap"), &mut tapped);
    let (direct, tapped) = (direct[direct.len() / 2].as_secs_f64(), tapped[tapped.len() / 2].as_secs_f64());
    println!("{:<58} {:.2} times, {:.3} ms more", "  of the medians", tapped / direct, (tapped - direct) * 1000.0);
}
