//! Finds the cause of a lost database connection in a log.

/// The maximum number of lines of one error after the line with the request id.
const LINES_OF_AN_ERROR: usize = 60;
/// Words that occur in error messages about a lost connection.
const CAUSES: [&str; 19] = [
    "connect",
    "econn",
    "refused",
    "reset",
    "broken pipe",
    "eof",
    "timed out",
    "timeout",
    "timedout",
    "deadline",
    "closed",
    "terminat",
    "unreachable",
    "pool",
    "08001",
    "08006",
    "57p0",
    "i/o",
    "socket",
];

/// Whether the log has the cause under the request id, beyond the words of the response. Continuation lines belong to the line
/// before them: a stack trace has several lines.
pub fn has_cause(lines: &[String], id: &str, response_words: &[String]) -> bool {
    lines.iter().enumerate().filter(|(_, line)| line.contains(id)).any(|(index, line)| {
        let rest = lines[index + 1..].iter().take(LINES_OF_AN_ERROR).take_while(|line| is_continuation(line));
        std::iter::once(line).chain(rest).any(|line| {
            let mut text = line.to_lowercase().replace(&id.to_lowercase(), " ");
            for words in response_words.iter().filter(|words| !words.is_empty()) {
                text = text.replace(words, " ");
            }
            CAUSES.iter().any(|cause| text.contains(cause))
        })
    })
}

/// Whether a line continues the one before it: it has no timestamp and no level, and is not a JSON object.
fn is_continuation(line: &str) -> bool {
    let bytes = line.as_bytes();
    let is_time = |window: &[u8]| matches!(window, [a, b, b':', c, d] if [a, b, c, d].into_iter().all(u8::is_ascii_digit));
    let level = line.trim_start_matches(['[', '(']).split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let levels = ["trace", "debug", "info", "warn", "warning", "error", "fatal", "critical", "level"];
    !line.starts_with('{') && !bytes.windows(5).any(is_time) && !levels.contains(&level.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds_cause(lines: &[&str]) -> bool {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        has_cause(&lines, "cut-7", &["service unavailable".into(), "the database connection is lost".into()])
    }

    #[test]
    fn a_cause_is_found_beside_the_id_and_in_a_stack_trace_below_it() {
        assert!(finds_cause(&[
            "12:00:01 ERROR request{id=cut-7}: error=Io(Os { code: 104, message: \"Connection reset by peer\" })"
        ]));
        assert!(finds_cause(&[r#"{"level":50,"reqId":"cut-7","err":{"code":"ECONNREFUSED"}}"#]));
        let python = [
            "ERROR request cut-7 failed",
            "Traceback (most recent call last):",
            "  File \"x\"",
            "OperationalError: connection failed",
        ];
        assert!(finds_cause(&python));
    }

    #[test]
    fn the_words_of_the_response_and_the_causes_of_other_requests_do_not_count() {
        assert!(!finds_cause(&["12:00:01 INFO POST /habits 503 2 ms cut-7"]));
        assert!(!finds_cause(&["12:00:01 ERROR cut-7 the database connection is lost"]));
        assert!(!finds_cause(&[
            "12:00:01 ERROR connection reset",
            "12:00:01 INFO POST /habits 503 2 ms cut-7",
            "12:00:02 ERROR reset"
        ]));
        assert!(!finds_cause(&["INFO POST /habits 503 2 ms cut-7", "ERROR connection reset by peer"]));
    }
}
