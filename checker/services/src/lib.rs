//! The services that servers under examination use: real ones, each a fixture, and test doubles within the checker.

pub mod form;
pub mod jwt_secret;
pub mod loopback;
pub mod oauth;
pub mod postgres;
pub mod redis;

use fixtures::Fixture;

pub use jwt_secret::{JWT_SECRET, JwtSecret};
pub use postgres::DATABASE;
pub use redis::REDIS;

/// Every fixture, in the order in which they are shown.
pub const FIXTURES: &[&dyn Fixture] = &[DATABASE, REDIS, JWT_SECRET];

/// `docker-compose.yml` and the services agree.
#[cfg(test)]
mod tests {
    use fixtures::find::Service;

    use crate::postgres::Postgres;
    use crate::redis::Redis;

    #[test]
    fn every_service_has_a_pinned_version_a_health_check_a_loopback_port_and_a_volume() {
        let file: serde_json::Value = serde_yaml_ng::from_str(include_str!("../../../docker-compose.yml")).expect("YAML");
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
        let file: serde_json::Value = serde_yaml_ng::from_str(include_str!("../../../docker-compose.yml")).expect("YAML");
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
