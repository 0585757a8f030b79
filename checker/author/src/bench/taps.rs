//! The latency that a tap adds to a database connection, and how soon connections work again after a fault.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use taps::Moment;
use taps::postgres::{Place, Statement, Tap};

use super::show;
use engine::ignore_events;
use fixtures::find;
use model::Problem;
use services::postgres::{Client, Fault, Postgres};

/// Round trips per kind of statement, on each of the two connections.
const ROUND_TRIPS: usize = 2_000;
/// How often many rows are fetched on each connection.
const FETCHES: usize = 20;
/// How often each fault is tried.
const FAULTS: usize = 20;
/// How long a client waits for a response that a fault withholds.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long a delay is to be.
const DELAY: Duration = Duration::from_millis(20);

/// Statements to measure, and how often.
const STATEMENTS: [(&str, &str, usize); 3] = [
    ("one row", "SELECT 1 AS one_row", ROUND_TRIPS),
    ("100 rows", "SELECT n, 'drink water', true FROM generate_series(1, 100) AS n", ROUND_TRIPS / 4),
    ("20 MB", "SELECT repeat('x', 1000) FROM generate_series(1, 20000)", FETCHES),
];

/// Measures, or prints why it cannot.
pub async fn run(root: &Path) -> Result<(), Problem> {
    let service = match find::first::<Postgres>(root, &mut ignore_events()).await {
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
    let tap = tap.await.map_err(|error| Problem::new(format!("The tap could not start: {error}."), "Try again."))?;
    let tapped = direct.through(tap.address());
    // The client has a thread of its own, as a server under examination has a process.
    let measured = tokio::task::spawn_blocking({
        let tapped = tapped.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { added(Client::connect(&direct).await?, Client::connect(&tapped).await?).await })
        }
    });
    let measured = measured.await.unwrap_or_else(|error| Err(io::Error::other(error).into()));
    let outcome = match measured {
        Ok(()) => recovery(&tap, async || Client::connect(&tapped).await).await,
        Err(fault) => Err(fault),
    };
    if let Err(fault) = outcome {
        println!("taps: not measured to the end. The database failed: {fault}.");
    }
    drop(tap);
    database.remove().await;
    Ok(())
}

/// Sends the same statements on both connections, in turn.
async fn added(direct: Client, tapped: Client) -> Result<(), Fault> {
    let mut ways = [direct, tapped];
    for (name, sql, count) in STATEMENTS {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..count {
            for (way, times) in ways.iter_mut().zip(&mut times) {
                let clock = Instant::now();
                way.query(sql).await?;
                times.push(clock.elapsed());
            }
        }
        let [direct, tapped] = &mut times;
        show(&format!("{name} from the database, without a tap"), direct);
        show(&format!("{name} through a tap"), tapped);
        let (direct, tapped) = (direct[direct.len() / 2].as_secs_f64(), tapped[tapped.len() / 2].as_secs_f64());
        println!("{:<58} {:.2} times, {:.3} ms more", "  the medians", tapped / direct, (tapped - direct) * 1000.0);
    }
    Ok(())
}

/// Tries each fault: how it affects a client, and how soon after its end a new client gets a response.
async fn recovery(tap: &Tap, connect: impl AsyncFn() -> Result<Client, Fault>) -> Result<(), Fault> {
    let is_marked = |statement: &Statement| statement.text.contains("healed");
    let faults: [(&str, &dyn Fn() -> taps::Fault); 6] = [
        ("a delay", &|| tap.delay(DELAY)),
        ("a cut before a statement", &|| tap.cut_next(Moment::Before, is_marked)),
        ("a cut within a statement", &|| tap.cut_next(Moment::Mid, is_marked)),
        ("a cut after a statement", &|| tap.cut_next(Moment::After, is_marked)),
        ("a black hole", &|| tap.black_hole()),
        ("a refusal", &|| tap.refuse()),
    ];
    let mark = tap.mark();
    for (name, begin) in faults {
        let (mut suffered, mut recovered, mut hits) = (Vec::new(), Vec::new(), 0);
        for _ in 0..FAULTS {
            let mut client = connect().await?;
            let fault = begin();
            let clock = Instant::now();
            let attempt = async {
                let mut new = connect().await?;
                client.query("SELECT 'healed'").await?;
                new.query("SELECT 'healed'").await
            };
            let _ = tokio::time::timeout(PATIENCE, attempt).await;
            suffered.push(clock.elapsed());
            hits += u64::from(fault.end() > 0);
            let clock = Instant::now();
            connect().await?.query("SELECT 'well'").await?;
            recovered.push(clock.elapsed());
        }
        show(&format!("{name}: two statements, or until they failed"), &mut suffered);
        show(&format!("{name}: from its end to a new client's response"), &mut recovered);
        println!("  it hit {hits} of {FAULTS} times");
    }
    let seen = tap.since(mark);
    let places = |place: Place| seen.with("healed").filter(|(_, found)| *found == place).count();
    let connections = seen.executed().map(|statement| statement.connection).max().unwrap_or_default();
    println!("taps: {connections} connections, {} statements with a marker in their text", places(Place::Text));
    for (connection, trouble) in &seen.troubles {
        println!("taps: connection {connection}: {trouble}");
    }
    Ok(())
}
