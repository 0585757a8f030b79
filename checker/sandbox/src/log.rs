//! The output of a server on stdout and stderr, kept line by line in bounded memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Notify;

/// The first lines are kept up to this size: they show how the server was configured and started.
const HEAD: usize = 64 * 1024;
/// The latest lines are kept up to this size.
const TAIL: usize = 1024 * 1024;
/// A longer line is cut here.
const LINE: usize = 8 * 1024;
/// Counted for each line in addition to its text, so that a flood of empty lines is bounded too.
const PER_LINE: usize = size_of::<Line>();

/// The stream to which a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line of the log.
#[derive(Debug, Clone)]
struct Line {
    stream: Stream,
    arrived: SystemTime,
    /// Without the line end. Untrusted: escape it before printing.
    text: String,
}

/// A position in a log: after all lines that had arrived when it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// The log of one server. Clones share the same lines.
#[derive(Debug, Clone, Default)]
pub struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    kept: Mutex<Kept>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    head: Vec<Line>,
    head_size: usize,
    tail: VecDeque<Line>,
    tail_size: usize,
    /// Lines that have arrived so far, kept or not.
    count: u64,
    /// Bytes that were read so far.
    bytes: u64,
    /// Bytes that were not kept.
    dropped: u64,
}

impl Log {
    /// The position after the last line so far.
    pub fn mark(&self) -> Mark {
        Mark(self.kept().count)
    }

    /// The lines that arrived after `mark`, as far as they were kept.
    pub fn since(&self, mark: Mark) -> Vec<String> {
        self.kept().after(mark).map(|line| line.text.clone()).collect()
    }

    /// Every line that was kept, in order of arrival.
    pub fn all(&self) -> Vec<String> {
        self.since(Mark(0))
    }

    /// The lines that arrived later than `time`, as far as they were kept.
    pub fn later_than(&self, time: SystemTime) -> Vec<String> {
        let kept = self.kept();
        kept.after(Mark(0)).skip_while(|line| line.arrived <= time).map(|line| line.text.clone()).collect()
    }

    /// The lines written to one stream, as far as they were kept.
    pub fn of(&self, stream: Stream) -> Vec<String> {
        let kept = self.kept();
        kept.after(Mark(0)).filter(|line| line.stream == stream).map(|line| line.text.clone()).collect()
    }

    /// The last `count` lines.
    pub fn last(&self, count: usize) -> Vec<String> {
        let kept = self.kept();
        let from = kept.count.saturating_sub(count as u64);
        kept.after(Mark(from)).map(|line| line.text.clone()).collect()
    }

    /// How many bytes were written and not kept.
    pub fn dropped(&self) -> u64 {
        self.kept().dropped
    }

    /// How many bytes were written.
    pub fn bytes(&self) -> u64 {
        self.kept().bytes
    }

    /// The first line after `since` for which `pred` holds; waits for it, but not longer than `within`.
    pub async fn wait_for(&self, since: Mark, within: Duration, pred: impl Fn(&str) -> bool) -> Option<String> {
        let mut from = since;
        let search = async {
            loop {
                let arrived = self.shared.arrived.notified();
                tokio::pin!(arrived);
                // Subscribes before looking, so that no line can arrive unnoticed in between.
                arrived.as_mut().enable();
                {
                    let kept = self.kept();
                    if let Some(line) = kept.after(from).find(|line| pred(&line.text)) {
                        return line.text.clone();
                    }
                    from = Mark(kept.count);
                }
                arrived.await;
            }
        };
        tokio::time::timeout(within, search).await.ok()
    }

    /// Reads `pipe` to its end. Never blocks the writer for longer than a copy takes.
    pub async fn read(self, stream: Stream, mut pipe: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 64 * 1024];
        let mut partial = Partial::default();
        loop {
            match pipe.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(size) => {
                    self.take(stream, &buffer[..size], &mut partial);
                    // A flood of output must not delay the requests of the checks.
                    tokio::task::yield_now().await;
                }
            }
        }
        if !partial.text.is_empty() {
            self.kept().push(stream, &partial.text);
            self.shared.arrived.notify_waiters();
        }
    }

    fn take(&self, stream: Stream, bytes: &[u8], partial: &mut Partial) {
        let mut kept = self.kept();
        kept.bytes += bytes.len() as u64;
        let before = kept.count;
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ended) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            if ended && partial.text.is_empty() && text.len() <= LINE {
                kept.push(stream, text);
                continue;
            }
            let room = text.len().min(LINE - partial.text.len());
            partial.text.extend_from_slice(&text[..room]);
            kept.dropped += (text.len() - room) as u64;
            if ended {
                kept.push(stream, &partial.text);
                partial.text.clear();
            }
        }
        if kept.count > before {
            drop(kept);
            self.shared.arrived.notify_waiters();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of a line whose end has not arrived.
#[derive(Default)]
struct Partial {
    text: Vec<u8>,
}

impl Kept {
    fn push(&mut self, stream: Stream, text: &[u8]) {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let line = Line { stream, arrived: SystemTime::now(), text: String::from_utf8_lossy(text).into_owned() };
        self.count += 1;
        let size = line.text.len() + PER_LINE;
        if self.tail.is_empty() && self.head_size + size <= HEAD {
            self.head_size += size;
            self.head.push(line);
            return;
        }
        self.tail_size += size;
        self.tail.push_back(line);
        while self.tail_size > TAIL
            && let Some(oldest) = self.tail.pop_front()
        {
            self.tail_size -= oldest.text.len() + PER_LINE;
            self.dropped += oldest.text.len() as u64 + 1;
        }
    }

    /// The kept lines whose number is `mark` or higher.
    fn after(&self, mark: Mark) -> impl Iterator<Item = &Line> {
        let in_head = usize::try_from(mark.0).unwrap_or(usize::MAX).min(self.head.len());
        let first_in_tail = self.count - self.tail.len() as u64;
        let in_tail = usize::try_from(mark.0.saturating_sub(first_in_tail)).unwrap_or(usize::MAX).min(self.tail.len());
        self.head[in_head..].iter().chain(self.tail.range(in_tail..))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn log_of(chunks: &[&[u8]]) -> Log {
        let log = Log::default();
        let mut partial = Partial::default();
        for chunk in chunks {
            log.take(Stream::Stdout, chunk, &mut partial);
        }
        log
    }

    #[test]
    fn lines_are_assembled_from_any_pieces() {
        let log = log_of(&[b"one\ntw", b"o", b"\r\n\nfour", b"\n\xff\n"]);
        assert_eq!(log.all(), ["one", "two", "", "four", "\u{fffd}"]);
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn a_long_line_is_cut_and_the_rest_counted() {
        let log = log_of(&[&[b'a'; 10_000], &[b'a'; 10_000], b"\nnext\n"]);
        assert_eq!(log.all()[0].len(), LINE);
        assert_eq!(log.all()[1], "next");
        assert_eq!(log.dropped(), 20_000 - LINE as u64);
    }

    #[test]
    fn the_first_and_the_last_lines_of_a_flood_are_kept() {
        let log = Log::default();
        let mut partial = Partial::default();
        for n in 0..200_000 {
            log.take(Stream::Stderr, format!("line {n}\n").as_bytes(), &mut partial);
        }
        let lines = log.all();
        assert_eq!(lines[0], "line 0");
        assert_eq!(lines.last().map(String::as_str), Some("line 199999"));
        assert!(log.dropped() > 0);
        let kept: usize = lines.iter().map(|line| line.len() + 1).sum();
        assert_eq!(kept as u64 + log.dropped(), log.bytes());
        assert!(kept < HEAD + TAIL);
        assert_eq!(log.last(2), ["line 199998", "line 199999"]);
    }

    #[test]
    fn a_mark_divides_earlier_lines_from_later_ones() {
        let log = Log::default();
        let mut partial = Partial::default();
        log.take(Stream::Stdout, b"before\n", &mut partial);
        let mark = log.mark();
        assert!(log.since(mark).is_empty());
        for n in 0..20_000 {
            log.take(Stream::Stdout, format!("after {n} {}\n", "x".repeat(90)).as_bytes(), &mut partial);
            if n == 0 {
                assert_eq!(log.since(mark).len(), 1);
            }
        }
        let later = log.mark();
        log.take(Stream::Stdout, b"latest\n", &mut partial);
        assert_eq!(log.since(later), ["latest"]);
        assert!(log.since(mark)[0].starts_with("after 0 "));
    }

    #[test]
    fn lines_can_be_selected_by_their_time_of_arrival() {
        let log = log_of(&[b"before\n"]);
        let time = SystemTime::now();
        std::thread::sleep(Duration::from_millis(2));
        log.take(Stream::Stdout, b"one\ntwo\n", &mut Partial::default());
        assert_eq!(log.later_than(time), ["one", "two"]);
        assert_eq!(log.later_than(SystemTime::now()), [""; 0]);
    }

    #[tokio::test]
    async fn waiting_ends_when_the_line_arrives() {
        let log = Log::default();
        let (mut pipe, end) = tokio::io::duplex(64);
        let reader = tokio::spawn(log.clone().read(Stream::Stdout, end));
        let mark = log.mark();
        let writer = async {
            pipe.write_all(b"other\nGET /habits 200\nno line end").await.expect("the reader is running");
            drop(pipe);
        };
        let wait = log.wait_for(mark, Duration::from_secs(10), |line| line.contains("/habits"));
        let (found, ()) = tokio::join!(wait, writer);
        assert_eq!(found.as_deref(), Some("GET /habits 200"));
        reader.await.expect("no panic");
        assert_eq!(log.all().last().map(String::as_str), Some("no line end"));
        assert_eq!(log.wait_for(mark, Duration::from_millis(1), |line| line == "never").await, None);
    }
}
