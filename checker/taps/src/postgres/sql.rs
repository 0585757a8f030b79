//! Parses as much SQL as is needed to split a script into statements and to recognize a pool's housekeeping.

/// A token of SQL. White space and comments are not tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A keyword or a name.
    Word(&'a str),
    /// A quoted name, without its quotation marks.
    Quoted(&'a str),
    /// A string, a number or a parameter placeholder.
    Literal,
    /// Any other character.
    Sign(u8),
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }
}

/// Reads tokens from left to right, byte by byte: all of SQL's own symbols are ASCII.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn skip_blank(&mut self) {
        loop {
            match self.rest() {
                [byte, ..] if byte.is_ascii_whitespace() || *byte == 0x0b => self.at += 1,
                [b'-', b'-', rest @ ..] => self.at += 2 + rest.iter().take_while(|byte| **byte != b'\n').count(),
                [b'/', b'*', ..] => self.skip_comment(),
                _ => return,
            }
        }
    }

    /// Skips a block comment; such comments nest.
    fn skip_comment(&mut self) {
        let mut depth = 0;
        loop {
            match self.rest() {
                [] => return,
                [b'/', b'*', ..] => (depth, self.at) = (depth + 1, self.at + 2),
                [b'*', b'/', ..] => (depth, self.at) = (depth - 1, self.at + 2),
                _ => self.at += 1,
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Skips a text in these quotation marks, starting at the first one.
    fn skip_quoted(&mut self, mark: u8, escapes: bool) {
        self.at += 1;
        loop {
            match self.rest() {
                [] => return,
                [b'\\', _, ..] if escapes => self.at += 2,
                [first, second, ..] if *first == mark && *second == mark => self.at += 2,
                [first, ..] if *first == mark => {
                    self.at += 1;
                    return;
                }
                _ => self.at += 1,
            }
        }
    }

    /// Skips a dollar-quoted text, between two equal tags such as `$body$`, if one starts here.
    fn skip_dollar_quoted(&mut self) -> bool {
        let tag = 2 + self.rest().iter().skip(1).take_while(|byte| is_of_word(**byte) && **byte != b'$').count();
        let rest = &self.text[self.at..];
        let (Some(b'$'), false) = (rest.as_bytes().get(tag - 1), rest.as_bytes()[1].is_ascii_digit()) else { return false };
        let (tag, body) = rest.split_at(tag);
        self.at += tag.len() + body.find(tag).map_or(body.len(), |end| end + tag.len());
        true
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let start = self.at;
        let token = match self.rest() {
            [] => return None,
            [b'\'', ..] => {
                self.skip_quoted(b'\'', false);
                Token::Literal
            }
            [b'e' | b'E', b'\'', ..] => {
                self.at += 1;
                self.skip_quoted(b'\'', true);
                Token::Literal
            }
            [b'"', ..] => {
                self.skip_quoted(b'"', false);
                Token::Quoted(self.text[start..self.at].trim_matches('"'))
            }
            [b'$', _, ..] if self.skip_dollar_quoted() => Token::Literal,
            [b'$' | b'0'..=b'9', rest @ ..] => {
                self.at += 1 + rest.iter().take_while(|byte| is_of_word(**byte) || **byte == b'.').count();
                Token::Literal
            }
            [byte, rest @ ..] if is_of_word(*byte) => {
                self.at += 1 + rest.iter().take_while(|byte| is_of_word(**byte)).count();
                Token::Word(&self.text[start..self.at])
            }
            [byte, ..] => {
                self.at += 1;
                Token::Sign(*byte)
            }
        };
        Some(token)
    }
}

/// The statements of a script, split as psql does; the script itself if it contains none.
pub fn statements(script: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut tokens = Tokens { text: script, at: 0 };
    let (mut start, mut depth, mut empty) = (0, 0_i32, true);
    while let Some(token) = tokens.next() {
        match token {
            Token::Sign(b';') if depth <= 0 => {
                if !empty {
                    found.push(script[start..tokens.at - 1].trim());
                }
                (start, depth, empty) = (tokens.at, 0, true);
                continue;
            }
            Token::Sign(b'(') => depth += 1,
            Token::Sign(b')') => depth -= 1,
            _ => {}
        }
        empty = false;
    }
    if !empty || found.is_empty() {
        found.push(script[start..].trim());
    }
    found
}

/// Statements that begin with these words serve the connection, not a request.
const CONNECTION: [&str; 17] = [
    "abort",
    "begin",
    "commit",
    "deallocate",
    "discard",
    "end",
    "listen",
    "prepare",
    "release",
    "reset",
    "rollback",
    "savepoint",
    "set",
    "show",
    "start",
    "unlisten",
    "close",
];

/// Functions that describe the connection or release its locks.
const FUNCTIONS: [&str; 14] = [
    "version",
    "current_schema",
    "current_schemas",
    "current_setting",
    "set_config",
    "current_database",
    "current_catalog",
    "current_user",
    "session_user",
    "pg_backend_pid",
    "pg_is_in_recovery",
    "pg_advisory_unlock",
    "pg_advisory_unlock_all",
    "pg_advisory_unlock_shared",
];

/// Functions that make rows from their arguments alone.
const ROW_FUNCTIONS: [&str; 4] = ["unnest", "generate_series", "generate_subscripts", "string_to_table"];

/// No statement of a pool is longer than this, in bytes.
const LONGEST: usize = 16 * 1024;

/// Whether a statement is the housekeeping of a connection pool: transactions, settings, pings, queries of the catalog.
pub fn is_housekeeping(statement: &str) -> bool {
    if statement.len() > LONGEST {
        return false;
    }
    let tokens: Vec<Token> = Tokens { text: statement, at: 0 }.filter(|token| *token != Token::Sign(b';')).collect();
    match tokens.first() {
        None => true,
        Some(first) if first.is_one_of(&CONNECTION) => true,
        Some(first) if first.is_one_of(&["select", "with"]) => is_look_up(&tokens),
        _ => false,
    }
}

/// Whether a query reads only from the catalog, or from no table and calls no function of interest.
fn is_look_up(tokens: &[Token]) -> bool {
    if tokens.iter().any(|token| token.is_one_of(&["insert", "update", "delete", "merge"])) {
        return false;
    }
    let Some(relations) = relations(tokens) else { return false };
    if !relations.is_empty() {
        return relations.contains(&Relation::OfCatalog) && !relations.contains(&Relation::Other);
    }
    // An alias may have any name; so may a type behind `::`.
    tokens.iter().enumerate().skip(1).all(|(index, token)| match token {
        Token::Word(_) => {
            let before = &tokens[index - 1];
            let named = before.is("as") || *before == Token::Sign(b':');
            named || token.is_one_of(&["as", "true", "false", "null", "pg_catalog"]) || token.is_one_of(&FUNCTIONS)
        }
        Token::Quoted(_) => tokens[index - 1].is("as"),
        Token::Literal | Token::Sign(_) => true,
    })
}

/// A relation that a query reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// The system's own tables.
    OfCatalog,
    /// A relation made within the query.
    Derived,
    /// A table, a view or a function of the user.
    Other,
}

/// Every relation named after FROM or JOIN, also in subqueries; `None` if a FROM cannot be parsed.
fn relations(tokens: &[Token]) -> Option<Vec<Relation>> {
    let mut found = Vec::new();
    // For each open parenthesis, whether it is within a list of relations.
    let mut lists = vec![false];
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let before = at.checked_sub(1).map(|index| tokens[index]);
        at += 1;
        let expected = match token {
            Token::Sign(b'(') => {
                lists.push(false);
                false
            }
            Token::Sign(b')') => {
                lists.pop();
                false
            }
            Token::Sign(b',') => lists.last().copied().unwrap_or_default(),
            Token::Word(_) if token.is("from") => !before.is_some_and(|token| token.is("distinct")),
            Token::Word(_) if token.is("join") => true,
            Token::Word(_) if token.is_one_of(&CLAUSES) => {
                *lists.last_mut()? = false;
                false
            }
            _ => false,
        };
        if !expected {
            continue;
        }
        *lists.last_mut()? = true;
        while tokens.get(at).is_some_and(|token| token.is_one_of(&["only", "lateral"])) {
            at += 1;
        }
        // A list in parentheses is read like one without; a subquery brings its own FROM.
        let mut depth = 0;
        while tokens.get(at) == Some(&Token::Sign(b'(')) {
            at += 1;
            depth += 1;
        }
        let is_query = tokens.get(at)?.is_one_of(&["select", "with", "values"]);
        lists.extend(std::iter::repeat_n(!is_query, depth));
        if depth > 0 && is_query {
            continue;
        }
        let (relation, length) = relation(tokens, at)?;
        found.push(relation);
        at += length;
    }
    Some(found)
}

/// The keywords that end a list of relations.
const CLAUSES: [&str; 13] =
    ["where", "group", "having", "window", "union", "intersect", "except", "order", "limit", "offset", "fetch", "for", "select"];

/// The relation named at a position, and the number of tokens of its name.
fn relation(tokens: &[Token], at: usize) -> Option<(Relation, usize)> {
    let name = |index: usize| match tokens.get(index)? {
        Token::Word(name) | Token::Quoted(name) => Some(*name),
        _ => None,
    };
    let mut parts = vec![name(at)?];
    let mut length = 1;
    while tokens.get(at + length) == Some(&Token::Sign(b'.')) {
        parts.push(name(at + length + 1)?);
        length += 2;
    }
    let called = tokens.get(at + length) == Some(&Token::Sign(b'('));
    let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    let of_system = |name: &str| name.get(..3).is_some_and(|start| is(start, "pg_"));
    let relation = match parts.as_slice() {
        [name] if of_system(name) => Relation::OfCatalog,
        [name] if called && ROW_FUNCTIONS.iter().any(|function| is(name, function)) => Relation::Derived,
        [name] if !called && is_common_table(tokens, name) => Relation::Derived,
        [schema, _] if is(schema, "pg_catalog") || is(schema, "information_schema") => Relation::OfCatalog,
        _ => Relation::Other,
    };
    Some((relation, length))
}

/// Whether this name is a common table expression: `name (columns) AS MATERIALIZED (`.
fn is_common_table(tokens: &[Token], name: &str) -> bool {
    if !tokens.first().is_some_and(|token| token.is("with")) {
        return false;
    }
    let named = |token: &Token| matches!(token, Token::Word(found) | Token::Quoted(found) if found.eq_ignore_ascii_case(name));
    (1..tokens.len()).filter(|index| named(&tokens[*index])).any(|index| {
        let mut rest = tokens[index + 1..].iter().copied().peekable();
        if rest.next_if_eq(&Token::Sign(b'(')).is_some() {
            rest.find(|token| *token == Token::Sign(b')'));
        }
        rest.next().is_some_and(|token| token.is("as"))
            && rest.find(|token| !token.is_one_of(&["not", "materialized"])) == Some(Token::Sign(b'('))
    })
}
