//! SVG and HTML files hold the cells of their frames: every character and colour read back from them.

use std::{collections::HashMap, sync::Arc};

use lookback::{
    analysis::reading::Reading,
    export::{Film, Format, FrameSettings, Write},
    lesson::{Language, Lesson},
    render::{
        font::Fonts,
        frame::{Shot, Walk},
        picture::Picture,
    },
    ui::theme::{Depth, Glyphs, Scheme, Theme},
};
use ratatui::layout::Size;
use roxmltree::{Document, Node, ParsingOptions};

use crate::support::built_in::reading;

const NASTY: &str = "The <script>alert(\"x\")</script> & 'cat' saw the e\u{301}t\u{e9} 猫 🐈 ]]>.";

struct Case {
    lesson: Arc<Lesson>,
    reading: Arc<Reading>,
    size: Size,
}

impl Case {
    fn new(language: Language, sentence: &str, (width, height): (u16, u16)) -> Self {
        Self {
            lesson: Arc::new(Lesson::embedded(language).unwrap()),
            reading: reading(sentence),
            size: Size { width, height },
        }
    }

    fn walk(&self, themes: Vec<Theme>) -> Walk {
        Walk::new(Arc::clone(&self.lesson), &self.reading, themes, self.size)
    }

    fn steps(&self) -> Vec<usize> {
        (0..self.lesson.steps().len()).collect()
    }

    fn shots(&self, themes: Vec<Theme>) -> Vec<Shot> {
        self.walk(themes).shots(&self.steps()).collect()
    }

    fn page(&self, n_threads: usize) -> String {
        let format = Format::find("html").unwrap();
        let Write::Film(write) = format.write else { panic!("a page is a film") };
        let (steps, mut out) = (self.steps(), vec![]);
        let film = Film {
            walk: self.walk(format.themes(theme(Scheme::Dark), None, false)),
            steps: &steps,
            n_threads,
            progress: &|| Ok(()),
        };
        write(film, &paper(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}

fn cases() -> [Case; 3] {
    [
        Case::new(Language::English, NASTY, (80, 24)),
        Case::new(Language::Chinese, "The cat that saw the dogs was too tired.", (100, 30)),
        Case::new(
            Language::English,
            "The animal crossed the street because it was wide.",
            (200, 60),
        ),
    ]
}

fn theme(scheme: Scheme) -> Theme {
    Theme::new(Depth::True, Glyphs::Unicode).with(scheme)
}

fn paper() -> FrameSettings {
    FrameSettings { fonts: Fonts::embedded(1).unwrap(), pace: 1.0 }
}

fn parse(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap()
}

/// What can be seen of a cell.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    symbol: String,
    ink: Option<String>,
    ground: String,
    is_bold: bool,
}

/// The cells of a picture; the ink of a blank is not seen.
fn cells(picture: &Picture) -> Vec<Seen> {
    let hex = lookback::render::markup::hex;
    let seen = |cell: &lookback::render::picture::Painted| {
        let is_blank = ["", " "].contains(&cell.symbol.as_str());
        Seen {
            symbol: if is_blank { String::new() } else { cell.symbol.clone() },
            ink: (!is_blank).then(|| hex(cell.look.ink)),
            ground: hex(cell.look.ground),
            is_bold: !is_blank && cell.look.is_bold,
        }
    };
    picture.cells.iter().map(seen).collect()
}

fn blank(ground: &str) -> Seen {
    Seen { symbol: String::new(), ink: None, ground: ground.into(), is_bold: false }
}

/// Characters with the marks that stand over them.
fn graphemes(text: &str) -> Vec<String> {
    let mut graphemes: Vec<String> = vec![];
    for c in text.chars() {
        match graphemes.last_mut() {
            Some(last) if unicode_width::UnicodeWidthChar::width(c) == Some(0) => last.push(c),
            _ => graphemes.push(c.into()),
        }
    }
    graphemes
}

/// The rules of a style sheet by selector.
fn rules(style: &str) -> HashMap<&str, &str> {
    style.lines().filter_map(|line| line.strip_suffix('}')?.split_once('{')).collect()
}

fn attribute(node: Node, name: &str) -> usize {
    node.attribute(name).unwrap().parse().unwrap()
}

fn of_svg(text: &str) -> Vec<Seen> {
    let document = parse(text);
    let root = document.root_element();
    let view: Vec<usize> =
        root.attribute("viewBox").unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
    let (columns, rows) = (view[2] / 10, view[3] / 22);
    let of = |name: &'static str| root.descendants().filter(move |node| node.has_tag_name(name));
    let style = of("style").next().unwrap().text().unwrap();
    let rules = rules(style);
    let mut cells = vec![];
    for rect in of("rect") {
        let fill = rect.attribute("fill").unwrap();
        let Some(x) = rect.attribute("x") else {
            cells = vec![blank(fill); columns * rows];
            continue;
        };
        let (x, y): (usize, usize) = (x.parse().unwrap(), attribute(rect, "y"));
        let first = y / 22 * columns + x / 10;
        for cell in &mut cells[first..first + attribute(rect, "width") / 10] {
            cell.ground = fill.into();
        }
    }
    for text in of("text") {
        let (x, y) = (attribute(text, "x"), attribute(text, "y"));
        let class = format!(".{}", text.attribute("class").unwrap());
        let css = rules[class.as_str()];
        let symbols = graphemes(text.text().unwrap());
        let length = attribute(text, "textLength") / 10;
        assert!(length.is_multiple_of(symbols.len()) && length / symbols.len() <= 2, "{symbols:?}");
        for (i, symbol) in symbols.into_iter().enumerate().filter(|(_, symbol)| symbol != " ") {
            let cell = &mut cells[(y - 17) / 22 * columns + x / 10 + i];
            cell.symbol = symbol;
            cell.ink = css.split("fill:").nth(1).map(|fill| fill[..7].into());
            cell.is_bold = css.contains("font-weight:700");
        }
    }
    cells
}

#[test]
fn svg_has_every_cell() {
    for case in cases() {
        for scheme in [Scheme::Dark, Scheme::Light] {
            for shot in case.shots(vec![theme(scheme)]) {
                let Write::Frame(write) = Format::find("svg").unwrap().write else { panic!() };
                let mut out = vec![];
                write(&shot, &paper(), &mut out).unwrap();
                let (svg, want) = (String::from_utf8(out).unwrap(), cells(&shot.picture()));
                let there = of_svg(&svg);
                assert_eq!(there.len(), want.len());
                let off = (0..want.len()).find(|&i| there[i] != want[i]);
                assert_eq!(off.map(|i| (&there[i], &want[i])), None, "{} {off:?}", shot.title());
                let document = parse(&svg);
                let text_of = |name| {
                    document.descendants().find(|n| n.has_tag_name(name)).unwrap().text().unwrap()
                };
                assert_eq!(text_of("title"), lookback::text::visible(&shot.title()));
                assert!(text_of("desc").contains(shot.step().title.split('`').next().unwrap()));
            }
        }
    }
}

/// The colours of a class in dark and in light.
fn both(css: &str, name: &str) -> (String, String) {
    let (light, dark) =
        css.split(&format!("{name}:light-dark(")).nth(1).unwrap().split_once(',').unwrap();
    (dark[..7].into(), light[..7].into())
}

/// The cells of a page's frame, in dark and in light.
fn of_pre(pre: Node, rules: &HashMap<&str, &str>, columns: usize) -> Vec<(Seen, Seen)> {
    let paper = rules["pre"];
    let mut cells: Vec<(Seen, Seen)> = vec![];
    let mut row = vec![];
    let fill = |row: &mut Vec<(Seen, Seen)>| {
        let (dark, light) = both(paper, "background");
        row.resize(columns, (blank(&dark), blank(&light)));
        std::mem::take(row)
    };
    // A cover, `s`, lies over the cells and is none.
    for node in pre.children().filter(|node| node.tag_name().name() != "s") {
        let class = node.attribute("class").unwrap_or("");
        let name = format!("pre .{}", class.split(' ').next().unwrap());
        let css = rules.get(name.as_str()).copied().unwrap_or(paper);
        let (inks, grounds) = (both(css, "color"), both(css, "background"));
        let seen = |symbol: &str, ink: &str, ground: &str| {
            let is_blank = symbol == " ";
            Seen {
                symbol: if is_blank { String::new() } else { symbol.into() },
                ink: (!is_blank).then(|| ink.into()),
                ground: ground.into(),
                is_bold: !is_blank && css.contains("font-weight:700"),
            }
        };
        let text = if node.is_text() { node.text() } else { node.first_child().unwrap().text() };
        for symbol in graphemes(text.unwrap()) {
            if symbol == "\n" {
                cells.extend(fill(&mut row));
                continue;
            }
            row.push((seen(&symbol, &inks.0, &grounds.0), seen(&symbol, &inks.1, &grounds.1)));
            if class.ends_with("w2") {
                row.push((blank(&grounds.0), blank(&grounds.1)));
            }
        }
    }
    cells
}

#[test]
fn a_page_has_every_cell_in_dark_and_in_light() {
    for case in cases() {
        let text = case.page(2);
        let page = parse(&text);
        let of = |name: &'static str| {
            page.descendants()
                .filter(move |n| n.has_tag_name(("http://www.w3.org/1999/xhtml", name)))
        };
        let style = of("style").next().unwrap().text().unwrap();
        let rules = rules(style);
        let shots = case.shots(vec![theme(Scheme::Dark), theme(Scheme::Light)]);
        let columns = usize::from(case.size.width);
        assert_eq!(of("pre").count(), shots.len());
        for (pre, shot) in of("pre").zip(&shots) {
            let there = of_pre(pre, &rules, columns);
            let [dark, light] = [0, 1].map(|i| cells(&shot.views[i].picture()));
            assert_eq!(there.len(), dark.len(), "{}", shot.title());
            for (i, (there, want)) in there.into_iter().zip(dark.into_iter().zip(light)).enumerate()
            {
                assert_eq!(there, want, "cell {i} of {}", shot.title());
            }
        }
        let ids: Vec<_> = of("section").map(|s| s.attribute("id").unwrap()).collect();
        let links = of("a").map(|a| a.attribute("href").unwrap().trim_start_matches('#'));
        assert_eq!(ids.len(), shots.len());
        assert!(ids.iter().copied().eq(links));
    }
}

#[test]
fn a_page_asks_for_nothing_and_obeys_no_sentence() {
    let text = Case::new(Language::English, NASTY, (80, 24)).page(3);
    let page = parse(&text);
    let scripts = page.descendants().filter(|n| n.tag_name().name() == "script").count();
    assert_eq!(scripts, 1);
    for node in page.descendants() {
        for attribute in node.attributes() {
            let is_link = ["src", "href"].contains(&attribute.name());
            assert!(!attribute.name().starts_with("on"), "{attribute:?}");
            assert!(!is_link || attribute.value().starts_with(['#', 'd']), "{attribute:?}");
        }
    }
    assert!(!text.contains("@import") && !text.contains("url(http") && !text.contains("//cdn"));
    assert!(text.contains("default-src 'none'"));
    let paragraph =
        page.descendants().find(|n| n.tag_name().name() == "p").unwrap().text().unwrap();
    assert_eq!(paragraph, lookback::text::visible(NASTY));
}

#[test]
fn a_page_is_the_same_for_any_number_of_threads() {
    let case = Case::new(Language::English, "The dog sleeps.", (80, 24));
    let once = case.page(1);
    assert!([1, 2, 5].iter().all(|&n| case.page(n) == once));
}
