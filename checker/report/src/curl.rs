//! A request as a command line that a learner can paste into a terminal.

use crate::repeated;
use model::shell::word;
use model::{Exchange, Holder, SignInPaths, Token};

/// Bodies longer than this are shown by their length instead.
const SHOWN: usize = 2000;

/// The request of `exchange` as a `curl` command for a POSIX shell, sent to the server at `base`.
pub fn curl(exchange: &Exchange, base: &str) -> String {
    let request = &exchange.request;
    let mut command = String::from("curl -i");
    match request.method.as_str() {
        "GET" if request.body.is_none() => {}
        "HEAD" => command = String::from("curl --head"),
        method => command += &format!(" -X {method}"),
    }
    if request.path.contains("/.") {
        // Without this, curl resolves the dots itself.
        command += " --path-as-is";
    }
    command += &format!(" {}", word(&format!("{base}{}", request.path)));
    for (name, value) in &request.headers {
        // curl removes a header without a value, unless it is written in this way.
        let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        let word = match needed_token(exchange, base) {
            // The shell inserts its own token.
            Some(token) if value.contains(&*token.text) => {
                format!("\"{}\"", field.replace(&*token.text, &format!("${}", variable(token.holder))))
            }
            _ => word(&field),
        };
        command += &format!(" \\\n  -H {word}");
    }
    if let Some(body) = &request.body {
        let text = String::from_utf8_lossy(body);
        if text.len() > SHOWN
            && is_plain(body)
            && let Some(printed) = repeated::printed(&text, SHOWN)
        {
            command = format!("{printed} |\n{command} \\\n  --data-binary @-");
        } else if text.len() > SHOWN {
            command += &format!(" \\\n  --data-binary @-   # {} bytes, in exchanges.har", body.len());
        } else if is_plain(body) {
            command += &format!(" \\\n  --data-binary {}", word(&text));
        } else {
            command = format!("printf '{}' | {command} \\\n  --data-binary @-", octal(body));
        }
    }
    command
}

/// Whether a terminal shows these bytes as they are.
fn is_plain(bytes: &[u8]) -> bool {
    let is_shown = |c: char| !c.is_control() && c != '\u{feff}' || c == '\n';
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_shown))
}

/// Bytes as the format of `printf` has them, between single quotes.
fn octal(bytes: &[u8]) -> String {
    let byte = |byte: &u8| match byte {
        b'\\' => r"\\".to_owned(),
        b'%' => "%%".to_owned(),
        b'\'' | ..b' ' | 0x7f.. => format!("\\{byte:03o}"),
        _ => char::from(*byte).to_string(),
    };
    bytes.iter().map(byte).collect()
}

/// The access token of the request, if the command has to read one from a shell variable instead: only the server that issued a
/// token accepts it.
pub fn needed_token<'a>(exchange: &'a Exchange, base: &str) -> Option<&'a Token> {
    exchange.request.token.as_ref().filter(|_| exchange.base != base)
}

/// The shell variable for a user's access token, and the commands that sign this user up at `base` and set the variable.
pub fn sign_in(paths: &SignInPaths, holder: Holder, base: &str) -> (&'static str, [String; 2]) {
    let name = match holder {
        Holder::Oneself => "me",
        Holder::Other => "other",
    };
    let body = format!(r#"{{"email":"{name}@example.com","password":"correct horse"}}"#);
    let post = |path: &str| format!("curl -s {base}{path} -H 'content-type: application/json' \\\n  --data-binary '{body}'");
    let token = r#"sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"#;
    let variable = variable(holder);
    (variable, [post(&paths.sign_up), format!("{variable}=$({} \\\n  | {token})", post(&paths.log_in))])
}

fn variable(holder: Holder) -> &'static str {
    match holder {
        Holder::Oneself => "TOKEN",
        Holder::Other => "OTHER_TOKEN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{NoResponse, Request};
    use serde_json::json;
    use std::time::{Duration, SystemTime};

    fn exchange(request: Request) -> Exchange {
        Exchange {
            base: "http://127.0.0.1:20000".into(),
            request,
            reply: Err(NoResponse::Refused),
            started: SystemTime::UNIX_EPOCH,
            duration: Duration::ZERO,
        }
    }

    fn shown(request: Request) -> String {
        curl(&exchange(request), "http://127.0.0.1:8000")
    }

    #[test]
    fn a_plain_get_needs_no_quotes() {
        assert_eq!(shown(Request::new("GET", "/habits/7")), "curl -i http://127.0.0.1:8000/habits/7");
    }

    #[test]
    fn a_token_of_the_examined_server_is_left_to_the_shell() {
        let request = Request::new("GET", "/me").bearer(&Token::own("aa.bb.cc"));
        let command = shown(request.clone());
        assert!(command.ends_with(r#"-H "authorization: Bearer $TOKEN""#), "{command}");
        let own = Exchange { base: "http://127.0.0.1:8000".into(), ..exchange(request) };
        assert!(curl(&own, "http://127.0.0.1:8000").ends_with("-H 'authorization: Bearer aa.bb.cc'"));
    }

    #[test]
    fn bytes_that_are_no_text_go_through_printf() {
        let command = shown(Request::new("POST", "/habits").body(&b"{\"a\": \"100%\\\xff\0'\"}"[..]));
        assert!(command.starts_with(r#"printf '{"a": "100%%\\\377\000\047"}' | curl -i -X POST"#), "{command}");
        assert!(command.ends_with("--data-binary @-"), "{command}");
    }

    #[test]
    fn a_header_without_a_value_is_sent() {
        let command = shown(Request::new("GET", "/habits").header("x-request-id", ""));
        assert!(command.ends_with("-H 'x-request-id;'"), "{command}");
    }

    #[test]
    fn a_long_body_that_repeats_something_is_printed_by_commands() {
        let command = shown(Request::new("POST", "/habits").body("[".repeat(10_000)));
        assert!(command.starts_with("{ yes '[' | head -n 10000 | tr -d '\\n'; } |\ncurl -i -X POST"), "{command}");
        assert!(command.ends_with("--data-binary @-"), "{command}");
    }

    #[test]
    fn dots_in_a_path_stay_there() {
        assert_eq!(shown(Request::new("GET", "/habits/../me")), "curl -i --path-as-is http://127.0.0.1:8000/habits/../me");
    }

    #[test]
    fn a_quote_in_a_body_survives_the_shell() {
        let request = Request::new("POST", "/habits").json(&json!({"name": "don't"}));
        assert!(shown(request).ends_with(r#"--data-binary '{"name":"don'\''t"}'"#));
    }
}
