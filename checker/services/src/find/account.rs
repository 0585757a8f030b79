//! The account that services run as. PostgreSQL refuses to run as root, so for root it is another account of the machine.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sandbox::guard::Account;

/// The account that exists on every system and owns nothing.
const LAST: &str = "nobody";
/// The user id of `nobody` on Linux.
const NOBODY: u32 = 65_534;

/// The account for a service whose installation may have created the account `own`; `None` means the user's own account.
pub fn for_service(own: &str) -> Option<Account> {
    rustix::process::geteuid().is_root().then(|| {
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        [own, LAST].iter().find_map(|name| find(&accounts, name)).unwrap_or(Account { uid: NOBODY, gid: NOBODY })
    })
}

/// The account of this name in a file in the format of passwd(5).
fn find(accounts: &str, name: &str) -> Option<Account> {
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    // macOS writes the numbers of `nobody` as -2.
    let number = |field: &str| field.parse::<i64>().ok().map(|number| number as u32);
    let mut fields = line.split(':').skip(2);
    let account = Account { uid: number(fields.next()?)?, gid: number(fields.next()?)? };
    (account.uid != 0).then_some(account)
}

/// Whether other users may enter `folder` and all its parents.
pub fn can_reach(folder: &Path) -> bool {
    const OTHERS_PASS: u32 = 0o001;
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    folder.ancestors().all(|folder| fs::metadata(folder).is_ok_and(|found| found.mode() & OTHERS_PASS != 0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\npostgresql:x:7:7::/:/bin/sh\npostgres:x:101:104:PostgreSQL:/var:/bin/sh\n\
                        nobody:*:-2:-2:Nobody:/var/empty:/usr/bin/false\nfake:x:0:0::/:\nbroken:x\n";
        assert_eq!(find(accounts, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find(accounts, "nobody"), Some(Account { uid: u32::MAX - 1, gid: u32::MAX - 1 }));
        for name in ["fake", "broken", "absent"] {
            assert_eq!(find(accounts, name), None);
        }
    }

    #[test]
    fn a_private_folder_makes_everything_in_it_unreachable() {
        let private = tempfile::tempdir().expect("a temporary folder");
        let within = private.path().join("within");
        fs::create_dir(&within).expect("a writable folder");
        let allow = |mode| fs::set_permissions(private.path(), fs::Permissions::from_mode(mode)).expect("our own folder");
        allow(0o700);
        assert!(!can_reach(&within));
        allow(0o711);
        assert_eq!(can_reach(&within), can_reach(private.path().parent().expect("a parent")));
    }
}
