//! What this process holds: threads, open files, memory. Linux only, where `/proc` tells; elsewhere `None`.

use std::fs;
use std::io::Write as _;
use std::process::Command;

/// The argument by which a test knows that no other runs beside it.
const ALONE: [&str; 2] = ["--exact", "--test-threads=1"];

/// Threads and open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) threads: usize,
    pub(crate) files: usize,
}

impl Held {
    pub(crate) fn now() -> Option<Self> {
        let count = |folder| Some(fs::read_dir(folder).ok()?.count());
        Some(Self { threads: count("/proc/self/task")?, files: count("/proc/self/fd")? })
    }

    pub(crate) fn is_within(self, limit: Self) -> bool {
        self.threads <= limit.threads && self.files <= limit.files
    }
}

/// The memory of the process in bytes: now, and at most since [`forget_peak`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        Some(Self { now: kilobytes("VmRSS")? * 1024, peak: kilobytes("VmHWM")? * 1024 })
    }
}

/// Lets the peak begin anew, as proc(5) says of `clear_refs`. Where that is not allowed, the old peak stays, which can only hide a
/// growth below it.
pub(crate) fn forget_peak() {
    drop(fs::write("/proc/self/clear_refs", "5"));
}

/// Runs the body of a test in a process where no other test runs, so that threads, open files and memory can be counted: starts the
/// test program again with this test alone. The output of that process is part of the failure.
///
/// # Panics
/// The test failed there. Also outside of a test's own thread.
pub fn alone(test: impl FnOnce()) {
    let arguments: Vec<_> = std::env::args().collect();
    if ALONE.iter().all(|wanted| arguments.iter().any(|argument| argument == wanted)) {
        return test();
    }
    let thread = std::thread::current();
    let name = thread.name().expect("a test has a thread with its name");
    let program = std::env::current_exe().expect("the test program knows its path");
    let output = Command::new(program).arg(name).args(ALONE).output().expect("it starts again");
    let (told, printed) = (&output.stderr, String::from_utf8_lossy(&output.stdout));
    let passed = output.status.success() && printed.contains("1 passed");
    assert!(passed, "{printed}{}", String::from_utf8_lossy(told));
    // What that process declared.
    drop(std::io::stderr().write_all(told));
}
