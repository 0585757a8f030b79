//! Services from `docker-compose.yml`, where a container engine is running. All checkers share them, and they stay until
//! `docker compose down`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// The file in the workshop's folder.
pub const FILE: &str = "docker-compose.yml";
/// How long the engine may take to run a command.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a container may take to become healthy, including the download of its image.
const UP: Duration = Duration::from_secs(600);
/// The number of lines shown of docker's error message.
const SHOWN: usize = 5;

/// The version of the engine, if one is running.
pub async fn version() -> Option<String> {
    let output = docker(&["info", "--format", "{{.ServerVersion}}"], ANSWER).await.ok()?;
    server_version(output.status.success(), &String::from_utf8_lossy(&output.stdout))
}

/// Starts a service of the file, waits until it is healthy, and returns the address that publishes `port` of the container.
///
/// # Errors
///
/// It does not start; the text is one or more sentences.
pub async fn up(root: &Path, service: &str, port: u16) -> Result<SocketAddr, String> {
    let file = root.join(FILE).display().to_string();
    done(docker(&["compose", "--file", &file, "up", "--detach", "--wait", service], UP).await)?;
    let told = done(docker(&["compose", "--file", &file, "port", service, &port.to_string()], ANSWER).await)?;
    published(&told).ok_or_else(|| format!("docker prints no published port of {service}."))
}

async fn docker(args: &[&str], within: Duration) -> Result<Output, String> {
    let mut command = Command::new("docker");
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    match timeout(within, command.output()).await {
        Ok(output) => output.map_err(|error| format!("docker does not start: {error}.")),
        Err(_) => Err(format!("docker timed out after {} s.", within.as_secs())),
    }
}

/// The standard output of docker, if it succeeded.
fn done(output: Result<Output, String>) -> Result<String, String> {
    let output = output?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = complaint.lines().collect();
    Err(format!("docker compose failed:\n{}", lines[lines.len().saturating_sub(SHOWN)..].join("\n")))
}

/// The version that docker printed. Without an engine it is empty, and some releases exit with code 0 nevertheless.
fn server_version(success: bool, said: &str) -> Option<String> {
    let version = said.trim();
    (success && version.starts_with(|c: char| c.is_ascii_digit())).then(|| version.to_owned())
}

/// The address in `127.0.0.1:54320`. An unspecified address is replaced by the loopback address.
fn published(said: &str) -> Option<SocketAddr> {
    let mut address: SocketAddr = said.lines().next()?.trim().parse().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::super::Service;
    use super::*;
    use crate::postgres::Postgres;
    use crate::redis::Redis;

    #[test]
    fn only_a_running_engine_has_a_version() {
        assert_eq!(server_version(true, "28.2.2\n").as_deref(), Some("28.2.2"));
        for (success, said) in [(false, "28.2.2\n"), (true, "\n"), (true, "<no value>\n")] {
            assert_eq!(server_version(success, said), None);
        }
    }

    #[test]
    fn the_published_port_is_read() {
        for (said, expected) in [
            ("127.0.0.1:54320\n", Some("127.0.0.1:54320")),
            ("0.0.0.0:5432\n[::]:5432\n", Some("127.0.0.1:5432")),
            ("[::]:5432\n", Some("127.0.0.1:5432")),
            (":0\n", None),
            ("", None),
        ] {
            assert_eq!(published(said), expected.map(|address| address.parse().expect("an address")), "{said:?}");
        }
    }

    #[test]
    fn every_service_has_a_pinned_version_a_health_check_a_loopback_port_and_a_volume() {
        let file: serde_json::Value = serde_yaml_ng::from_str(include_str!("../../../../docker-compose.yml")).expect("YAML");
        let services = file["services"].as_object().expect("services");
        assert_eq!(services.keys().collect::<Vec<_>>(), ["minio", "postgres", "redis"]);
        let texts = |value: &serde_json::Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
        };
        for (name, service) in services {
            let (_, tag) = service["image"].as_str().and_then(|image| image.split_once(':')).expect("a tag");
            assert!(tag.contains(|c: char| c.is_ascii_digit()) && tag.contains(['.', '-']), "{name}: {tag} is no one version");
            assert!(!texts(&service["healthcheck"]["test"]).is_empty(), "{name} says when it is healthy");
            let ports = texts(&service["ports"]);
            assert!(!ports.is_empty() && ports.iter().all(|port| port.starts_with("127.0.0.1:")), "{name}: {ports:?}");
            let volumes = texts(&service["volumes"]);
            let (volume, _) = volumes.first().and_then(|volume| volume.split_once(':')).expect("a volume");
            assert!(file["volumes"].get(volume).is_some(), "{name}: {volume} is no named volume");
        }
    }

    #[test]
    fn the_checker_knows_the_passwords_of_the_file() {
        let file: serde_json::Value = serde_yaml_ng::from_str(include_str!("../../../../docker-compose.yml")).expect("YAML");
        let (postgres, redis) = (Postgres::KIND, Redis::KIND);
        let environment = &file["services"][postgres.compose]["environment"];
        let setting = |name: &str| environment[name].as_str().unwrap_or_default();
        let url = format!(
            "postgresql://{}:{}@127.0.0.1/{}",
            setting("POSTGRES_USER"),
            setting("POSTGRES_PASSWORD"),
            setting("POSTGRES_DB")
        );
        assert_eq!(postgres.compose_url, url);
        let password = &file["services"][redis.compose]["command"][2];
        assert_eq!(redis.compose_url, format!("redis://:{}@127.0.0.1", password.as_str().unwrap_or_default()));
        for kind in [postgres, redis] {
            let ports = file["services"][kind.compose]["ports"][0].as_str().unwrap_or_default();
            assert!(ports.ends_with(&format!(":{}", kind.port)), "{}: {ports}", kind.name);
        }
    }
}
