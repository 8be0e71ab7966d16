//! Where exported frames go: standard output, one file, or a folder of files with names of ours.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::{export::Format, lesson::Lesson, text::visible};

/// A file to be written.
#[derive(Clone)]
pub struct Target {
    pub path: PathBuf,
    pub format: &'static Format,
    /// Index of its step; None for a film of all of them.
    pub step: Option<usize>,
}

/// Where they go.
#[derive(Clone)]
pub enum Place {
    Standard(Target),
    /// In the order of their paths.
    Files(Vec<Target>),
}

/// The forms that are asked for: by name, else by the end of the file's name, else text.
pub fn formats(asked: &[&'static Format], out: &Path) -> Vec<&'static Format> {
    let of_name = || extension(out).and_then(Format::of_extension).or(Format::find("txt"));
    let mut formats: Vec<&Format> = vec![];
    for format in asked.iter().copied().chain(of_name().filter(|_| asked.is_empty())) {
        if formats.iter().all(|known| known.id != format.id) {
            formats.push(format);
        }
    }
    formats
}

/// The files that these steps make in these forms.
///
/// # Errors
/// If several of them are to share one file or standard output.
pub fn of(
    lesson: &Lesson,
    steps: &[usize],
    formats: &[&'static Format],
    out: &Path,
) -> Result<Place> {
    let mut targets: Vec<Target> =
        formats.iter().flat_map(|format| targets(lesson, steps, format, out)).collect();
    if out == Path::new("-") {
        let n = targets.len();
        ensure!(
            n == 1,
            "{n} files cannot go to standard output; it takes one step in one format, or one film; \
             write --out FOLDER, or one step as in --steps tokens"
        );
        return Ok(Place::Standard(targets.swap_remove(0)));
    }
    let is_file_of = |format: &&Format| extension(out) == Some(format.extension) && !out.is_dir();
    if formats.iter().any(is_file_of) {
        if targets.len() > 1 {
            let (out, n) = (visible(&out.to_string_lossy()), targets.len());
            bail!("{n} files cannot all be {out}; name a folder, or choose one step in one format");
        }
        out.clone_into(&mut targets[0].path);
    }
    targets.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Place::Files(targets))
}

fn targets(
    lesson: &Lesson,
    steps: &[usize],
    format: &'static Format,
    folder: &Path,
) -> Vec<Target> {
    if format.is_film() {
        let path = folder.join(format!("walk.{}", format.extension));
        return vec![Target { path, format, step: None }];
    }
    let target = |&step: &usize| {
        let name = format!("{}.{}", lesson.file_stem(step), format.extension);
        Target { path: folder.join(name), format, step: Some(step) }
    };
    steps.iter().map(target).collect()
}

/// What comes after the first full stop of a file's name: `v3.cast` is one.
fn extension(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.split_once('.').map(|(_, extension)| extension)
}
