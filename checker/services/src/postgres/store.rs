//! The database of a server under examination: its contents, and the statements that the server sends to it.
//!
//! The server connects through a tap. The checker has its own connection past the tap, so that its queries are never taken
//! for statements of the server.

use std::collections::HashSet;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use taps::postgres::{Kind, Statement, Tap, Trouble};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use super::{Client, Database, Fault, Postgres, Rows};
use fixtures::find::Service;
use fixtures::{Mark, Part, Passed, Tapped, Visible};
use model::{Outcome, Problem, Stop};

/// Settings of the checker's connections: none of them waits long for a lock that the server does not release.
const PATIENCE: &str = "SET statement_timeout = '20s'; SET lock_timeout = '5s'";
/// How long the traffic must have been idle before and after a request, so that its statements can be attributed to it.
const QUIET: Duration = Duration::from_millis(15);
/// How long to wait for such an idle period.
const QUIET_WITHIN: Duration = Duration::from_secs(3);

/// How often, and at what interval, to look whether connections wait for a lock.
const WAITING_LOOKS: usize = 100;
const WAITING_LOOK: Duration = Duration::from_millis(10);

/// Selects the schema of the tables. The server may create them later than this connection, and in any schema.
const FIND: &str = "SELECT set_config('search_path', quote_ident(nspname), false) FROM pg_class c
    JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'habits' AND relkind IN ('r', 'p')
    AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' ORDER BY nspname <> 'public' LIMIT 1";

/// SQL for a password hash: that of another user, or one that matches no password.
const SOME_HASH: &str = "coalesce((SELECT password_hash FROM users WHERE password_hash IS NOT NULL LIMIT 1), \
    '$argon2id$v=19$m=19456,t=2,p=1$Y2hlY2tlcmNoZWNrZXI$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')";

/// A database, the tap in front of it, and the checker's own connection.
pub struct Store {
    database: Database,
    tap: Tap,
    /// The moment before all traffic.
    first: taps::Mark,
    client: Mutex<Option<Client>>,
}

/// Why the database rejected a statement of the checker.
#[derive(Debug)]
pub struct Refusal {
    /// The SQLSTATE (appendix A of PostgreSQL's manual).
    pub code: String,
    /// The human-readable message. Untrusted text.
    pub message: String,
}

impl Refusal {
    /// Whether a constraint rejected it, or a trigger in place of one.
    pub fn is_by_constraint(&self) -> bool {
        self.code.starts_with("23") || self.code == "P0001"
    }
}

impl Store {
    /// Creates a database and starts a tap in front of it.
    ///
    /// # Errors
    ///
    /// The service cannot create a database, or the tap cannot start.
    pub async fn make(service: &Postgres) -> Result<Store, Problem> {
        let database = service.database().await?;
        let tap = async {
            let address = database.address();
            let mut found = tokio::net::lookup_host((address.host.as_str(), address.port)).await?;
            let place = found.next().ok_or_else(|| io::Error::other("its host has no address"))?;
            Tap::start(place).await
        };
        match tap.await {
            Ok(tap) => Ok(Store { database, first: tap.mark(), tap, client: Mutex::default() }),
            Err(error) => {
                database.remove().await;
                let title = format!("The checker cannot start its proxy between the server and the database: {error}.");
                Err(Problem::new(title, "Make sure that programs may listen on 127.0.0.1, then try again."))
            }
        }
    }

    /// The server's `DATABASE_URL`, which leads through the tap.
    pub fn url(&self) -> String {
        self.database.address().through(self.tap.address()).url()
    }

    /// The tap.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Runs SQL that a correct schema accepts, and returns the rows of its last statement.
    pub async fn rows(&self, sql: &str) -> Outcome<Rows> {
        carried_out(&mut *self.client().await?, sql).await
    }

    /// The number of rows of a query; `from` starts with its `FROM`.
    pub async fn count(&self, from: &str) -> Outcome<u64> {
        counted(&self.rows(&format!("SELECT count(*) {from}")).await?)
    }

    /// The columns of a table in order; none if the table does not exist.
    pub async fn columns(&self, table: &str) -> Outcome<Vec<String>> {
        let sql = format!(
            "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attrelid = to_regclass('{table}') \
             AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        );
        Ok(self.rows(&sql).await?.into_iter().flatten().flatten().collect())
    }

    /// The columns, constraints and indexes of all tables, one per line.
    pub async fn schema(&self) -> Outcome<String> {
        let sql =
            "WITH own AS (SELECT c.oid, nspname, relname, relkind FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                        WHERE nspname NOT IN ('information_schema') AND nspname NOT LIKE 'pg\\_%')
            SELECT format('column %s.%s.%s %s', nspname, relname, attname, format_type(atttypid, atttypmod))
                FROM own JOIN pg_attribute ON attrelid = oid WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
            UNION ALL SELECT format('constraint %s.%s.%s %s', nspname, relname, conname, pg_get_constraintdef(k.oid))
                FROM own JOIN pg_constraint k ON conrelid = own.oid
            UNION ALL SELECT pg_get_indexdef(indexrelid) FROM own JOIN pg_index ON indrelid = oid
            ORDER BY 1";
        let lines: Vec<String> = self.rows(sql).await?.into_iter().flatten().flatten().collect();
        Ok(lines.join("\n"))
    }

    /// The columns of any table that contain one of these texts, as `table.column`.
    pub async fn columns_with(&self, texts: &[String]) -> Outcome<Vec<String>> {
        let tables = "SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE relkind IN ('r', 'p', 'm') AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'";
        let stands = texts.iter().map(|text| format!("strpos(value, {}) > 0", quoted(text))).collect::<Vec<_>>().join(" OR ");
        let search = |table: String| {
            let name = quoted(&table);
            format!("SELECT DISTINCT {name} || '.' || key FROM {table} AS one, jsonb_each_text(to_jsonb(one)) WHERE {stands}")
        };
        let searches: Vec<String> = self.rows(tables).await?.into_iter().flatten().flatten().map(search).collect();
        if searches.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.rows(&searches.join(" UNION ALL ")).await?.into_iter().flatten().flatten().collect())
    }

    /// Tries statements in a transaction that is rolled back.
    pub async fn rehearse(&self, body: impl AsyncFnOnce(&mut Rehearsal<'_>) -> Outcome) -> Outcome {
        let mut client = self.client().await?;
        carried_out(&mut client, "BEGIN").await?;
        let outcome = body(&mut Rehearsal { client: &mut client }).await;
        let ended = carried_out(&mut client, "ROLLBACK").await;
        outcome.and(ended.map(drop))
    }

    /// Runs SQL in a transaction that stays open until the value is dropped, and is then rolled back.
    pub async fn hold(&self, sql: &str) -> Outcome<Held> {
        let mut client = Client::connect(self.database.address()).await.map_err(lost)?;
        client.query(FIND).await.map_err(lost)?;
        carried_out(&mut client, &format!("BEGIN; {sql}")).await?;
        Ok(Held { _client: client })
    }

    /// Waits until this many connections wait for a lock, but for at most a second.
    pub async fn until_waiting(&self, connections: u64) -> Outcome {
        let waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        for _ in 0..WAITING_LOOKS {
            if self.count(waiting).await? >= connections {
                break;
            }
            tokio::time::sleep(WAITING_LOOK).await;
        }
        Ok(())
    }

    /// Inserts and commits a row for every row of `from`, or returns why the database rejects it. Values are SQL.
    pub async fn insert(&self, table: &str, values: &[(&str, &str)], from: &str) -> Outcome<Result<(), Refusal>> {
        insert(&mut *self.client().await?, table, values, from).await
    }

    /// The statements that the server executes for a request, except housekeeping. No other request may be in flight meanwhile.
    pub async fn queries_of(&self, request: impl AsyncFnOnce() -> Outcome) -> Outcome<Vec<Statement>> {
        self.rest().await?;
        let mark = self.tap.mark();
        request().await?;
        self.rest().await?;
        let seen = self.tap.since(mark);
        match seen.missed {
            0 => Ok(seen.queries().cloned().collect()),
            missed => Err(Stop::Inconclusive(format!("{missed} statements of the server were too many or too large to record"))),
        }
    }

    async fn rest(&self) -> Outcome {
        match self.tap.quiet(QUIET, QUIET_WITHIN).await {
            true => Ok(()),
            false => Err(Stop::Inconclusive("the server's connections to the database were never idle".into())),
        }
    }

    async fn client(&self) -> Outcome<MappedMutexGuard<'_, Client>> {
        let mut kept = self.client.lock().await;
        let is_usable = match kept.as_mut() {
            Some(client) => client.query("SELECT").await.is_ok(),
            None => false,
        };
        if !is_usable {
            *kept = None;
            let mut client = Client::connect(self.database.address()).await.map_err(lost)?;
            client.query(PATIENCE).await.map_err(lost)?;
            *kept = Some(client);
        }
        let mut client = MutexGuard::map(kept, |kept| kept.as_mut().expect("it was just opened"));
        client.query(FIND).await.map_err(lost)?;
        Ok(client)
    }
}

impl Part for Store {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![(Postgres::KIND.variable, self.url())]
    }

    fn tap(&self) -> Option<&dyn Tapped> {
        Some(self)
    }

    /// Removes the database, even if clients still use it.
    fn remove(self: Rc<Self>) -> LocalBoxFuture<'static, ()> {
        async move {
            if let Some(store) = Rc::into_inner(self) {
                drop((store.tap, store.client));
                store.database.remove().await;
            }
        }
        .boxed_local()
    }
}

impl Visible for Store {
    const UNSEEN: &'static str = "the target is a URL, so the checker cannot see its database";
}

impl Tapped for Store {
    fn mark(&self) -> Mark {
        Mark::new(self.tap.mark())
    }

    fn since(&self, mark: Option<&Mark>) -> Passed {
        let seen = self.tap.since(mark.and_then(Mark::position).unwrap_or(self.first));
        let outage = seen.troubles.iter().find_map(|(_, trouble)| match trouble {
            Trouble::Unreachable(why) => Some(format!("the database could not be reached: {why}")),
            // Class 57P: the service is shutting down, was killed, or is not up yet.
            Trouble::Refused(error) if error.code.starts_with("57P") => Some(format!("the database was unavailable: {error}")),
            Trouble::Refused(_) | Trouble::Unreadable(_) => None,
        });
        let events = worth_showing(&seen.events).map(|statement| (statement.at, statement.to_string())).collect();
        Passed { events, outage }
    }
}

/// The statements that were executed, and those that PostgreSQL rejected when they were prepared. A `ROLLBACK` outside of a
/// transaction is left out: some connection pools send one each time a connection is returned.
fn worth_showing(statements: &[Statement]) -> impl Iterator<Item = &Statement> {
    let mut in_transaction = HashSet::new();
    statements.iter().filter(move |statement| {
        let was_rejected = matches!(statement.outcome, taps::postgres::Outcome::Failed(_));
        if statement.kind == Kind::Prepared {
            return was_rejected;
        }
        let mut words = statement.text.split(|c: char| !c.is_ascii_alphabetic()).map(str::to_ascii_uppercase);
        match (words.next().as_deref(), words.next().as_deref()) {
            (Some("BEGIN" | "START"), _) => drop(in_transaction.insert(statement.connection)),
            (Some("ROLLBACK"), Some("TO")) => {}
            (Some("ROLLBACK"), _) => return in_transaction.remove(&statement.connection),
            (Some("COMMIT" | "END" | "ABORT"), _) => drop(in_transaction.remove(&statement.connection)),
            _ => {}
        }
        true
    })
}

/// An open transaction.
pub struct Held {
    _client: Client,
}

/// A transaction that will be rolled back.
pub struct Rehearsal<'a> {
    client: &'a mut Client,
}

impl Rehearsal<'_> {
    /// Runs SQL that a correct schema accepts.
    pub async fn run(&mut self, sql: &str) -> Outcome<Rows> {
        carried_out(self.client, sql).await
    }

    /// The number of rows of a query; `from` starts with its `FROM`.
    pub async fn count(&mut self, from: &str) -> Outcome<u64> {
        counted(&self.run(&format!("SELECT count(*) {from}")).await?)
    }

    /// Runs SQL, checks deferred constraints at once, and returns whether the database rejects it. Accepted changes stay in
    /// the transaction.
    pub async fn attempt(&mut self, sql: &str) -> Outcome<Result<(), Refusal>> {
        self.run("SAVEPOINT attempt").await?;
        let attempt = format!("{sql}; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED");
        match ask(self.client, &attempt).await? {
            Ok(_) => Ok(Ok(())),
            Err(refusal) => {
                self.run("ROLLBACK TO attempt").await?;
                Ok(Err(refusal))
            }
        }
    }

    /// SQL for an id that no row of a table has.
    pub async fn unknown_id(&mut self, table: &str) -> Outcome<String> {
        Ok(match id_type(self.client, table).await?.as_deref() {
            Some("N") => format!("(SELECT coalesce(max(id), 0) + 1000 FROM {table})"),
            Some("S") => "md5(random()::text)".into(),
            _ => "gen_random_uuid()".into(),
        })
    }
}

/// Inserts rows with these columns. If the table has other required columns, their values are copied from an existing row.
async fn insert(client: &mut Client, table: &str, values: &[(&str, &str)], from: &str) -> Outcome<Result<(), Refusal>> {
    let columns = format!(
        "SELECT attname, (atthasdef OR attidentity <> '')::text, (attgenerated <> '')::text FROM pg_attribute \
         WHERE attrelid = to_regclass('{table}') AND attnum > 0 AND NOT attisdropped"
    );
    let columns = carried_out(client, &columns).await?;
    let columns: Vec<(&str, bool, bool)> = columns
        .iter()
        .map(|column| {
            let text = |at: usize| column.get(at).and_then(Option::as_deref).unwrap_or_default();
            (text(0), text(1) == "true", text(2) == "true")
        })
        .collect();
    let mut values: Vec<(&str, &str)> = values.to_vec();
    if table == "users" && columns.iter().any(|(name, ..)| *name == "password_hash") {
        values.push(("password_hash", SOME_HASH));
    }
    let id;
    if columns.iter().any(|(name, has_default, _)| *name == "id" && !has_default) {
        id = match id_type(client, table).await?.as_deref() {
            Some("N") => format!("(SELECT coalesce(max(id), 0) FROM {table}) + row_number() OVER ()"),
            Some("S") => "md5(random()::text)".into(),
            _ => "gen_random_uuid()".into(),
        };
        values.push(("id", &id));
    }
    let (names, given): (Vec<&str>, Vec<&str>) = values.iter().copied().unzip();
    let (names, given) = (names.join(", "), given.join(", "));
    let refusal = match ask(client, &format!("INSERT INTO {table} ({names}) SELECT {given} FROM {from}")).await? {
        // Violates NOT NULL: another column needs a value.
        Err(refusal) if refusal.code == "23502" => refusal,
        done => return Ok(done.map(drop)),
    };
    let is_other = |name: &str| name != "id" && values.iter().all(|(given, _)| *given != name);
    let others = columns.iter().filter(|(name, _, is_generated)| !is_generated && is_other(name));
    let others: Vec<String> = others.map(|(name, ..)| format!("\"{name}\"")).collect();
    if others.is_empty() {
        return Ok(Err(refusal));
    }
    let copies = others.iter().map(|name| format!("(SELECT {name} FROM {table} LIMIT 1)")).collect::<Vec<_>>().join(", ");
    let copy = format!("INSERT INTO {table} ({names}, {}) SELECT {given}, {copies} FROM {from}", others.join(", "));
    Ok(ask(client, &copy).await?.map(drop))
}

/// The category of the type of a table's `id`: `N` for numbers, `S` for texts (PostgreSQL's manual, `pg_type`).
async fn id_type(client: &mut Client, table: &str) -> Outcome<Option<String>> {
    let sql = format!(
        "SELECT typcategory FROM pg_attribute JOIN pg_type t ON t.oid = atttypid WHERE attrelid = to_regclass('{table}') AND attname = 'id'"
    );
    Ok(carried_out(client, &sql).await?.into_iter().flatten().next().flatten())
}

/// Runs SQL; a rejection by the database is a result too.
async fn ask(client: &mut Client, sql: &str) -> Outcome<Result<Rows, Refusal>> {
    match client.query(sql).await {
        Ok(rows) => Ok(Ok(rows)),
        Err(Fault::Refused { code, message }) => Ok(Err(Refusal { code, message })),
        Err(fault) => Err(lost(fault)),
    }
}

async fn carried_out(client: &mut Client, sql: &str) -> Outcome<Rows> {
    ask(client, sql).await?.map_err(|refusal| {
        // 55P03 and 57014: a lock that is never released, and our own timeout. Classes 53 and 57: the service has a problem.
        match &refusal.code[..2.min(refusal.code.len())] {
            "53" | "55" | "57" => Stop::Inconclusive(format!("the database could not run a query: {}", refusal.message)),
            _ => Stop::fail(format!("a database that accepts this statement:\n{sql}"), format!("an error: {}", refusal.message)),
        }
    })
}

fn counted(rows: &Rows) -> Outcome<u64> {
    let count = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
    count.ok_or_else(|| Stop::Inconclusive("the database returned no count".into()))
}

fn lost(fault: Fault) -> Stop {
    Stop::Inconclusive(format!("the checker cannot query the database: {fault}"))
}

/// A text as an SQL string literal.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use taps::postgres::{Outcome, ServiceError};

    use super::*;

    fn statement(connection: u64, kind: Kind, text: &str, outcome: Outcome) -> Statement {
        Statement { kind, text: text.into(), parameters: Rc::new([]), connection, at: Instant::now(), outcome }
    }

    fn shown(statements: &[Statement]) -> Vec<String> {
        worth_showing(statements).map(|statement| format!("{} {}", statement.connection, statement.text)).collect()
    }

    #[test]
    fn a_rollback_is_shown_only_if_there_is_something_to_roll_back() {
        let executed = |(connection, text): (u64, &str)| statement(connection, Kind::Executed, text, Outcome::Done("".into()));
        let sent = [
            (1, "ROLLBACK"),
            (1, "BEGIN"),
            (2, "ROLLBACK"),
            (1, "INSERT INTO habits VALUES (1)"),
            (1, "ROLLBACK TO SAVEPOINT one"),
            (1, "rollback;"),
            (1, "ROLLBACK"),
            (2, "START TRANSACTION"),
            (2, "COMMIT"),
            (2, "ROLLBACK"),
        ];
        assert_eq!(
            shown(&sent.map(executed)),
            [
                "1 BEGIN",
                "1 INSERT INTO habits VALUES (1)",
                "1 ROLLBACK TO SAVEPOINT one",
                "1 rollback;",
                "2 START TRANSACTION",
                "2 COMMIT"
            ]
        );
    }

    #[test]
    fn what_was_rejected_when_it_was_prepared_is_shown() {
        let error =
            ServiceError { severity: "ERROR".into(), code: "42703".into(), message: "column \"title\" does not exist".into() };
        let statements = [
            statement(1, Kind::Prepared, "SELECT name FROM habits", Outcome::Done("".into())),
            statement(1, Kind::Prepared, "SELECT title FROM habits", Outcome::Failed(Rc::new(error))),
        ];
        assert_eq!(shown(&statements), ["1 SELECT title FROM habits"]);
    }
}
