//! Mutations of valid requests, generated from a seed.

use fastrand::Rng;
use serde_json::Value;

use super::draft::Draft;
use super::odd;
use super::shrink::Shrink;
use model::Request;

/// A valid request and the mutations to apply to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The index of the valid request.
    pub base: usize,
    /// The mutations, in order.
    pub mutations: Vec<Mutation>,
}

/// A mutation of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The kind of mutation.
    pub kind: Kind,
    /// The seed of its random choices.
    pub seed: u64,
    /// Its size, where it has one: levels, digits, characters.
    pub size: usize,
}

/// The kinds of mutations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value becomes another one, often of another type.
    Value,
    /// A value becomes a number with many digits, or an invalid number.
    Number,
    /// A value becomes nested arrays or objects.
    Deep,
    /// A leaf becomes a string with U+0000.
    Nul,
    /// A leaf becomes a string with a lone surrogate.
    Surrogate,
    /// A value becomes a string with unusual characters.
    Text,
    /// A value becomes a long string.
    LongText,
    /// An object gets a duplicate key.
    DuplicateKey,
    /// An object gets a key with a special meaning in some language.
    OddKey,
    /// The body gets a byte order mark.
    Bom,
    /// The body becomes UTF-16.
    Utf16,
    /// The body gets bytes that are not UTF-8.
    NotUtf8,
    /// The body is cut short, with the right Content-Length.
    Cut,
    /// Some bytes of the body change.
    Garbage,
    /// The body is repeated, or empty.
    Copies,
    /// The connection closes before the end of the body.
    Truncated,
    /// The path gets unusual characters.
    Path,
    /// The path becomes long.
    LongPath,
    /// A path parameter changes.
    Parameter,
    /// A query is added.
    Query,
    /// The media type changes.
    MediaType,
    /// Another header gets an unusual value.
    Header,
}

/// The mutations of bodies.
const BODY_KINDS: [Kind; 15] = [
    Kind::Value,
    Kind::Number,
    Kind::Deep,
    Kind::Nul,
    Kind::Surrogate,
    Kind::Text,
    Kind::LongText,
    Kind::DuplicateKey,
    Kind::OddKey,
    Kind::Bom,
    Kind::Utf16,
    Kind::NotUtf8,
    Kind::Cut,
    Kind::Garbage,
    Kind::Copies,
];
/// The mutations of paths and headers.
const OTHER_KINDS: [Kind; 6] = [Kind::Path, Kind::LongPath, Kind::Parameter, Kind::Query, Kind::MediaType, Kind::Header];
/// The mutations of signups and logins: only those that the server rejects before it hashes a password, which is slow.
const SIGN_IN_KINDS: [Kind; 7] = [Kind::Bom, Kind::Utf16, Kind::NotUtf8, Kind::Cut, Kind::Truncated, Kind::Deep, Kind::MediaType];
/// The sizes to choose from.
const SIZES: [usize; 5] = [2, 40, 300, 2_000, 6_000];

/// Generates cases from a seed, with all base requests in turn.
pub fn cases(seed: u64, bases: &[Request], count: usize) -> Vec<Case> {
    let mut rng = Rng::with_seed(seed);
    (0..count).map(|number| case(&mut rng, number, &bases[number % bases.len()], bases.len())).collect()
}

fn case(rng: &mut Rng, number: usize, request: &Request, bases: usize) -> Case {
    let (base, round) = (number % bases, number / bases);
    let is_sign_in = request.path.starts_with("/auth");
    // Most requests have a single mutation, since a server may reject one before it reaches another.
    let many = if is_sign_in || rng.u8(..4) > 0 { 1 } else { 2 + rng.usize(..2) };
    let mutations = (0..many).map(|place| {
        let kinds = match (is_sign_in, &request.body) {
            (true, _) => &SIGN_IN_KINDS[..],
            // Usually all kinds in turn.
            (false, Some(_)) if place == 0 && rng.u8(..4) > 0 => &BODY_KINDS[(round + base) % BODY_KINDS.len()..][..1],
            (false, Some(_)) if rng.u8(..8) == 0 => &[Kind::Truncated],
            (false, Some(_)) if rng.bool() => &BODY_KINDS[..],
            _ => &OTHER_KINDS[..],
        };
        let kind = kinds[rng.usize(..kinds.len())];
        Mutation { kind, seed: rng.u64(..), size: SIZES[rng.usize(..SIZES.len())] }
    });
    Case { base, mutations: mutations.collect() }
}

impl Shrink for Case {
    fn smaller(&self) -> Vec<Case> {
        let without = (0..self.mutations.len()).map(|index| {
            let mut mutations = self.mutations.clone();
            mutations.remove(index);
            Case { mutations, ..self.clone() }
        });
        let halved = (0..self.mutations.len()).filter(|index| self.mutations[*index].size > 1).map(|index| {
            let mut mutations = self.mutations.clone();
            mutations[index].size /= 2;
            Case { mutations, ..self.clone() }
        });
        without.chain(halved).collect()
    }
}

impl Case {
    /// The mutated request.
    pub fn draft(&self, bases: &[Request]) -> Draft {
        let request = &bases[self.base];
        let mut draft = Draft::of(request);
        let mut tree = Tree::of(draft.body.as_deref());
        // First the mutations of the JSON, then those of its bytes.
        for mutation in &self.mutations {
            tree.change(mutation);
        }
        if let Some(text) = tree.text() {
            draft.body = Some(text.into_bytes());
        }
        for mutation in &self.mutations {
            change_bytes(&mut draft, mutation);
        }
        draft
    }
}

/// JSON in which some values are raw text that a `Value` cannot represent. A placeholder stands for each of them: a private-use
/// character and a number.
struct Tree {
    root: Option<Value>,
    raw: Vec<String>,
    /// The text to insert into the first object, before its own fields.
    first: String,
}

impl Tree {
    fn of(body: Option<&[u8]>) -> Tree {
        Tree { root: body.and_then(|body| serde_json::from_slice(body).ok()), raw: Vec::new(), first: String::new() }
    }

    fn change(&mut self, mutation: &Mutation) {
        let mut rng = Rng::with_seed(mutation.seed);
        let size = mutation.size;
        let raw = match mutation.kind {
            Kind::Value => odd::value(&mut rng),
            Kind::Number => odd::number(&mut rng, size),
            Kind::Deep => odd::deep(&mut rng, size),
            Kind::Nul => "\"a\\u0000b\"".into(),
            Kind::Surrogate => odd::surrogate(&mut rng),
            Kind::Text => odd::text(&mut rng),
            Kind::LongText => format!("\"{}\"", "x💧"[..if rng.bool() { 1 } else { 5 }].repeat(size)),
            Kind::DuplicateKey => {
                self.first.push_str(&format!("{}:{},", odd::key(&mut rng, true), odd::value(&mut rng)));
                return;
            }
            Kind::OddKey => {
                self.first.push_str(&format!("{}:{},", odd::key(&mut rng, false), odd::value(&mut rng)));
                return;
            }
            _ => return,
        };
        let Some(root) = &mut self.root else { return };
        let mut place = root;
        // A value somewhere in the tree, most often a leaf.
        while matches!(mutation.kind, Kind::Nul | Kind::Surrogate) || rng.u8(..6) > 0 {
            let children: Vec<&mut Value> = match place {
                Value::Object(fields) => fields.values_mut().collect(),
                Value::Array(items) => items.iter_mut().collect(),
                _ => break,
            };
            let chosen = rng.usize(..children.len().max(1));
            match children.into_iter().nth(chosen) {
                Some(child) => place = child,
                None => return,
            }
        }
        *place = Value::String(format!("\u{e000}{}", self.raw.len()));
        self.raw.push(raw);
    }

    fn text(&self) -> Option<String> {
        let mut text = self.root.as_ref()?.to_string();
        for (number, raw) in self.raw.iter().enumerate() {
            text = text.replace(&format!("\"\u{e000}{number}\""), raw);
        }
        if let Some(at) = text.find('{').filter(|_| !self.first.is_empty()) {
            let first = self.first.trim_end_matches(if text[at + 1..].starts_with('}') { "," } else { "" });
            text.insert_str(at + 1, first);
        }
        Some(text)
    }
}

fn change_bytes(draft: &mut Draft, mutation: &Mutation) {
    let mut rng = Rng::with_seed(mutation.seed);
    let body = draft.body.as_mut();
    match (mutation.kind, body) {
        (Kind::Bom, Some(body)) => drop(body.splice(..0, *b"\xef\xbb\xbf")),
        (Kind::Utf16, Some(body)) => *body = utf16(&String::from_utf8_lossy(body), rng.bool()),
        (Kind::NotUtf8, Some(body)) => {
            let at = rng.usize(..=body.len());
            let bytes = [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"];
            body.splice(at..at, bytes[rng.usize(..bytes.len())].iter().copied());
        }
        (Kind::Cut, Some(body)) => body.truncate(rng.usize(..body.len().max(1))),
        (Kind::Garbage, Some(body)) => {
            for _ in 0..=rng.usize(..3) {
                let at = rng.usize(..body.len().max(1));
                body.splice(at..(at + 1).min(body.len()), [rng.u8(..)]);
            }
        }
        (Kind::Copies, Some(body)) => *body = body.repeat(if rng.bool() { 2 } else { 0 }),
        (Kind::Truncated, Some(body)) => {
            draft.declared_length = Some(body.len().max(1));
            body.truncate(body.len() / 2);
        }
        (Kind::Path, _) => odd::into_path(&mut draft.path, &mut rng),
        (Kind::LongPath, _) => draft.path.push_str(&"/a"[rng.usize(..2)..].repeat(mutation.size / 2)),
        (Kind::Parameter, _) => odd::parameter(&mut draft.path, &mut rng),
        (Kind::Query, _) => {
            let sign = if draft.path.contains('?') { '&' } else { '?' };
            draft.path.push_str(&format!("{sign}{}", odd::query(&mut rng)));
        }
        (Kind::MediaType, _) => draft.set_header("content-type", odd::media_type(&mut rng)),
        (Kind::Header, _) => {
            let (name, value) = odd::header(&mut rng);
            draft.set_header(name, value);
        }
        _ => {}
    }
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bases() -> Vec<Request> {
        vec![
            Request::new("GET", "/habits"),
            Request::new("POST", "/habits").json(&json!({ "name": "read", "description": null })),
            Request::new("PUT", "/habits/7/completions/2026-01-31"),
            Request::new("POST", "/habits/import").json(&json!([{ "name": "read", "completions": ["2026-01-31"] }])),
            Request::new("POST", "/auth/login").json(&json!({ "email": "a@b.example", "password": "12345678" })),
        ]
    }

    fn drafts(seed: u64) -> Vec<Draft> {
        cases(seed, &bases(), 3_000).iter().map(|case| case.draft(&bases())).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_requests_and_another_seed_others() {
        assert_eq!(drafts(7), drafts(7));
        assert_ne!(drafts(7), drafts(8));
    }

    #[test]
    fn every_request_is_one_that_a_client_can_send() {
        for draft in drafts(11) {
            let mut builder = http::Request::builder().method(draft.method.as_str()).uri(&draft.path);
            for (name, value) in &draft.headers {
                builder = builder.header(name, value);
            }
            assert!(builder.body(()).is_ok(), "{draft:?}");
            assert!(draft.body.as_ref().is_none_or(|body| body.len() < 64 * 1024), "{} bytes", draft.path);
        }
    }

    #[test]
    fn every_kind_of_mutation_occurs() {
        let drafts = drafts(13);
        let any = |is_there: &dyn Fn(&[u8]) -> bool| drafts.iter().filter_map(|draft| draft.body.as_deref()).any(is_there);
        let holds = |text: &'static str| move |body: &[u8]| body.windows(text.len()).any(|window| window == text.as_bytes());
        for text in ["\\u0000", "\\ud800", "__proto__", "1e999", "[[[[[[", "{\"name\":"] {
            assert!(any(&holds(text)), "{text}");
        }
        assert!(any(&|body| body.starts_with(b"\xef\xbb\xbf")));
        assert!(any(&|body| body.starts_with(b"\xff\xfe")) && any(&|body| body.starts_with(b"\xfe\xff")));
        assert!(any(&|body| std::str::from_utf8(body).is_err()));
        assert!(drafts.iter().any(|draft| draft.path.contains("%00")) && drafts.iter().any(|draft| draft.path.contains("..")));
        assert!(drafts.iter().any(|draft| draft.path.len() > 2_000));
        assert!(drafts.iter().any(|draft| draft.declared_length.is_some()));
        let bases = bases();
        let changed = drafts.iter().zip(bases.iter().cycle()).filter(|(draft, base)| **draft != Draft::of(base));
        assert!(changed.count() > drafts.len() * 9 / 10);
    }
}
