//! A private PostgreSQL for these tests, if its programs are installed.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::client::Client;
use taps::postgres::Tap;

/// How long the server may take to become ready, even on a very busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Starts a server in its own folder, and stops it when its standard input closes for any reason.
const SCRIPT: &str = r#"
trap '' INT TERM
folder=$(mktemp -d) && cd "$folder" || exit
"$1/initdb" -D data -A trust -U postgres -E UTF8 --locale=C --no-sync >log 2>&1 || cat log >&2
sed -i.before '1i host all careful 127.0.0.1/32 scram-sha-256' data/pg_hba.conf
"$1/postgres" -D data -h 127.0.0.1 -p "$2" -k "" -F -c max_connections=100 -c dynamic_shared_memory_type=mmap -c password_encryption=scram-sha-256 >log 2>&1 </dev/null &
read -r _
kill -QUIT $!
wait
cd / && rm -rf "$folder"
"#;

pub struct Server {
    pub address: SocketAddr,
    /// The folder of its programs.
    pub programs: PathBuf,
    _input: ChildStdin,
}

/// The one server of these tests; `None`, with the reason printed, where there is no PostgreSQL.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(start).as_ref();
    if server.is_none() {
        println!("Skipped: there are no programs of PostgreSQL (initdb, postgres) here, or no account to run them as.");
    }
    server
}

fn start() -> Option<Server> {
    let programs = programs()?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port").local_addr().expect("an address").port();
    // PostgreSQL does not run as root.
    let mut command = if is_root() {
        let known = fs::read_to_string("/etc/passwd").is_ok_and(|users| users.lines().any(|line| line.starts_with("postgres:")));
        known.then_some(())?;
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let mut shell = command
        .args(["-c", SCRIPT, "sh"])
        .arg(&programs)
        .arg(port.to_string())
        .current_dir("/")
        .env_remove("TMPDIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let started = Instant::now();
    loop {
        if let Ok(mut client) = Client::connect(address, "postgres") {
            client.query("CREATE ROLE careful LOGIN SUPERUSER PASSWORD 'se cret/1'");
            break;
        }
        assert!(started.elapsed() < READY_WITHIN, "PostgreSQL is not ready");
        assert!(shell.try_wait().expect("our own child").is_none(), "PostgreSQL does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(Server { address, programs, _input: shell.stdin.take()? })
}

fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for parent in ["/usr/lib/postgresql", "/usr", "/opt/homebrew/opt", "/usr/local/opt"] {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path().join("bin")));
    }
    let has_both = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    folders.into_iter().find(|folder| has_both(folder))
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// Runs a test with a tap in front of the server, on one thread as in the checker; clients run on their own threads.
pub fn with_tap(test: impl AsyncFnOnce(&Tap, SocketAddr)) {
    let Some(server) = server() else { return };
    with_tap_before(server.address, test);
}

/// The same in front of any other server.
pub fn with_tap_before(service: SocketAddr, test: impl AsyncFnOnce(&Tap, SocketAddr)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let all = async {
        let tap = Tap::start(service).await.expect("a free port");
        test(&tap, tap.address()).await;
    };
    let all = async { tokio::time::timeout(Duration::from_secs(120), all).await.expect("a test that ends") };
    runtime.block_on(tokio::task::LocalSet::new().run_until(all));
}

/// Runs blocking work on another thread, so that the tap continues.
pub async fn away<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("a client that does not panic")
}
