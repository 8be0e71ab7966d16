//! Where exported frames go: standard output, one file, or a folder with a file per frame.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::{
    export::{FORMATS, Format, instead_of},
    lesson::Lesson,
    text::visible_path,
};

/// A file to be written.
pub struct Target {
    pub path: PathBuf,
    pub format: &'static Format,
    /// Index of its step; None for a film of all of them.
    pub step: Option<usize>,
}

/// All files of an export.
pub struct Destination {
    pub is_standard: bool,
    /// In the order of their paths; bare names for standard output.
    pub targets: Vec<Target>,
}

impl Destination {
    /// The destination of these steps in these formats.
    ///
    /// # Errors
    /// If several frames would share one file.
    pub fn of(
        lesson: &Lesson,
        steps: &[usize],
        formats: &[&'static Format],
        out: &Path,
    ) -> Result<Self> {
        let is_standard = out == Path::new("-");
        let folder = if is_standard { Path::new("") } else { out };
        let of_format = |format: &&'static Format| targets(lesson, steps, format, folder);
        let mut targets: Vec<Target> = formats.iter().flat_map(of_format).collect();
        targets.sort_by(|a, b| a.path.cmp(&b.path));
        if !out.is_dir() && formats.iter().any(|format| is_named_as(out, format)) {
            ensure!(
                targets.len() == 1,
                "{} files cannot all be {}; name a folder, or choose one step in one format",
                targets.len(),
                visible_path(out)
            );
            out.clone_into(&mut targets[0].path);
        }
        Ok(Self { is_standard, targets })
    }

    /// The only file, for standard output; None if the output is a file or folder.
    ///
    /// # Errors
    /// If there are several.
    pub fn standard(&self) -> Result<Option<&Target>> {
        let n = self.targets.len();
        ensure!(
            !self.is_standard || n == 1,
            "{n} files cannot go to standard output; it takes one step in one format, or one film; \
             pass --out FOLDER, or one step as in --steps tokens"
        );
        Ok(self.targets.first().filter(|_| self.is_standard))
    }

    /// The files to write.
    ///
    /// # Errors
    /// If their folder exists as a file.
    pub fn files(&self, out: &Path) -> Result<&[Target]> {
        let needs_folder = self.targets.iter().any(|target| target.path != out);
        ensure!(
            !needs_folder || !out.exists() || out.is_dir(),
            "{} is a file, not a folder, and does not have the format's extension; name a folder with --out",
            visible_path(out)
        );
        Ok(&self.targets)
    }
}

/// The requested formats, each once: by `--format`, else by the extension of `--out`, else text.
///
/// # Errors
/// If the extension belongs to another format, or to none, so that the name would be a folder.
pub fn formats(asked: &[&'static Format], out: &Path) -> Result<Vec<&'static Format>> {
    let is_folder = out.is_dir() || out.extension().is_none() || out == Path::new("-");
    let of_name = format_of(out).filter(|_| !is_folder);
    if asked.is_empty() {
        let extension = out.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let instead = instead_of(&extension).map(|how| format!("; {how}")).unwrap_or_default();
        let extensions: Vec<&str> = FORMATS.iter().map(|format| format.extension).collect();
        ensure!(
            is_folder || of_name.is_some(),
            "{} has no known file extension; the known ones are {}{instead}; or name a folder and give --format",
            visible_path(out),
            extensions.join(", ")
        );
        return Ok(of_name.or(Format::find("txt")).into_iter().collect());
    }
    if let Some(other) = of_name {
        let ids: Vec<&str> = asked.iter().map(|format| format.id).collect();
        ensure!(
            asked.iter().any(|format| is_named_as(out, format)),
            "{} has the extension of {}, but {} is requested; change one of them, or name a folder",
            visible_path(out),
            other.id,
            ids.join(",")
        );
    }
    let is_asked = |format: &&Format| asked.iter().any(|asked| asked.id == format.id);
    Ok(FORMATS.iter().copied().filter(is_asked).collect())
}

/// Refuses the name of a single file if it is that of a new folder, or if its ending is of no format and none is asked
/// for.
///
/// # Errors
/// If it is refused; the message names the known endings.
pub fn check_file(out: &Path, known: &[&str], is_format_asked: bool) -> Result<()> {
    let is_folder = out.as_os_str().as_encoded_bytes().ends_with(b"/");
    ensure!(!is_folder, "{} is a folder; give --out the name of a file", visible_path(out));
    if out.is_dir() {
        // What stands there is said when it is written.
        return Ok(());
    }
    let end = out.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    ensure!(
        is_format_asked || end.is_empty() || known.contains(&end.as_str()),
        "{} has no known file extension; the known ones are {}; change it, or give --format{}",
        visible_path(out),
        known.join(", "),
        if Format::find(&end).is_some() {
            "; `lookback export` writes pictures of steps"
        } else {
            ""
        }
    );
    Ok(())
}

fn targets(
    lesson: &Lesson,
    steps: &[usize],
    format: &'static Format,
    folder: &Path,
) -> Vec<Target> {
    if format.is_animation() {
        let path = folder.join(format!("walk.{}", format.extension));
        return vec![Target { path, format, step: None }];
    }
    let target = |&step: &usize| {
        let name = format!("{}.{}", lesson.file_stem(step), format.extension);
        Target { path: folder.join(name), format, step: Some(step) }
    };
    steps.iter().map(target).collect()
}

/// The format whose extension the name ends in.
fn format_of(path: &Path) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| is_named_as(path, format))
}

fn is_named_as(path: &Path, format: &Format) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
    let stem = name.as_deref().and_then(|name| name.strip_suffix(format.extension));
    stem.is_some_and(|stem| stem.len() > 1 && stem.ends_with('.'))
}
