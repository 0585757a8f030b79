//! A visit to the provider and back, as a browser makes it.

pub use services::oauth::{Person, Provider};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::step_04::cookie::Jar;
use harness::api::{Api, ExtraServer};
use model::{Outcome, Request, Stop};
use probe::Response;
use services::form::{self, Fields};

/// Where a visit begins and where it ends.
pub const START: &str = "/auth/oauth/start";
pub const CALLBACK: &str = "/auth/oauth/callback";
/// Where people find the server. It is not where it listens.
pub const PUBLIC_URL: &str = "https://habits.example.com";
/// How long a server that knows this variable waits for others, in milliseconds.
const TIMEOUT: &str = "2000";
/// The length of a SHA-256 in base64 for URLs.
const CHALLENGE: usize = 43;

/// A visit: the browser's cookies, and what the server wants of the provider.
pub struct Visit {
    jar: Jar,
    start: Response,
    /// Where the browser is sent, without the query.
    to: String,
    query: Fields,
}

/// A server of its own on the shared database that knows a provider, the provider, and who will sign in there. `changed`
/// are variables with other values.
pub async fn server(api: &Api, changed: &[(&str, &str)]) -> Outcome<(ExtraServer, Provider, Person)> {
    let person = Person { subject: api.data.token(12), email: api.email(), verified: true, name: api.data.name() };
    let provider = Provider::start(person.clone()).await;
    let provider =
        provider.map_err(|error| Stop::Inconclusive(format!("the checker's OAuth provider found no free port: {error}")))?;
    let variables = provider.variables();
    let mut env: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    env.extend([("PUBLIC_URL", PUBLIC_URL), ("REQUEST_TIMEOUT_MS", TIMEOUT)]);
    env.extend(changed);
    Ok((api.start_on(api.backing()?, &env).await?, provider, person))
}

/// Every variable, with values of the right form that lead nowhere.
pub fn some_variables() -> [(&'static str, &'static str); 6] {
    [
        ("OAUTH_CLIENT_ID", "habits"),
        ("OAUTH_CLIENT_SECRET", "not very secret"),
        ("OAUTH_AUTHORIZE_URL", "http://127.0.0.1:9/authorize"),
        ("OAUTH_TOKEN_URL", "http://127.0.0.1:9/token"),
        ("OAUTH_USERINFO_URL", "http://127.0.0.1:9/userinfo"),
        ("PUBLIC_URL", PUBLIC_URL),
    ]
}

/// Fields of a query.
pub fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Visit {
    /// Begins a visit in a new browser.
    pub async fn start(api: &Api) -> Outcome<Visit> {
        let start = api.anonymous().get(START).await?;
        start.status(302)?;
        let location = start.header("location").unwrap_or_default();
        let (to, query) = location.split_once('?').unwrap_or((location, ""));
        let (to, query) = (to.to_owned(), form::read(query.split('#').next().unwrap_or_default()));
        let mut jar = Jar::default();
        jar.keep(&start, START);
        Ok(Visit { jar, start, to, query })
    }

    /// A field of the query that the provider gets; empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        form::value(&self.query, name).unwrap_or_default()
    }

    /// Fails unless the provider is asked as the contract says.
    pub fn expect_query(&self, provider: &Provider) -> Outcome {
        let variables = provider.variables();
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        if self.to != variable("OAUTH_AUTHORIZE_URL") {
            return Err(self
                .start
                .fail(format!("Location: {}?…", variable("OAUTH_AUTHORIZE_URL")), format!("Location: {}", self.to)));
        }
        let wanted = [
            ("response_type", "code"),
            ("client_id", variable("OAUTH_CLIENT_ID")),
            ("redirect_uri", &format!("{PUBLIC_URL}{CALLBACK}")),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in wanted {
            if self.field(name) != value {
                return Err(self.start.fail(format!("{name}={value}"), format!("{name}={}", self.field(name))));
            }
        }
        if self.field("state").len() < 8 {
            return Err(self.start.fail("a state that cannot be guessed", format!("state={}", self.field("state"))));
        }
        let challenge = self.field("code_challenge");
        match challenge.len() == CHALLENGE && URL_SAFE_NO_PAD.decode(challenge).is_ok() {
            true => Ok(()),
            false => {
                let expected = "code_challenge: a SHA-256 hash in base64url, without padding";
                Err(self.start.fail(expected, format!("code_challenge={challenge}")))
            }
        }
    }

    /// The user agrees; gives the query with which the browser comes back.
    pub async fn agree(&self, api: &Api, provider: &Provider) -> Outcome<Fields> {
        let query = form::write(self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let path = self.to.strip_prefix(&provider.base_url()).unwrap_or("/");
        let response = api.http.probe().beside(&provider.base_url()).send(Request::new("GET", format!("{path}?{query}"))).await?;
        let location = response.header("location").unwrap_or_default();
        match location.strip_prefix(PUBLIC_URL).and_then(|path| path.strip_prefix(CALLBACK)) {
            Some(query) if response.code() == 302 => Ok(form::read(query.trim_start_matches('?'))),
            _ => {
                let actual = if location.is_empty() { response.text() } else { format!("a redirect to {location}") };
                Err(self.start.fail(format!("an authorization request that redirects back to {PUBLIC_URL}{CALLBACK}"), actual))
            }
        }
    }

    /// The browser comes back.
    pub async fn go(&mut self, api: &Api, back: &Fields) -> Outcome<Response> {
        let query = form::write(back.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let request = self.jar.send(Request::new("GET", format!("{CALLBACK}?{query}")));
        let response = api.anonymous().http.send(request).await?;
        self.jar.keep(&response, CALLBACK);
        Ok(response)
    }

    /// Fails unless the callback refuses this query without asking the provider for a token.
    pub async fn expect_refused(&mut self, api: &Api, provider: &Provider, back: &Fields) -> Outcome {
        let before = provider.token_requests().len();
        let response = self.go(api, back).await?;
        response.status([400, 401, 403])?;
        match provider.token_requests().len() == before {
            true => Ok(()),
            false => Err(response.fail("no request to the token endpoint", "a request with the code")),
        }
    }

    /// What `GET /me` answers to whom the callback signed in: by the login's answer, by a cookie, or by a token on the way to
    /// another page. `None` if it signed nobody in.
    pub async fn me(&self, api: &Api, callback: &Response) -> Outcome<Option<Response>> {
        let body = callback.json().unwrap_or_default();
        let location = callback.header("location").unwrap_or_default();
        let fields = location.split(['?', '#']).skip(1).flat_map(form::read);
        let on_the_way = fields.into_iter().find(|(name, _)| matches!(name.as_str(), "access_token" | "token"));
        let token = body["access_token"].as_str().map(str::to_owned).or(on_the_way.map(|(_, value)| value));
        let response = match token {
            Some(token) => api.as_holder(&token).get("/me").await?,
            None => api.anonymous().http.send(self.jar.send(Request::new("GET", "/me"))).await?,
        };
        Ok((response.code() == 200).then_some(response))
    }
}
