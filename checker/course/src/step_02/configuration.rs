//! Configuration from the environment.

use harness::check::{Check, check};
use model::Stop;
use sandbox::RunToExit;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("2.port", "PORT decides where the server listens: two instances run side by side")
            .book("configuration")
            .hints(&["Read `PORT` from the environment each time the program starts, and listen nowhere else."])
            .proof(async |api| {
                let mine = api.any_habit().await?;
                let other = api.start_another().await?;
                other.api.list().await?;
                api.read(&mine).await?;
                Ok(())
            }),
        check("2.port-invalid", "A PORT that is no port number ends the program at once, with its name on stderr")
            .book("configuration")
            .hints(&[
                "Do not fall back to a default: whoever set the variable meant something.",
                "`main` can return `Err`; let the message name the variable. A port is 16 bits wide: parse it as `u16`.",
            ])
            .proof(async |api| {
                for value in ["eighty", "70000"] {
                    match api.run_to_exit(&[("PORT", value)]).await? {
                        RunToExit::Exited { ending, stderr, .. } => {
                            if ending.is_success() {
                                return Err(Stop::fail(format!("a non-zero exit code for PORT={value}"), ending.to_string()));
                            }
                            // Only who tries to listen learns that an address is taken.
                            if let Some(line) = stderr.iter().find(|line| tells_of_a_taken_address(line)) {
                                let expected = format!("a program that ends at once for PORT={value}");
                                return Err(Stop::fail(expected, format!("a program that tried to listen: {line}")));
                            }
                            if !stderr.iter().any(|line| names_port(line)) {
                                let actual = format!("{ending}, and stderr:\n{}", stderr.join("\n"));
                                return Err(Stop::fail(format!("a message on stderr that names PORT, for PORT={value}"), actual));
                            }
                        }
                        RunToExit::StillRunning => {
                            return Err(Stop::fail(
                                format!("a program that ends at once for PORT={value}"),
                                "a program that goes on running",
                            ));
                        }
                        RunToExit::Problem(problem) => return Err(Stop::Inconclusive(problem.title)),
                    }
                }
                Ok(())
            }),
    ]
}

fn tells_of_a_taken_address(line: &str) -> bool {
    let line = line.to_lowercase();
    line.contains("address already in use") || line.contains("eaddrinuse")
}

/// Whether a line has the word "port" in any letter case; "unsupported" and "import" have it by chance.
fn names_port(line: &str) -> bool {
    line.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| word == "port")
}
