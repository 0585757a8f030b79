//! Turns a correct server into a wrong one in exactly one named way, to prove that a check can fail.
//!
//! ```text
//! saboteur list [--format json]         prints the catalogue
//! saboteur run NAME -- PROGRAM ARGS…    runs PROGRAM behind the sabotage NAME, as one server under the contract
//! saboteur run none -- PROGRAM ARGS…    runs PROGRAM behind the control, a proxy that changes nothing
//! ```

mod api;
mod catalogue;
mod clock;
mod database;
mod http;
mod log;
mod race;
mod sabotage;
mod server;
mod startup;

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

const USAGE: &str = "usage: saboteur list [--format json] | saboteur run NAME -- PROGRAM ARGS…";
/// The exit code for a wrong command line (EX_USAGE of sysexits).
const USAGE_ERROR: u8 = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["list"] => list_for_people(),
        ["list", "--format", "json"] => list_as_json(),
        ["run", name, "--", program @ ..] if !program.is_empty() => match catalogue::find(name) {
            Some(sabotage) => server::run(sabotage, program).await,
            None => usage(&format!("no sabotage is called {name}: see `saboteur list`")),
        },
        _ => usage(USAGE),
    }
}

fn list_for_people() -> ExitCode {
    let all = catalogue::all();
    let width = all.iter().map(|sabotage| sabotage.name.len()).max().unwrap_or(0);
    let lines = all.iter().map(|sabotage| {
        let (name, trips) = (sabotage.name, sabotage.trips.join(" "));
        format!("{name:width$}  {} [{trips}]\n", sabotage.breaks)
    });
    print(&lines.collect::<String>())
}

fn list_as_json() -> ExitCode {
    let entries: Vec<_> = catalogue::all()
        .iter()
        .map(|it| json!({ "name": it.name, "step": it.step, "breaks": it.breaks, "trips": it.trips }))
        .collect();
    print(&format!("{:#}\n", json!(entries)))
}

fn print(text: &str) -> ExitCode {
    // A reader that closes the pipe early, such as `head`, is not an error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn usage(message: &str) -> ExitCode {
    eprintln!("saboteur: {message}");
    ExitCode::from(USAGE_ERROR)
}
