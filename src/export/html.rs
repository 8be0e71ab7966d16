//! The whole walk as one self-contained page: it needs a browser and no network.
//!
//! Without scripts all steps follow each other, with a list of links; with scripts one step shows at a time,
//! controlled by keys. Printed, each step starts a page, with its frame and its text, in light colours. Every frame
//! has dark and light colours at once: a class stands for a look in both. With scripts, and where the reader has not
//! asked for less motion, covers over the panes withdraw as a step unfolds. The page is well-formed XML too.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, Seek},
    sync::Arc,
};

use ratatui::layout::Rect;

use super::{Film, Format, FormatColours, FrameSettings, Write};
use crate::{
    lesson::{Language, Lesson, PageWords},
    render::{
        frame::{Shot, UnfoldingArea},
        markup::{CellRun, Needs, class, escaped, escaped_lines, hex, runs, strokes},
        picture::CellLook,
    },
    text::visible,
    ui::{
        app::{BEAT, N_BEATS},
        panes::Unfolding,
        theme::{Background, Rgb},
    },
};

/// This format's entry in [`FORMATS`](crate::export::FORMATS).
pub static FORMAT: Format = Format {
    id: "html",
    extension: "html",
    about: "a page of the whole walk, led by keys, in dark and light; needs nothing else",
    is_text: true,
    is_scaled: false,
    is_timed: false,
    pixel_bytes: 0,
    colours: FormatColours::Both,
    write: Write::Film(write),
};

static STYLE: &str = include_str!("html/page.css");
static SCRIPT: &str = include_str!("html/page.js");

/// Prevents the page from fetching anything, whatever its content.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      font-src data:; img-src data:";

/// A look in dark and in light colours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Looks {
    dark: CellLook,
    light: CellLook,
}

/// The class name of each look.
type Classes = BTreeMap<Looks, String>;

/// A frame whose looks have no class names yet.
struct Part {
    rows: Vec<Vec<(CellRun, Looks)>>,
    paper: Looks,
    needs: Needs,
    /// The markup before the frame, and after it.
    before: String,
    after: String,
    head: Option<Head>,
}

/// The page's properties, taken from its first frame.
struct Head {
    language: Language,
    words: Arc<PageWords>,
    sentence: String,
    list: String,
    n_columns: usize,
    n_rows: usize,
    paper: Looks,
}

/// Writes the page with all frames.
///
/// # Errors
/// If the writer fails, no temporary file can be made, or the work is stopped.
pub fn write(film: Film, _: &FrameSettings, out: &mut dyn io::Write) -> io::Result<()> {
    let steps = film.steps;
    // Styles precede the frames in the page, but are known only after them.
    let mut frames = BufWriter::new(tempfile::tempfile()?);
    let (mut classes, mut needs, mut first) = (Classes::new(), Needs::default(), None);
    film.each_step(
        |before, shot| part(before, shot, steps),
        |mut part| {
            needs = needs.or(part.needs);
            first = first.take().or(part.head.take());
            section(&part, &mut classes, &mut frames)
        },
    )?;
    let Some(head) = first else { return Ok(()) };
    head.write(needs, &classes, out)?;
    let mut frames: File = frames.into_inner().map_err(io::IntoInnerError::into_error)?;
    frames.rewind()?;
    io::copy(&mut frames, out)?;
    let PageWords { back, next, steps, colours, .. } = &*head.words;
    writeln!(
        out,
        "</main>\n<footer>\n<button id=\"back\">{back}</button>\n<span id=\"place\" aria-live=\"polite\"></span>\n\
         <button id=\"next\">{next}</button>\n<button id=\"steps\" aria-expanded=\"false\" aria-controls=\"list\">\
         {steps}</button>\n<button id=\"turn\">{colours}</button>\n</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>"
    )
}

fn part(before: Option<&Shot>, shot: &Shot, steps: &[usize]) -> Part {
    let [dark, light] = [0, 1].map(|i| shot.views[i.min(shot.views.len() - 1)].picture());
    let rows = dark.rows().zip(light.rows()).map(|(dark, light)| {
        let looks = |column: usize| Looks { dark: dark[column].look, light: light[column].look };
        runs(dark, looks)
            .into_iter()
            .map(|run| (looks(run.column), run))
            .map(|(l, run)| (run, l))
            .collect()
    });
    let paper = Looks { dark: dark.paper, light: light.paper };
    let head = || Head {
        language: shot.lesson().language,
        words: Arc::clone(&shot.lesson().page),
        sentence: visible(&shot.reading().sentence.text),
        list: list(shot.lesson(), steps),
        n_columns: dark.width,
        n_rows: dark.height,
        paper,
    };
    Part {
        rows: rows.collect(),
        paper,
        needs: Needs::default().of(&dark.cells),
        before: opening(before, shot),
        after: closing(shot),
        head: before.is_none().then(head),
    }
}

/// The heading of the step, after that of its chapter if it is the chapter's first.
fn opening(before: Option<&Shot>, shot: &Shot) -> String {
    let (number, chapter) = shot.chapter();
    let mut html = String::new();
    if before.is_none_or(|before| before.chapter().0 != number) {
        let _ = writeln!(html, "<h2 class=\"chapter\">{number}. {}</h2>", escaped(chapter));
    }
    let (id, title) = (escaped(&shot.step().id), escaped(&shot.title()));
    let _ = write!(
        html,
        "<section id=\"{id}\" aria-label=\"{title}\" data-chapter=\"{number}\">\n<h3>{title}</h3>\n\
         <pre role=\"img\" aria-label=\"{title}\">"
    );
    html
}

/// A cover for each pane that unfolds: where it is, in cells, which beat it begins to withdraw at, and how many beats
/// that takes. The page's style moves it.
fn covers(unfoldings: &[UnfoldingArea]) -> String {
    let beats = N_BEATS as f32 / unfoldings.len().max(1) as f32;
    let cover = |(i, area): (usize, &UnfoldingArea)| {
        let class = match area.unfolding {
            Unfolding::AtOnce => return None,
            Unfolding::Down => "down",
            // What a pane draws by itself goes with the words, from left to right.
            Unfolding::Right | Unfolding::Drawn => "right",
        };
        let Rect { x, y, width, height } = area.inside;
        let (at, n) = (i as f32 * beats, beats.round().max(1.0));
        Some(format!(
            "<s class=\"{class}\" style=\"--x:{x};--y:{y};--w:{width};--h:{height};--at:{at:.2};--n:{n}\"></s>"
        ))
    };
    unfoldings.iter().enumerate().filter_map(cover).collect()
}

fn closing(shot: &Shot) -> String {
    let heading = &shot.lesson().page.in_words;
    let words = escaped_lines(&shot.words());
    let covers = covers(&shot.unfoldings);
    format!(
        "{covers}</pre>\n<details><summary>{heading}</summary><div class=\"words\">{words}</div></details>\n</section>\n"
    )
}

/// Writes a frame's section.
fn section(part: &Part, classes: &mut Classes, out: &mut dyn io::Write) -> io::Result<()> {
    write!(out, "{}", part.before)?;
    for row in &part.rows {
        let last = row
            .iter()
            .rposition(|(run, looks)| !run.text.trim().is_empty() || is_seen(looks, &part.paper));
        for (run, looks) in &row[..last.map_or(0, |last| last + 1)] {
            let n = classes.len();
            let name = classes.entry(*looks).or_insert_with(|| class(n));
            let text = escaped(&run.text);
            if run.is_regular && *looks == part.paper {
                write!(out, "{text}")?;
            } else if run.is_regular {
                write!(out, "<b class=\"{name}\">{text}</b>")?;
            } else {
                let wide = if run.columns == 2 { " w2" } else { "" };
                write!(out, "<i class=\"{name}{wide}\">{text}</i>")?;
            }
        }
        writeln!(out)?;
    }
    write!(out, "{}", part.after)
}

/// Whether a space with this look differs from paper.
fn is_seen(Looks { dark, light }: &Looks, paper: &Looks) -> bool {
    dark.ground != paper.dark.ground || light.ground != paper.light.ground || dark.is_underlined
}

impl Head {
    fn write(&self, needs: Needs, classes: &Classes, out: &mut dyn io::Write) -> io::Result<()> {
        let (language, sentence) = (self.language, escaped(&self.sentence));
        let PageWords { steps, close, keys, .. } = &*self.words;
        writeln!(
            out,
            "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"{language}\">\n<head>\n\
             <meta charset=\"utf-8\"/>\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <link rel=\"icon\" href=\"data:,\"/>\n<title>Lookback: {sentence}</title>\n<style>"
        )?;
        write!(out, "{}{STYLE}", needs.faces())?;
        let families = needs.families();
        let (across, down) = (self.n_columns as f32 * 0.6, self.n_rows as f32 * 1.32);
        // As large as the window allows, with a readable minimum; if the browser supports rounding, a row is a whole
        // number of pixels high.
        let size = format!(
            "max(8px,min(calc((100vw - 2.5rem) / {across:.1}),calc((100vh - 9.5rem) / {down:.2})))"
        );
        writeln!(
            out,
            "pre{{font-family:{families};font-size:{size};font-size:round(down,{size},calc(1px / 1.32));{}}}",
            colours(&self.paper)
        )?;
        writeln!(
            out,
            "@media print{{pre{{font-size:min(9pt,180mm / {across:.1},240mm / {down:.2})!important}}}}"
        )?;
        writeln!(out, ":root{{--beat:{}ms}}", BEAT.as_millis())?;
        writeln!(out, "{}", about_page(&self.paper))?;
        for (looks, name) in classes {
            writeln!(out, "pre .{name}{{{}{}}}", colours(looks), strokes(&looks.dark))?;
        }
        writeln!(
            out,
            "</style>\n</head>\n<body>\n<header><h1>Lookback</h1>\n<p>{sentence}</p>\n\
             <p class=\"faint\">{keys}</p></header>\n<nav id=\"list\" aria-label=\"{steps}\" tabindex=\"-1\">\n\
             <button id=\"close\">{close}</button>\n<p class=\"faint\">{keys}</p>\n{}</nav>\n<main>",
            self.list
        )
    }
}

/// The CSS of the page around the frames, in their colours. If dark and light are the same, there is no choice.
fn about_page(Looks { dark, light }: &Looks) -> String {
    let both = |dark: Rgb, light: Rgb| format!("light-dark({},{})", hex(light), hex(dark));
    let (ink, ground) = (both(dark.ink, light.ink), both(dark.ground, light.ground));
    let mut css = format!(":root{{--ink:{ink};--ground:{ground}}}");
    if dark == light {
        let is_dark =
            Background::of(dark.ground.0, dark.ground.1, dark.ground.2) == Background::Dark;
        let scheme = if is_dark { "dark" } else { "light" };
        let _ =
            write!(css, "\n:root{{color-scheme:{scheme}!important}}\n.js #turn{{display:none}}");
    }
    css
}

/// The list of links to the steps, by chapter.
fn list(lesson: &Lesson, steps: &[usize]) -> String {
    let all = lesson.steps();
    let mut html = String::new();
    for of_chapter in steps.chunk_by(|&a, &b| all[a].0 == all[b].0) {
        let (chapter, _) = all[of_chapter[0]];
        let title = escaped(&lesson.chapters[chapter].title);
        let _ = writeln!(html, "<h2>{chapter}. {title}</h2>\n<ol>");
        for &step in of_chapter {
            let (id, title) = (escaped(&all[step].1.id), escaped(&all[step].1.title));
            let _ = writeln!(html, "<li value=\"{}\"><a href=\"#{id}\">{title}</a></li>", step + 1);
        }
        html += "</ol>\n";
    }
    html
}

/// The CSS of a look: the dark colours for browsers that know nothing else, then the choice.
fn colours(Looks { dark, light }: &Looks) -> String {
    let (ink, ground) = (hex(dark.ink), hex(dark.ground));
    format!(
        "color:{ink};background:{ground};color:light-dark({},{ink});background:light-dark({},{ground});",
        hex(light.ink),
        hex(light.ground)
    )
}
