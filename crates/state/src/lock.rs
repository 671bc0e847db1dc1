//! The one-writer lock: a file beside the state. The operating system lets go of it when the process ends, however it
//! ends, so that no lock outlives its run. The file itself stays: deleting it would let two writers in.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// No holder's text is longer; what stands there may be anything.
const LONGEST: u64 = 1000;

/// Held while it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a state for `who`, at `now` (milliseconds since 1970, UTC), or says who has it.
    pub(crate) fn take(state: &Path, who: &str, now: i64) -> Result<Self, Error> {
        let path = beside(state);
        let fail = |doing| {
            let path = path.clone();
            move |source| Error::Io { path, doing, source }
        };
        let mut file = open(&path).map_err(fail("open the lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { path: state.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(fail("take the lock")(source)),
        }
        let text = format!("{who}, since {}\n", moment(now));
        sign(&mut file, &text).map_err(fail("write the lock"))?;
        Ok(Self { _file: file })
    }
}

/// The lock of a service: held for as long as it runs, while the state itself is locked only during its runs. Gone when it is
/// dropped, and when the process ends.
#[derive(Debug)]
pub struct ServiceLock {
    _lock: Lock,
}

impl ServiceLock {
    /// Takes the lock of the service of a state for `who`, at `now` (milliseconds since 1970, UTC).
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if there is a service already, [`Error::Io`] if the file beside the state cannot be written.
    pub fn take(state: &Path, who: &str, now: i64) -> Result<Self, Error> {
        let mut name = crate::file::resolve(state)?.into_os_string();
        name.push(".service");
        Ok(Self { _lock: Lock::take(Path::new(&name), who, now)? })
    }
}

/// The lock's file: the state's name and `.lock`.
fn beside(state: &Path) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    crate::file::private(&mut options);
    options.open(path)
}

fn sign(file: &mut File, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// What the holder wrote. None where a locked file cannot be read (Windows), or in the moment before it has signed.
fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    let line: String = text.lines().next()?.chars().filter(|c| !c.is_control()).collect();
    (!line.trim().is_empty()).then(|| line.trim().to_owned())
}

fn moment(millis: i64) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => format!("{millis} ms after 1970"),
    }
}
