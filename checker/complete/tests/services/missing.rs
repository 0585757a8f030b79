//! A machine that has no services.

use std::process::Command;

use crate::trial::Trial;

/// Hides the programs from whatever the shell runs next, in a view of the files that only it has.
const HIDE: &str = r#"
    mount -t tmpfs none /usr/lib/postgresql 2>/dev/null
    for folder in /usr/local/bin /usr/bin /usr/pgsql-*/bin /usr/libexec/postgresql*; do
        for program in postgres initdb redis-server valkey-server; do
            [ ! -e "$folder/$program" ] || mount --bind /dev/null "$(readlink -f "$folder/$program")"
        done
    done
    exec "$0" "$@""#;

/// A checker that finds no program; `None` where this machine does not let us hide them.
fn without_programs(trial: &Trial, args: &[&str]) -> Option<Command> {
    let user = ["--user", "--map-root-user", "--mount"];
    let ways: [&[&str]; 2] = [&["--mount"], &user];
    let way = ways.into_iter().find(|way| {
        let allowed = Command::new("unshare").args(*way).args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
        allowed.is_ok_and(|output| output.status.success())
    })?;
    let checker = trial.checker(args);
    let mut command = Command::new("unshare");
    command.args(way).args(["/bin/sh", "-c", HIDE]).arg(checker.get_program()).args(checker.get_args());
    command.current_dir(trial.workshop()).stdin(std::process::Stdio::null()).env("DOCKER_HOST", "tcp://127.0.0.1:1");
    command.env_remove("DATABASE_URL").env_remove("REDIS_URL");
    Some(command)
}

#[test]
fn up_says_what_to_type_and_installs_nothing_unasked() {
    let trial = Trial::without_installing();
    let Some(command) = without_programs(&trial, &["up"]) else { return };
    let said = trial.run(command);
    assert_eq!(said.code, Some(4), "{}", said.text);
    for service in ["PostgreSQL", "Redis"] {
        assert!(said.text.contains(&format!("There is no {service} that the checker could use.")), "{}", said.text);
    }
    for word in ["DATABASE_URL", "REDIS_URL", "docker"] {
        assert!(said.text.contains(word), "{word}: {}", said.text);
    }
}

#[test]
fn doctor_says_what_to_type_and_that_the_first_steps_need_none() {
    let trial = Trial::without_installing();
    let Some(command) = without_programs(&trial, &["doctor"]) else { return };
    let said = trial.run(command);
    for service in ["PostgreSQL", "Redis"] {
        assert!(said.text.contains(&format!("There is no {service} that the checker could use.")), "{}", said.text);
    }
    assert!(said.text.contains("Steps 1 and 2 need no service"), "{}", said.text);
}
