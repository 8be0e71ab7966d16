//! Exported pages and pictures in a real browser. Skipped where there is none.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use crate::support::{
    browser::Browser,
    program::{Run, program},
};
use lookback::lesson::{Language, Lesson};
use serde_json::json;

const NASTY: &str = "<script>alert(\"x\")</script> & '</b> e\u{301} 猫 🐈.";

fn export(folder: &Path, name: &str, args: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let done = Run::of(program().args(["export", "--out"]).arg(&path).args(args));
    assert_eq!(done.code, 0, "{}", done.err);
    path
}

const SHOWN: &str = "[...document.querySelectorAll('section')]\
                     .filter((s) => s.getClientRects().length).map((s) => s.id).join(' ')";

fn last_chapter() -> String {
    (Lesson::embedded(Language::English).unwrap().chapters.len() - 1).to_string()
}

fn n_steps() -> usize {
    Lesson::embedded(Language::English).unwrap().steps().len()
}

#[test]
fn a_page_is_led_by_keys() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = export(folder.path(), "walk.html", &["The dog sleeps.", "--size", "80x24"]);
    browser.window(1280, 800, "dark");
    browser.open(&page, "");
    assert_eq!(browser.eval(SHOWN), "task");
    for (key, shown) in [
        ("ArrowRight", "two-machines"),
        ("l", "tokens"),
        ("ArrowLeft", "two-machines"),
        ("h", "task"),
        ("h", "task"),
        (" ", "two-machines"),
        ("g", "task"),
    ] {
        browser.press(key);
        assert_eq!(browser.eval(SHOWN), shown, "after {key}");
    }
    browser.press("}");
    let chapter = "document.querySelector('section.on').dataset.chapter";
    assert_eq!(browser.eval(chapter), "1");
    browser.press("End");
    assert_eq!(browser.eval(chapter), last_chapter());
    let n = n_steps();
    assert_eq!(browser.eval("document.getElementById('place').textContent"), format!("{n} / {n}"));
    // The list of steps.
    let is_open = "getComputedStyle(document.getElementById('list')).display !== 'none'";
    assert_eq!(browser.eval(is_open), false);
    browser.press("s");
    assert_eq!(browser.eval(is_open), true);
    browser.eval("document.querySelector('a[href=\"#softmax\"]').click()");
    browser.press("Shift");
    assert_eq!((browser.eval(SHOWN), browser.eval(is_open)), ("softmax".into(), false.into()));
    // Back to where one was, and a link into the middle.
    browser.eval("history.back()");
    browser.press("Shift");
    assert_eq!(browser.eval(chapter), last_chapter());
    browser.open(&page, "#it-looks");
    assert_eq!(browser.eval(SHOWN), "it-looks");
    // A fragment that nobody can decode is that of no step, and the page works.
    browser.open(&page, "#%FF");
    browser.press("End");
    assert_eq!(browser.eval(chapter), last_chapter());
    browser.open(&page, "#it-looks");
    assert!(browser.eval("document.title").as_str().unwrap().contains("The dog sleeps."));
    browser.is_content();
}

#[test]
fn a_step_of_a_page_unfolds_until_a_key_is_pressed() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = export(folder.path(), "walk.html", &["The dog sleeps.", "--steps", "softmax"]);
    browser.window(1280, 800, "dark");
    browser.open(&page, "");
    let seen = "[...document.querySelectorAll('pre s')].filter((s) => s.getClientRects().length)";
    let moving = "document.getAnimations().length";
    let n = browser.eval("document.querySelectorAll('pre s').length").as_u64().unwrap();
    assert!(n > 0, "softmax unfolds");
    // A cover lies inside the frame of its pane, on the paper's colour.
    let inside = format!(
        "{seen}.every((s) => {{ const [a, b] = [s, s.parentNode].map((e) => e.getBoundingClientRect());\
         return a.left > b.left && a.right < b.right && a.top > b.top && a.bottom < b.bottom\
         && getComputedStyle(s).backgroundColor === getComputedStyle(s.parentNode).backgroundColor }})"
    );
    browser.press("U");
    assert_eq!((browser.eval(moving), browser.eval(&inside)), (n.into(), true.into()));
    browser.press("Shift");
    assert_eq!(
        (browser.eval(moving), browser.eval(&format!("{seen}.length"))),
        (0.into(), 0.into())
    );
    let asked = json!({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]});
    browser.ask("Emulation.setEmulatedMedia", &asked);
    browser.press("U");
    assert_eq!(
        (browser.eval(moving), browser.eval(&format!("{seen}.length"))),
        (0.into(), 0.into())
    );
    browser.is_content();
}

#[test]
fn a_page_has_the_colours_that_one_prefers_or_chooses() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = export(folder.path(), "walk.html", &["The dog sleeps.", "--steps", "chapter:0"]);
    let colours = "['body', 'pre', 'pre b'].map((q) => getComputedStyle(document.querySelector(q)))\
                   .map((style) => style.color + style.backgroundColor).join(' ')";
    let mut seen = vec![];
    for scheme in ["dark", "light"] {
        browser.window(1000, 700, scheme);
        browser.open(&page, "");
        seen.push(browser.eval(colours));
        browser.press("t");
        seen.push(browser.eval(colours));
    }
    assert_eq!((&seen[0], &seen[1]), (&seen[3], &seen[2]));
    let [dark, light] = [&seen[0], &seen[1]].map(|colours| colours.as_str().unwrap());
    assert!(dark.split(' ').zip(light.split(' ')).all(|(dark, light)| dark != light));
    browser.is_content();
}

#[test]
fn a_sentence_stays_text_with_and_without_scripts() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    for language in ["en", "zh"] {
        let name = format!("{language}.html");
        let page = export(folder.path(), &name, &[NASTY, "--lang", language, "--size", "80x24"]);
        browser.window(390, 844, "light");
        browser.open(&page, "");
        assert_eq!(browser.eval("document.querySelectorAll('script, img').length"), 1);
        assert_eq!(browser.eval("document.querySelector('header p').textContent"), NASTY);
        assert_eq!(browser.eval("document.documentElement.scrollWidth <= 390"), true);
        browser.is_content();
        browser.ask("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
        browser.open(&page, "");
        let all = browser.eval(SHOWN);
        assert_eq!(all.as_str().unwrap().split(' ').count(), n_steps());
        assert_eq!(browser.eval("document.querySelectorAll('nav a').length"), n_steps());
        browser.ask("Emulation.setScriptExecutionDisabled", &json!({"value": false}));
        browser.is_content();
    }
    let svg = export(folder.path(), "nasty.svg", &[NASTY, "--steps", "tokens"]);
    browser.open(&svg, "");
    assert_eq!(browser.eval("document.querySelectorAll('script, img, parsererror').length"), 0);
    browser.is_content();
}

#[test]
fn a_printed_page_is_a_handout() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    // Large screens of a dozen steps: a printed page of all takes the browser a minute.
    let some = "tokens,rnn-states,q-k-v,scores,heads,ffn-hidden,mask,beam-search,accuracy,flow";
    let n_some = some.split(',').count();
    let pages = [("80x24", "en", "*", n_steps()), ("200x60", "zh", some, n_some)];
    for (size, language, steps, n) in pages {
        let args = ["The dog sleeps.", "--size", size, "--lang", language, "--steps", steps];
        let page = export(folder.path(), &format!("{size}.html"), &args);
        browser.window(687, 1016, "dark"); // A4 within its margins
        browser.open(&page, "");
        browser.press("G"); // whatever is on the screen, all is printed
        let features = json!([{"name": "prefers-color-scheme", "value": "dark"}]);
        browser.ask("Emulation.setEmulatedMedia", &json!({"media": "print", "features": features}));
        assert_eq!(browser.eval(SHOWN).as_str().unwrap().split(' ').count(), n);
        let all = |selector: &str, holds: &str| {
            format!("[...document.querySelectorAll('{selector}')].every((e) => {holds})")
        };
        for (selector, holds) in [
            ("pre", "e.scrollWidth <= e.clientWidth && e.clientWidth <= 687"),
            ("pre", "getComputedStyle(e).backgroundColor === 'rgb(240, 240, 235)'"),
            (".words", "e.checkVisibility({contentVisibilityAuto: true}) && e.clientHeight > 50"),
            ("h3", "e.clientHeight > 10 && getComputedStyle(e).clipPath === 'none'"),
            ("footer, nav, summary", "e.getClientRects().length === 0"),
        ] {
            assert_eq!(browser.eval(&all(selector, holds)), true, "{size}: {selector}: {holds}");
        }
        let pdf = browser.ask("Page.printToPDF", &json!({"preferCSSPageSize": true}));
        let pdf = base64::decode(pdf["data"].as_str().unwrap()).unwrap();
        let n_pages = pdf.windows(12).filter(|w| *w == b"/Type /Page\n").count();
        assert!((n..4 * n).contains(&n_pages), "{size}: {n_pages} pages");
        browser.is_content();
    }
}

/// Red, green and blue of a PNG file, and its width.
fn pixels(bytes: &[u8]) -> (Vec<[u8; 3]>, usize) {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    let channels = info.color_type.samples();
    let pixels = data.chunks(channels).map(|p| [p[0], p[1], p[2]]).collect();
    (pixels, info.width as usize)
}

/// The pixels of a cell, one after the other.
fn cell((pixels, width): &(Vec<[u8; 3]>, usize), column: usize, row: usize) -> Vec<[u8; 3]> {
    let rows = row * 22..(row + 1) * 22;
    rows.flat_map(|y| &pixels[y * width + column * 10..][..10]).copied().collect()
}

fn mean(pixels: &[[u8; 3]]) -> [f64; 3] {
    [0, 1, 2].map(|c| pixels.iter().map(|p| f64::from(p[c])).sum::<f64>() / pixels.len() as f64)
}

/// The most frequent colour, and how many pixels have it.
fn most(pixels: &[[u8; 3]]) -> ([u8; 3], usize) {
    let mut sorted = pixels.to_vec();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len()));
    runs.max_by_key(|(_, n)| *n).unwrap()
}

/// In each cell the ground is the same colour to the bit, and as much ink stands on it: the mean colours
/// are less than 24 of 255 apart (antialiasing differs), over all cells less than 2.
#[test]
fn svg_and_png_agree_cell_by_cell() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let english = ["--theme=dark", "--lang=en"];
    let chinese = ["--theme=light", "--lang=zh"];
    for (step, options) in [
        ("tokens", english),
        ("softmax", english),
        ("heads", chinese),
        ("it-looks", english),
        ("two-machines", chinese),
        ("scaling", ["--ascii", "--theme=high-contrast"]),
    ] {
        let args = [&options[..], &["--size", "120x36", "--steps", step]].concat();
        let png = fs::read(export(folder.path(), &format!("{step}.png"), &args)).unwrap();
        let svg = export(folder.path(), &format!("{step}.svg"), &args);
        browser.window(1200, 792, "light");
        browser.open(&svg, "");
        let (want, there) = (pixels(&png), pixels(&browser.picture()));
        assert_eq!((want.1, want.0.len()), (there.1, there.0.len()));
        let mut sum = 0.0;
        for (row, column) in (0..36).flat_map(|row| (0..120).map(move |column| (row, column))) {
            let [want, there] = [&want, &there].map(|image| cell(image, column, row));
            let (ground, n) = most(&want);
            // Where ink covers half of a cell, either may be the most frequent.
            assert!(n < 130 || most(&there).0 == ground, "{step}: ground of {column}, {row}");
            let off = mean(&want).into_iter().zip(mean(&there)).map(|(a, b)| (a - b).abs());
            let off = off.fold(0.0, f64::max);
            assert!(off < 24.0, "{step}: column {column} of row {row} is {off} off");
            sum += off;
        }
        assert!(sum / (36.0 * 120.0) < 2.0, "{step}: {} off on the mean", sum / (36.0 * 120.0));
        browser.is_content();
    }
}
