//! Configuration by environment variables.

use harness::check::{Check, check};
use model::Stop;
use sandbox::RunToExit;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("2.port", "The server listens on PORT, so that two instances can run side by side")
            .book("configuration")
            .hints(&["Read the environment variable `PORT` at every start, and listen on that port only."])
            .proof(async |api| {
                let mine = api.any_habit().await?;
                let other = api.start_another().await?;
                other.api.list().await?;
                api.read(&mine).await?;
                Ok(())
            }),
        check("2.port-invalid", "With an invalid PORT, the program exits at once and names the variable on stderr")
            .book("configuration")
            .hints(&[
                "Fail fast: do not replace an invalid value with the default. The operator meant something by it.",
                "`main` can return `Err`, which sets a non-zero exit code; let the message name the variable. A port is a 16-bit number: parse it as `u16`.",
            ])
            .proof(async |api| {
                for value in ["eighty", "70000"] {
                    match api.run_to_exit(&[("PORT", value)]).await? {
                        RunToExit::Exited { ending, stderr, .. } => {
                            if ending.is_success() {
                                return Err(Stop::fail(format!("a non-zero exit code for PORT={value}"), ending.to_string()));
                            }
                            // Only a program that tries to listen finds the address in use.
                            if let Some(line) = stderr.iter().find(|line| reports_address_in_use(line)) {
                                let expected = format!("a program that exits at once for PORT={value}");
                                return Err(Stop::fail(expected, format!("a program that tried to listen: {line}")));
                            }
                            if !stderr.iter().any(|line| names_port(line)) {
                                let actual = format!("{ending}, and stderr:\n{}", stderr.join("\n"));
                                return Err(Stop::fail(format!("a message on stderr that names PORT, for PORT={value}"), actual));
                            }
                        }
                        RunToExit::StillRunning => {
                            return Err(Stop::fail(
                                format!("a program that exits at once for PORT={value}"),
                                "a program that keeps running",
                            ));
                        }
                        RunToExit::Problem(problem) => return Err(Stop::Inconclusive(problem.title)),
                    }
                }
                Ok(())
            }),
    ]
}

fn reports_address_in_use(line: &str) -> bool {
    let line = line.to_lowercase();
    line.contains("address already in use") || line.contains("eaddrinuse")
}

/// Whether a line has the word "port" in any letter case. In "unsupported" and "import" it is only part of a word.
fn names_port(line: &str) -> bool {
    line.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| word == "port")
}
