//! A request as a command line that a learner can paste into a terminal.

use super::exchange::Exchange;

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
    command += &format!(" {}", quote(&format!("{base}{}", request.path)));
    for (name, value) in &request.headers {
        command += &format!(" \\\n  -H {}", quote(&format!("{name}: {value}")));
    }
    if let Some(body) = &request.body {
        let text = String::from_utf8_lossy(body);
        if text.len() > SHOWN {
            command += &format!(" \\\n  --data-binary @-   # {} bytes, in exchanges.har", body.len());
        } else {
            command += &format!(" \\\n  --data-binary {}", quote(&text));
        }
    }
    command
}

/// `text` as one word of a POSIX shell.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,?&".contains(c);
    // `?` and `&` mean something to the shell, so a word that holds them is quoted too.
    if !text.is_empty() && text.chars().all(plain) && !text.contains(['?', '&']) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{NoAnswer, Request};
    use serde_json::json;
    use std::time::{Duration, SystemTime};

    fn shown(request: Request) -> String {
        let exchange = Exchange {
            base: "http://127.0.0.1:20000".into(),
            request,
            reply: Err(NoAnswer::Refused),
            started: SystemTime::UNIX_EPOCH,
            duration: Duration::ZERO,
        };
        curl(&exchange, "http://127.0.0.1:8000")
    }

    #[test]
    fn a_plain_get_needs_no_quotes() {
        assert_eq!(shown(Request::new("GET", "/habits/7")), "curl -i http://127.0.0.1:8000/habits/7");
    }

    #[test]
    fn a_quote_in_a_body_survives_the_shell() {
        let request = Request::new("POST", "/habits").json(&json!({"name": "don't"}));
        assert!(shown(request).ends_with(r#"--data-binary '{"name":"don'\''t"}'"#));
    }
}
