//! A page of text laid out for one style: prose is wrapped, commands stay whole, labels stand in a column.

use super::terminal::{Ink, Style, columns, wrap};

/// A page that grows line by line.
pub struct Page<'a> {
    style: &'a Style,
    out: String,
}

impl<'a> Page<'a> {
    /// An empty page.
    pub fn new(style: &'a Style) -> Self {
        Page { style, out: String::new() }
    }

    /// The text of the page; it ends with one line end unless it is empty.
    pub fn finish(self) -> String {
        let text = self.out.trim_end_matches('\n');
        if text.is_empty() { String::new() } else { format!("{text}\n") }
    }

    /// The width there is for text.
    pub fn width(&self) -> usize {
        self.style.width
    }

    /// One empty line, unless there is one already.
    pub fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Lines that are already laid out.
    pub fn verbatim(&mut self, text: &str) {
        self.out += text.trim_end_matches('\n');
        self.out.push('\n');
    }

    /// One line that is not wrapped, such as a command or a line of a log.
    pub fn line(&mut self, indent: usize, ink: Ink, text: &str) {
        self.out += &" ".repeat(indent);
        self.out += &self.style.paint(ink, text);
        self.out.push('\n');
    }

    /// A paragraph. What stands in backticks takes the color of code.
    pub fn prose(&mut self, indent: usize, text: &str) {
        self.paragraph(indent, Ink::Plain, text);
    }

    /// A paragraph of one color.
    pub fn paragraph(&mut self, indent: usize, ink: Ink, text: &str) {
        let lines = wrap(text, self.width().saturating_sub(indent));
        let mut in_code = false;
        for line in lines {
            let painted = self.highlight(&line, ink, &mut in_code);
            self.out += &" ".repeat(indent);
            self.out += &painted;
            self.out.push('\n');
        }
    }

    /// A label and a text beside it; the text is wrapped within its own column, `column` wide from the margin.
    ///
    /// Where that leaves less room than a few words need, the text stands below the label instead.
    pub fn labeled(&mut self, indent: usize, column: usize, label: (Ink, &str), text: (Ink, &str)) {
        let start = indent + columns(label.1);
        self.out += &" ".repeat(indent);
        self.out += &self.style.paint(label.0, label.1);
        if column > start && column + 24 <= self.width() {
            let mut in_code = false;
            for (number, line) in wrap(text.1, self.width() - column).iter().enumerate() {
                let gap = if number == 0 { column - start } else { column };
                let painted = self.highlight(line, text.0, &mut in_code);
                self.out += &" ".repeat(gap);
                self.out += &painted;
                self.out.push('\n');
            }
        } else {
            self.out.push('\n');
            self.paragraph(indent + 2, text.0, text.1);
        }
    }

    /// A label and a command beside it, or below it where it would not fit: a command is not wrapped.
    pub fn command(&mut self, indent: usize, column: usize, label: &str, command: &str) {
        let beside = format!("{label:<room$}", room = column.saturating_sub(indent));
        if indent + columns(&beside) + columns(command) <= self.width() {
            let command = self.style.paint(Ink::Code, command);
            self.line(indent, Ink::Plain, &format!("{beside}{command}"));
        } else {
            self.line(indent, Ink::Plain, label);
            self.line(indent + 2, Ink::Code, command);
        }
    }

    /// `line` with the spans in backticks colored as code; `in_code` says whether a span is open, before and after.
    fn highlight(&self, line: &str, ink: Ink, in_code: &mut bool) -> String {
        if !self.style.color || ink != Ink::Plain {
            return self.style.paint(ink, line);
        }
        let mut out = String::new();
        for (number, part) in line.split('`').enumerate() {
            if number > 0 {
                *in_code = !*in_code;
                out.push('`');
            }
            out += &self.style.paint(if *in_code { Ink::Code } else { ink }, part);
        }
        out
    }
}
