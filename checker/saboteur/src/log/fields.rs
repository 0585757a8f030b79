//! Finds the fields of a request's log line, whatever the format of the log.

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const UNITS: [&str; 6] = ["ns", "us", "µs", "ms", "s", "seconds"];
const DURATIONS: [&str; 4] = ["latency", "duration", "elapsed", "took"];

/// Whether a line is about a request: it has a method and a path.
pub fn is_request(line: &str) -> bool {
    method(line).is_some() && path(line).is_some()
}

/// The method in the line.
pub fn method(line: &str) -> Option<&str> {
    words(line).map(|(_, word)| word).find(|word| METHODS.contains(word))
}

/// The path in the line, from its slash to the next space, quote, comma or bracket.
pub fn path(line: &str) -> Option<&str> {
    let line = &line[line.find(method(line)?)?..];
    let path = &line[line.find('/')?..];
    let end = path.find(|c: char| c.is_whitespace() || "\"',)}]\u{1b}".contains(c)).unwrap_or(path.len());
    Some(&path[..end])
}

/// The status code in the line: a word of three digits that is not a duration.
pub fn status(line: &str) -> Option<&str> {
    let path_end = path(line).map_or(0, |path| path.as_ptr() as usize - line.as_ptr() as usize + path.len());
    let is_status = |&(at, word): &(usize, &str)| {
        let inside_number = line[..at].ends_with(['.', ':', '-', ',']) || line[at + word.len()..].starts_with(['.', ':', '-']);
        let behind = words(&line[at + word.len()..]).next().map_or("", |(_, next)| next);
        word.len() == 3
            && word.parse::<u16>().is_ok_and(|status| (200..600).contains(&status))
            && !inside_number
            && !UNITS.contains(&behind)
    };
    // A path may contain such a word too, so those after the path come first.
    let mut all = words(line).filter(is_status).collect::<Vec<_>>();
    all.sort_by_key(|(at, _)| *at < path_end);
    all.first().map(|(_, word)| *word)
}

/// The line without the duration: a number with a unit of time after it, or with a name such as `latency=` before it.
pub fn without_duration(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::with_capacity(line.len());
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        kept.push_str(before);
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let behind = number[end..].trim_start_matches(' ');
        let unit: String = behind.chars().take_while(|c| c.is_alphabetic()).collect();
        let inside_word = kept.ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
        let name = kept.strip_suffix('=').and_then(|kept| kept.rsplit([' ', '{', ',']).next()).unwrap_or_default();
        if !inside_word && UNITS.contains(&unit.as_str()) {
            rest = &behind[unit.len()..];
        } else if DURATIONS.iter().any(|duration| name.starts_with(duration)) {
            rest = &number[end..];
        } else {
            kept.push_str(&number[..end]);
            rest = &number[end..];
        }
    }
    kept + rest
}

/// The runs of letters and digits, each with its position.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - line.as_ptr() as usize, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 4] = [
        "2026-01-31T08:00:00.123456Z  INFO request{method=GET path=/habits/200 request_id=4f-300-ms}: answered status=404 latency=123 ms",
        "2026-01-31T08:00:00.123Z INFO GET /habits/200 status=404 latency=0.25ms request_id=5e3c",
        "[08:00] \"GET /habits/200\" 404 took 12µs",
        "2026-01-31T08:00:00.643143Z INFO request{method=GET path=/habits/200 request_id=77-64}: answered status=404 latency_ms=0.224",
    ];

    #[test]
    fn the_fields_of_a_line_are_found() {
        for line in LINES {
            assert!(is_request(line));
            assert_eq!((method(line), path(line), status(line)), (Some("GET"), Some("/habits/200"), Some("404")), "{line}");
        }
        assert!(!is_request("listening on http://127.0.0.1:8000"));
    }

    #[test]
    fn only_the_duration_is_removed() {
        assert!(without_duration(LINES[0]).ends_with("request_id=4f-300-ms}: answered status=404 latency="));
        assert!(without_duration(LINES[1]).ends_with("GET /habits/200 status=404 latency= request_id=5e3c"));
        assert!(without_duration(LINES[2]).ends_with("404 took "));
        assert!(without_duration(LINES[3]).ends_with("request_id=77-64}: answered status=404 latency_ms="));
    }
}
