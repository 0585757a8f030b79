//! Servers of the checker's own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::trial::{Trial, sql_at};

#[test]
fn up_gives_databases_of_ones_own_and_ctrl_c_takes_all_back() {
    let trial = Trial::new();
    let mut up = trial.up();
    assert!(up.text.contains("PostgreSQL") && up.text.contains("a private server from"), "{}", up.text);
    assert_eq!(up.sql("CREATE TABLE habits (id int); SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
    // The unique name that step 3 asks for needs letter case beyond ASCII.
    assert_eq!(up.sql("SELECT lower('ÄÖÉ'), current_setting('server_encoding')"), "äöé|UTF8");
    assert_eq!(up.sql("SELECT current_setting('listen_addresses'), current_setting('fsync')"), "127.0.0.1|off");
    assert!(up.redis("SET a b\r\nGET a").contains("$1\r\nb\r\n"));

    let said = up.interrupt();
    assert_eq!((said.code, said.text.as_str()), (Some(0), ""));
    assert!(trial.processes().is_empty(), "{:?}", trial.processes());
    assert!(trial.runs().is_empty(), "{:?}", trial.runs());
}

#[test]
fn nobody_gets_in_without_the_password() {
    let trial = Trial::new();
    let up = trial.up();
    let url = up.variable("DATABASE_URL");
    let (before, after) = (url.split_once("workshop:").expect("a user"), url.split_once('@').expect("a host"));
    let refused = sql_at(&format!("{}workshop:guessed@{}", before.0, after.1), "SELECT 1").expect_err("a wrong password");
    assert!(refused.contains("password authentication failed"), "{refused}");
    let processes = trial.processes();
    let secret = after.0.rsplit_once(':').expect("a password").1;
    assert!(processes.iter().all(|process| !process.args.iter().any(|arg| arg.contains(secret))), "arguments are public");
}

#[test]
fn the_environment_is_written_for_the_user_alone_and_put_back() {
    let trial = Trial::new();
    let file = trial.workshop().join(".env");
    fs::write(&file, "MINE=1\n").expect("a writable folder");
    let mut up = Trial::wait_up(trial.checker(&["up", "--write-env"]));
    let text = fs::read_to_string(&file).expect("a file");
    assert!(text.contains(&format!("\nDATABASE_URL={}\n", up.variable("DATABASE_URL"))), "{text}");
    assert!(text.contains(&format!("\nREDIS_URL={}\n", up.variable("REDIS_URL"))), "{text}");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    up.interrupt();
    assert_eq!(fs::read_to_string(&file).expect("a file"), "MINE=1\n");
}

#[test]
fn checkers_at_once_have_servers_of_their_own() {
    let trial = Trial::new();
    // At the same moment, so that all want the template that none has made yet.
    let mut ups: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..3).map(|_| scope.spawn(|| trial.up())).collect();
        starting.into_iter().map(|up| up.join().expect("it comes up")).collect()
    });
    for up in &ups {
        up.sql("CREATE TABLE mine (id int)");
    }
    assert_eq!(trial.runs().len(), 6);
    ups.remove(0).kill();
    ups.remove(0).interrupt();
    let last = ups.remove(0);
    assert_eq!(last.sql("SELECT count(*) FROM mine"), "0");
    assert!(last.redis("PING").contains("+PONG"));
}

#[test]
fn an_ordinary_user_is_served_as_well() {
    // Where the tests do not run as root, all the others show it.
    let Some(trial) = Trial::unprivileged() else { return };
    let mut up = trial.up();
    assert_eq!(up.sql("SELECT 1"), "1");
    assert!(up.redis("PING").contains("+PONG"));
    assert_eq!(up.interrupt().code, Some(0));
    assert!(trial.runs().is_empty());
}

#[test]
fn a_folder_that_others_cannot_enter_is_no_hindrance() {
    let trial = Trial::new();
    fs::set_permissions(trial.place(), Permissions::from_mode(0o700)).expect("our own folder");
    assert_eq!(trial.up().sql("SELECT 1"), "1");
}

#[test]
fn a_umask_that_hides_new_files_from_other_accounts_is_no_obstacle() {
    let trial = Trial::new();
    let inner = trial.checker(&["up"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077; exec \"$@\"", "sh"]).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(trial.workshop()).stdin(Stdio::null());
    let up = Trial::wait_up(shell);
    assert!(up.text.contains("a private server from"), "{}", up.text);
    assert_eq!(up.sql("SELECT 1"), "1");
}
