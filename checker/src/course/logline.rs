//! Whether a line of a log tells of a request, whatever the format of the log.

/// Words that announce a duration when they stand before a number.
const DURATION_NAMES: [&str; 9] = ["duration", "latency", "elapsed", "took", "time", "ms", "dur", "rt", "seconds"];
/// Units that make the number before them a duration.
const UNITS: [&str; 12] = ["ns", "us", "µs", "μs", "ms", "s", "sec", "secs", "second", "seconds", "millis", "milliseconds"];

/// Whether `line` names the method, the path, the status, and a duration.
pub fn tells(line: &str, method: &str, path: &str, status: &str) -> bool {
    let plain = without_colors(line);
    has_word(&plain, method) && has_path(&plain, path) && has_word(&plain, status) && has_duration(&plain.replace(path, " "))
}

/// The lines as they are shown in a failure.
pub fn shown(lines: &[String]) -> String {
    match lines {
        [] => "no log line".to_owned(),
        lines => lines.iter().rev().take(6).rev().map(|line| without_colors(line)).collect::<Vec<_>>().join("\n"),
    }
}

/// The line without terminal sequences such as colors (ECMA-48: ESC [ … letter).
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

/// The path itself, not the beginning of a longer one.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let after = line[at + path.len()..].chars().next();
        !after.is_some_and(|c| c.is_alphanumeric() || c == '/' || c == '-' || c == '_')
    })
}

/// A number with a unit of time behind it, or with a name of a duration before it.
fn has_duration(line: &str) -> bool {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'.' || bytes[at] == b',') {
            at += 1;
        }
        let inside_word = line[..start].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '-' || c == ':');
        let after = line[at..].trim_start_matches(' ');
        let unit: String = after.chars().take_while(|c| c.is_alphanumeric()).collect();
        if !inside_word && UNITS.contains(&unit.as_str()) {
            return true;
        }
        let before = line[..start].trim_end_matches([' ', '=', ':', '"', '\'', '(', '[']);
        let name: String = before.chars().rev().take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').collect();
        let name: String = name.chars().rev().collect::<String>().to_lowercase();
        let named = before.len() < start && name.split(['_', '-']).any(|part| DURATION_NAMES.contains(&part));
        // "time" also announces the moment of the line; a moment goes on with a dash or a colon.
        if named && !line[at..].starts_with(['-', ':', 'T']) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_formats_are_understood() {
        for line in [
            "2026-01-31T08:00:00Z  INFO request{method=GET path=/habits/7 request_id=ab}: answered status=200 latency=0.41 ms",
            "\u{1b}[2m2026-01-31T08:00:00Z\u{1b}[0m \u{1b}[3mmethod\u{1b}[0m\u{1b}[2m=\u{1b}[0mGET uri=/habits/7 latency=3 ms status=200",
            r#"{"method":"GET","path":"/habits/7","status":200,"duration_ms":3}"#,
            "127.0.0.1 - \"GET /habits/7 HTTP/1.1\" 200 - 0.003s",
            "GET /habits/7 200 1.234 ms - 15",
            "GET /habits/7 -> 200 (took 12µs)",
            "[GIN] 2026/01/31 - 08:00:00 | 200 |     61.2µs | 127.0.0.1 | GET \"/habits/7\"",
            "level=info method=GET path=/habits/7 status=200 elapsed=0.0031",
        ] {
            assert!(tells(line, "GET", "/habits/7", "200"), "{line}");
        }
    }

    #[test]
    fn a_line_that_leaves_one_of_the_four_out_does_not_tell() {
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
        ] {
            assert!(!tells(line, "GET", "/habits/7", "200"), "{line}");
        }
    }
}
