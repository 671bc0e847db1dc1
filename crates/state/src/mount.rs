//! Whether a file would stand on a network file system. SQLite's write-ahead log needs memory shared by all who have the
//! file open, and locks that hold; over a network neither is certain, and the state may be destroyed.

use std::path::{Path, PathBuf};

/// File systems that reach other machines. Not here: `9p` and `virtiofs`, under which sandboxes and virtual machines see
/// local disks.
const NETWORK: [&str; 14] = [
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "davfs",
    "fuse.davfs2",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "lustre",
    "ncpfs",
    "smb3",
    "smbfs",
];

/// The kind of network file system that the folder is on. None for local ones, and where it cannot be told.
pub(crate) fn network(folder: &Path) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    network_in(&table, folder)
}

/// The same from the text of `/proc/self/mountinfo` (proc(5)). The folder is absolute and without symbolic links.
fn network_in(table: &str, folder: &Path) -> Option<String> {
    let mut best: Option<(PathBuf, &str)> = None;
    for line in table.lines() {
        let Some((point, kind)) = mount(line) else { continue };
        // Of two mounts at one place the later one is seen.
        let nearer = best
            .as_ref()
            .is_none_or(|(known, _)| point.components().count() >= known.components().count());
        if folder.starts_with(&point) && nearer {
            best = Some((point, kind));
        }
    }
    let (_, kind) = best?;
    (kind.starts_with("nfs") || NETWORK.contains(&kind)).then(|| kind.to_owned())
}

/// Mount point and file system of one line: the fifth field, and the first one after the lone hyphen.
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let point = before.split(' ').nth(4)?;
    let kind = after.split(' ').next()?;
    Some((PathBuf::from(unescape(point)), kind))
}

/// Space, tab, newline and backslash are written as three octal digits after a backslash.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 27 0:40 / /staff rw,relatime shared:5 - nfs4 server:/staff rw,vers=4.2
41 40 0:41 / /staff/local rw,relatime shared:6 master:2 - xfs /dev/vdb rw
42 27 0:42 / /srv/my\\040share rw - cifs //server/share rw
43 27 0:43 / /over rw - ext4 /dev/vdc rw
44 43 0:44 / /over rw - fuse.sshfs me@host:/ rw
45 27 0:45 / /sandbox rw - 9p none rw
garbage";

    #[test]
    fn the_nearest_and_latest_mount_decides() {
        let check = |folder: &str| network_in(TABLE, Path::new(folder));
        assert_eq!(check("/var/lib/peoplesync"), None);
        assert_eq!(check("/staff/me").as_deref(), Some("nfs4"));
        assert_eq!(check("/staffroom"), None);
        assert_eq!(check("/staff/local/me"), None);
        assert_eq!(check("/srv/my share/hr").as_deref(), Some("cifs"));
        assert_eq!(check("/over").as_deref(), Some("fuse.sshfs"));
        assert_eq!(check("/sandbox/x"), None);
        assert_eq!(network_in("", Path::new("/")), None);
    }
}
