//! An OAuth 2.0 provider (RFC 6749) of the checker's own, with one user who always agrees. It lives on the checker's own thread,
//! records what it is asked, and can be told to misbehave.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{AbortHandle, JoinSet};

use model::base64;
use model::form::{self, Fields};

/// Where users agree, where codes become tokens, and where tokens tell whose they are.
const AUTHORIZE: &str = "/authorize";
const TOKEN: &str = "/token";
const USERINFO: &str = "/userinfo";
/// The most bytes of a body that are read.
const BODY_LIMIT: usize = 64 * 1024;

/// The user of the provider.
#[derive(Debug, Clone)]
pub struct Person {
    /// What never changes of a user, for the provider.
    pub subject: String,
    /// The e-mail address.
    pub email: String,
    /// Whether it is known to belong to the user.
    pub verified: bool,
    /// The name.
    pub name: String,
}

/// How the token endpoint behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// As the standard says.
    Proper,
    /// It takes requests and never answers.
    Silent,
    /// It answers 200 with a page.
    Garbled,
    /// It answers 500.
    Failing,
}

/// A request to the token endpoint.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The fields of its form.
    pub fields: Fields,
    /// The `code_challenge` that came with the code's authorization request; none if the code is unknown.
    pub challenge: Option<String>,
    /// Why it was refused, if it was.
    pub refusal: Option<String>,
}

/// A provider. Its connections end with it.
pub struct Provider {
    address: SocketAddr,
    shared: Rc<Shared>,
    listening: AbortHandle,
}

/// Nobody listens on this port as long as the value lives.
pub struct ClosedPort {
    address: SocketAddr,
    _socket: TcpSocket,
}

struct Shared {
    person: RefCell<Person>,
    conduct: Cell<Conduct>,
    client: (String, String),
    /// The authorization requests of codes that were not used yet.
    codes: RefCell<HashMap<String, Fields>>,
    tokens: RefCell<HashMap<String, Person>>,
    requests: RefCell<Vec<TokenRequest>>,
}

impl Provider {
    /// A provider on a free port of the loopback address. Must be called within a `LocalSet`.
    ///
    /// # Errors
    ///
    /// There is no port.
    pub async fn start(person: Person) -> io::Result<Provider> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Rc::new(Shared {
            person: person.into(),
            conduct: Cell::new(Conduct::Proper),
            // Both hold what has to be escaped in a form, and in the user and password of Basic (RFC 6749, section 2.3.1).
            client: (format!("habits {}", random(8)), format!("{}+/=%", random(24))),
            codes: RefCell::default(),
            tokens: RefCell::default(),
            requests: RefCell::default(),
        });
        let listening = tokio::task::spawn_local(listen(listener, shared.clone())).abort_handle();
        Ok(Provider { address, shared, listening })
    }

    /// Scheme, host and port.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables by which a server learns of it.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        let (id, secret) = self.shared.client.clone();
        let url = |path| format!("{}{path}", self.base());
        [
            ("OAUTH_CLIENT_ID", id),
            ("OAUTH_CLIENT_SECRET", secret),
            ("OAUTH_AUTHORIZE_URL", url(AUTHORIZE)),
            ("OAUTH_TOKEN_URL", url(TOKEN)),
            ("OAUTH_USERINFO_URL", url(USERINFO)),
        ]
    }

    /// Another user signs in from now on.
    pub fn admit(&self, person: Person) {
        self.shared.person.replace(person);
    }

    /// Behaves in another way from now on.
    pub fn behave(&self, conduct: Conduct) {
        self.shared.conduct.set(conduct);
    }

    /// What the token endpoint was asked so far.
    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.shared.requests.borrow().clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl ClosedPort {
    /// Keeps a port from others.
    ///
    /// # Errors
    ///
    /// There is no port.
    pub fn hold() -> io::Result<ClosedPort> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(ClosedPort { address: socket.local_addr()?, _socket: socket })
    }

    /// A URL that leads there.
    pub fn url(&self) -> String {
        format!("http://{}{TOKEN}", self.address)
    }
}

/// The `S256` challenge of a verifier (RFC 7636, section 4.2).
pub fn challenge(verifier: &str) -> String {
    base64::encode_url(&hmac_sha256::Hash::hash(verifier.as_bytes()))
}

async fn listen(listener: TcpListener, shared: Rc<Shared>) {
    // Dropped with this task, and its tasks with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let shared = shared.clone();
        connections.spawn_local(async move {
            let service = service_fn(|request| answer(request, shared.clone()));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Reply = Response<Full<Bytes>>;

async fn answer(request: Request<Incoming>, shared: Rc<Shared>) -> Result<Reply, Infallible> {
    let (head, body) = request.into_parts();
    let field = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    Ok(match (&head.method, head.uri.path()) {
        (&Method::GET, AUTHORIZE) => authorize(&shared, form::read(head.uri.query().unwrap_or_default())),
        (&Method::POST, TOKEN) => {
            let body =
                Limited::new(body, BODY_LIMIT).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let is_form = field("content-type").starts_with("application/x-www-form-urlencoded");
            let fields = if is_form { form::read(&String::from_utf8_lossy(&body)) } else { Fields::new() };
            token(&shared, fields, &field("authorization")).await
        }
        (&Method::GET, USERINFO) => userinfo(&shared, &field("authorization")),
        _ => told(404, &json!({ "error": "not_found" })),
    })
}

/// The user agrees: back to where the client wants it, with a code.
fn authorize(shared: &Shared, query: Fields) -> Reply {
    let field = |name| form::value(&query, name);
    let wrong = match (field("response_type"), field("client_id"), field("redirect_uri")) {
        (Some("code"), Some(id), Some(_)) if id == shared.client.0 => None,
        (Some("code"), Some(_), Some(_)) => Some("another client_id"),
        (Some("code"), ..) => Some("client_id or redirect_uri is missing"),
        _ => Some("response_type is not code"),
    };
    if let Some(wrong) = wrong {
        return told(400, &json!({ "error": "invalid_request", "error_description": wrong }));
    }
    let code = random(24);
    let redirect = field("redirect_uri").unwrap_or_default();
    let joint = if redirect.contains('?') { '&' } else { '?' };
    let back = form::write([("code", code.as_str())].into_iter().chain(field("state").map(|state| ("state", state))));
    let location = format!("{redirect}{joint}{back}");
    shared.codes.borrow_mut().insert(code, query);
    let reply = Response::builder().status(302).header("location", location).body(Full::default());
    reply.unwrap_or_else(|_| told(400, &json!({ "error": "invalid_request" })))
}

/// A code becomes a token, once.
async fn token(shared: &Shared, fields: Fields, authorization: &str) -> Reply {
    let code = form::value(&fields, "code").unwrap_or_default();
    let asked = shared.codes.borrow_mut().remove(code);
    let challenge = asked.as_ref().and_then(|asked| form::value(asked, "code_challenge")).map(str::to_owned);
    let field = |name| form::value(&fields, name);
    let same_redirect = asked.as_ref().is_some_and(|asked| form::value(asked, "redirect_uri") == field("redirect_uri"));
    let refusal = match field("grant_type") {
        _ if !knows_client(shared, &fields, authorization) => Some(("invalid_client", "client_id or client_secret is wrong")),
        Some("authorization_code") if asked.is_none() => Some(("invalid_grant", "the code is unknown, or was used")),
        Some("authorization_code") if !same_redirect => Some(("invalid_grant", "redirect_uri is not that of the code")),
        Some("authorization_code") => None,
        _ => Some(("unsupported_grant_type", "grant_type is not authorization_code, or this is no form")),
    };
    let told_refusal = refusal.map(|(_, why)| why.to_owned());
    shared.requests.borrow_mut().push(TokenRequest { fields: fields.clone(), challenge, refusal: told_refusal });
    match (shared.conduct.get(), refusal) {
        (Conduct::Silent, _) => std::future::pending().await,
        (Conduct::Garbled, _) => page(200, "text/html", "<!doctype html><title>Welcome</title>"),
        (Conduct::Failing, _) => page(500, "text/plain", "out of order"),
        (Conduct::Proper, Some((error, why))) => told(400, &json!({ "error": error, "error_description": why })),
        (Conduct::Proper, None) => {
            let token = random(32);
            shared.tokens.borrow_mut().insert(token.clone(), shared.person.borrow().clone());
            told(
                200,
                &json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "openid email profile" }),
            )
        }
    }
}

/// Whether the client proves itself, in the header field or in the form (RFC 6749, section 2.3.1).
fn knows_client(shared: &Shared, fields: &Fields, authorization: &str) -> bool {
    let (id, secret) = &shared.client;
    let basic = authorization.strip_prefix("Basic ").and_then(base64::decode);
    if let Some(pair) = basic.as_deref().and_then(|pair| str::from_utf8(pair).ok()) {
        // Not everybody escapes the two, though they should.
        return pair == format!("{id}:{secret}")
            || pair.split_once(':').is_some_and(|(i, s)| form::decoded(i) == *id && form::decoded(s) == *secret);
    }
    form::value(fields, "client_id") == Some(id) && form::value(fields, "client_secret") == Some(secret)
}

fn userinfo(shared: &Shared, authorization: &str) -> Reply {
    let tokens = shared.tokens.borrow();
    match authorization.strip_prefix("Bearer ").and_then(|token| tokens.get(token)) {
        Some(Person { subject, email, verified, name }) => {
            told(200, &json!({ "sub": subject, "email": email, "email_verified": verified, "name": name }))
        }
        None => told(401, &json!({ "error": "invalid_token" })),
    }
}

fn told(status: u16, body: &Value) -> Reply {
    page(status, "application/json", &body.to_string())
}

fn page(status: u16, media_type: &'static str, text: &str) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *reply.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    reply.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(media_type));
    reply
}

fn random(length: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Request, Token};
    use probe::Probe;

    #[test]
    fn the_example_of_rfc_7636_comes_out() {
        // Appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_code_becomes_a_token_once_and_the_token_tells_whose_it_is() {
        within(async {
            let person = Person { subject: "7".into(), email: "ada@example.com".into(), verified: true, name: "Ada".into() };
            let provider = Provider::start(person).await.expect("a port");
            let (id, secret) = provider.shared.client.clone();
            let probe = Probe::new(&provider.base());
            let redirect = ("redirect_uri", "https://habits.example.com/callback");
            let query = form::write([("response_type", "code"), ("client_id", &id), redirect, ("state", "a b")]);
            let answer = probe.send(Request::new("GET", format!("{AUTHORIZE}?{query}"))).await.expect("an answer");
            let location = answer.header("location").expect("a location").to_owned();
            let back = form::read(location.split_once('?').expect("a query").1);
            let code = form::value(&back, "code").expect("a code");
            assert_eq!(form::value(&back, "state"), Some("a b"));
            let asked = |secret: &str| {
                let fields = [
                    ("grant_type", "authorization_code"),
                    ("code", code),
                    redirect,
                    ("client_id", &id),
                    ("client_secret", secret),
                ];
                Request::new("POST", TOKEN).header("content-type", "application/x-www-form-urlencoded").body(form::write(fields))
            };
            let answer = probe.send(asked(&secret)).await.expect("an answer");
            let token = answer.json().expect("JSON")["access_token"].as_str().expect("a token").to_owned();
            let answer = probe.send(Request::new("GET", USERINFO).bearer(&Token::own(&token))).await.expect("an answer");
            assert_eq!(answer.json().expect("JSON")["email"], "ada@example.com");
            let refused = [probe.send(asked(&secret)).await, probe.send(asked("guessed")).await];
            for answer in refused {
                assert_eq!(answer.expect("an answer").code(), 400);
            }
            let refusals: Vec<_> = provider.token_requests().into_iter().map(|asked| asked.refusal.is_some()).collect();
            assert_eq!(refusals, [false, true, true]);
        });
    }

    #[test]
    fn nobody_listens_on_a_closed_port() {
        within(async {
            let port = ClosedPort::hold().expect("a port");
            let exchange = Probe::new(port.url().trim_end_matches(TOKEN)).exchange(Request::new("GET", "/")).await;
            assert!(matches!(exchange.reply, Err(model::NoAnswer::Refused)));
        });
    }

    fn within(body: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(tokio::task::LocalSet::new().run_until(body));
    }
}
