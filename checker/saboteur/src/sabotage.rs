//! A sabotage: what it breaks, and the hooks that break it.
//!
//! An entry of the catalogue chains hooks. Whatever it does not hook passes unchanged:
//!
//! ```text
//! wrong("create-answers-200", &["1.create"], "POST answers 200 instead of 201.")
//!     .response(creates, |_, response| response.set_status(200)),
//! ```

use std::pin::Pin;

use hyper::Method;

use crate::database::{Database, DatabaseError, UPSTREAM_SCHEMA};
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::log::{Line, StatusRewriter};
use crate::startup::{AfterExit, Startup};

/// One named way to be wrong.
pub struct Sabotage {
    /// The name in kebab case. It is unique.
    pub name: &'static str,
    /// The step whose contract it breaks; 0 for the control.
    pub step: u8,
    /// What is wrong, in one sentence.
    pub breaks: &'static str,
    /// The checks that must fail. Those that need them are skipped, and every other check passes.
    pub trips: &'static [&'static str],
    hooks: Hooks,
    statuses: StatusRewriter,
}

/// A sabotage without hooks, which breaks nothing yet. [`of_step`] adds the step.
pub fn wrong(name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Sabotage {
    Sabotage { name, step: 0, breaks, trips, hooks: Hooks::default(), statuses: StatusRewriter::default() }
}

/// The sabotages of a step, given those of each of its files.
pub fn of_step(step: u8, files: impl IntoIterator<Item = Vec<Sabotage>>) -> Vec<Sabotage> {
    files.into_iter().flatten().map(|sabotage| Sabotage { step, ..sabotage }).collect()
}

type When = Box<dyn Fn(&Request) -> bool>;
type ChangeRequest = Box<dyn Fn(&mut Request)>;
type ChangeResponse = Box<dyn Fn(&Request, &mut Response)>;
type ChangeLine = Box<dyn Fn(Line) -> Vec<Line>>;
type ChangeStartup = Box<dyn Fn(&mut Startup)>;

#[derive(Default)]
struct Hooks {
    requests: Vec<(When, ChangeRequest)>,
    instead: Option<(When, Box<dyn Respond>)>,
    responses: Vec<(When, ChangeResponse)>,
    log_lines: Vec<ChangeLine>,
    startup: Option<ChangeStartup>,
    before_start: Vec<Box<dyn Act>>,
    after_start: Vec<Box<dyn Act>>,
    before_stop: Vec<Box<dyn Act>>,
    mirrors_tables: bool,
    sends_body_to_head: bool,
    cut_body_status: Option<u16>,
}

impl Sabotage {
    /// Changes requests before the upstream server gets them.
    pub fn request(mut self, when: impl Fn(&Request) -> bool + 'static, change: impl Fn(&mut Request) + 'static) -> Self {
        self.hooks.requests.push((Box::new(when), Box::new(change)));
        self
    }

    /// Responds instead of the upstream server, to which it may send any number of requests. At most one per sabotage.
    pub fn instead(
        mut self,
        when: impl Fn(&Request) -> bool + 'static,
        respond: impl AsyncFn(Request, &Upstream) -> Result<Response, ConnectionLost> + 'static,
    ) -> Self {
        assert!(self.hooks.instead.is_none(), "{}: only one hook can respond instead of the upstream server", self.name);
        self.hooks.instead = Some((Box::new(when), Box::new(respond)));
        self
    }

    /// Changes responses before the client gets them. The request is the one that the client sent.
    pub fn response(
        mut self,
        when: impl Fn(&Request) -> bool + 'static,
        change: impl Fn(&Request, &mut Response) + 'static,
    ) -> Self {
        self.hooks.responses.push((Box::new(when), Box::new(change)));
        self
    }

    /// Replaces each line of the log with any number of lines.
    pub fn log_line(mut self, change: impl Fn(Line) -> Vec<Line> + 'static) -> Self {
        self.hooks.log_lines.push(Box::new(change));
        self
    }

    /// Changes how the server starts, or makes it exit at once.
    pub fn startup(mut self, change: impl Fn(&mut Startup) + 'static) -> Self {
        self.hooks.startup = Some(Box::new(change));
        self
    }

    /// Acts on the database before the upstream server starts. An error keeps the wrong server from starting.
    pub fn before_start(mut self, act: impl AsyncFn(&Database) -> Result<(), DatabaseError> + 'static) -> Self {
        self.hooks.before_start.push(Box::new(act));
        self
    }

    /// Acts on the database after the upstream server has started, before the first client connects.
    pub fn after_start(mut self, act: impl AsyncFn(&Database) -> Result<(), DatabaseError> + 'static) -> Self {
        self.hooks.after_start.push(Box::new(act));
        self
    }

    /// Acts on the database when a signal asks the server to stop.
    pub fn before_stop(mut self, act: impl AsyncFn(&Database) -> Result<(), DatabaseError> + 'static) -> Self {
        self.hooks.before_stop.push(Box::new(act));
        self
    }

    /// Runs SQL after the upstream server has created its tables, once in each database.
    pub fn alter_tables(self, sql: impl Into<String>) -> Self {
        let sql = sql.into();
        self.after_start(async move |database| database.run_once(&sql).await)
    }

    /// Moves the upstream server's tables to a schema of their own. The SQL `copies` creates tables in the schema `public`, where the
    /// checker looks; they may lack what the upstream server needs.
    pub fn mirror_tables(mut self, copies: impl Into<String>) -> Self {
        self.hooks.mirrors_tables = true;
        let create = format!("CREATE SCHEMA IF NOT EXISTS {UPSTREAM_SCHEMA}");
        self.before_start(async move |database| database.run_exclusively(&create).await).alter_tables(copies)
    }

    /// Sends the body in response to HEAD as well, which no HTTP library does.
    pub fn send_body_to_head(mut self) -> Self {
        self.hooks.sends_body_to_head = true;
        self
    }

    /// Responds with this status code if the connection ends before the request body does.
    pub fn respond_to_cut_body(mut self, status: u16) -> Self {
        self.hooks.cut_body_status = Some(status);
        self
    }

    /// The status code of the response to a request body that ends too early, if there is a response.
    pub fn cut_body_status(&self) -> Option<u16> {
        self.hooks.cut_body_status
    }

    /// Whether the response to HEAD has a body.
    pub fn sends_body_to_head(&self) -> bool {
        self.hooks.sends_body_to_head
    }

    /// Whether all messages pass unchanged, so that they can be streamed.
    pub fn is_transparent(&self) -> bool {
        self.hooks.requests.is_empty()
            && self.hooks.instead.is_none()
            && self.hooks.responses.is_empty()
            && self.hooks.cut_body_status.is_none()
    }

    /// Whether the log passes unchanged.
    pub fn keeps_log(&self) -> bool {
        self.hooks.log_lines.is_empty() && self.is_transparent()
    }

    /// The response to a client's request.
    pub async fn exchange(&self, sent: Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
        let mut request = sent.clone();
        for (when, change) in &self.hooks.requests {
            if when(&sent) {
                change(&mut request);
            }
        }
        let in_flight = self.statuses.begin(&request);
        let mut response = match &self.hooks.instead {
            Some((when, instead)) if when(&sent) => instead.respond(request, upstream).await?,
            _ => upstream.send(request).await?,
        };
        if sent.head.method == Method::HEAD {
            // Hooks change the response to GET. The one to HEAD may omit these headers, but must not differ (RFC 9110, section 9.3.2).
            response.remove_header("content-length");
            response.remove_header("content-type");
        }
        for (when, change) in &self.hooks.responses {
            if when(&sent) {
                change(&sent, &mut response);
            }
        }
        in_flight.end(upstream.last_status(), response.status());
        Ok(response)
    }

    /// The lines that replace a line of the log.
    pub async fn replace_line(&self, mut line: Line) -> Vec<Line> {
        line.text = self.statuses.rewrite(line.text).await;
        self.hooks.log_lines.iter().fold(vec![line], |lines, change| lines.into_iter().flat_map(change).collect())
    }

    /// How the server starts with these values of `PORT` and `DATABASE_URL`.
    pub fn plan_startup(&self, port: String, database_url: String) -> Startup {
        let mut startup = Startup { port, database_url, variables: Vec::new(), error: None, after_exit: AfterExit::SameCode };
        if let Some(change) = &self.hooks.startup {
            change(&mut startup);
        }
        startup
    }

    /// The upstream server's `DATABASE_URL`, given the checker's.
    pub fn upstream_database_url(&self, url: &str) -> String {
        match self.hooks.mirrors_tables {
            true => format!("{url}?options=-c%20search_path%3D{UPSTREAM_SCHEMA}"),
            false => url.to_owned(),
        }
    }

    /// Runs the hooks that are due before the upstream server starts.
    pub async fn act_before_start(&self, database: &Database) -> Result<(), DatabaseError> {
        run_all(&self.hooks.before_start, database).await
    }

    /// Runs the hooks that are due between the start of the upstream server and the first client.
    pub async fn act_after_start(&self, database: &Database) -> Result<(), DatabaseError> {
        run_all(&self.hooks.after_start, database).await
    }

    /// Runs the hooks that are due before the upstream server stops.
    pub async fn act_before_stop(&self, database: &Database) -> Result<(), DatabaseError> {
        run_all(&self.hooks.before_stop, database).await
    }
}

async fn run_all(acts: &[Box<dyn Act>], database: &Database) -> Result<(), DatabaseError> {
    for act in acts {
        act.run(database).await?;
    }
    Ok(())
}

/// An async closure behind a pointer.
trait Respond {
    fn respond<'a>(
        &'a self,
        request: Request,
        upstream: &'a Upstream,
    ) -> Pin<Box<dyn Future<Output = Result<Response, ConnectionLost>> + 'a>>;
}

impl<F: AsyncFn(Request, &Upstream) -> Result<Response, ConnectionLost>> Respond for F {
    fn respond<'a>(
        &'a self,
        request: Request,
        upstream: &'a Upstream,
    ) -> Pin<Box<dyn Future<Output = Result<Response, ConnectionLost>> + 'a>> {
        Box::pin(self(request, upstream))
    }
}

/// An async closure behind a pointer.
trait Act {
    fn run<'a>(&'a self, database: &'a Database) -> Pin<Box<dyn Future<Output = Result<(), DatabaseError>> + 'a>>;
}

impl<F: AsyncFn(&Database) -> Result<(), DatabaseError>> Act for F {
    fn run<'a>(&'a self, database: &'a Database) -> Pin<Box<dyn Future<Output = Result<(), DatabaseError>> + 'a>> {
        Box::pin(self(database))
    }
}
