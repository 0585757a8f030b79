//! What the program writes. A reader that is gone (`| head`) is not an error; anything else that keeps the output from being written is.

use std::io::{self, Write};

use model::Problem;

/// Writes to standard output.
///
/// # Errors
///
/// The output cannot be written, for a reason other than a reader that is gone.
pub fn print(text: &str) -> Result<(), Problem> {
    written(&mut io::stdout().lock(), text)
}

fn written(to: &mut impl Write, text: &str) -> Result<(), Problem> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::new(
            format!("The output could not be written: {error}."),
            "Free some space or write to another place, then run the same command again.",
        )),
        _ => Ok(()),
    }
}

/// Writes to standard error, where there is nobody to tell if that fails.
pub fn note(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails with this error when it is flushed, as a buffer does on a full disk.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error_and_a_full_disk_is_one() {
        assert_eq!(written(&mut Failing(io::ErrorKind::BrokenPipe), "text"), Ok(()));
        assert!(written(&mut Failing(io::ErrorKind::StorageFull), "text").is_err_and(|problem| problem.title.contains("output")));
    }
}
