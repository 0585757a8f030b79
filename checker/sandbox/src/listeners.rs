//! Listening TCP sockets, and the processes that own them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::process_tree::Process;

/// A TCP socket that accepts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// The address on which it listens.
    pub address: SocketAddr,
    /// The socket's inode, which identifies it among a process's open files.
    inode: u64,
    /// The user it belongs to.
    user: u32,
}

impl Listener {
    /// Whether a connection to `target` reaches this socket.
    fn serves(&self, target: SocketAddr) -> bool {
        let own = self.address.ip().to_canonical();
        self.address.port() == target.port()
            && (own == target.ip() || own.is_unspecified() && (self.address.is_ipv6() || target.is_ipv4()))
    }
}

/// The owner of the socket that accepts connections at an address.
#[derive(Debug, PartialEq, Eq)]
pub enum Owner {
    /// A process of the given tree; it listens on this address.
    Ours(SocketAddr),
    /// Another process; its id and name, where visible.
    Other(Option<(i32, String)>),
    /// This system does not show the owner.
    Unknown,
}

/// Finds the owner of the socket that accepts connections to `target`. Takes some milliseconds: the tables are slow to read.
pub fn owner(target: SocketAddr, ours: &[Process], everyone: &[Process]) -> Owner {
    let our_sockets = os::sockets_of(ours);
    let mut others = Vec::new();
    for table in os::TABLES {
        let serving: Vec<Listener> = os::read(table).into_iter().filter(|listener| listener.serves(target)).collect();
        if let Some(listener) = serving.iter().find(|listener| our_sockets.contains(&listener.inode)) {
            return Owner::Ours(listener.address);
        }
        others.extend(serving);
    }
    if others.is_empty() {
        return Owner::Unknown;
    }
    let holds = |process: &&Process| {
        let sockets = os::sockets_of(std::slice::from_ref(process));
        others.iter().any(|listener| sockets.contains(&listener.inode))
    };
    match everyone.iter().find(holds) {
        Some(process) => Owner::Other(Some((process.pid, process.name.clone()))),
        // We may not see the process's files. A process of another user is not ours; one of this user may be.
        None if others.iter().all(|l| l.user != rustix::process::geteuid().as_raw()) => Owner::Other(None),
        None => Owner::Unknown,
    }
}

/// Every address on which one of `processes` accepts connections.
pub fn of(processes: &[Process]) -> Vec<SocketAddr> {
    let sockets = os::sockets_of(processes);
    if sockets.is_empty() {
        return Vec::new();
    }
    let listeners = os::TABLES.iter().flat_map(|table| os::read(table));
    let mut found: Vec<SocketAddr> =
        listeners.filter(|listener| sockets.contains(&listener.inode)).map(|listener| listener.address).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The address by which to reach a server that listens on `ip`.
pub fn reachable(ip: IpAddr) -> IpAddr {
    if ip.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { ip }
}

#[cfg(target_os = "linux")]
mod os {
    use std::collections::HashSet;
    use std::fs::{self, File};
    use std::io::{BufRead, BufReader};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    use super::super::process_tree::Process;
    use super::Listener;

    /// The kernel's tables of TCP sockets, for IPv4 and IPv6.
    pub const TABLES: &[&str] = &["/proc/net/tcp", "/proc/net/tcp6"];

    /// The listeners in a table. They come first; the open and recently closed connections after them may be a thousand times
    /// as many and are slow to read, so reading stops there.
    pub fn read(table: &str) -> Vec<Listener> {
        let Ok(file) = File::open(table) else {
            return Vec::new();
        };
        const HEADING: usize = 1;
        let lines = BufReader::with_capacity(4096, file).lines().skip(HEADING);
        lines.map_while(|line| parse(&line.ok()?)).collect()
    }

    /// The inodes of all open sockets of these processes.
    pub fn sockets_of(processes: &[Process]) -> HashSet<u64> {
        let files = processes.iter().filter_map(|process| fs::read_dir(format!("/proc/{}/fd", process.pid)).ok()).flatten();
        let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        targets.filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
    }

    /// Parses a line of `/proc/net/tcp` (proc_pid_net(5)); `None` unless the socket listens.
    fn parse(line: &str) -> Option<Listener> {
        const LISTEN: &str = "0A";
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if *fields.get(3)? != LISTEN {
            return None;
        }
        let (ip, port) = fields.get(1)?.split_once(':')?;
        let words: Vec<u32> = ip
            .as_bytes()
            .chunks(8)
            .map(|word| u32::from_str_radix(str::from_utf8(word).ok()?, 16).ok())
            .collect::<Option<_>>()?;
        let ip = match *words {
            [word] => IpAddr::from(Ipv4Addr::from(word.to_ne_bytes())),
            [a, b, c, d] => {
                let mut bytes = [0; 16];
                for (part, word) in bytes.chunks_mut(4).zip([a, b, c, d]) {
                    part.copy_from_slice(&word.to_ne_bytes());
                }
                IpAddr::from(Ipv6Addr::from(bytes))
            }
            _ => return None,
        };
        Some(Listener {
            address: SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?),
            inode: fields.get(9)?.parse().ok()?,
            user: fields.get(7)?.parse().ok()?,
        })
    }

    #[cfg(all(test, target_endian = "little"))]
    mod tests {
        use super::parse;

        #[test]
        fn listening_sockets_are_parsed_from_the_kernels_tables() {
            let v4 = "   0: 0100007F:4E31 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 137055 1 0 100";
            let v6 = "   1: 00000000000000000000000001000000:1F40 0:0 0A 0:0 0:0 0 0 0 99 1 0";
            let connected = "   2: 0100007F:4E31 0100007F:D431 01 0:0 0:0 0 1000 0 137056 1 0";
            let v4 = parse(v4).expect("it listens");
            assert_eq!(v4.address, ([127, 0, 0, 1], 20017).into());
            assert_eq!((v4.inode, v4.user), (137_055, 1000));
            assert_eq!(parse(v6).expect("it listens").address, "[::1]:8000".parse().expect("an address"));
            assert!(parse(connected).is_none());
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    use std::collections::HashSet;

    use super::super::process_tree::Process;
    use super::Listener;

    pub const TABLES: &[&str] = &[];

    pub fn read(_table: &str) -> Vec<Listener> {
        Vec::new()
    }

    pub fn sockets_of(_processes: &[Process]) -> HashSet<u64> {
        HashSet::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Listener {
        let address = address.parse().expect("an address");
        Listener { address, inode: 0, user: 0 }
    }

    #[test]
    fn an_unspecified_address_serves_its_family() {
        let v4: SocketAddr = ([127, 0, 0, 1], 20017).into();
        let v6: SocketAddr = "[::1]:20017".parse().expect("an address");
        assert!(at("127.0.0.1:20017").serves(v4));
        assert!(at("0.0.0.0:20017").serves(v4));
        assert!(at("[::]:20017").serves(v4) && at("[::]:20017").serves(v6));
        assert!(at("[::ffff:127.0.0.1]:20017").serves(v4));
        assert!(!at("[::1]:20017").serves(v4));
        assert!(!at("0.0.0.0:20017").serves(v6));
        assert!(!at("127.0.0.1:20018").serves(v4));
    }
}
