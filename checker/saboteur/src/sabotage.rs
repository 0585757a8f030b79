//! A sabotage: what it breaks, and the hooks by which it does.
//!
//! An entry of the catalogue chains hooks; whatever it does not hook passes unchanged:
//!
//! ```text
//! wrong("create-answers-200", &["1.create"], "POST answers 200 instead of 201.")
//!     .answer(creates, |_, answer| answer.set_status(200)),
//! ```

use std::pin::Pin;

use hyper::Method;

use crate::database::{Database, Failed, OWN};
use crate::ledger::Ledger;
use crate::message::{Answer, Request};
use crate::start::{Ending, Start};
use crate::upstream::{Lost, Upstream};

/// One named way to be wrong.
pub struct Sabotage {
    /// Kebab-case, unique.
    pub name: &'static str,
    /// The step whose contract it breaks.
    pub step: u8,
    /// What is wrong, in one sentence.
    pub breaks: &'static str,
    /// The checks that must fail. Those that need them are skipped, and every other check passes.
    pub trips: &'static [&'static str],
    hooks: Hooks,
    ledger: Ledger,
}

type When = Box<dyn Fn(&Request) -> bool>;
type ChangeRequest = Box<dyn Fn(&mut Request)>;
type ChangeAnswer = Box<dyn Fn(&Request, &mut Answer)>;
type ChangeLine = Box<dyn Fn(Line) -> Vec<Line>>;
type ChangeStart = Box<dyn Fn(&mut Start)>;

#[derive(Default)]
struct Hooks {
    requests: Vec<(When, ChangeRequest)>,
    instead: Option<(When, Box<dyn Instead>)>,
    answers: Vec<(When, ChangeAnswer)>,
    lines: Vec<ChangeLine>,
    start: Option<ChangeStart>,
    before: Vec<Box<dyn Act>>,
    ready: Vec<Box<dyn Act>>,
    end: Vec<Box<dyn Act>>,
    is_mirrored: bool,
    sends_body_to_head: bool,
    half_a_body: Option<u16>,
}

impl Sabotage {
    /// A sabotage without hooks, which breaks nothing yet.
    pub fn new(step: u8, name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Self {
        Sabotage { name, step, breaks, trips, hooks: Hooks::default(), ledger: Ledger::default() }
    }

    /// Changes requests before the right server sees them.
    pub fn request(mut self, when: impl Fn(&Request) -> bool + 'static, change: impl Fn(&mut Request) + 'static) -> Self {
        self.hooks.requests.push((Box::new(when), Box::new(change)));
        self
    }

    /// Answers in the place of the right server, which it may ask as often as it likes. At most one per sabotage.
    pub fn instead(
        mut self,
        when: impl Fn(&Request) -> bool + 'static,
        answer: impl AsyncFn(Request, &Upstream) -> Result<Answer, Lost> + 'static,
    ) -> Self {
        assert!(self.hooks.instead.is_none(), "{}: only one hook can answer instead", self.name);
        self.hooks.instead = Some((Box::new(when), Box::new(answer)));
        self
    }

    /// Changes answers before the client sees them. The request is the one the client sent.
    pub fn answer(mut self, when: impl Fn(&Request) -> bool + 'static, change: impl Fn(&Request, &mut Answer) + 'static) -> Self {
        self.hooks.answers.push((Box::new(when), Box::new(change)));
        self
    }

    /// Turns each line of the log into the lines that are written in its place.
    pub fn line(mut self, change: impl Fn(Line) -> Vec<Line> + 'static) -> Self {
        self.hooks.lines.push(Box::new(change));
        self
    }

    /// Changes how the server starts, or whether it does.
    pub fn start(mut self, change: impl Fn(&mut Start) + 'static) -> Self {
        self.hooks.start = Some(Box::new(change));
        self
    }

    /// Acts on the database before the right server starts; what it fails with is why the wrong server does not start.
    pub fn before(mut self, act: impl AsyncFn(&Database) -> Result<(), Failed> + 'static) -> Self {
        self.hooks.before.push(Box::new(act));
        self
    }

    /// Acts on the database after the right server has started, before its first client.
    pub fn ready(mut self, act: impl AsyncFn(&Database) -> Result<(), Failed> + 'static) -> Self {
        self.hooks.ready.push(Box::new(act));
        self
    }

    /// Acts on the database when the server is told to stop.
    pub fn end(mut self, act: impl AsyncFn(&Database) -> Result<(), Failed> + 'static) -> Self {
        self.hooks.end.push(Box::new(act));
        self
    }

    /// Changes the tables after the right server has made them, once in each database.
    pub fn tables(self, sql: impl Into<String>) -> Self {
        let sql = sql.into();
        self.ready(async move |database| database.run_once(&sql).await)
    }

    /// Hides the right server's tables in the schema `own`. What `copies` makes of them in the schema `public`, where the checker
    /// looks, may lack what the right server cannot do without.
    pub fn mirrored(mut self, copies: impl Into<String>) -> Self {
        self.hooks.is_mirrored = true;
        self.before(async |database| database.run_alone(&format!("CREATE SCHEMA IF NOT EXISTS {OWN}")).await).tables(copies)
    }

    /// Sends the body to HEAD as well, which no HTTP library can be made to do.
    pub fn sending_body_to_head(mut self) -> Self {
        self.hooks.sends_body_to_head = true;
        self
    }

    /// Answers with this status where the connection ends before the body does, in the place of the right server, which never hears
    /// of it.
    pub fn answering_half_a_body(mut self, status: u16) -> Self {
        self.hooks.half_a_body = Some(status);
        self
    }

    /// What a body is answered with that ends too early.
    pub fn half_a_body(&self) -> Option<u16> {
        self.hooks.half_a_body
    }

    /// Whether HEAD gets a body.
    pub fn sends_body_to_head(&self) -> bool {
        self.hooks.sends_body_to_head
    }

    /// Whether messages pass through as they are, so that they need not be held in memory.
    pub fn is_transparent(&self) -> bool {
        self.hooks.requests.is_empty()
            && self.hooks.instead.is_none()
            && self.hooks.answers.is_empty()
            && self.hooks.half_a_body.is_none()
    }

    /// Whether the log passes through as it is.
    pub fn leaves_log_alone(&self) -> bool {
        self.hooks.lines.is_empty() && self.is_transparent()
    }

    /// What the client gets for its request.
    pub async fn exchange(&self, sent: Request, upstream: &Upstream) -> Result<Answer, Lost> {
        let mut request = sent.clone();
        for (when, change) in &self.hooks.requests {
            if when(&sent) {
                change(&mut request);
            }
        }
        let open = self.ledger.open(&request);
        let mut answer = match &self.hooks.instead {
            Some((when, instead)) if when(&sent) => instead.answer(request, upstream).await?,
            _ => upstream.send(request).await?,
        };
        if sent.head.method == Method::HEAD {
            // Hooks change what GET answers. RFC 9110, section 9.3.2: HEAD may leave these out, but not differ.
            answer.remove_header("content-length");
            answer.remove_header("content-type");
        }
        for (when, change) in &self.hooks.answers {
            if when(&sent) {
                change(&sent, &mut answer);
            }
        }
        open.answered(upstream.last_status(), answer.status());
        Ok(answer)
    }

    /// What is written in the place of a line of the log.
    pub async fn lines(&self, mut line: Line) -> Vec<Line> {
        line.text = self.ledger.corrected(line.text).await;
        self.hooks.lines.iter().fold(vec![line], |lines, change| lines.into_iter().flat_map(change).collect())
    }

    /// How the server starts where `PORT` and `DATABASE_URL` have these texts.
    pub fn starting(&self, port: String, database_url: String) -> Start {
        let mut start = Start { port, database_url, variables: Vec::new(), refusal: None, ending: Ending::AsTheServer };
        if let Some(change) = &self.hooks.start {
            change(&mut start);
        }
        start
    }

    /// The database as the right server is to see it, given how the checker names it.
    pub fn inner_url(&self, url: &str) -> String {
        match self.hooks.is_mirrored {
            true => format!("{url}?options=-c%20search_path%3D{OWN}"),
            false => url.to_owned(),
        }
    }

    /// Does what is due before the right server starts.
    pub async fn act_before(&self, database: &Database) -> Result<(), Failed> {
        act(&self.hooks.before, database).await
    }

    /// Does what is due between the start of the right server and its first client.
    pub async fn act_when_ready(&self, database: &Database) -> Result<(), Failed> {
        act(&self.hooks.ready, database).await
    }

    /// Does what is due at the end.
    pub async fn act_at_end(&self, database: &Database) -> Result<(), Failed> {
        act(&self.hooks.end, database).await
    }
}

async fn act(acts: &[Box<dyn Act>], database: &Database) -> Result<(), Failed> {
    for one in acts {
        one.act(database).await?;
    }
    Ok(())
}

/// A line of the right server's log, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it was written.
    pub stream: Stream,
    /// The line.
    pub text: String,
}

/// Where a line of a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// An async closure behind a pointer.
trait Instead {
    fn answer<'a>(&'a self, request: Request, upstream: &'a Upstream)
    -> Pin<Box<dyn Future<Output = Result<Answer, Lost>> + 'a>>;
}

impl<F: AsyncFn(Request, &Upstream) -> Result<Answer, Lost>> Instead for F {
    fn answer<'a>(
        &'a self,
        request: Request,
        upstream: &'a Upstream,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Lost>> + 'a>> {
        Box::pin(self(request, upstream))
    }
}

/// An async closure behind a pointer.
trait Act {
    fn act<'a>(&'a self, database: &'a Database) -> Pin<Box<dyn Future<Output = Result<(), Failed>> + 'a>>;
}

impl<F: AsyncFn(&Database) -> Result<(), Failed>> Act for F {
    fn act<'a>(&'a self, database: &'a Database) -> Pin<Box<dyn Future<Output = Result<(), Failed>> + 'a>> {
        Box::pin(self(database))
    }
}
