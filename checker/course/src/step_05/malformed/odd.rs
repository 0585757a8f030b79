//! Unusual and invalid values for every part of a request. JSON values are raw text.

use fastrand::Rng;

fn one<'a>(rng: &mut Rng, choices: &[&'a str]) -> &'a str {
    choices[rng.usize(..choices.len())]
}

/// An unusual JSON value.
pub fn value(rng: &mut Rng) -> String {
    let values = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "\"\"",
        "[]",
        "{}",
        "[null]",
        "\"true\"",
        "\"null\"",
        "NaN",
        "Infinity",
        "undefined",
        "'x'",
        "\"2026-02-30\"",
        "\"infinity\"",
        "\"0000-00-00\"",
        "[\"2026-02-30\"]",
        "[[],{}]",
        "{\"$ne\":null}",
        "{\"toString\":null}",
        "{\"length\":-1}",
        "18446744073709551616",
        "\"\\\\\"",
        "\"' OR 1=1 --\"",
        "\"%s%n%x\"",
        "\"${jndi:ldap://127.0.0.1/a}\"",
        "\"../../etc/passwd\"",
    ];
    one(rng, &values).to_owned()
}

/// A number that is hard to parse, with about `digits` digits.
pub fn number(rng: &mut Rng, digits: usize) -> String {
    match rng.u8(..8) {
        0 => "1e999".into(),
        1 => "-1e-999".into(),
        2 => "9223372036854775808".into(),
        3 => format!("0.{}1", "0".repeat(digits)),
        4 => format!("1e{}", "9".repeat(digits.min(300))),
        5 => "-0.0".into(),
        6 => "01".into(),
        _ => "9".repeat(digits),
    }
}

/// Nested arrays or objects, closed or not.
pub fn deep(rng: &mut Rng, levels: usize) -> String {
    match rng.u8(..3) {
        0 => format!("{}{}", "[".repeat(levels), "]".repeat(levels)),
        1 => format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels)),
        _ => "[".repeat(levels),
    }
}

/// A string with a lone surrogate, which is invalid in Unicode text.
pub fn surrogate(rng: &mut Rng) -> String {
    one(rng, &["\"\\ud800\"", "\"a\\udc00b\"", "\"\\ud83d\\u0041\"", "\"\\udc00\\ud800\""]).to_owned()
}

/// A string with characters that some databases, terminals or encodings cannot handle.
pub fn text(rng: &mut Rng) -> String {
    let parts = [
        "\\ud800",
        "\\udc00",
        "\\udc00\\ud800",
        "\\ud83d",
        "\\u0000",
        "\\u0000",
        "\\u0001",
        "\\u001b[31m",
        "\\u007f",
        "\\u0085",
        "\\u2028",
        "\\u202e",
        "\\ufeff",
        "\\uffff",
        "\\x00",
        "\\u12",
        "\\q",
        "\u{1}",
        "\n",
        "\u{fdd0}",
        "\u{10ffff}",
        "e\u{301}",
        "\u{200b}",
        "\u{3000}",
        "'",
        "\\\"",
        "%00",
        "$1",
        "ß",
        "İ",
    ];
    let mut text = String::from("\"");
    for _ in 0..=rng.usize(..3) {
        text.push_str(one(rng, &["", "a", "water "]));
        text.push_str(one(rng, &parts));
    }
    text + "\""
}

/// An object key: one of the contract, or one with a special meaning in some language.
pub fn key(rng: &mut Rng, is_known: bool) -> String {
    let known = ["name", "description", "completed_today", "completions", "email", "password"];
    let odd = [
        "__proto__",
        "constructor",
        "prototype",
        "hasOwnProperty",
        "",
        "\\u0000",
        "\\ud800",
        "$where",
        "id",
        "created_at",
        "name ",
        "Name",
        "n\\u0061me",
        "name[]",
        "__class__",
        "class",
    ];
    format!("\"{}\"", one(rng, if is_known { &known } else { &odd }))
}

/// Inserts unusual characters into a path, or appends them.
pub fn into_path(path: &mut String, rng: &mut Rng) {
    let parts = [
        "%00",
        "%0a",
        "%0d%0a",
        "%ff",
        "%c0%af",
        "%ed%a0%80",
        "%2e%2e%2f",
        "/../",
        "/./",
        "//",
        "%2f",
        "%5c",
        "%25",
        "%3f",
        "%23",
        "%20",
        ";a=b",
        "%F0%9F%92%A7",
        "%e2%80%ae",
        "+",
        "%",
        "%zz",
        "%u0041",
        "~",
        "%7f",
        "*",
        "'",
        "/",
    ];
    let end = path.find('?').unwrap_or(path.len());
    let at = match rng.bool() {
        true => end,
        false => 1 + rng.usize(..end),
    };
    path.insert_str(at.min(end), one(rng, &parts));
}

/// Replaces an id or a date in a path.
pub fn parameter(path: &mut String, rng: &mut Rng) {
    let odd = [
        "0",
        "-1",
        "-0",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "1e9",
        "0x7f",
        "NaN",
        "null",
        "undefined",
        "true",
        "[]",
        "1.0",
        "1%00",
        "%00",
        "%31",
        "1%20",
        "%F0%9F%92%A7",
        "%ff",
        "0000-00-00",
        "9999-12-31",
        "10000-01-01",
        "-0001-01-01",
        "2026-02-30",
        "2026-1-1",
        "infinity",
        "-infinity",
        "epoch",
        "1%27--",
        "..%2f..",
        "%D9%A1",
        "99999999999999999999999999999999999999999",
    ];
    let odd = one(rng, &odd);
    let (route, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut segments: Vec<&str> = route.split('/').collect();
    let is_parameter = |segment: &&str| segment.starts_with(|c: char| c.is_ascii_digit());
    let places: Vec<usize> = (0..segments.len()).filter(|index| is_parameter(&segments[*index])).collect();
    match places.is_empty() {
        true => segments.push(odd),
        false => segments[places[rng.usize(..places.len())]] = odd,
    }
    *path = segments.join("/") + query;
}

/// An unusual or invalid query string.
pub fn query(rng: &mut Rng) -> String {
    let queries = [
        "limit=%00",
        "limit=-1",
        "limit=99999999999999999999",
        "limit=1e2",
        "limit[]=1",
        "limit=1&limit=2",
        "limit=",
        "limit",
        "limit=1&after=-1",
        "limit=1&after=9223372036854775808",
        "limit=1&after=%ff",
        "limit=1&after=%00",
        "limit=100&after=%27",
        "from=2026-02-30",
        "from=%00",
        "from=infinity",
        "to=-infinity",
        "from=0000-00-00",
        "to=10000-01-01",
        "from=-4713-01-01",
        "from=2026-01-02&to=2026-01-01",
        "from=9999-12-31&to=9999-12-31",
        "from=&to=",
        "from=%F0%9F%92%A7",
        "from=%ff",
        "%00=%00",
        "%",
        "=",
        "&&&&",
        "a=%zz",
        "a[b][c]=1",
        "?",
        "__proto__[x]=1",
        "from=1%27%20OR%201=1--",
        "%ed%a0%80=1",
    ];
    match rng.u8(..12) {
        0 => (0..200).map(|number| format!("a{number}={number}")).collect::<Vec<_>>().join("&"),
        1 => format!("limit={}", "9".repeat(1_000)),
        _ => one(rng, &queries).to_owned(),
    }
}

/// An invalid or wrong media type.
pub fn media_type(rng: &mut Rng) -> String {
    let types = [
        "application/json; charset=utf-16",
        "application/json; charset=no-such-set",
        "application/json;",
        "application/json; =",
        "APPLICATION/JSON",
        "application/json, text/plain",
        "application/*",
        "*/*",
        "json",
        "",
        ";",
        "/",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "application/x-www-form-urlencoded",
        "application/problem+json",
        "application/json; charset=\"",
        "application/xml",
        "text/html; charset=utf-7",
        "application/json\u{e9}",
    ];
    match rng.u8(..10) {
        0 => format!("application/json; a=\"{}\"", "x".repeat(2_000)),
        _ => one(rng, &types).to_owned(),
    }
}

/// Another header with an unusual or invalid value.
pub fn header(rng: &mut Rng) -> (&'static str, String) {
    let fields = [
        ("accept", ";;;q=,"),
        ("accept", "image/png"),
        ("accept-encoding", "gzip;q=nonsense, \u{e9}"),
        ("accept-language", "\u{ff}-\u{ff}"),
        ("content-encoding", "gzip"),
        ("content-encoding", "no-such-coding"),
        ("cookie", "=;=;session"),
        ("cookie", "session=\u{1f4a7}; a=\"b"),
        ("if-none-match", "\""),
        ("if-modified-since", "yesterday"),
        ("origin", "null"),
        ("origin", "\u{e9}://"),
        ("range", "bytes=9-1,-,a-b"),
        ("x-request-id", "\u{1f4a7}"),
        ("x-forwarded-for", "999.999.999.999, \u{e9}"),
        ("x-http-method-override", "DESTROY"),
        ("authorization", "Bearer \u{e9}"),
        ("authorization", "Bearer"),
        ("authorization", "Bearer a.b.c"),
        ("forwarded", "for=\"[::"),
        ("traceparent", "00-0-0-0"),
        ("user-agent", ""),
    ];
    let (name, value) = fields[rng.usize(..fields.len())];
    (name, value.to_owned())
}
