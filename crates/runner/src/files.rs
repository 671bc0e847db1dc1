//! Files that are written whole or not at all, and so that they outlast a loss of power.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Earlier {
    Replaced,
    /// It stays, and that is an error.
    Kept,
}

/// Writes a file beside its place, and puts it there once it is on the disk. Only its owner may read it. Where a link leads to a
/// file, that file is written; what is no file, as a pipe or a terminal, is written to as it is.
pub(crate) fn write(
    path: &Path,
    earlier: Earlier,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let real = match std::fs::metadata(path) {
        Ok(there) if there.is_file() => Some(std::fs::canonicalize(path)?),
        Ok(_) if earlier == Earlier::Kept => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => return fill(&mut File::options().write(true).open(path)?),
        Err(_) => None,
    };
    let path = real.as_deref().unwrap_or(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // Said of the folder, and not of a file in it that never was.
    std::fs::metadata(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all()?;
    let kept = match earlier {
        Earlier::Replaced => file.persist(path),
        Earlier::Kept => file.persist_noclobber(path),
    };
    drop(kept.map_err(|failed| failed.error)?);
    // The new name is in the folder, which is written for itself. Not every file system can; the file is whole either way.
    let _unsure = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_is_whole_or_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan");
        let text = || std::fs::read_to_string(&path).unwrap();
        write(&path, Earlier::Kept, |file| file.write_all(b"one")).unwrap();
        assert_eq!(text(), "one");
        let again = write(&path, Earlier::Kept, |file| file.write_all(b"two")).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        let cut = write(&path, Earlier::Replaced, |file| {
            file.write_all(b"half of")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(text(), "one");
        write(&path, Earlier::Replaced, |file| file.write_all(b"three")).unwrap();
        assert_eq!(text(), "three");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_what_is_no_file_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let [real, link] = ["real", "link"].map(|name| folder.path().join(name));
        std::fs::write(&real, "one").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, Earlier::Replaced, |file| file.write_all(b"two")).unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "two");
        assert!(link.is_symlink());
        // Its reader holds it open, so that writing does not wait for one.
        let (mut reader, writer) = io::pipe().unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&writer);
        let pipe = std::path::PathBuf::from(format!("/proc/self/fd/{fd}"));
        write(&pipe, Earlier::Replaced, |file| file.write_all(b"three")).unwrap();
        drop(writer);
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "three");
        let kept = write(folder.path(), Earlier::Kept, |_| Ok(())).unwrap_err();
        assert_eq!(kept.kind(), io::ErrorKind::AlreadyExists);
    }
}
