//! The outline: chapters, closed, with their steps beneath them.

use std::io;

use pdf_writer::{Ref, TextStr};

use super::file::File;

/// What has a page so far.
#[derive(Default)]
pub struct Outline {
    chapters: Vec<Chapter>,
}

struct Chapter {
    title: String,
    /// Titles and first pages.
    steps: Vec<(String, Ref)>,
}

impl Outline {
    /// The next step, in its chapter.
    pub fn add(&mut self, chapter: String, step: String, page: Ref) {
        match self.chapters.last_mut().filter(|last| last.title == chapter) {
            Some(last) => last.steps.push((step, page)),
            None => self.chapters.push(Chapter { title: chapter, steps: vec![(step, page)] }),
        }
    }

    /// Writes it; gives its name.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn put(&self, file: &mut File) -> io::Result<Ref> {
        let outline = file.name();
        let names: Vec<Ref> = self.chapters.iter().map(|_| file.name()).collect();
        for (i, (chapter, &name)) in self.chapters.iter().zip(&names).enumerate() {
            let steps: Vec<Ref> = chapter.steps.iter().map(|_| file.name()).collect();
            let first = chapter.steps.first().map(|(_, page)| *page);
            let entry = Entry { title: &chapter.title, page: first, parent: outline };
            entry.put(file, &names, i, &steps)?;
            for (j, (title, page)) in chapter.steps.iter().enumerate() {
                let entry = Entry { title, page: Some(*page), parent: name };
                entry.put(file, &steps, j, &[])?;
            }
        }
        file.put(outline, |chunk| {
            let mut outline = chunk.outline(outline);
            if let (Some(&first), Some(&last)) = (names.first(), names.last()) {
                outline.first(first).last(last).count(names.len() as i32);
            }
        })?;
        Ok(outline)
    }
}

/// A line of the outline.
struct Entry<'a> {
    title: &'a str,
    page: Option<Ref>,
    parent: Ref,
}

impl Entry<'_> {
    /// As the i-th of its like, with what stands beneath it.
    fn put(&self, file: &mut File, like: &[Ref], i: usize, beneath: &[Ref]) -> io::Result<()> {
        file.put(like[i], |chunk| {
            let mut item = chunk.outline_item(like[i]);
            item.title(TextStr(self.title)).parent(self.parent);
            if let Some(&before) = i.checked_sub(1).and_then(|i| like.get(i)) {
                item.prev(before);
            }
            if let Some(&after) = like.get(i + 1) {
                item.next(after);
            }
            if let (Some(&first), Some(&last)) = (beneath.first(), beneath.last()) {
                item.first(first).last(last).count(-(beneath.len() as i32));
            }
            if let Some(page) = self.page {
                item.dest().page(page).fit();
            }
        })
    }
}
