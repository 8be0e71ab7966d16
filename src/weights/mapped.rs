//! A memory-mapped file.
#![allow(
    unsafe_code,
    reason = "mapping a file is unsafe because another process could change it meanwhile; the \
              bytes are only ever read as numbers, of which every pattern of bits is one"
)]

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use anyhow::{Result, anyhow, bail, ensure};
use memmap2::Mmap;

use super::fatal_signals::watch;
use crate::text::visible::shown;

/// The bytes of a file, and its name for messages.
pub struct Mapped {
    map: Mmap,
    /// The path as it was given, safe to show.
    pub name: String,
}

impl Mapped {
    /// # Errors
    /// If it cannot be read, is not a regular file, is empty, or stands in for weights: a git-lfs pointer, a
    /// web page.
    pub fn open(path: &Path) -> Result<Self> {
        let name = shown(&path.to_string_lossy());
        let unreadable = |e: io::Error| unreadable(path, &e);
        // Opening a pipe would block.
        let kind = fs::metadata(path).map_err(unreadable)?;
        ensure!(kind.is_file(), "{name} is not a regular file; give a file or a folder of weights");
        ensure!(kind.len() > 0, "{name} is empty; fetch it again");
        let file = File::open(path).map_err(unreadable)?;
        // SAFETY: the map is read only; see the reason at the top of this file.
        let map = unsafe { Mmap::map(&file) }.map_err(unreadable)?;
        watch(path);
        refuse_stand_in(&map, &name)?;
        Ok(Self { map, name })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.map
    }
}

/// The error for a path that cannot be read.
pub fn unreadable(path: &Path, e: &io::Error) -> anyhow::Error {
    let name = shown(&path.to_string_lossy());
    if e.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_ok() {
        return anyhow!("{name} is a link that leads nowhere; fetch the file that it stands for");
    }
    anyhow!("{name} cannot be read; {}", reason(e))
}

/// The system's error text in lower case, without the error number.
fn reason(e: &io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// How a web page begins that was downloaded instead of the file.
const PAGES: [&[u8]; 3] = [b"<!DOCTYPE", b"<html", b"<?xml"];

/// Whether the bytes begin like this, ignoring ASCII case.
fn starts_with(bytes: &[u8], start: &[u8]) -> bool {
    bytes.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

fn refuse_stand_in(bytes: &[u8], name: &str) -> Result<()> {
    let start = bytes.trim_ascii_start();
    if start.starts_with(b"version https://git-lfs") {
        bail!(
            "{name} is a git-lfs pointer, not the file itself; run `git lfs pull` in its folder, or \
             download the file"
        );
    }
    if PAGES.iter().any(|page| starts_with(start, page)) {
        bail!("{name} is a page of a web site, not the file itself; download it again");
    }
    Ok(())
}
