//! Reading what the runtime cannot wait for by itself without unsafe code: a terminal, and the system's reports of changes.

use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A thread that reads. It ends when this is dropped, when it cannot read any more, or when nothing is left to read.
pub struct Reading<T> {
    read: UnboundedReceiver<T>,
    /// The thread hears when this is closed.
    _end: PipeWriter,
}

impl<T: Send + 'static> Reading<T> {
    /// Calls `read` whenever that would not wait; nothing is left once that returns nothing. The file may stay a blocking one, as a terminal that others read too must.
    pub fn start(
        file: Arc<OwnedFd>,
        mut read: impl FnMut(&OwnedFd) -> io::Result<Option<T>> + Send + 'static,
    ) -> io::Result<Self> {
        let (end, _end) = io::pipe()?;
        let (sender, receiver) = unbounded_channel();
        let run = move || {
            while readable(&file, &end)? {
                let something = match read(&file) {
                    Ok(Some(something)) => something,
                    Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => continue,
                    Ok(None) | Err(_) => break,
                };
                if sender.send(something).is_err() {
                    break;
                }
            }
            io::Result::Ok(())
        };
        thread::Builder::new().name("reading".to_owned()).spawn(run)?;
        Ok(Reading { read: receiver, _end })
    }

    /// Waits for what is read next; `None` when the thread has finished. It may be dropped and called again at any time.
    pub async fn next(&mut self) -> Option<T> {
        self.read.recv().await
    }
}

/// Waits until the file can be read; false if the end has come.
fn readable(file: &OwnedFd, end: &io::PipeReader) -> io::Result<bool> {
    let mut both = [PollFd::new(file, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
    rustix::io::retry_on_intr(|| poll(&mut both, None))?;
    Ok(both[1].revents().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::Duration;

    fn reading() -> (Reading<Vec<u8>>, PipeWriter) {
        let (reader, writer) = io::pipe().expect("a pipe");
        let read = |file: &OwnedFd| {
            let mut bytes = [0; 8];
            let count = rustix::io::read(file, &mut bytes)?;
            Ok((count > 0).then(|| bytes[..count].to_vec()))
        };
        (Reading::start(Arc::new(reader.into()), read).expect("a thread"), writer)
    }

    #[tokio::test]
    async fn what_is_written_is_read_until_the_end() {
        let (mut reading, mut writer) = reading();
        writer.write_all(b"one").expect("it is read");
        assert_eq!(reading.next().await.as_deref(), Some(&b"one"[..]));
        drop(writer);
        assert_eq!(reading.next().await, None);
    }

    #[tokio::test]
    async fn the_thread_ends_with_its_owner() {
        let (reading, mut writer) = reading();
        drop(reading);
        let limit = tokio::time::Instant::now() + Duration::from_secs(20);
        // The thread had the only other end of this pipe.
        while writer.write_all(b"x").is_ok() {
            assert!(tokio::time::Instant::now() < limit, "somebody still listens");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
