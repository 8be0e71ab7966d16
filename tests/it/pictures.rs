//! PNG, GIF and APNG files hold the pixels of their frames, and every format is the same bytes each time.

use std::{io::Cursor, sync::Arc};

use lookback::{
    export::{FORMATS, Film, Format, FrameSettings, Write},
    lesson::{Language, Lesson},
    render::{
        font::{CELL, Fonts, is_in_web},
        frame::{Shot, Walk},
        raster::{self, Image},
    },
    ui::theme::{Depth, Glyphs, Theme},
};
use ratatui::layout::Size;

use crate::support::built_in::reading;

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

fn walk(language: Language, themes: Vec<Theme>) -> Walk {
    let lesson = Arc::new(Lesson::embedded(language).unwrap());
    let reading = reading(SENTENCE);
    Walk::new(lesson, &reading, themes, Size::new(100, 30))
}

fn theme() -> Theme {
    Theme::new(Depth::True, Glyphs::Unicode)
}

fn paper(scale: u8) -> FrameSettings {
    FrameSettings { fonts: Fonts::embedded(scale).unwrap(), pace: 1.0 }
}

/// Some steps, two of them alike.
fn steps() -> Vec<usize> {
    let lesson = Lesson::embedded(Language::English).unwrap();
    ["tokens", "embedding", "softmax", "heads", "it-looks"]
        .map(|id| lesson.find(id).unwrap())
        .into()
}

fn written(
    format: &Format,
    language: Language,
    steps: &[usize],
    scale: u8,
    n_threads: usize,
) -> Vec<u8> {
    let (paper, mut out) = (paper(scale), vec![]);
    let walk = walk(language, format.themes(theme(), None, false));
    match format.write {
        Write::Film(write) => {
            let film = Film { walk, steps, n_threads, progress: &|| Ok(()) };
            write(film, &paper, &mut out).unwrap();
        }
        Write::Frame(write) => {
            walk.shots(steps).for_each(|shot| write(&shot, &paper, &mut out).unwrap());
        }
    }
    out
}

fn images(steps: &[usize], scale: u8) -> Vec<(Shot, Image)> {
    let paper = paper(scale);
    let shots = walk(Language::English, vec![theme()]).shots(steps);
    shots.map(|shot| (shot.clone(), raster::paint(&shot.picture(), &paper.fonts))).collect()
}

/// The frames of a film: steps unfold.
fn film_images(steps: &[usize], scale: u8) -> impl Iterator<Item = (Shot, Image)> {
    let paper = paper(scale);
    let shots = walk(Language::English, vec![theme()]).unfolding_shots(steps);
    shots.map(move |shot| (shot.clone(), raster::paint(&shot.picture(), &paper.fonts)))
}

fn decoded(bytes: &[u8]) -> png::Reader<Cursor<&[u8]>> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.read_info().unwrap()
}

#[test]
fn a_png_has_the_pixels_and_says_what_it_shows() {
    for (step, scale) in steps().into_iter().zip([1, 2, 1, 3, 4]) {
        let bytes = written(Format::find("png").unwrap(), Language::English, &[step], scale, 1);
        let mut reader = decoded(&bytes);
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let (shot, image) = images(&[step], scale).remove(0);
        assert!(pixels == image.rgb(&image.area()), "{}", shot.title());
        let comments: Vec<String> =
            reader.info().utf8_text.iter().map(|chunk| chunk.get_text().unwrap()).collect();
        assert_eq!(comments, [shot.title(), shot.words()]);
    }
}

/// Not the painter's own word: the most frequent colour of a cell is its ground, and ink is where there
/// is a character.
#[test]
fn pixels_stand_in_the_cells_of_the_picture() {
    for (shot, image) in images(&steps(), 2) {
        let picture = shot.picture();
        let (cell, line) = (CELL.width * 2, CELL.height * 2);
        for (i, painted) in picture.cells.iter().enumerate().filter(|(_, cell)| cell.columns == 1) {
            let (x, y) = (i % picture.width * cell, i / picture.width * line);
            let area = raster::Area { left: x, top: y, width: cell, height: line };
            let pixels: Vec<_> = area.pixels(image.width).map(|i| image.colour(i)).collect();
            let share =
                |colour| pixels.iter().filter(|&&p| p == colour).count() * 100 / pixels.len();
            let is_full = "█▉▊▋▌▇▆▅▄▓▒".contains(&painted.symbol);
            let has_ink = painted.look.ink != painted.look.ground;
            let is_blank = !has_ink || painted.symbol == " " && !painted.look.is_underlined;
            assert!(is_full || share(painted.look.ground) > 35, "{painted:?} at {i}");
            assert_eq!(is_blank, share(painted.look.ground) == 100, "{painted:?} at {i}");
        }
    }
}

#[test]
fn an_apng_has_the_pixels_of_every_frame() {
    let bytes = written(Format::find("apng").unwrap(), Language::English, &steps(), 1, 2);
    let mut reader = decoded(&bytes);
    let n_frames = reader.info().animation_control().unwrap().num_frames as usize;
    assert_eq!(n_frames, film_images(&steps(), 1).count());
    assert!(n_frames > 3 * steps().len(), "steps unfold");
    let mut canvas: Vec<u8> = vec![];
    for (shot, image) in film_images(&steps(), 1) {
        let mut part = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut part).unwrap();
        let control = *reader.info().frame_control().unwrap();
        let (left, top) = (control.x_offset as usize, control.y_offset as usize);
        let (width, height) = (control.width as usize, control.height as usize);
        canvas.resize(image.width * image.height * 3, 0);
        for (row, part) in part.chunks(width * 3).take(height).enumerate() {
            let at = ((top + row) * image.width + left) * 3;
            canvas[at..at + part.len()].copy_from_slice(part);
        }
        assert!(canvas == image.rgb(&image.area()), "{}", shot.title());
        let millis = u128::from(control.delay_num) * 1000 / u128::from(control.delay_den);
        assert_eq!(millis, paper(1).time(&shot).as_millis());
    }
}

#[test]
fn a_gif_comes_near_the_pixels_of_every_frame() {
    let bytes = written(Format::find("gif").unwrap(), Language::English, &steps(), 1, 2);
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(Cursor::new(bytes)).unwrap();
    let mut canvas: Vec<u8> = vec![];
    for (shot, image) in film_images(&steps(), 1) {
        let frame = decoder.read_next_frame().unwrap().unwrap();
        assert_eq!(u128::from(frame.delay) * 10, paper(1).time(&shot).as_millis());
        canvas.resize(image.width * image.height * 3, 0);
        let width = usize::from(frame.width);
        for (i, pixel) in frame.buffer.chunks(4).enumerate().filter(|(_, pixel)| pixel[3] > 0) {
            let (x, y) = (i % width + usize::from(frame.left), i / width + usize::from(frame.top));
            let at = (y * image.width + x) * 3;
            canvas[at..at + 3].copy_from_slice(&pixel[..3]);
        }
        let want = image.rgb(&image.area());
        let off: Vec<u8> = canvas.iter().zip(&want).map(|(a, b)| a.abs_diff(*b)).collect();
        let mean = off.iter().map(|&off| f64::from(off)).sum::<f64>() / off.len() as f64;
        let far = off.iter().filter(|&&off| off > 60).count();
        assert!(mean < 1.0 && far * 2000 < off.len(), "{}: {mean}, {far} far", shot.title());
    }
    assert!(decoder.read_next_frame().unwrap().is_none());
}

#[test]
fn every_format_is_the_same_bytes_each_time_and_for_any_number_of_threads() {
    for &format in FORMATS {
        for language in Language::ALL {
            let once = written(format, language, &steps(), 1, 1);
            assert!(!once.is_empty(), "{}", format.id);
            assert!(written(format, language, &steps(), 1, 3) == once, "{} {language}", format.id);
        }
    }
}

/// What is text can be read in the diff of a snapshot; numbers of this frame are looked up, so they are the same on
/// every machine.
#[test]
fn a_frame_as_text() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let step = [lesson.find("embedding").unwrap()];
    for language in Language::ALL {
        let text = written(Format::find("txt").unwrap(), language, &step, 1, 1);
        insta::assert_snapshot!(format!("txt-{language}"), String::from_utf8(text).unwrap());
    }
}

/// In every theme that draws other signs, and in every language.
#[test]
fn every_sign_of_every_frame_has_a_glyph_in_pictures_and_on_pages() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let all: Vec<usize> = (0..lesson.steps().len()).collect();
    let paper = paper(1);
    let plain = Theme::new(Depth::None, Glyphs::Unicode);
    for language in Language::ALL {
        for shot in walk(language, vec![theme(), plain]).shots(&all) {
            for cell in shot.views.iter().flat_map(|view| view.picture().cells) {
                paper.fonts.mask(&cell.symbol, cell.columns.max(1), cell.look.is_bold);
                let is_han = |c| ('\u{2e80}'..'\u{ffee}').contains(&c);
                let is_on_pages = |c| is_in_web(c) || is_han(c);
                assert!(cell.symbol.chars().all(is_on_pages), "{:?}", cell.symbol);
            }
        }
    }
    assert_eq!(paper.fonts.missing(), ['\0'; 0]);
}
