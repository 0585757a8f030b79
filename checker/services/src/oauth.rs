//! An OAuth 2.0 provider (RFC 6749) that the checker plays itself. Its one user always consents. It records the requests to
//! its token endpoint, which can be told to fail.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::loopback::{Fault, FaultSwitch, LoopbackServer, inject_fault};
use crate::form::{self, Fields};

/// Where users consent, where codes become tokens, and where a token says whose it is.
const AUTHORIZE: &str = "/authorize";
const TOKEN: &str = "/token";
const USERINFO: &str = "/userinfo";

/// The user of the provider.
#[derive(Debug, Clone)]
pub struct Person {
    /// The provider's id of the user, which never changes.
    pub subject: String,
    /// The e-mail address.
    pub email: String,
    /// Whether the provider has verified that the address belongs to the user.
    pub verified: bool,
    /// The name.
    pub name: String,
}

/// A request to the token endpoint.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The fields of its form.
    pub fields: Fields,
    /// The `code_challenge` of the authorization request that led to the code; none if the code is unknown.
    pub challenge: Option<String>,
    /// Why it was refused, if it was.
    pub refusal: Option<&'static str>,
}

/// A running provider. Dropping it closes its port and its connections.
pub struct Provider {
    server: LoopbackServer,
    shared: Arc<Shared>,
}

impl Provider {
    /// Starts a provider with this user on a free port.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub async fn start(user: Person) -> io::Result<Provider> {
        let shared = Arc::new(Shared::new(user));
        let server = LoopbackServer::start(router(shared.clone())).await?;
        Ok(Provider { server, shared })
    }

    /// Scheme, host and port.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The variables that tell a server about this provider.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        let url = |path| format!("{}{path}", self.base_url());
        [
            ("OAUTH_CLIENT_ID", self.shared.client_id.clone()),
            ("OAUTH_CLIENT_SECRET", self.shared.client_secret.clone()),
            ("OAUTH_AUTHORIZE_URL", url(AUTHORIZE)),
            ("OAUTH_TOKEN_URL", url(TOKEN)),
            ("OAUTH_USERINFO_URL", url(USERINFO)),
        ]
    }

    /// Gives the tokens to come to another user.
    pub fn set_user(&self, user: Person) {
        self.shared.records().user = user;
    }

    /// Makes the token endpoint fail from now on, or work again.
    pub fn set_token_fault(&self, fault: Option<Fault>) {
        self.shared.token_fault.set(fault);
    }

    /// The requests to the token endpoint so far.
    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.shared.records().token_requests.clone()
    }
}

/// The `S256` challenge of a verifier (RFC 7636, section 4.2).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac_sha256::Hash::hash(verifier.as_bytes()))
}

/// The state of the application.
struct Shared {
    client_id: String,
    client_secret: String,
    token_fault: FaultSwitch,
    records: Mutex<Records>,
}

struct Records {
    /// Who gets the next token.
    user: Person,
    /// The authorization request of each code that was not used yet.
    authorizations: HashMap<String, Fields>,
    /// Whose each access token is.
    tokens: HashMap<String, Person>,
    token_requests: Vec<TokenRequest>,
}

impl Shared {
    fn new(user: Person) -> Shared {
        Shared {
            // Both hold what has to be escaped in a form, and in the user and password of Basic (RFC 6749, section 2.3.1).
            client_id: format!("habits {}", random(8)),
            client_secret: format!("{}+/=%", random(24)),
            token_fault: FaultSwitch::default(),
            records: Mutex::new(Records {
                user,
                authorizations: HashMap::new(),
                tokens: HashMap::new(),
                token_requests: Vec::new(),
            }),
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let token_fault = from_fn_with_state(shared.token_fault.clone(), inject_fault);
    Router::new()
        .route(AUTHORIZE, get(authorize))
        .route(TOKEN, post(token).route_layer(token_fault))
        .route(USERINFO, get(userinfo))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(shared)
}

/// The user consents: redirects to the client with a code (RFC 6749, section 4.1.2).
async fn authorize(State(shared): State<Arc<Shared>>, Query(query): Query<Fields>) -> Result<impl IntoResponse, Refusal> {
    let field = |name| form::value(&query, name);
    if field("response_type") != Some("code") {
        return Err(Refusal::new("invalid_request", "response_type is not code"));
    }
    let (Some(client_id), Some(redirect_uri)) = (field("client_id"), field("redirect_uri")) else {
        return Err(Refusal::new("invalid_request", "client_id or redirect_uri is missing"));
    };
    if client_id != shared.client_id {
        return Err(Refusal::new("invalid_request", "another client_id"));
    }
    let code = random(24);
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    let grant = form::write([("code", code.as_str())].into_iter().chain(field("state").map(|state| ("state", state))));
    let location = HeaderValue::try_from(format!("{redirect_uri}{separator}{grant}"))
        .map_err(|_| Refusal::new("invalid_request", "redirect_uri cannot stand in a header"))?;
    shared.records().authorizations.insert(code, query);
    Ok((StatusCode::FOUND, [(LOCATION, location)]))
}

/// Exchanges a code for an access token, once (RFC 6749, sections 4.1.3 and 4.1.4).
async fn token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    form: Result<Form<Fields>, FormRejection>,
) -> Result<Json<Value>, Refusal> {
    // A body that is no form is recorded too.
    let fields = form.map(|Form(fields)| fields).unwrap_or_default();
    let mut records = shared.records();
    let authorization = form::value(&fields, "code").and_then(|code| records.authorizations.remove(code));
    let verdict = verify(&shared, &headers, &fields, authorization.as_ref());
    records.token_requests.push(TokenRequest {
        fields,
        challenge: authorization.and_then(|query| form::value(&query, "code_challenge").map(str::to_owned)),
        refusal: verdict.err().map(|refusal| refusal.description),
    });
    verdict?;
    let token = random(32);
    let user = records.user.clone();
    records.tokens.insert(token.clone(), user);
    Ok(Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "openid email profile" })))
}

/// Verifies a request for a token; `authorization` is the authorization request of its code.
fn verify(shared: &Shared, headers: &HeaderMap, fields: &Fields, authorization: Option<&Fields>) -> Result<(), Refusal> {
    if !is_authenticated(shared, headers, fields) {
        return Err(Refusal::new("invalid_client", "client_id or client_secret is wrong"));
    }
    if form::value(fields, "grant_type") != Some("authorization_code") {
        return Err(Refusal::new("unsupported_grant_type", "grant_type is not authorization_code, or this is no form"));
    }
    let Some(authorization) = authorization else {
        return Err(Refusal::new("invalid_grant", "the code is unknown, or was used"));
    };
    if form::value(fields, "redirect_uri") != form::value(authorization, "redirect_uri") {
        return Err(Refusal::new("invalid_grant", "redirect_uri is not that of the code"));
    }
    Ok(())
}

/// Whether the client authenticates, by HTTP Basic or in the form (RFC 6749, section 2.3.1).
fn is_authenticated(shared: &Shared, headers: &HeaderMap, fields: &Fields) -> bool {
    let (id, secret) = (&shared.client_id, &shared.client_secret);
    let basic = credentials(headers, "Basic").and_then(|text| STANDARD.decode(text).ok());
    if let Some(pair) = basic.and_then(|pair| String::from_utf8(pair).ok()) {
        // Some clients do not encode the two, though they should.
        return pair == format!("{id}:{secret}")
            || pair.split_once(':').is_some_and(|(i, s)| form::decode(i) == *id && form::decode(s) == *secret);
    }
    form::value(fields, "client_id") == Some(id) && form::value(fields, "client_secret") == Some(secret)
}

/// Says whose an access token is (OpenID Connect Core 1.0, section 5.3).
async fn userinfo(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let records = shared.records();
    match credentials(&headers, "Bearer").and_then(|token| records.tokens.get(token)) {
        Some(Person { subject, email, verified, name }) => {
            Json(json!({ "sub": subject, "email": email, "email_verified": verified, "name": name })).into_response()
        }
        None => (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_token" }))).into_response(),
    }
}

async fn not_found() -> (StatusCode, Json<Value>) {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "not_found" })))
}

/// Why a request is refused; becomes a response with status 400 (RFC 6749, section 5.2).
#[derive(Debug, Clone, Copy)]
struct Refusal {
    error: &'static str,
    description: &'static str,
}

impl Refusal {
    fn new(error: &'static str, description: &'static str) -> Refusal {
        Refusal { error, description }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

/// The credentials of this scheme in the header `Authorization`.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix(scheme)?.strip_prefix(' ')
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

    #[tokio::test]
    async fn a_code_becomes_a_token_once_and_the_token_tells_whose_it_is() {
        let provider = Provider::start(ada()).await.expect("a port");
        let [(_, id), (_, secret), ..] = provider.variables();
        let probe = Probe::new(&provider.base_url());
        let redirect = ("redirect_uri", "https://habits.example.com/callback");
        let query = form::write([("response_type", "code"), ("client_id", &id), redirect, ("state", "a b")]);
        let response = probe.send(Request::new("GET", format!("{AUTHORIZE}?{query}"))).await.expect("an answer");
        let location = response.header("location").expect("a location").to_owned();
        let back = form::read(location.split_once('?').expect("a query").1);
        let code = form::value(&back, "code").expect("a code");
        assert_eq!(form::value(&back, "state"), Some("a b"));
        let request = |secret: &str| {
            let fields =
                [("grant_type", "authorization_code"), ("code", code), redirect, ("client_id", &id), ("client_secret", secret)];
            Request::new("POST", TOKEN).header("content-type", "application/x-www-form-urlencoded").body(form::write(fields))
        };
        let response = probe.send(request(&secret)).await.expect("an answer");
        let token = response.json().expect("JSON")["access_token"].as_str().expect("a token").to_owned();
        let response = probe.send(Request::new("GET", USERINFO).bearer(&Token::own(&token))).await.expect("an answer");
        assert_eq!(response.json().expect("JSON")["email"], "ada@example.com");
        let refused = [probe.send(request(&secret)).await, probe.send(request("guessed")).await];
        for response in refused {
            assert_eq!(response.expect("an answer").code(), 400);
        }
        let refusals: Vec<_> = provider.token_requests().into_iter().map(|request| request.refusal.is_some()).collect();
        assert_eq!(refusals, [false, true, true]);
    }

    #[test]
    fn a_client_authenticates_in_the_form_or_by_basic_encoded_or_not() {
        let shared = Shared::new(ada());
        let (id, secret) = (&shared.client_id, &shared.client_secret);
        let form = |secret: &str| vec![("client_id".to_owned(), id.clone()), ("client_secret".to_owned(), secret.to_owned())];
        assert!(is_authenticated(&shared, &HeaderMap::new(), &form(secret)));
        assert!(!is_authenticated(&shared, &HeaderMap::new(), &form("guessed")));

        let basic = |id: &str, secret: &str| {
            let value = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(value).expect("a header value"))])
        };
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        for headers in [basic(id, secret), basic(&encoded(id), &encoded(secret))] {
            assert!(is_authenticated(&shared, &headers, &Fields::new()));
        }
        // The header counts, whatever the form says.
        assert!(!is_authenticated(&shared, &basic(id, "guessed"), &form(secret)));
    }

    fn ada() -> Person {
        Person { subject: "7".into(), email: "ada@example.com".into(), verified: true, name: "Ada".into() }
    }
}
