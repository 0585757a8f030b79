//! Servers that others use too: only what the checker has made there is ever touched.

use crate::trial::{Trial, Up, redis_at, sql_at};

const DATABASES: &str = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database";

/// The URL of another database of the same server.
fn other(up: &Up, name: &str, database: &str) -> String {
    let (server, _) = up.variable(name).rsplit_once('/').expect("a database");
    format!("{server}/{database}")
}

#[test]
fn only_the_checkers_own_database_comes_and_goes() {
    let (theirs, ours) = (Trial::new(), Trial::new());
    let server = theirs.up();
    server.sql("CREATE TABLE precious (id int)");
    server.sql("CREATE DATABASE workshop_of_somebody");
    let before = server.sql(DATABASES);

    let mut up = ours.up_with("DATABASE_URL", server.variable("DATABASE_URL"));
    assert!(up.text.contains("the server that DATABASE_URL names"), "{}", up.text);
    assert_ne!(up.variable("DATABASE_URL"), server.variable("DATABASE_URL"));
    assert_eq!(up.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    assert_ne!(server.sql(DATABASES), before);
    assert_eq!(up.interrupt().code, Some(0));
    assert_eq!(server.sql(DATABASES), before);
    assert_eq!(server.sql("SELECT count(*) FROM precious"), "0");
}

#[test]
fn a_killed_checkers_database_is_removed_by_the_next() {
    let (theirs, ours) = (Trial::new(), Trial::new());
    let server = theirs.up();
    let before = server.sql(DATABASES);
    // The database that a learner means to have may not exist.
    let url = other(&server, "DATABASE_URL", "habits");
    let living = ours.up_with("DATABASE_URL", &url);
    let mut killed = ours.up_with("DATABASE_URL", &url);
    killed.kill();
    let name = |up: &Up| up.variable("DATABASE_URL").rsplit_once('/').expect("a database").1.to_owned();
    assert!(server.sql(DATABASES).contains(&name(&killed)));

    let mut next = ours.up_with("DATABASE_URL", &url);
    let now = server.sql(DATABASES);
    assert!(!now.contains(&name(&killed)) && now.contains(&name(&living)) && now.contains(&name(&next)), "{now}");
    next.interrupt();
    drop(living);
    ours.up_with("DATABASE_URL", &url).interrupt();
    assert_eq!(server.sql(DATABASES), before);
}

#[test]
fn passwords_go_by_scram_where_the_server_wants_it() {
    let (theirs, ours) = (Trial::new(), Trial::new());
    let server = theirs.up();
    server.sql("CREATE ROLE learner LOGIN CREATEDB PASSWORD 'p@ss/word'");
    let rules = server.sql("SELECT current_setting('hba_file')");
    let text = "host all learner 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 password\n";
    std::fs::write(rules, text).expect("our own server's file");
    server.sql("SELECT pg_reload_conf()");
    let in_force = "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'scram-sha-256'";
    assert_eq!(server.sql(in_force), "1");
    let (_, address) = server.variable("DATABASE_URL").split_once('@').expect("a host");
    let mut up = ours.up_with("DATABASE_URL", &format!("postgres://learner:p%40ss%2Fword@{address}"));
    assert!(up.text.contains("the server that DATABASE_URL names"), "{}", up.text);
    assert_eq!(up.sql("SELECT current_user"), "learner");
    up.interrupt();

    let mut refused = ours.up_with("DATABASE_URL", &format!("postgres://learner:wrong@{address}"));
    assert!(refused.text.contains("a private server"), "{}", refused.text);
    refused.interrupt();
}

#[test]
fn a_server_that_cannot_be_used_gives_way_to_a_private_one() {
    let (theirs, ours) = (Trial::new(), Trial::new());
    let server = theirs.up();
    server.sql("CREATE ROLE weak LOGIN PASSWORD 'weak'");
    let (_, address) = server.variable("DATABASE_URL").split_once('@').expect("a host");
    let weak = format!("postgres://weak:weak@{address}");
    for url in ["postgres://127.0.0.1:1/habits", "mysql://127.0.0.1/habits", &weak] {
        let mut up = ours.up_with("DATABASE_URL", url);
        assert!(up.text.contains("PostgreSQL") && up.text.contains("a private server"), "{url}: {}", up.text);
        let said = up.interrupt();
        assert!(said.text.contains("DATABASE_URL"), "{url}: {}", said.text);
    }
}

#[test]
fn a_logical_database_of_redis_is_claimed_only_if_it_is_empty() {
    let (theirs, ours) = (Trial::new(), Trial::new());
    let server = theirs.up();
    let at = |number: &str| other(&server, "REDIS_URL", number);
    redis_at(&at("1"), "SET precious 1");
    // `up` of the other trial has claimed 0.
    let mut up = ours.up_with("REDIS_URL", &at(""));
    assert!(up.text.contains("the server that REDIS_URL names"), "{}", up.text);
    assert_eq!(up.variable("REDIS_URL"), at("2"));
    up.redis("SET mine 1");
    up.interrupt();
    assert!(redis_at(&at("2"), "DBSIZE").contains(":0"), "what the run stored is gone");

    let mut killed = ours.up_with("REDIS_URL", &at(""));
    killed.redis("SET mine 1");
    killed.kill();
    let next = ours.up_with("REDIS_URL", &at(""));
    assert_eq!(next.variable("REDIS_URL"), at("2"), "a dead checker's claim is none");
    assert!(next.redis("EXISTS mine").contains(":0"));
    assert!(redis_at(&at("1"), "GET precious").contains("$1\r\n1\r\n"));
    assert!(sql_at(next.variable("DATABASE_URL"), "SELECT 1").is_ok());
}
