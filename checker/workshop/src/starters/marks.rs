//! Marks: comment lines with which a solution declares the stubs that its starter has in place of the real code.

use std::collections::HashMap;

/// An invalid or misplaced mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it, as a clause.
    pub what: String,
}

/// Which version of a marked file to produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The real code of every region.
    Finished,
    /// Like [`Side::Finished`], without the regions that a starter drops and no task asks for, such as the author's own
    /// tests.
    Asked,
    /// The stub of every task, the real code of every other region.
    Starter,
}

/// The comment syntax of a kind of file, for a comment on a line of its own.
#[derive(Clone, Copy)]
struct Comment {
    open: &'static str,
    close: &'static str,
}

/// What a line is to the parser.
enum Line<'a> {
    Open(&'a str),
    Close(&'a str),
    Stub(String),
    AsBefore,
    Nothing,
    Text,
}

/// An open region.
struct Region<'a> {
    name: &'a str,
    line: usize,
    body: Vec<&'a str>,
}

/// A closed region, whose stub may follow.
struct Closed<'a> {
    region: Region<'a>,
    stub: Vec<String>,
    nothing: bool,
}

/// One side of a marked text, without marks. `before` is the same file of the previous solution, if there is one.
///
/// # Errors
///
/// The first mark that is unclosed, repeated, nested or misplaced.
pub fn side(path: &str, text: &str, before: Option<&str>, wanted: Side) -> Result<String, MarkError> {
    let mut out = Output::new(wanted);
    let mut open: Option<Region> = None;
    let mut closed: Option<Closed> = None;
    let mut names: HashMap<&str, usize> = HashMap::new();

    for (index, line) in text.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let kind = classify(path, line).map_err(|what| MarkError { line: number, what })?;
        match kind {
            Line::Stub(stub) => match &mut closed {
                Some(task) if !task.nothing => {
                    task.region.check_todo(&stub, number)?;
                    task.stub.push(stub);
                }
                _ => return Err(lonely_stub(number)),
            },
            Line::AsBefore => match &mut closed {
                Some(task) if !task.nothing => {
                    let name = task.region.name;
                    let region = before.and_then(|before| region(path, before, name)).ok_or_else(|| MarkError {
                        line: number,
                        what: format!("the file of the previous solution has no region `{name}` to start from"),
                    })?;
                    task.stub.push(region);
                }
                _ => return Err(lonely_stub(number)),
            },
            Line::Nothing => match &mut closed {
                Some(task) if task.stub.is_empty() && !task.nothing => task.nothing = true,
                _ => return Err(lonely_stub(number)),
            },
            Line::Open(name) => {
                out.region(closed.take());
                if let Some(outer) = &open {
                    return Err(MarkError {
                        line: number,
                        what: format!(
                            "the region `{name}` opens inside `{}`, which line {} opened; regions do not nest",
                            outer.name, outer.line
                        ),
                    });
                }
                if let Some(first) = names.insert(name, number) {
                    return Err(MarkError {
                        line: number,
                        what: format!("the region `{name}` was already opened in line {first}; a name may occur once in a file"),
                    });
                }
                open = Some(Region { name, line: number, body: Vec::new() });
            }
            Line::Close(name) => {
                out.region(closed.take());
                let region = open.take().ok_or_else(|| MarkError {
                    line: number,
                    what: format!("`ANCHOR_END: {name}` closes a region that is not open"),
                })?;
                if region.name != name {
                    return Err(MarkError {
                        line: number,
                        what: format!(
                            "`ANCHOR_END: {name}` stands where `{}`, opened in line {}, should be closed",
                            region.name, region.line
                        ),
                    });
                }
                closed = Some(Closed { region, stub: Vec::new(), nothing: false });
            }
            Line::Text => {
                out.region(closed.take());
                match &mut open {
                    Some(region) => region.body.push(line),
                    None => out.line(line),
                }
            }
        }
    }
    if let Some(region) = open {
        return Err(MarkError {
            line: region.line,
            what: format!("the region `{}` is never closed by `ANCHOR_END: {}`", region.name, region.name),
        });
    }
    out.region(closed);
    Ok(out.finish())
}

/// The code of one region.
fn region(path: &str, text: &str, name: &str) -> Option<String> {
    let is = |line: &str, wanted: fn(Line) -> Option<&str>| classify(path, line).ok().and_then(wanted) == Some(name);
    let opens = |line: &&str| is(line, |line| if let Line::Open(name) = line { Some(name) } else { None });
    let closes = |line: &&str| is(line, |line| if let Line::Close(name) = line { Some(name) } else { None });
    let mut lines = text.split_inclusive('\n');
    lines.find(opens)?;
    Some(lines.take_while(|line| !closes(line)).collect())
}

impl Region<'_> {
    /// Fails if the stub names the task of another region: then it was copied and not adapted.
    fn check_todo(&self, stub: &str, line: usize) -> Result<(), MarkError> {
        let named = stub.split_once("TODO(").and_then(|(_, rest)| rest.split_once(')'));
        match named {
            Some((name, _)) if name != self.name => Err(MarkError {
                line,
                what: format!("the stub of `{}` says `TODO({name})`; write `TODO({})`", self.name, self.name),
            }),
            _ => Ok(()),
        }
    }
}

fn lonely_stub(line: usize) -> MarkError {
    MarkError {
        line,
        what: "a stub line must directly follow the `ANCHOR_END` of the region that it replaces; \
               the line for an empty stub must be the only stub line"
            .to_owned(),
    }
}

/// Collects lines, and closes the gap where a region was dropped without a stub.
struct Output {
    wanted: Side,
    text: String,
    /// Whether a region was dropped just here. If so, a blank line after a blank line or a brace is superfluous.
    gap: bool,
}

impl Output {
    fn new(wanted: Side) -> Self {
        Output { wanted, text: String::new(), gap: false }
    }

    fn line(&mut self, line: &str) {
        if self.gap {
            let before = self.text.lines().next_back().map(str::trim);
            let after_blank = before.is_none_or(|last| last.is_empty() || last.ends_with(['{', '(', '[']));
            if line.trim().is_empty() {
                if after_blank {
                    return;
                }
            } else if line.trim_start().starts_with(['}', ')', ']']) {
                self.drop_trailing_blank();
            }
            self.gap = false;
        }
        self.text.push_str(line);
    }

    fn region(&mut self, closed: Option<Closed>) {
        let Some(closed) = closed else { return };
        if closed.nothing && self.wanted != Side::Finished {
            self.gap = true;
        } else if self.wanted == Side::Starter && !closed.stub.is_empty() {
            for line in closed.stub.iter().flat_map(|stub| stub.split_inclusive('\n')) {
                self.line(line);
            }
        } else {
            for line in closed.region.body {
                self.line(line);
            }
        }
    }

    fn drop_trailing_blank(&mut self) {
        while self.text.ends_with("\n\n") {
            self.text.pop();
        }
    }

    fn finish(mut self) -> String {
        if self.gap {
            self.drop_trailing_blank();
        }
        self.text
    }
}

fn classify<'a>(path: &str, line: &'a str) -> Result<Line<'a>, String> {
    let trimmed = line.trim();
    let comment = comment_of(path);
    let inside = comment.and_then(|comment| trimmed.strip_prefix(comment.open)?.strip_suffix(comment.close));

    if let Some(rest) = inside {
        if let Some(stub) = rest.strip_prefix('~') {
            return stub_line(line, stub, comment.is_some_and(|comment| !comment.close.is_empty()));
        }
        let rest = rest.trim();
        if let Some(name) = rest.strip_prefix("ANCHOR_END:") {
            return region_name(name).map(Line::Close);
        }
        if let Some(name) = rest.strip_prefix("ANCHOR:") {
            return region_name(name).map(Line::Open);
        }
    }
    if trimmed.contains("ANCHOR:") || trimmed.contains("ANCHOR_END:") {
        return Err(match comment {
            Some(_) => "a mark must be a comment on a line of its own".to_owned(),
            None => "marks are not supported in this kind of file".to_owned(),
        });
    }
    Ok(Line::Text)
}

fn stub_line<'a>(line: &str, stub: &str, closed: bool) -> Result<Line<'a>, String> {
    if stub.trim_end() == "!" {
        return Ok(Line::Nothing);
    }
    if stub.trim_end() == "<" {
        return Ok(Line::AsBefore);
    }
    let stub = if closed { stub.trim_end() } else { stub };
    let ending = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
    if stub.is_empty() {
        return Ok(Line::Stub(ending.to_owned()));
    }
    let Some(code) = stub.strip_prefix(' ') else {
        return Err("a stub line needs a space between its marker and its text".to_owned());
    };
    let indent = &line[..line.len() - line.trim_start().len()];
    Ok(Line::Stub(format!("{indent}{code}{ending}")))
}

fn region_name(name: &str) -> Result<&str, String> {
    let name = name.trim();
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(valid) {
        return Err(format!("`{name}` is not a valid name for a region; use letters, digits and hyphens"));
    }
    Ok(name)
}

fn comment_of(path: &str) -> Option<Comment> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let (open, close) = match extension {
        "rs" | "js" | "css" => ("//", ""),
        "toml" | "yml" | "yaml" | "sh" | "py" => ("#", ""),
        "md" | "html" => ("<!--", "-->"),
        "sql" => ("--", ""),
        _ if name.starts_with("Dockerfile") || name.starts_with(".env") => ("#", ""),
        _ => return None,
    };
    Some(Comment { open, close })
}

#[cfg(test)]
mod tests;
