//! The walk as a handout: a PDF file with a page for every step, the frame and what is told of it, its
//! text to be selected, its fonts in it, chapters and steps as an outline.
//!
//! What stands around the frame is dark on white, as paper is.

mod draw;
mod faces;
mod file;
mod outline;

use std::{io, mem};

use pdf_writer::{
    Content, Name, Rect, Ref, Settings, TextStr,
    writers::{Catalog, DocumentInfo},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect as Area,
    text::{Line, Span as Styled},
};

use super::{Film, Paper};
use crate::{
    lesson::{Paragraph, Span},
    render::{
        font::{CELL, Fonts},
        frame::Shot,
        picture::Picture,
    },
    text::visible,
    ui::{
        app::{self, wrap},
        screen,
        theme::{Depth, Scheme, Theme},
    },
};
use draw::Pen;
use faces::Face;
use file::File;
use outline::Outline;

/// Width and height of the page, A4, in points.
const PAGE: (f32, f32) = (595.28, 841.89);
const MARGIN: f32 = 36.0;
/// Points in a pixel of the cells: of the frame at most, of the heading, of the text, of what is small.
const FRAME: f32 = 0.75;
const HEADING: f32 = 0.75;
const TEXT: f32 = 0.54;
const SMALL: f32 = 0.45;
/// The most of the page's height that a frame may take.
const SHARE: f32 = 0.55;
/// Between frame and text.
const GAP: f32 = 10.0;

/// Writes all frames.
///
/// # Errors
/// If the writer fails or the work is stopped.
pub fn write(film: Film, paper: &Paper, out: &mut dyn io::Write) -> io::Result<()> {
    let mut book = Book::new(out, &paper.fonts)?;
    film.each(|_, shot| Leaf::of(shot), |leaf| book.add(leaf))?;
    book.finish()
}

/// What is said of a step, each text with its lines broken.
struct Leaf {
    theme: Theme,
    language: String,
    sentence: String,
    /// Number and name of the chapter.
    chapter: String,
    title: String,
    frame: Picture,
    small: Picture,
    heading: Picture,
    text: Picture,
}

impl Leaf {
    fn of(shot: &Shot) -> Self {
        let theme = on_paper(shot.views[0].theme);
        let (number, chapter) = shot.chapter();
        let (step, chapter) = (shot.step(), format!("{number}. {chapter}"));
        let sentence = visible(&shot.reading().sentence.text);
        let heading = lines(&shot.title(), columns(HEADING));
        let heading: Vec<Line> =
            heading.into_iter().map(|line| line.patch_style(theme.strong())).collect();
        let told = shot.narration(columns(TEXT));
        let mut text: Vec<Line> = told.iter().map(|line| styled(line, theme)).collect();
        for remark in [&step.formula, &step.source] {
            text.push(Line::default());
            // Formulas that stand apart in a line have lines of their own.
            let parts = remark.split("  ").filter(|part| !part.trim().is_empty());
            let parts = parts.flat_map(|part| lines(part, columns(TEXT)));
            text.extend(parts.map(|line| line.patch_style(theme.dim())));
        }
        Self {
            theme,
            language: shot.lesson().language.to_string(),
            sentence,
            title: step.title.clone(),
            frame: shot.picture(),
            small: set(&[Line::styled(chapter.clone(), theme.dim())], columns(SMALL), theme),
            heading: set(&heading, columns(HEADING), theme),
            text: set(&text, columns(TEXT), theme),
            chapter,
        }
    }
}

/// The colours of what stands on white.
const fn on_paper(theme: Theme) -> Theme {
    let depth = if theme.has_colour() { Depth::True } else { Depth::None };
    Theme { depth, ..theme }.with(Scheme::Light)
}

/// How many cells of that size stand beside each other between the margins.
fn columns(scale: f32) -> usize {
    ((PAGE.0 - 2.0 * MARGIN) / (CELL.0 as f32 * scale)) as usize
}

fn lines(text: &str, width: usize) -> Vec<Line<'static>> {
    let span = Span { text: visible(text), site: None, strong: false, is_term: false };
    let lines = wrap(&[Paragraph { spans: vec![span] }], |_| None, width, false);
    let plain = |line: app::Line| line.into_iter().map(|piece| piece.text).collect::<String>();
    lines.into_iter().map(|line| Line::raw(plain(line))).collect()
}

fn styled(line: &app::Line, theme: Theme) -> Line<'static> {
    let piece =
        |piece: &app::Piece| Styled::styled(piece.text.clone(), screen::voice(&theme, piece.voice));
    line.iter().map(piece).collect()
}

/// Lines as cells.
fn set(lines: &[Line], width: usize, theme: Theme) -> Picture {
    let area = Area { width: width as u16, height: lines.len() as u16, ..Area::ZERO };
    let mut buffer = Buffer::empty(area);
    for (y, line) in (0..).zip(lines) {
        buffer.set_line(0, y, line, area.width);
    }
    screen::seal(&mut buffer);
    Picture::of(&buffer, &theme)
}

/// A document on its way.
struct Book<'a> {
    file: File<'a>,
    fonts: &'a Fonts,
    faces: Vec<Face<'a>>,
    root: Ref,
    resources: Ref,
    pages: Vec<Ref>,
    outline: Outline,
    /// Language and sentence.
    about: (String, String),
}

impl<'a> Book<'a> {
    fn new(out: &'a mut dyn io::Write, fonts: &'a Fonts) -> io::Result<Self> {
        let mut file = File::new(out)?;
        let (root, resources) = (file.name(), file.name());
        let faces = faces::of(fonts)?;
        let (pages, outline, about) = (vec![], Outline::default(), Default::default());
        Ok(Self { file, fonts, faces, root, resources, pages, outline, about })
    }

    /// A page with the frame and the text; further ones for text that does not fit.
    fn add(&mut self, leaf: Leaf) -> io::Result<()> {
        let first = self.pages.len();
        let mut rest = leaf.text.clone();
        loop {
            let is_first = self.pages.len() == first;
            let foot = foot(&leaf.sentence, self.pages.len() + 1, leaf.theme);
            let mut sheet = Sheet::new(self.fonts, &mut self.faces);
            sheet.put(&leaf.small, SMALL);
            sheet.put(&leaf.heading, HEADING);
            if is_first {
                sheet.frame(&leaf.frame);
            }
            let after = sheet.fill(rest);
            let content = sheet.end(&foot);
            self.page(&content)?;
            match after {
                Some(text) => rest = text,
                None => break,
            }
        }
        self.outline.add(leaf.chapter, leaf.title, self.pages[first]);
        self.about = (leaf.language, leaf.sentence);
        Ok(())
    }

    fn page(&mut self, content: &[u8]) -> io::Result<()> {
        let [page, contents] = [self.file.name(), self.file.name()];
        self.file.put_data(contents, content, |_| ())?;
        self.pages.push(page);
        let (root, resources) = (self.root, self.resources);
        self.file.put(page, |chunk| {
            let mut page = chunk.page(page);
            page.parent(root).media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).contents(contents);
            page.pair(Name(b"Resources"), resources);
        })
    }

    fn finish(mut self) -> io::Result<()> {
        let fonts = self.put_fonts()?;
        let resources = self.resources;
        self.file.put(resources, |chunk| {
            let mut resources = chunk.indirect(resources).start::<pdf_writer::writers::Resources>();
            let mut names = resources.fonts();
            for (face, font) in fonts {
                names.pair(Name(name(face).as_bytes()), font);
            }
        })?;
        let (root, pages) = (self.root, mem::take(&mut self.pages));
        self.file.put(root, |chunk| {
            chunk.pages(root).count(pages.len() as i32).kids(pages);
        })?;
        let outline = self.outline.put(&mut self.file)?;
        let [catalog, info] = [self.file.name(), self.file.name()];
        let (language, sentence) = &self.about;
        self.file.put(catalog, |chunk| {
            let mut catalog = chunk.indirect(catalog).start::<Catalog>();
            catalog.pages(root).outlines(outline).lang(TextStr(language));
            catalog.viewer_preferences().display_doc_title(true);
        })?;
        self.file.put(info, |chunk| {
            let mut info = chunk.indirect(info).start::<DocumentInfo>();
            info.title(TextStr(sentence)).creator(TextStr("Lookback"));
        })?;
        self.file.finish(catalog, info)
    }

    /// The fonts that are used, with their indices.
    fn put_fonts(&mut self) -> io::Result<Vec<(usize, Ref)>> {
        let mut fonts = vec![];
        for (i, face) in self.faces.iter().enumerate().filter(|(_, face)| face.is_used()) {
            let font = self.file.name();
            face.put(&mut self.file, font, char::from(b'A' + i as u8))?;
            fonts.push((i, font));
        }
        Ok(fonts)
    }
}

/// What pages call a font.
fn name(face: usize) -> String {
    format!("F{face}")
}

/// A page that is filled from the top.
struct Sheet<'a, 'b> {
    pen: Pen<'a, 'b>,
    /// Up to where it is filled, in points from the bottom.
    top: f32,
}

impl<'a, 'b> Sheet<'a, 'b> {
    fn new(fonts: &'a Fonts, faces: &'a mut [Face<'b>]) -> Self {
        Self {
            pen: Pen { content: Content::with_settings(Settings { pretty: false }), fonts, faces },
            top: PAGE.1 - MARGIN,
        }
    }

    /// Text from the left margin on.
    fn put(&mut self, text: &Picture, scale: f32) {
        self.place(text, scale, MARGIN);
        self.pen.text(text);
        self.pen.content.restore_state();
    }

    /// The frame in the middle, with a thin rim.
    fn frame(&mut self, frame: &Picture) {
        let (width, height) = (frame.width * CELL.0, frame.height * CELL.1);
        let (width, height) = (width as f32, height as f32);
        let scale = FRAME.min((PAGE.0 - 2.0 * MARGIN) / width).min(PAGE.1 * SHARE / height);
        self.top -= GAP;
        self.place(frame, scale, (PAGE.0 - width * scale) / 2.0);
        self.pen.grounds(frame);
        self.pen.text(frame);
        let content = &mut self.pen.content;
        content.set_stroke_gray(0.6).set_line_width(1.0).rect(0.0, 0.0, width, height).stroke();
        content.restore_state();
    }

    /// From here to the next `restore_state` a unit is a pixel of the picture's.
    fn place(&mut self, picture: &Picture, scale: f32, left: f32) {
        self.top -= line(scale) * picture.height as f32;
        let matrix = [scale, 0.0, 0.0, scale, left, self.top];
        self.pen.content.save_state().transform(matrix);
    }

    /// As much of the text as there is room for; what is left of it.
    fn fill(&mut self, mut text: Picture) -> Option<Picture> {
        self.top -= GAP;
        let room = self.top - MARGIN - line(SMALL) - GAP;
        let n = ((room / line(TEXT)).max(1.0) as usize).min(text.height);
        let rest = text.cells.split_off(n * text.width);
        let rest = Picture { height: text.height - n, cells: rest, ..text };
        text.height = n;
        self.put(&text, TEXT);
        (rest.height > 0).then_some(rest)
    }

    fn end(mut self, foot: &Picture) -> Vec<u8> {
        self.top = MARGIN + line(SMALL);
        self.put(foot, SMALL);
        self.pen.content.finish().to_vec()
    }
}

/// Height of a line of that size, in points.
fn line(scale: f32) -> f32 {
    CELL.1 as f32 * scale
}

/// What stands at the lower edge: the sentence, or its beginning, and the number of the page.
fn foot(sentence: &str, page: usize, theme: Theme) -> Picture {
    let width = columns(SMALL);
    let number = page.to_string();
    let mut line = lines(sentence, width - number.len() - 2).swap_remove(0);
    let space = width.saturating_sub(line.width() + number.len());
    line.push_span(" ".repeat(space) + &number);
    set(&[line.patch_style(theme.dim())], width, theme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_does_not_fit_is_left_for_the_next_page() -> anyhow::Result<()> {
        let fonts = Fonts::embedded(1)?;
        let mut faces = faces::of(&fonts)?;
        let theme = on_paper(Theme::default());
        let text: Vec<Line> = (0..150).map(|i| Line::raw(i.to_string())).collect();
        let mut rest = Some(set(&text, columns(TEXT), theme));
        let mut heights = vec![];
        while let Some(text) = rest {
            heights.push(text.height);
            let mut sheet = Sheet::new(&fonts, &mut faces);
            if heights.len() == 1 {
                let frame = vec![Line::raw("frame"); 300];
                sheet.frame(&set(&frame, 120, theme));
            }
            rest = sheet.fill(text);
            assert!(sheet.top > MARGIN + line(SMALL));
            assert!(!sheet.end(&foot("猫 sits", 12, theme)).is_empty());
        }
        assert!(heights.len() == 4 && heights.is_sorted_by(|a, b| a > b), "{heights:?}");
        Ok(())
    }

    #[test]
    fn the_foot_has_the_beginning_of_the_sentence_and_the_number() {
        let theme = Theme::default();
        for sentence in ["short", &"long ".repeat(90), &"长".repeat(90), ""] {
            let foot = foot(sentence, 123, theme);
            let text: String = foot.cells.iter().map(|cell| cell.symbol.as_str()).collect();
            assert!(text.starts_with(sentence.get(..3).unwrap_or_default()), "{text}");
            assert!(text.trim_end().ends_with(" 123"), "{text}");
            assert_eq!(foot.height, 1);
        }
    }
}
