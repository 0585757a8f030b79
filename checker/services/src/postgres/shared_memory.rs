//! The small segment of System V shared memory by which PostgreSQL detects that another server uses its data folder. It
//! stays after a SIGKILL, and a system allows only some thousands.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Removes the segment of a server that was killed, if there is one; `data` is the server's folder.
pub fn release(data: &Path) {
    let Ok(file) = fs::read_to_string(data.join("postmaster.pid")) else {
        return; // It shut down cleanly and removed the segment itself.
    };
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    if let Some(id) = segment_of(&file, &segments) {
        let _ = Command::new("ipcrm").args(["-m", id]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// The id of the segment, which `postmaster.pid` has in its seventh line after the key, if the list of segments
/// (proc_sysvipc(5)) has it with that key and that server as its creator. Processes that still use it lose nothing.
fn segment_of<'a>(file: &'a str, segments: &str) -> Option<&'a str> {
    let server = file.lines().next()?.trim();
    let (key, id) = file.lines().nth(6)?.trim().split_once(char::is_whitespace)?;
    let id = id.trim();
    let exists = segments.lines().any(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        matches!(*fields, [its_key, its_id, _, _, maker, ..] if its_key == key && its_id == id && maker == server)
    });
    exists.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "4711\n/var/tmp/data\n1763700000\n20123\n\n127.0.0.1\n 10055044     65537\nready   \n";

    fn segments(key: &str, id: &str, maker: &str) -> String {
        let head = "key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap";
        format!("       {head}\n  {key}  {id}  600  56  {maker}  4720  0  101  104  101  104 1 2 3 4096 0\n")
    }

    #[test]
    fn only_a_segment_that_the_server_created_is_found() {
        assert_eq!(segment_of(FILE, &segments("10055044", "65537", "4711")), Some("65537"));
        assert_eq!(segment_of(FILE, &segments("10055044", "65537", "4712")), None);
        assert_eq!(segment_of(FILE, &segments("10055045", "65537", "4711")), None);
        assert_eq!(segment_of(FILE, &segments("10055044", "65538", "4711")), None);
        assert_eq!(segment_of("4711\n", &segments("10055044", "65537", "4711")), None);
    }
}
