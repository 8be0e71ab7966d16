//! How much memory is available, checked before it is used.
//!
//! Reads /proc and the control groups; where nothing is known, nothing is refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::text::refusal;

/// Checks that `needed` bytes are available, as far as that is known.
///
/// # Errors
/// If they are not, with both figures; never if that `is_ignored`.
pub fn check(needed: u64, is_ignored: bool) -> Result<()> {
    within(needed, available().filter(|_| !is_ignored))
}

/// The bytes that a walk needs whose pass needs `pass` bytes: measures hold gradients or a second pass.
/// Measured: 1.8 to 2.3 times as many.
pub const fn of_walk(pass: u64) -> u64 {
    pass.saturating_mul(11) / 5
}

fn within(needed: u64, free: Option<u64>) -> Result<()> {
    let Some(free) = free.filter(|free| *free < needed) else { return Ok(()) };
    bail!(refusal!(
        "about {needed} of memory are needed, and {free} are free; take a smaller or a quantised model or a shorter text, or try all the same with --no-memory-check",
        needed = bytes(needed),
        free = bytes(free)
    ))
}

/// `3.1 GB`, `88 MB`, `512 bytes`
pub fn bytes(n: u64) -> String {
    const UNITS: [(&str, f64); 3] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let x = n as f64;
    // A value that rounds to 1000 of a unit is written as 1 of the next.
    match UNITS.iter().find(|(_, unit)| x >= unit * 0.9995) {
        Some((name, unit)) if x / unit < 9.95 => format!("{:.1} {name}", x / unit),
        Some((name, unit)) => format!("{:.0} {name}", x / unit),
        None => format!("{n} bytes"),
    }
}

/// The bytes that can be used without swapping: the least of what the system reports, what a container's limit
/// leaves and what the process's own limit leaves. None if unknown.
pub fn available() -> Option<u64> {
    let system = text("/proc/meminfo".as_ref()).and_then(|text| of_system(&text));
    let groups = text("/proc/self/cgroup".as_ref()).unwrap_or_default();
    let limits = folders(&groups).into_iter().filter_map(|(folder, files)| left(&folder, files));
    let own = text("/proc/self/limits".as_ref()).zip(text("/proc/self/status".as_ref()));
    let own = own.and_then(|(limits, status)| of_process(&limits, &status));
    system.into_iter().chain(own).chain(limits).min()
}

/// The address space that stacks of threads and the allocator reserve beyond what is used. Measured: with the built-in
/// models 100 to 115 MB.
const RESERVED: u64 = 120 << 20;

/// The address space that `ulimit -v` leaves, in bytes. Mapped files are not counted as used, because their
/// size is part of what is needed.
fn of_process(limits: &str, status: &str) -> Option<u64> {
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = limit.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(kilobytes(status, "VmData:")? + RESERVED))
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// `MemAvailable` of /proc/meminfo.
fn of_system(meminfo: &str) -> Option<u64> {
    kilobytes(meminfo, "MemAvailable:")
}

/// The value of a line given in kB, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The file names of a control group's limit and usage.
#[derive(Clone, Copy)]
struct CgroupFiles {
    limit: &'static str,
    usage: &'static str,
}

const V2: CgroupFiles = CgroupFiles { limit: "memory.max", usage: "memory.current" };
const V1: CgroupFiles =
    CgroupFiles { limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes" };

/// The folders of the groups in /proc/self/cgroup, and of their parents.
fn folders(groups: &str) -> Vec<(PathBuf, CgroupFiles)> {
    let mut found = vec![];
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(kinds), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (root, files) = match kinds {
            "" => (Path::new("/sys/fs/cgroup"), V2),
            kinds if kinds.split(',').any(|kind| kind == "memory") => {
                (Path::new("/sys/fs/cgroup/memory"), V1)
            }
            _ => continue,
        };
        let inside = Path::new(path.trim_start_matches('/'));
        found.extend(inside.ancestors().map(|group| (root.join(group), files)));
    }
    found
}

/// The bytes that a group's limit leaves; cached file pages count as available.
fn left(folder: &Path, group: CgroupFiles) -> Option<u64> {
    let number = |name: &str| text(&folder.join(name))?.trim().parse::<u64>().ok();
    let stat = text(&folder.join("memory.stat")).unwrap_or_default();
    let files = stat.lines().find_map(|l| l.strip_prefix("inactive_file ")?.trim().parse().ok());
    let taken = number(group.usage)?.saturating_sub(files.unwrap_or(0));
    Some(number(group.limit)?.saturating_sub(taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_memory_is_said_with_both_figures() {
        let error = within(5_200_000_000, Some(88_400_000)).unwrap_err().to_string();
        assert!(error.contains("5.2 GB") && error.contains("88 MB"), "{error}");
        assert!(error.contains("--no-memory-check"));
        assert!(within(5, Some(5)).is_ok() && within(5, None).is_ok());
        assert!(check(u64::MAX, true).is_ok());
    }

    #[test]
    fn sizes_have_two_figures_and_the_unit_that_fits() {
        let cases = [(512, "512 bytes"), (999_950, "1.0 MB"), (2_400, "2.4 kB"), (0, "0 bytes")];
        assert!(
            cases.iter().all(|(n, want)| bytes(*n) == *want),
            "{:?}",
            cases.map(|c| bytes(c.0))
        );
    }

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(of_system("MemTotal: 9 kB\nMemAvailable:   1234 kB\n"), Some(1234 * 1024));
        assert_eq!(of_system("nothing"), None);
    }

    #[test]
    fn a_limit_of_the_process_counts_too() {
        let limits =
            "Limit   Soft Limit  Hard Limit\nMax address space   200000000  unlimited  bytes\n";
        assert_eq!(of_process(limits, "VmData:\t  1 kB\n"), Some(200_000_000 - 1024 - RESERVED));
        assert_eq!(of_process(limits, "VmData:\t  90000 kB\n"), Some(0));
        assert_eq!(of_process("Max address space  unlimited  unlimited", "VmData: 1 kB"), None);
    }

    #[test]
    fn a_walk_takes_more_than_its_pass() {
        assert_eq!(of_walk(1000), 2200);
        assert_eq!(of_walk(u64::MAX), u64::MAX / 5);
    }

    #[test]
    fn a_group_and_those_above_it_are_asked() {
        let found = folders("3:cpu,memory:/a/b\n0::/c\n2:cpu:/x\nnonsense");
        let paths: Vec<_> = found.iter().map(|(path, _)| path.to_str().unwrap()).collect();
        let v1 = ["/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory/"];
        assert_eq!(paths, [&v1[..], &["/sys/fs/cgroup/c", "/sys/fs/cgroup/"]].concat());
    }

    #[test]
    fn a_limit_leaves_what_is_not_taken() {
        let folder = tempfile::TempDir::new().unwrap();
        for (name, text) in [
            ("memory.max", "1000\n"),
            ("memory.current", "700"),
            ("memory.stat", "anon 1\ninactive_file 200"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(left(folder.path(), V2), Some(500));
        fs::write(folder.path().join("memory.max"), "max").unwrap();
        assert_eq!(left(folder.path(), V2), None);
    }
}
