//! Where exported frames go: standard output, one file, or a folder of files with names of ours.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::{
    export::{FORMATS, Format},
    lesson::Lesson,
    text::visible,
};

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

impl Place {
    pub fn targets(&self) -> &[Target] {
        match self {
            Self::Standard(target) => std::slice::from_ref(target),
            Self::Files(targets) => targets,
        }
    }
}

/// The forms that are asked for: by name, else by the end of the file's name, else text.
///
/// # Errors
/// If the file's name ends as none of them does, and so would be taken for a folder.
pub fn formats(asked: &[&'static Format], out: &Path) -> Result<Vec<&'static Format>> {
    let of_name = ending(out);
    let is_folder = out.is_dir() || out.extension().is_none() || out == Path::new("-");
    let shown = || visible(&out.to_string_lossy());
    if asked.is_empty() {
        let endings =
            || FORMATS.iter().map(|format| format.extension).collect::<Vec<_>>().join(", ");
        ensure!(
            is_folder || of_name.is_some(),
            "{} ends as no format does; there are {}; or name a folder and give --format",
            shown(),
            endings()
        );
        let text = FORMATS.iter().find(|format| format.id == "txt");
        return Ok(of_name.filter(|_| !out.is_dir()).or(text).into_iter().collect());
    }
    let mut formats: Vec<&Format> = vec![];
    for format in asked.iter().copied() {
        if formats.iter().all(|known| known.id != format.id) {
            formats.push(format);
        }
    }
    if let Some(other) = of_name.filter(|_| !is_folder) {
        let ends = |format: &&Format| is_named_as(out, format);
        let n = asked.iter().map(|format| format.id).collect::<Vec<_>>().join(",");
        ensure!(
            formats.iter().any(ends),
            "{} ends as {} does, but {n} is asked for; change one of them, or name a folder",
            shown(),
            other.id
        );
    }
    Ok(formats)
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
    let mut targets = all(lesson, steps, formats, out);
    if out == Path::new("-") {
        let n = targets.len();
        ensure!(
            n == 1,
            "{n} files cannot go to standard output; it takes one step in one format, or one film; \
             write --out FOLDER, or one step as in --steps tokens"
        );
        return Ok(Place::Standard(targets.swap_remove(0)));
    }
    if !out.is_dir() && formats.iter().any(|format| is_named_as(out, format)) {
        if targets.len() > 1 {
            let (out, n) = (visible(&out.to_string_lossy()), targets.len());
            bail!("{n} files cannot all be {out}; name a folder, or choose one step in one format");
        }
        out.clone_into(&mut targets[0].path);
    }
    Ok(Place::Files(targets))
}

/// # Errors
/// If a file is where the folder should be.
pub fn check(place: &Place, out: &Path) -> Result<()> {
    let is_folder = place.targets().iter().any(|target| target.path != out);
    ensure!(
        !is_folder || !out.exists() || out.is_dir(),
        "{} is a file, not a folder, and does not end as the format does; name a folder with --out",
        visible(&out.to_string_lossy())
    );
    Ok(())
}

/// Every file, in a folder; in the order of their paths.
pub fn all(
    lesson: &Lesson,
    steps: &[usize],
    formats: &[&'static Format],
    folder: &Path,
) -> Vec<Target> {
    let mut targets: Vec<Target> =
        formats.iter().flat_map(|format| targets(lesson, steps, format, folder)).collect();
    targets.sort_by(|a, b| a.path.cmp(&b.path));
    targets
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

/// The form whose extension the name ends in; of two the longer, as in `walk.v3.cast`.
fn ending(path: &Path) -> Option<&'static Format> {
    let named = FORMATS.iter().filter(|format| is_named_as(path, format));
    named.max_by_key(|format| format.extension.len())
}

fn is_named_as(path: &Path, format: &Format) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
    let stem = name.as_deref().and_then(|name| name.strip_suffix(format.extension));
    stem.is_some_and(|stem| stem.len() > 1 && stem.ends_with('.'))
}
