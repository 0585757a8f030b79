//! The name of the checker that created something on a shared server, by which a later checker recognizes what a dead one
//! has left.
//!
//! A checker counts as dead only if it certainly belonged to this user and ran on this machine since the last boot.
//! Whatever is in doubt stays.

use std::hash::{DefaultHasher, Hash, Hasher};

use sandbox::process_tree;

/// This checker, in letters, digits and `_`.
pub fn this() -> String {
    let own = std::process::id().cast_signed();
    name(os::realm().unwrap_or_default(), own, process_tree::start_of(own).unwrap_or_default())
}

/// Whether this is the name of a checker that is no longer running.
pub fn is_dead(name: &str) -> bool {
    let parts: Vec<_> = name.split('_').map(|part| u64::from_str_radix(part, 16)).collect();
    let [Ok(realm), Ok(pid), Ok(start)] = *parts else {
        return false;
    };
    let Ok(pid) = i32::try_from(pid) else {
        return false;
    };
    os::realm().is_some_and(|ours| u64::from(ours) == realm)
        && process_tree::start_of(pid).is_none_or(|now| u64::from(short(now)) != start)
}

fn name(realm: u32, pid: i32, start: u64) -> String {
    format!("{realm:08x}_{pid:x}_{:x}", short(start))
}

/// A hash of the start time of a process, short enough for a name.
fn short(start: u64) -> u32 {
    hash(start)
}

fn hash(value: impl Hash) -> u32 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish() as u32
}

/// The realm in which a process id is unique: one user's view of one machine, from one boot to the next.
#[cfg(target_os = "linux")]
mod os {
    use std::fs;

    pub fn realm() -> Option<u32> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(super::hash((boot, namespace, rustix::process::getuid().as_raw())))
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    use std::process::{Command, Stdio};

    pub fn realm() -> Option<u32> {
        let boot = Command::new("sysctl").args(["-n", "kern.bootsessionuuid"]).stdin(Stdio::null()).output().ok()?;
        let known = boot.status.success() && !boot.stdout.trim_ascii().is_empty();
        known.then(|| super::hash((boot.stdout, rustix::process::getuid().as_raw())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_checker_of_this_machine_and_user_can_be_dead() {
        let realm = os::realm().expect("this machine says when it was started");
        let own = std::process::id().cast_signed();
        let start = process_tree::start_of(own).expect("we live");
        assert_eq!(this(), name(realm, own, start));
        assert!(!is_dead(&this()));
        assert!(is_dead(&name(realm, own, start + 1)));
        assert!(is_dead(&name(realm, i32::MAX, start)));
        assert!(!is_dead(&name(realm ^ 1, own, start + 1)), "another machine's");
        for nonsense in ["", "nonsense", "1_2", "1_2_3_4", "zz_1_1"] {
            assert!(!is_dead(nonsense), "{nonsense}");
        }
    }
}
