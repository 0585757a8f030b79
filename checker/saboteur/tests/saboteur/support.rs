//! Runs the saboteur and the mirror, and exchanges raw bytes with them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything here may take.
const TIMEOUT: Duration = Duration::from_secs(10);

const SABOTEUR: &str = env!("CARGO_BIN_EXE_saboteur");
const MIRROR: &str = env!("CARGO_BIN_EXE_mirror");

/// A running server, which is killed at the end of the test.
pub struct Running {
    /// The process.
    pub child: Child,
    address: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The mirror by itself.
pub fn mirror() -> Running {
    start(Command::new(MIRROR))
}

/// The mirror behind a sabotage.
pub fn sabotaged(name: &str) -> Running {
    let mut command = Command::new(SABOTEUR);
    command.args(["run", name, "--", MIRROR]);
    start(command)
}

/// Runs the mirror behind a sabotage until it exits.
pub fn run_to_end(name: &str, port: &str) -> std::process::Output {
    let mut command = Command::new(SABOTEUR);
    command.args(["run", name, "--", MIRROR]).env("HOST", "127.0.0.1").env("PORT", port);
    // Some sabotages are about these variables. The mirror ignores them.
    command.env("DATABASE_URL", "postgresql://mirror@127.0.0.1/mirror").env("JWT_SECRET", "m".repeat(64));
    command.output().expect("the saboteur runs")
}

/// Runs the saboteur with these arguments until it exits.
pub fn saboteur(arguments: &[&str]) -> std::process::Output {
    Command::new(SABOTEUR).args(arguments).output().expect("the saboteur runs")
}

fn start(mut command: Command) -> Running {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("there is a free port");
    command.env("HOST", "127.0.0.1").env("PORT", address.port().to_string()).stdout(Stdio::piped());
    let running = Running { child: command.spawn().expect("the server starts"), address };
    wait_until("the server accepts connections", || TcpStream::connect(address).is_ok());
    running
}

impl Running {
    /// The id of the mirror's process, which it logs first.
    pub fn mirror_process(&mut self) -> u32 {
        let mut line = String::new();
        let log = self.child.stdout.as_mut().expect("stdout is piped");
        BufReader::new(log).read_line(&mut line).expect("the mirror logs its process id");
        line.trim().strip_prefix("mirror ").and_then(|number| number.parse().ok()).expect("the line has a process id")
    }

    /// Sends a request over a new connection. `head` lacks the `Connection` header and the empty line.
    pub fn send(&self, head: &str, body: &[u8]) -> RawResponse {
        let mut stream = TcpStream::connect(self.address).expect("the server accepts connections");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout can be set");
        let request = [head.as_bytes(), b"Connection: close\r\n\r\n", body].concat();
        stream.write_all(&request).expect("the server reads the request");
        let mut response = Vec::new();
        stream.read_to_end(&mut response).expect("the server responds and closes the connection");
        RawResponse::parse(&response)
    }
}

/// A response as it came over the wire, without the `Connection` header.
#[derive(Debug, PartialEq, Eq)]
pub struct RawResponse {
    /// The status line.
    pub status: String,
    /// The header lines in their original spelling, sorted.
    pub headers: Vec<String>,
    /// Everything after the empty line.
    pub body: Vec<u8>,
}

impl RawResponse {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a response has a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines().map(str::to_owned);
        let status = lines.next().unwrap_or_default();
        let mut headers: Vec<String> = lines.filter(|line| !line.to_lowercase().starts_with("connection:")).collect();
        headers.sort_unstable();
        RawResponse { status, headers, body: bytes[end + 4..].to_vec() }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Waits until a condition holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {} s", TIMEOUT.as_secs());
        sleep(Duration::from_millis(5));
    }
}
