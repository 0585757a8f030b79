//! A text cut into rows that fit a window, whatever colors it carries.

use report::terminal::{columns, keep_colors};

/// How deep the continuation of a line is indented at most.
const DEEPEST: usize = 8;

/// The rows of `text` in a window `width` columns wide. Each carries its own colors, and nothing in it moves the cursor.
pub fn rows(text: &str, width: usize, color: bool) -> Vec<String> {
    let safe = keep_colors(&text.replace('\t', "    "), color);
    let mut folder = Folder { width: width.max(1), ..Folder::default() };
    for line in safe.lines() {
        folder.line(line);
    }
    folder.rows
}

/// `text`, which must have no colors, cut to `width` columns.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if columns(&short) + columns(c.encode_utf8(&mut [0; 4])) + 1 > width {
            break;
        }
        short.push(c);
    }
    if width > 0 { short + "…" } else { short }
}

#[derive(Default)]
struct Folder {
    width: usize,
    rows: Vec<String>,
    /// The colors in force, as the sequences that set them.
    colors: String,
}

impl Folder {
    fn line(&mut self, line: &str) {
        let leading = line.len() - line.trim_start_matches(' ').len();
        let hanging = (leading + 2).min(DEEPEST).min(self.width / 3);
        let (mut row, mut used) = (self.colors.clone(), 0);
        for (number, word) in split(line).enumerate() {
            let wide = word.width();
            if number > 0 && used + wide > self.width && wide + hanging <= self.width && !word.is_space() {
                self.end(row);
                row = " ".repeat(hanging) + &self.colors;
                used = hanging;
            }
            for piece in word.pieces() {
                match piece {
                    Piece::Color(sequence) => {
                        row += sequence;
                        match sequence {
                            "\x1b[0m" | "\x1b[m" => self.colors.clear(),
                            _ => self.colors += sequence,
                        }
                    }
                    Piece::Character(c) => {
                        let wide = columns(c.encode_utf8(&mut [0; 4]));
                        if used + wide > self.width {
                            if c == ' ' {
                                continue; // A row does not begin with the space it was broken at.
                            }
                            self.end(row);
                            row = " ".repeat(hanging) + &self.colors;
                            used = hanging;
                        }
                        row.push(c);
                        used += wide;
                    }
                }
            }
        }
        self.end(row);
    }

    fn end(&mut self, row: String) {
        let reset = if self.colors.is_empty() { "" } else { "\x1b[0m" };
        self.rows.push(row + reset);
    }
}

/// A word, or the spaces between two.
#[derive(Clone, Copy)]
struct Word<'a>(&'a str);

enum Piece<'a> {
    Color(&'a str),
    Character(char),
}

/// The words of a line and the spaces between them; colors belong to the word they stand at.
fn split(line: &str) -> impl Iterator<Item = Word<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let space = rest.starts_with(' ');
        let end = rest.find(|c: char| (c == ' ') != space).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(Word(word))
    })
}

impl<'a> Word<'a> {
    fn is_space(self) -> bool {
        self.0.starts_with(' ')
    }

    fn width(self) -> usize {
        let pieces = self.pieces();
        pieces.map(|piece| if let Piece::Character(c) = piece { columns(c.encode_utf8(&mut [0; 4])) } else { 0 }).sum()
    }

    fn pieces(self) -> impl Iterator<Item = Piece<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let first = rest.chars().next()?;
            // Only color sequences are left, and each ends with its first `m`.
            let end = match first {
                '\x1b' => rest.find('m').map_or(rest.len(), |end| end + 1),
                _ => first.len_utf8(),
            };
            let (piece, after) = rest.split_at(end);
            rest = after;
            Some(if first == '\x1b' { Piece::Color(piece) } else { Piece::Character(first) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_fit_stay_as_they_are() {
        assert_eq!(rows("one\n\n  two\n", 10, false), ["one", "", "  two"]);
        assert_eq!(rows("0123456789", 10, false), ["0123456789"]);
    }

    #[test]
    fn longer_lines_go_on_in_a_deeper_row() {
        assert_eq!(rows("  one two three four", 12, false), ["  one two ", "    three ", "    four"]);
        assert_eq!(rows("unbreakable", 4, false), ["unbr", " eak", " abl", " e"]);
        assert_eq!(rows("abcdef      ghi", 6, false), ["abcdef", "  ghi"]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(rows("習慣習慣", 5, false), ["習慣", " 習慣"]);
    }

    #[test]
    fn a_color_goes_on_in_the_next_row_and_ends_with_each() {
        assert_eq!(rows("\x1b[31mone two\x1b[0m x", 4, true), ["\x1b[31mone \x1b[0m", " \x1b[31mtwo\x1b[0m", " x"]);
        assert_eq!(rows("\x1b[31mone two\x1b[0m x", 4, false), ["one ", " two", " x"]);
    }

    #[test]
    fn no_row_is_wider_than_the_window_and_nothing_is_lost() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let alphabet = ["a", "bc", " ", "  ", "習", "\x1b[1m", "\x1b[0m", "\x1b[2J", "\x1b]0;x\x07", "\n", "\t", "\r"];
            let text: String = (0..random.usize(..60)).filter_map(|_| random.choice(alphabet)).collect();
            let width = random.usize(2..40);
            let rows = rows(&text, width, true);
            let plain: Vec<String> = rows.iter().map(|row| keep_colors(row, false)).collect();
            for row in &plain {
                assert!(columns(row) <= width, "{row:?} is wider than {width}: {text:?}");
                assert!(!row.contains(char::is_control), "{row:?}");
            }
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&plain.concat()), letters(&keep_colors(&text, false)));
        }
    }

    #[test]
    fn one_line_is_cut_to_the_window() {
        assert_eq!(cut("watching", 8), "watching");
        assert_eq!(cut("watching", 5), "watc…");
        assert_eq!(cut("習慣習慣", 6), "習慣…");
        assert_eq!(cut("x", 0), "");
    }
}
