//! Every pane of every step, at every size: nothing panics, and the cell that is pointed at is one of
//! the trace.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, View, of};
use crate::{
    analysis::reading::{Reader, Reading},
    engine::value::Cell,
    lesson::{Language, Lesson, Selection},
    ui::theme::{Depth, Glyphs, Theme},
};

const SIZES: [(u16, u16); 7] = [(0, 0), (1, 1), (10, 3), (38, 8), (76, 14), (118, 26), (300, 100)];

fn sentences() -> Vec<Reading> {
    let reader = Reader::embedded().unwrap();
    let texts = ["The animal didn't cross the street because it was too tired.", "猫", "dog"];
    let long = "The dog saw the cat and ".repeat(9);
    let all = texts.into_iter().map(str::to_owned).chain([long]);
    let readings = all.map(|text| reader.read(&text).unwrap());
    readings.inspect(|r| assert!(!r.measures().influence.is_empty())).collect()
}

#[test]
fn panes_draw_at_every_size_and_point_at_what_they_show() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let themes = [Theme::new(Depth::True, Glyphs::Unicode), Theme::new(Depth::None, Glyphs::Ascii)];
    for reading in sentences() {
        for (_, step) in lesson.steps() {
            for spec in &step.panes {
                let model = spec.model.unwrap_or(step.model);
                for (i, selection) in selections().iter().enumerate() {
                    let scene = Scene {
                        reading: &reading,
                        model,
                        selection: *selection,
                        theme: &themes[i % 2],
                        focused: true,
                        marks: &[],
                        shows_difference: false,
                        beat: [None, Some(0), Some(3)][i],
                        times: None,
                        view: View::default(),
                    };
                    let pane = of(spec, scene);
                    for (width, height) in SIZES {
                        let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
                        pane.draw(buf.area, &mut buf);
                    }
                    let (rows, cols) = pane.extent();
                    if rows * cols == 0 {
                        continue;
                    }
                    let (row, col) = (selection.row.min(rows - 1), selection.col.min(cols - 1));
                    if let Some(pointed) = pane.cursor_cell(row, col) {
                        let address = &pointed.address;
                        let (site, cell) = reading.trace(model).cell(address).unwrap();
                        let got = site.value.get(cell);
                        assert!(got.total_cmp(&pointed.value).is_eq(), "{}: {address}", step.id);
                    }
                    assert!(!pane.title().is_empty(), "{}", step.id);
                }
            }
        }
    }
}

fn selections() -> [Selection; 3] {
    let at = |layer, head, cell: Cell| Selection { layer, head, row: cell.row, col: cell.col };
    [
        at(0, 0, Cell::new(0, 0, 0)),
        at(1, 2, Cell::new(0, 7, 1)),
        at(9, 99, Cell::new(0, 9_999, 9_999)),
    ]
}

/// What stands beyond a pane's area stays as it was, whatever the size and the selection.
#[test]
fn panes_stay_inside_their_area() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let theme = Theme::default();
    let around = Rect::new(0, 0, 110, 40);
    for reading in sentences() {
        for (_, step) in lesson.steps() {
            for spec in &step.panes {
                for selection in &selections() {
                    let model = step.model_of(spec);
                    let scene = Scene {
                        reading: &reading,
                        model,
                        selection: *selection,
                        theme: &theme,
                        focused: true,
                        marks: &[],
                        shows_difference: false,
                        beat: Some(1),
                        times: None,
                        view: View::default(),
                    };
                    for (width, height) in [(1, 1), (3, 2), (7, 5), (17, 9), (38, 8), (76, 14)] {
                        let area = Rect::new(20, 10, width, height);
                        let mut buf = Buffer::filled(around, ratatui::buffer::Cell::new("!"));
                        of(spec, scene).draw(area, &mut buf);
                        let outside = around.positions().filter(|at| !area.contains(*at));
                        let spoilt = outside.filter(|at| buf[*at].symbol() != "!").count();
                        assert_eq!(spoilt, 0, "{} {:?} {area}", step.id, spec.kind);
                    }
                }
            }
        }
    }
}

/// The first pane of a step for a short sentence, without colours, as lines.
fn first_pane(step: &str, glyphs: Glyphs, beat: Option<usize>, (w, h): (u16, u16)) -> Vec<String> {
    let reading = Reader::embedded().unwrap().read("The dog saw the cat.").unwrap();
    let lesson = Lesson::embedded(Language::English).unwrap();
    let steps = lesson.steps();
    let (_, step) = steps[lesson.find(step).unwrap()];
    let theme = Theme::new(Depth::None, glyphs);
    let scene = Scene {
        reading: &reading,
        model: step.model,
        selection: Selection::default(),
        theme: &theme,
        focused: false,
        marks: &[],
        shows_difference: false,
        beat,
        times: None,
        view: View::default(),
    };
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    of(&step.panes[0], scene).draw(buf.area, &mut buf);
    let line = |y| (0..w).map(|x| buf[(x, y)].symbol()).collect::<String>();
    (0..h).map(line).collect()
}

#[test]
fn the_hidden_state_has_a_column_a_word() {
    let lines = first_pane("rnn-bottleneck", Glyphs::Unicode, None, (76, 14));
    assert!(lines[0].split_whitespace().eq(["The", "dog", "saw", "the", "cat", "."]), "{lines:?}");
    assert!(lines[11].contains("all that the decoder gets: 128 numbers"), "{lines:?}");
}

#[test]
fn the_schedule_lights_up_step_by_step() {
    let at = |beat| {
        let lines = first_pane("waiting", Glyphs::Ascii, beat, (70, 8));
        lines.into_iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
    };
    let second = at(Some(2));
    assert!(second[0].contains("RNN - 2 of 6 steps in a row"), "{second:?}");
    assert!(second[0].contains("Transformer - 2 of 2 layers"), "{second:?}");
    // Word by word in the RNN; the Transformer's second layer is computed now, for all words.
    let cells = |line: &str| line[13..].split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(cells(&second[2]), "### ### @@@", "{second:#?}");
    assert_eq!(cells(&second[3]), ". @@@ ### @@@");
    assert_eq!(cells(&second[4]), ". . ::: ### @@@");
    assert_eq!(cells(&at(Some(0))[2]), "::: ::: :::");
    assert_eq!(at(Some(6))[2], at(None)[2]);
    assert!(at(None)[0].contains("RNN - 6 steps in a row"));
}

/// A wall, a table and a matrix of the decoder-only model's heads, for some text.
fn attention(kind: crate::lesson::PaneKind) -> crate::lesson::PaneSpec {
    let site = Some("blocks.{l}.attn.weights".to_owned());
    crate::lesson::PaneSpec { kind, site, model: None, title: None }
}

/// What a pane of attention shows without colours, as lines without their ends.
fn shown(
    reading: &Reading,
    kind: crate::lesson::PaneKind,
    (selection, view): (Selection, View),
    (w, h): (u16, u16),
) -> Vec<String> {
    let theme = Theme::new(Depth::None, Glyphs::Ascii);
    let scene = Scene {
        reading,
        model: crate::model::Name::DecoderOnly,
        selection,
        theme: &theme,
        focused: true,
        marks: &[],
        shows_difference: false,
        beat: None,
        times: None,
        view,
    };
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    of(&attention(kind), scene).draw(buf.area, &mut buf);
    let line = |y| (0..w).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..h).map(line).collect()
}

fn at(layer: usize, head: usize, row: usize, col: usize) -> Selection {
    Selection { layer, head, row, col }
}

#[test]
fn heads_say_their_strongest_key_with_a_whole_number_at_every_size() {
    let reader = Reader::of(&[crate::model::Name::DecoderOnly]).unwrap().up_to(400);
    for n in [1, 7, 12] {
        let reading = reader.read(&"The animal didn't cross ".repeat(n)).unwrap();
        for (w, h) in [(40, 6), (46, 8), (58, 10), (76, 10), (76, 5), (118, 20)] {
            let place = (at(1, 0, 4 * n, 0), View::default());
            let lines = shown(&reading, crate::lesson::PaneKind::Heads, place, (w, h));
            let lines: Vec<_> = lines.iter().map(|line| line.replace("<bos>", "bos")).collect();
            let said = lines.iter().flat_map(|line| line.split("> ").skip(1));
            let numbers: Vec<&str> = said.filter_map(|text| text.split("  ").next()).collect();
            let numbers = numbers.iter().filter(|text| !text.starts_with("head "));
            let is_whole = |text: &&&str| {
                let number = text.split_whitespace().last().unwrap_or_default();
                number.len() == 4 && number.parse::<f32>().is_ok()
            };
            let (all, whole) = (numbers.clone().count(), numbers.filter(is_whole).count());
            assert_eq!((all, whole), (4, 4), "{n} {w}x{h} {lines:#?}");
            // NarrationBelow a head's name stand its cells, not their numbers.
            let beneath = lines.iter().skip_while(|line| !line.contains("head 0")).nth(1);
            let has_cells = beneath.is_some_and(|line| !line.contains(|c: char| c.is_numeric()));
            assert!(has_cells || h < 6, "{n} {w}x{h} {lines:#?}");
        }
    }
}

#[test]
fn the_wall_frames_the_selected_head_among_all() {
    let reading = Reader::embedded().unwrap().read("The dog saw the cat.").unwrap();
    let kind = crate::lesson::PaneKind::Wall;
    let place = (at(1, 2, 0, 0), View::default());
    assert!(shown(&reading, kind, place, (70, 20))[0].contains("measuring"));
    reading.heads();
    let lines = shown(&reading, kind, place, (70, 20));
    assert!(lines[0].split_whitespace().eq(["head", "0", "1", "2", "3"]), "{lines:#?}");
    let frame = lines.iter().position(|line| line.contains("+==")).unwrap();
    let layer = |n| lines.iter().position(|line| line.starts_with(&format!("{n:>4}"))).unwrap();
    assert!(layer(0) < frame && frame < layer(1), "{lines:#?}");
    // The first token looks at itself alone, in every head.
    let n = lines[2].matches('#').count();
    assert!(n > 0 && n.is_multiple_of(4), "{lines:#?}");
}

#[test]
fn a_wall_that_does_not_fit_scrolls_to_the_selected_head() {
    let reading = Reader::embedded().unwrap().read("The dog saw the cat.").unwrap();
    reading.heads();
    let place = (at(1, 3, 0, 0), View::default());
    let lines = shown(&reading, crate::lesson::PaneKind::Wall, place, (16, 7));
    assert!(lines[0].contains('3') && !lines[0].contains('0'), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("+==")), "{lines:#?}");
}

#[test]
fn the_table_of_heads_has_a_row_a_head_and_keeps_the_column_it_is_sorted_by() {
    let reading = Reader::embedded().unwrap().read("The dog saw the cat and the dog saw.").unwrap();
    reading.heads();
    let kind = crate::lesson::PaneKind::HeadTable;
    let lines = shown(&reading, kind, (at(0, 0, 0, 0), View::default()), (80, 12));
    assert_eq!(lines.iter().filter(|line| !line.is_empty()).count(), 9, "{lines:#?}");
    assert!(lines[0].ends_with("largest"));
    let figure =
        crate::analysis::measure::heads::FIGURES.iter().position(|f| f.heading == "induction");
    let sort = super::Sort::Figure { figure: figure.unwrap(), is_rising: false };
    let view = View { sort, ..View::default() };
    let lines = shown(&reading, kind, (at(0, 0, 0, 0), view), (32, 12));
    assert!(lines[0].ends_with("vinduction"), "{lines:#?}");
    let last = |line: &String| line.split_whitespace().last()?.parse::<f32>().ok();
    let column: Vec<f32> = lines[1..9].iter().map(|line| last(line).unwrap()).collect();
    assert!(column.is_sorted_by(|a, b| a >= b), "{column:?}");
}

#[test]
fn the_cache_says_what_it_spares_however_many_layers_and_tokens() {
    let reader = Reader::of(&[crate::model::Name::DecoderOnly]).unwrap().up_to(400);
    for n in [2, 50] {
        let reading = reader.read(&"The dog saw the cat and ".repeat(n)).unwrap();
        let last = reading.trace(crate::model::Name::DecoderOnly).source.len() - 1;
        let place = (at(1, 0, last, 0), View::default());
        let lines = shown(&reading, crate::lesson::PaneKind::Cache, place, (76, 5));
        assert!(lines[0].contains("layer 1"), "the selected layer: {lines:#?}");
        assert!(lines[0].contains('#'), "what is new is in view: {lines:#?}");
        assert!(lines[1].contains("layers 1-1 of 2"), "{lines:#?}");
        assert_eq!(lines[1].contains("a sign for 9"), n == 50, "{lines:#?}");
        assert!(lines[4].starts_with("mults,"), "{lines:#?}");
    }
}

#[test]
fn long_texts_are_seen_whole_and_from_near() {
    use crate::ui::widgets::heat::Zoom;
    let reader = Reader::of(&[crate::model::Name::DecoderOnly]).unwrap().up_to(400);
    let reading = reader.read(&"The dog saw the cat and ".repeat(50)).unwrap();
    let see = |zoom| {
        let view = View { zoom, ..View::default() };
        shown(&reading, crate::lesson::PaneKind::Matrix, (at(1, 0, 200, 180), view), (76, 20))
    };
    let whole = see(Zoom::Fit);
    assert_eq!(whole, see(Zoom::Overview), "what does not fit is seen whole");
    assert!(whole.last().unwrap().contains("each point the largest of 17 x 5 cells"), "{whole:#?}");
    assert!(whole.iter().any(|line| line.contains('@')), "{whole:#?}");
    let word = reading.trace(crate::model::Name::DecoderOnly).source[200].text.clone();
    for zoom in [Zoom::Fit, Zoom::Cells, Zoom::Numbers] {
        let lines = see(zoom);
        let is_there = |line: &String| line.trim_start().starts_with(&word);
        assert!(lines.iter().any(is_there), "{word}: {lines:#?}");
    }
    let near = see(Zoom::Numbers);
    assert!(near.last().unwrap().contains("rows 191-208 of 301"), "{near:#?}");
    assert!(near.last().unwrap().contains("columns 175-184 of 301"), "{near:#?}");
}
