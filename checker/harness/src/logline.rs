//! Recognizes the log line of a request in any common log format.

/// Names that make the number after them a duration.
const DURATION_NAMES: [&str; 7] = ["duration", "latency", "elapsed", "took", "time", "dur", "rt"];
/// Units that make the number before them a duration; at the end of a name, the number after them.
const UNITS: &str = "
    ns us µs μs ms s sec secs msec msecs usec usecs second seconds milli millis millisecond milliseconds
    micro micros microsecond microseconds nano nanos nanosecond nanoseconds";
/// From this value on, a number after the bare word "time" is a Unix timestamp in seconds or milliseconds, not a duration.
const LEAST_TIMESTAMP: f64 = 1e8;

/// Whether `line` has the method, the path, the status code, and a duration.
pub fn is_request_line(line: &str, method: &str, path: &str, status: &str) -> bool {
    // JSON may escape a slash with a backslash.
    let plain = without_colors(line).replace("\\/", "/");
    // Numbers in the path are neither a status code nor a duration.
    let rest = plain.replace(path, " ");
    has_path(&plain, path) && has_word(&rest, method) && has_word(&rest, status) && has_duration(&rest)
}

/// The last lines, without colors, to quote in a failure.
pub fn excerpt(lines: &[String]) -> String {
    match lines {
        [] => "no log line".to_owned(),
        lines => lines.iter().rev().take(6).rev().map(|line| without_colors(line)).collect::<Vec<_>>().join("\n"),
    }
}

/// The line without terminal escape sequences such as colors (ECMA-48: ESC [ … letter).
fn without_colors(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if chars.next() == Some('[') {
            let _ = chars.find(|c| ('@'..='~').contains(c));
        }
    }
    plain
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '.') && !after.is_some_and(char::is_alphanumeric)
    })
}

/// Whether the line has this path, and not only as the prefix of a longer one.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let after = line[at + path.len()..].chars().next();
        !after.is_some_and(|c| c.is_alphanumeric() || c == '/' || c == '-' || c == '_')
    })
}

/// Whether the line has a number with a time unit after it, or with the name of a duration before it.
fn has_duration(line: &str) -> bool {
    let mut from = 0;
    while let Some(found) = line[from..].find(|c: char| c.is_ascii_digit()) {
        let start = from + found;
        let end = start + number_length(&line[start..]);
        if is_duration(&line[..start], &line[start..end], &line[end..]) {
            return true;
        }
        from = end;
    }
    false
}

/// The length in bytes of the number that `text` starts with: digits, points and commas, and an exponent.
fn number_length(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let end = text[..end].trim_end_matches(['.', ',']).len();
    let exponent = text[end..].strip_prefix(['e', 'E']).map(|rest| rest.trim_start_matches(['-', '+']));
    let digits = exponent.map_or(0, |rest| rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    match exponent {
        Some(rest) if digits > 0 => text.len() - rest.len() + digits,
        _ => end,
    }
}

fn is_duration(before: &str, number: &str, after: &str) -> bool {
    let attached: String = after.chars().take_while(|c| c.is_alphanumeric()).collect();
    let unit: String = after.trim_start_matches(' ').chars().take_while(|c| c.is_alphanumeric()).collect();
    let is_unit = |word: &str| UNITS.split_ascii_whitespace().any(|unit| unit == word.to_lowercase());
    let mut last = before.chars().rev();
    let inside_word = match last.next() {
        Some(':') => last.next().is_some_and(|c| c.is_ascii_digit()),
        Some('T') => !before.ends_with("PT"), // ISO 8601: PT0.003S
        Some(c) => c.is_alphanumeric() || c == '-',
        None => false,
    };
    if !inside_word && is_unit(&unit) {
        return true;
    }
    let (name, is_assigned) = name_before(before);
    let words = words(&name);
    let is_clock = after.strip_prefix(':').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let means_duration =
        |word: &String| DURATION_NAMES.contains(&word.as_str()) || is_assigned && is_unit(word) || is_clock && word == "in";
    let Some(word) = words.iter().find(|word| means_duration(word)) else { return false };
    if after.starts_with(':') {
        // Hours, minutes and seconds. After "time" they are a time of day.
        return is_clock && word != "time";
    }
    let is_timestamp = word == "time" && number.parse().is_ok_and(|value: f64| value >= LEAST_TIMESTAMP);
    !is_timestamp && !after.starts_with('-') && (attached.is_empty() || is_unit(&attached))
}

/// The name directly before a number, and whether `=` or `:` between them assigns the number to the name.
fn name_before(text: &str) -> (String, bool) {
    let trimmed = text.trim_end_matches([' ', '=', ':', '"', '\'', '(', '[']);
    let name: String = trimmed.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '-').collect();
    if trimmed.len() == text.len() {
        return (String::new(), false);
    }
    (name.chars().rev().collect(), text[trimmed.len()..].contains(['=', ':']))
}

/// The words of a name in lower case: `durationMs` and `duration_ms` have the same words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if c == '_' || c == '-' || c.is_uppercase() && was_lower {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c != '_' && c != '-') {
            word.extend(c.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_formats_are_recognized() {
        for line in [
            "2026-01-31T08:00:00Z  INFO request{method=GET path=/habits/7 request_id=ab}: answered status=200 latency=0.41 ms",
            "\u{1b}[2m2026-01-31T08:00:00Z\u{1b}[0m \u{1b}[3mmethod\u{1b}[0m\u{1b}[2m=\u{1b}[0mGET uri=/habits/7 latency=3 ms status=200",
            r#"{"method":"GET","path":"/habits/7","status":200,"duration_ms":3}"#,
            "127.0.0.1 - \"GET /habits/7 HTTP/1.1\" 200 - 0.003s",
            "GET /habits/7 200 1.234 ms - 15",
            "GET /habits/7 -> 200 (took 12µs)",
            "[GIN] 2026/01/31 - 08:00:00 | 200 |     61.2µs | 127.0.0.1 | GET \"/habits/7\"",
            "level=info method=GET path=/habits/7 status=200 elapsed=0.0031",
            r#"{"time":1769846400123,"req":{"method":"GET","url":"/habits/7"},"res":{"statusCode":200},"responseTime":3}"#,
            r#"{"method":"GET","path":"\/habits\/7","status":200,"durationMs":3.1}"#,
            r#"{"method":"GET","path":"/habits/7","status":200,"latencyMillis":0}"#,
            "GET /habits/7 200 duration=PT0.000171S",
            "GET /habits/7 200 took 0:00:00.000209",
            "HTTP GET /habits/7 responded 200, elapsed: 00:00:00.0001358",
            "HTTP GET /habits/7 responded 200 in 00:00:00.0001358",
            "GET /habits/7 200 1.2e-05s",
            "GET /habits/7 200 73 microseconds",
            "200:GET:/habits/7:0.09ms:1d1e710c",
        ] {
            assert!(is_request_line(line, "GET", "/habits/7", "200"), "{line}");
        }
    }

    #[test]
    fn a_number_in_the_path_is_not_the_status() {
        assert!(!is_request_line("GET /habits/200 1.2 ms", "GET", "/habits/200", "200"));
    }

    #[test]
    fn a_line_that_lacks_one_of_the_four_is_not_a_request_line() {
        for line in [
            "127.0.0.1 - - [31/Jan/2026 08:00:00] \"GET /habits/7 HTTP/1.1\" 200 -",
            "2026-01-31T08:00:00.123456Z INFO GET /habits/7 200",
            r#"{"time":"2026-01-31T08:00:00Z","method":"GET","path":"/habits/7","status":200}"#,
            "GET /habits/7 1.2 ms",
            "GET 200 1.2 ms",
            "/habits/7 200 1.2 ms",
            "GET /habits/77 200 1.2 ms",
            "GET /habits/7 2000 1.2 ms",
            "GET /habits/7 200 id=3s9x",
            r#"{"level":30,"time":1769846400123,"req":{"method":"GET","url":"/habits/7"},"res":{"statusCode":200}}"#,
            r#"{"time":"08:00:00.123","method":"GET","path":"/habits/7","status":200}"#,
            "2026-01-31 08:00:00,123 GET /habits/7 200 5b0d3a7c-089c-4e04-9dff-6db5fa7930c0",
        ] {
            assert!(!is_request_line(line, "GET", "/habits/7", "200"), "{line}");
        }
    }
}
