//! What a log says of a connection that was lost.

/// How many lines may follow the one with the request's id that tell of the same error.
const LINES_OF_AN_ERROR: usize = 60;
/// Words of which one stands in what is known of a lost connection.
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

/// Whether the log says under the id what was wrong, beyond the words that the client has got. What follows a line and begins
/// nothing new belongs to it: a trace of calls is longer than a line.
pub fn tells_cause(lines: &[String], id: &str, own_words: &[String]) -> bool {
    lines.iter().enumerate().filter(|(_, line)| line.contains(id)).any(|(index, line)| {
        let rest = lines[index + 1..].iter().take(LINES_OF_AN_ERROR).take_while(|line| continues(line));
        std::iter::once(line).chain(rest).any(|line| {
            let mut text = line.to_lowercase().replace(&id.to_lowercase(), " ");
            for words in own_words.iter().filter(|words| !words.is_empty()) {
                text = text.replace(words, " ");
            }
            CAUSES.iter().any(|cause| text.contains(cause))
        })
    })
}

/// Whether a line goes on with what the line before it began: it has no time of its own, and is no object.
fn continues(line: &str) -> bool {
    let bytes = line.as_bytes();
    let is_time = |window: &[u8]| matches!(window, [a, b, b':', c, d] if [a, b, c, d].into_iter().all(u8::is_ascii_digit));
    let level = line.trim_start_matches(['[', '(']).split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let levels = ["trace", "debug", "info", "warn", "warning", "error", "fatal", "critical", "level"];
    !line.starts_with('{') && !bytes.windows(5).any(is_time) && !levels.contains(&level.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tells(lines: &[&str]) -> bool {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        tells_cause(&lines, "cut-7", &["service unavailable".into(), "the database connection is lost".into()])
    }

    #[test]
    fn a_cause_is_found_beside_the_id_and_in_a_trace_below_it() {
        assert!(tells(&["12:00:01 ERROR request{id=cut-7}: error=Io(Os { code: 104, message: \"Connection reset by peer\" })"]));
        assert!(tells(&[r#"{"level":50,"reqId":"cut-7","err":{"code":"ECONNREFUSED"}}"#]));
        let python = [
            "ERROR request cut-7 failed",
            "Traceback (most recent call last):",
            "  File \"x\"",
            "OperationalError: connection failed",
        ];
        assert!(tells(&python));
    }

    #[test]
    fn the_clients_own_words_and_the_causes_of_others_are_not_enough() {
        assert!(!tells(&["12:00:01 INFO POST /habits 503 2 ms cut-7"]));
        assert!(!tells(&["12:00:01 ERROR cut-7 the database connection is lost"]));
        assert!(!tells(&[
            "12:00:01 ERROR connection reset",
            "12:00:01 INFO POST /habits 503 2 ms cut-7",
            "12:00:02 ERROR reset"
        ]));
        assert!(!tells(&["INFO POST /habits 503 2 ms cut-7", "ERROR connection reset by peer"]));
    }
}
