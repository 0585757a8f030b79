//! The database of a server under examination: what lies in it, and what the server says to it.
//!
//! The server talks to it through a tap of its own. The checker looks into it by a connection beside the tap, so that what
//! it asks is never taken for a statement of the server.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use taps::{Mark, Statement, Tap, Trouble};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use super::{Client, Database, Fault, Postgres, Rows};
use crate::find::Service;
use crate::fixture::{Part, Passed, Tapped, Visible};
use model::{Outcome, Problem, Stop};

/// Said at the beginning of our connections: none of them waits long for a lock that the server does not let go.
const PATIENCE: &str = "SET statement_timeout = '20s'; SET lock_timeout = '5s'";
/// The traffic must have rested this long for statements to belong to one request.
const QUIET: Duration = Duration::from_millis(15);
/// How long to wait for such a rest.
const QUIET_WITHIN: Duration = Duration::from_secs(3);

/// How often, and how long apart, is looked whether connections wait for a lock.
const WAITING_LOOKS: usize = 100;
const WAITING_LOOK: Duration = Duration::from_millis(10);

/// Finds the tables. They may come after us, and a schema of another name than `public` is the server's own affair.
const FIND: &str = "SELECT set_config('search_path', quote_ident(nspname), false) FROM pg_class c
    JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'habits' AND relkind IN ('r', 'p')
    AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' ORDER BY nspname <> 'public' LIMIT 1";

/// SQL for the hash of some password: that of another user, or one that no password has.
const SOME_HASH: &str = "coalesce((SELECT password_hash FROM users WHERE password_hash IS NOT NULL LIMIT 1), \
    '$argon2id$v=19$m=19456,t=2,p=1$Y2hlY2tlcmNoZWNrZXI$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')";

/// A database, the tap on the way to it, and our own connection.
pub struct Store {
    database: Database,
    tap: Tap,
    /// Before all traffic.
    first: Mark,
    client: Mutex<Option<Client>>,
}

/// Why the database did not carry out a statement of ours.
#[derive(Debug)]
pub struct Refusal {
    /// The SQLSTATE (appendix A of PostgreSQL's manual).
    pub code: String,
    /// The message for people. Untrusted text.
    pub message: String,
}

impl Refusal {
    /// Whether a constraint refused it, or a trigger in the place of one.
    pub fn is_by_constraint(&self) -> bool {
        self.code.starts_with("23") || self.code == "P0001"
    }
}

impl Store {
    /// Makes a database and puts a tap before it.
    ///
    /// # Errors
    ///
    /// The service makes no database, or there is no port for the tap.
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

    /// What the server gets as `DATABASE_URL`.
    pub fn url(&self) -> String {
        let address = self.database.address();
        self.tap.url(&address.database, &address.user, address.password.as_deref().unwrap_or_default())
    }

    /// The tap.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Runs SQL that a right schema does not refuse, and gives the rows of its last statement.
    pub async fn rows(&self, sql: &str) -> Outcome<Rows> {
        carried_out(&mut *self.client().await?, sql).await
    }

    /// How many rows a query finds that begins with `FROM`.
    pub async fn count(&self, from: &str) -> Outcome<u64> {
        counted(&self.rows(&format!("SELECT count(*) {from}")).await?)
    }

    /// The columns of a table in their order; none where there is no such table.
    pub async fn columns(&self, table: &str) -> Outcome<Vec<String>> {
        let sql = format!(
            "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attrelid = to_regclass('{table}') \
             AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        );
        Ok(self.rows(&sql).await?.into_iter().flatten().flatten().collect())
    }

    /// Tables with their columns, constraints and indexes, one per line, without what a migration tool keeps for itself.
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

    /// The columns of any table in which one of these texts stands, as `table.column`.
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

    /// Tries statements out in a transaction that is taken back in the end.
    pub async fn rehearse(&self, body: impl AsyncFnOnce(&mut Rehearsal<'_>) -> Outcome) -> Outcome {
        let mut client = self.client().await?;
        carried_out(&mut client, "BEGIN").await?;
        let outcome = body(&mut Rehearsal { client: &mut client }).await;
        let ended = carried_out(&mut client, "ROLLBACK").await;
        outcome.and(ended.map(drop))
    }

    /// Does something in a transaction that stays open until the value is dropped, and is then taken back.
    pub async fn hold(&self, sql: &str) -> Outcome<Held> {
        let mut client = Client::connect(self.database.address()).await.map_err(lost)?;
        client.query(FIND).await.map_err(lost)?;
        carried_out(&mut client, &format!("BEGIN; {sql}")).await?;
        Ok(Held { _client: client })
    }

    /// Waits until so many connections wait for a lock, but not for longer than a moment.
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

    /// Adds a row for every row of `from`, for good, and says why where the database does not take it. Values are SQL.
    pub async fn insert(&self, table: &str, values: &[(&str, &str)], from: &str) -> Outcome<Result<(), Refusal>> {
        insert(&mut *self.client().await?, table, values, from).await
    }

    /// What a request makes the server execute, housekeeping left out. Nothing else may be on the way meanwhile.
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

    /// Removes the database, whoever still uses it.
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
        self.tap.mark()
    }

    fn since(&self, mark: Option<Mark>) -> Passed {
        let seen = self.tap.since(mark.unwrap_or(self.first));
        let outage = seen.troubles.iter().find_map(|(_, trouble)| match trouble {
            Trouble::Unreachable(why) => Some(format!("the database could not be reached: {why}")),
            // Class 57P: the service is shutting down, was killed, or is not up yet.
            Trouble::Refused(error) if error.code.starts_with("57P") => Some(format!("the database was unavailable: {error}")),
            Trouble::Refused(_) | Trouble::Unreadable(_) => None,
        });
        let events = seen.executed().map(|statement| (statement.at, statement.to_string())).collect();
        Passed { events, outage }
    }
}

/// An open transaction.
pub struct Held {
    _client: Client,
}

/// A transaction that is taken back in the end.
pub struct Rehearsal<'a> {
    client: &'a mut Client,
}

impl Rehearsal<'_> {
    /// Runs SQL that a right schema does not refuse.
    pub async fn run(&mut self, sql: &str) -> Outcome<Rows> {
        carried_out(self.client, sql).await
    }

    /// How many rows a query finds that begins with `FROM`.
    pub async fn count(&mut self, from: &str) -> Outcome<u64> {
        counted(&self.run(&format!("SELECT count(*) {from}")).await?)
    }

    /// Runs SQL, checks what is deferred to the end of a transaction, and says whether the database refuses it. What was
    /// not refused stays.
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

/// Adds rows of these columns. Where the table wants more that has no default, the rest is taken from a row it has.
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
        // A value is missing in a column that is none of ours.
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

/// Runs SQL; a refusal is an answer too.
async fn ask(client: &mut Client, sql: &str) -> Outcome<Result<Rows, Refusal>> {
    match client.query(sql).await {
        Ok(rows) => Ok(Ok(rows)),
        Err(Fault::Refused { code, message }) => Ok(Err(Refusal { code, message })),
        Err(fault) => Err(lost(fault)),
    }
}

async fn carried_out(client: &mut Client, sql: &str) -> Outcome<Rows> {
    ask(client, sql).await?.map_err(|refusal| {
        // 55P03 and 57014: a lock that is not let go, and our own patience. Class 57 and 53: the service has its own troubles.
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

/// A text as SQL writes it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
