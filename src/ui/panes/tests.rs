//! Draws every pane of every step at every size: nothing panics, and the cursor's cell is in the trace.

use std::sync::LazyLock;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
};

use super::{Pane, Scene, Unfolding, View, new_pane, unfolding_order};
use crate::{
    analysis::reading::{Reader, Reading},
    engine::value::{Cell, Extent, PlaneCell},
    lesson::{Language, Lesson, PaneKind, PaneSpec, Selection},
    model::ModelName,
    ui::{
        theme::{Depth, Glyphs, Theme},
        widgets::heat::CellArea,
    },
};

/// Read and measured once for all tests.
static SENTENCES: LazyLock<Vec<Reading>> = LazyLock::new(|| {
    let reader = Reader::embedded().unwrap();
    let texts = ["The animal didn't cross the street because it was too tired.", "猫", "dog"];
    let long = "The dog saw the cat and ".repeat(6);
    let all = texts.into_iter().map(str::to_owned).chain([long]);
    let readings = all.map(|text| reader.read(&text).unwrap().waiting());
    readings.inspect(|r| assert!(!r.influence().unwrap().is_empty())).collect()
});

/// A scene with the focus on its pane and nothing selected.
fn scene<'a>(reading: &'a Reading, model: ModelName, theme: &'a Theme) -> Scene<'a> {
    Scene {
        reading,
        language: Language::English,
        model,
        selection: Selection::default(),
        theme,
        focused: true,
        marks: &[],
        shows_difference: false,
        changed: None,
        beat: None,
        times: None,
        view: View::default(),
    }
}

#[test]
fn panes_draw_at_every_size_and_give_the_cell_under_the_cursor() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let themes = [Theme::new(Depth::True, Glyphs::Unicode), Theme::new(Depth::None, Glyphs::Ascii)];
    for reading in &*SENTENCES {
        for (_, step) in lesson.steps() {
            for spec in &step.panes {
                let model = spec.model.unwrap_or(step.model);
                for (i, selection) in selections().iter().enumerate() {
                    let scene = Scene {
                        selection: *selection,
                        beat: [None, Some(0), Some(3)][i],
                        ..scene(reading, model, &themes[i % 2])
                    };
                    let pane = new_pane(spec, scene);
                    for (width, height) in
                        [(0, 0), (1, 1), (10, 3), (38, 8), (76, 14), (118, 26), (300, 100)]
                    {
                        let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
                        pane.draw(buf.area, &mut buf);
                    }
                    let Extent { rows, cols } = pane.extent();
                    if rows * cols == 0 {
                        continue;
                    }
                    let (row, col) = (selection.row.min(rows - 1), selection.col.min(cols - 1));
                    if let Some(cursor_cell) = pane.cursor_cell(row, col) {
                        let address = &cursor_cell.address;
                        let (site, cell) = reading.trace(model).cell(address).unwrap();
                        let got = site.value.get(cell);
                        assert!(
                            got.total_cmp(&cursor_cell.value).is_eq(),
                            "{}: {address}",
                            step.id
                        );
                    }
                    assert!(!pane.title().to_string().is_empty(), "{}", step.id);
                }
            }
        }
    }
}

/// The panes of router, experts and sinks, which no built-in model has.
#[test]
fn panes_of_mixtures_stay_inside_their_area_and_have_words() {
    let theme = Theme::default();
    for (name, first, word) in
        [("gpt_oss", "own-learned-sinks", "expert 4"), ("qwen2_moe", "own-router", "expert 5")]
    {
        let path = std::path::Path::new("tests/goldens/checkpoints").join(name);
        let checkpoint = crate::weights::Checkpoint::open(&path).unwrap();
        let reading = Reader::open(&checkpoint, true).unwrap().read("The river was wide.").unwrap();
        let lesson = Lesson::for_checkpoint(Language::English).unwrap();
        let trace = reading.trace(ModelName::Checkpoint);
        let lesson = lesson.fitting(trace);
        let mut words = String::new();
        for (_, step) in lesson.steps().into_iter().skip(lesson.find(first).unwrap()) {
            for (spec, selection) in
                step.panes.iter().flat_map(|spec| selections().map(|selection| (spec, selection)))
            {
                let model = step.model_of(spec);
                let scene = Scene { selection, ..scene(&reading, model, &theme) };
                let pane = new_pane(spec, scene);
                words += &pane.in_words().lines.join("\n");
                for (width, height) in [(1, 1), (7, 5), (38, 8), (76, 14)] {
                    stays_inside(
                        &*pane,
                        Size { width, height },
                        &format!("{} {:?}", step.id, spec.kind),
                    );
                }
            }
        }
        assert!(words.contains(word), "{name}: {words}");
    }
}

/// Asserts that a pane of that size draws nothing outside it.
fn stays_inside(pane: &dyn Pane, size: Size, name: &str) {
    let around = Rect::new(0, 0, 110, 40);
    let area = Rect::from((Position::new(20, 10), size));
    let mut buf = Buffer::filled(around, ratatui::buffer::Cell::new("!"));
    pane.draw(area, &mut buf);
    let outside = around.positions().filter(|position| !area.contains(*position));
    let n_changed = outside.filter(|position| buf[*position].symbol() != "!").count();
    assert_eq!(n_changed, 0, "{name} {area}");
}

/// B - A and A of evidence, and what differs most.
#[test]
fn panes_of_two_passes_stay_inside_their_area() {
    let theme = Theme::default();
    let path = std::path::Path::new("tests/goldens/checkpoints/gpt2");
    let checkpoint = crate::weights::Checkpoint::open(path).unwrap();
    let reader = Reader::open(&checkpoint, true).unwrap();
    let plain = std::sync::Arc::new(reader.read("The river was wide.").unwrap());
    let changes = ["against=The old river was wide.".parse().unwrap()];
    let changed = reader.read_changed(&plain, changes.into_iter().collect()).unwrap();
    assert!(!changed.pass_evidence().is_empty());
    let lesson = Lesson::for_checkpoint(Language::English).unwrap();
    let lesson = lesson.fitting(changed.trace(ModelName::Checkpoint));
    let scene = |reading| scene(reading, ModelName::Checkpoint, &theme);
    let difference = Scene { shows_difference: true, ..scene(&changed) };
    let first = Scene { changed: Some(&changed), ..scene(&plain) };
    for step in ["own-which-part", "own-which-words", "own-against"] {
        let (_, step) = lesson.step(lesson.find(step).unwrap());
        for (spec, selection) in
            step.panes.iter().flat_map(|spec| selections().map(|selection| (spec, selection)))
        {
            for scene in [difference, first] {
                let pane = new_pane(spec, Scene { selection, ..scene });
                for (width, height) in [(0, 0), (1, 1), (7, 5), (38, 8), (76, 14)] {
                    stays_inside(
                        &*pane,
                        Size { width, height },
                        &format!("{} {:?}", step.id, spec.kind),
                    );
                }
            }
        }
    }
}

fn selections() -> [Selection; 3] {
    let select = |layer, head, cell: Cell| Selection { layer, head, row: cell.row, col: cell.col };
    [
        select(0, 0, Cell::new(0, 0, 0)),
        select(1, 2, Cell::new(0, 7, 1)),
        select(9, 99, Cell::new(0, 9_999, 9_999)),
    ]
}

/// Drawing changes no cell outside the pane's area, at any size and with any selection.
#[test]
fn panes_stay_inside_their_area() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let theme = Theme::default();
    for reading in &*SENTENCES {
        for (_, step) in lesson.steps() {
            for spec in &step.panes {
                for selection in &selections() {
                    let model = step.model_of(spec);
                    let scene = Scene {
                        selection: *selection,
                        beat: Some(1),
                        ..scene(reading, model, &theme)
                    };
                    for (width, height) in [(1, 1), (3, 2), (7, 5), (17, 9), (38, 8), (76, 14)] {
                        let pane = new_pane(spec, scene);
                        let name = format!("{} {:?}", step.id, spec.kind);
                        stays_inside(&*pane, Size { width, height }, &name);
                    }
                }
            }
        }
    }
}

/// Lines drawn by the first pane of a step for a short sentence, without colours.
fn first_pane(step: &str, glyphs: Glyphs, beat: Option<usize>, size: Size) -> Vec<String> {
    let reading = Reader::embedded().unwrap().read("The dog saw the cat.").unwrap();
    let lesson = Lesson::embedded(Language::English).unwrap();
    let steps = lesson.steps();
    let (_, step) = steps[lesson.find(step).unwrap()];
    let theme = Theme::new(Depth::None, glyphs);
    let scene = Scene { focused: false, beat, ..scene(&reading, step.model, &theme) };
    let mut buf = Buffer::empty(size.into());
    new_pane(&step.panes[0], scene).draw(buf.area, &mut buf);
    let line = |y| (0..size.width).map(|x| buf[(x, y)].symbol()).collect::<String>();
    (0..size.height).map(line).collect()
}

#[test]
fn the_hidden_state_has_one_column_per_word() {
    let lines = first_pane("rnn-bottleneck", Glyphs::Unicode, None, Size::new(76, 14));
    assert!(lines[0].split_whitespace().eq(["The", "dog", "saw", "the", "cat", "."]), "{lines:?}");
    assert!(lines[11].contains("all that the decoder gets: 256 numbers"), "{lines:?}");
}

#[test]
fn the_schedule_lights_up_step_by_step() {
    let lines_at = |beat| {
        let lines = first_pane("rnn-waiting", Glyphs::Ascii, beat, Size::new(70, 8));
        lines.into_iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
    };
    let second = lines_at(Some(2));
    assert!(second[0].contains("RNN - 2 of 6 steps in a row"), "{second:?}");
    assert!(second[0].contains("Transformer - 2 of 2 layers"), "{second:?}");
    // The RNN computes one word per step; the Transformer computes its second layer now, for all words.
    let cells = |line: &str| line[13..].split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(cells(&second[2]), "### ### @@@", "{second:#?}");
    assert_eq!(cells(&second[3]), "--- @@@ ### @@@");
    assert_eq!(cells(&second[4]), "--- --- ::: ### @@@");
    assert_eq!(cells(&lines_at(Some(0))[2]), "::: ::: :::");
    assert_eq!(lines_at(Some(6))[2], lines_at(None)[2]);
    assert!(lines_at(None)[0].contains("RNN - 6 steps in a row"));
}

/// A pane of the given kind over the decoder-only model's attention weights.
fn attention_spec(kind: PaneKind) -> PaneSpec {
    let site = Some("blocks.{layer}.attn.weights".to_owned());
    PaneSpec { kind, site, model: None, title: None, stays_behind_tab: false }
}

/// Lines drawn by an attention pane without colours, trailing spaces removed.
fn drawn_lines(
    reading: &Reading,
    kind: PaneKind,
    selection: Selection,
    view: View,
    size: Size,
) -> Vec<String> {
    let theme = Theme::new(Depth::None, Glyphs::Ascii);
    let scene = Scene { selection, view, ..scene(reading, ModelName::DecoderOnly, &theme) };
    let mut buf = Buffer::empty(size.into());
    new_pane(&attention_spec(kind), scene).draw(buf.area, &mut buf);
    let line =
        |y| (0..size.width).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..size.height).map(line).collect()
}

fn select(layer: usize, head: usize, row: usize, col: usize) -> Selection {
    Selection { layer, head, row, col }
}

#[test]
fn heads_show_the_strongest_key_with_its_whole_weight_at_every_size() {
    let reader = Reader::of(&[ModelName::DecoderOnly]).unwrap().up_to(400);
    for n in [1, 7, 12] {
        let reading = reader.read(&"The animal didn't cross ".repeat(n)).unwrap();
        for (w, h) in [(40, 6), (46, 8), (58, 10), (76, 10), (76, 5), (118, 20)] {
            let selection = select(1, 0, 4 * n, 0);
            let lines =
                drawn_lines(&reading, PaneKind::Heads, selection, View::default(), Size::new(w, h));
            let lines: Vec<_> = lines.iter().map(|line| line.replace("<bos>", "bos")).collect();
            let after_signs = lines.iter().flat_map(|line| line.split("> ").skip(1));
            let numbers: Vec<&str> =
                after_signs.filter_map(|text| text.split("  ").next()).collect();
            let numbers = numbers.iter().filter(|text| !text.starts_with("head "));
            let is_whole = |text: &&&str| {
                let number = text.split_whitespace().last().unwrap_or_default();
                // A share next to all is said as `>0.99`.
                let number = number.trim_start_matches('>');
                number.len() == 4 && number.parse::<f32>().is_ok()
            };
            let (all, whole) = (numbers.clone().count(), numbers.filter(is_whole).count());
            assert_eq!((all, whole), (4, 4), "{n} {w}x{h} {lines:#?}");
            // The cells below a head's name show no numbers.
            let line_below = lines.iter().skip_while(|line| !line.contains("head 0")).nth(1);
            let has_cells = line_below.is_some_and(|line| !line.contains(|c: char| c.is_numeric()));
            assert!(has_cells || h < 6, "{n} {w}x{h} {lines:#?}");
        }
    }
}

#[test]
fn the_parts_of_a_gru_are_said_as_they_are_drawn() {
    let reading = Reader::embedded().unwrap().read("The dog sleeps.").unwrap();
    let lesson = Lesson::embedded(Language::English).unwrap();
    let (_, step) = lesson.steps()[lesson.find("gru-gates").unwrap()];
    let is_cell = |spec: &&PaneSpec| spec.kind == PaneKind::Recurrence;
    let spec = step.panes.iter().find(is_cell).unwrap();
    let theme = Theme::new(Depth::None, Glyphs::Ascii);
    let words = new_pane(spec, scene(&reading, step.model_of(spec), &theme)).in_words();
    let names = words.lines.iter().skip(1).filter_map(|line| Some(line.split_once(": ")?.0));
    let order = ["input", "recurrent", "reset", "gated", "sum", "candidate", "update", "hidden"];
    assert_eq!(names.collect::<Vec<_>>(), order);
}

#[test]
fn the_wall_frames_the_selected_head() {
    let reading = Reader::embedded().unwrap().read("The dog saw the cat.").unwrap();
    let kind = PaneKind::Wall;
    let selection = select(1, 2, 0, 0);
    assert!(
        drawn_lines(&reading, kind, selection, View::default(), Size::new(70, 20))[0]
            .contains("measuring")
    );
    reading.waiting().heads();
    let lines = drawn_lines(&reading, kind, selection, View::default(), Size::new(70, 20));
    assert!(lines[0].split_whitespace().eq(["head", "0", "1", "2", "3"]), "{lines:#?}");
    let frame = lines.iter().position(|line| line.contains("+==")).unwrap();
    let layer = |n| lines.iter().position(|line| line.starts_with(&format!("{n:>4}"))).unwrap();
    assert!(layer(0) < frame && frame < layer(1), "{lines:#?}");
    // In every head, the first token attends only to itself.
    let n = lines[2].matches('#').count();
    assert!(n > 0 && n.is_multiple_of(4), "{lines:#?}");
}

#[test]
fn a_wall_that_does_not_fit_scrolls_to_the_selected_head() {
    let reading = Reader::embedded().unwrap().read("The dog saw the cat.").unwrap();
    reading.waiting().heads();
    let selection = select(1, 3, 0, 0);
    let lines = drawn_lines(&reading, PaneKind::Wall, selection, View::default(), Size::new(16, 7));
    assert!(lines[0].contains('3') && !lines[0].contains('0'), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("+==")), "{lines:#?}");
}

#[test]
fn the_table_of_heads_has_one_row_per_head_and_always_shows_the_sort_column() {
    let reading = Reader::embedded().unwrap().read("The dog saw the cat and the dog saw.").unwrap();
    reading.waiting().heads();
    let kind = PaneKind::HeadTable;
    let lines = drawn_lines(&reading, kind, select(0, 0, 0, 0), View::default(), Size::new(80, 12));
    assert_eq!(lines.iter().filter(|line| !line.is_empty()).count(), 9, "{lines:#?}");
    assert!(lines[0].ends_with("largest"));
    let figure =
        crate::analysis::measure::heads::FIGURES.iter().position(|f| f.heading == "induction");
    let sort = super::Sort::Figure { figure: figure.unwrap(), is_rising: false };
    let view = View { sort, ..View::default() };
    let lines = drawn_lines(&reading, kind, select(0, 0, 0, 0), view, Size::new(32, 12));
    assert!(lines[0].ends_with("vinduction"), "{lines:#?}");
    let last = |line: &String| line.split_whitespace().last()?.parse::<f32>().ok();
    let column: Vec<f32> = lines[1..9].iter().map(|line| last(line).unwrap()).collect();
    assert!(column.is_sorted_by(|a, b| a >= b), "{column:?}");
}

#[test]
fn ranks_of_many_digits_leave_the_columns_of_the_lens_straight() {
    let reading = Reader::of(&[ModelName::DecoderOnly]).unwrap().read("The dog sleeps.").unwrap();
    reading.waiting().lens(ModelName::DecoderOnly, 3);
    let theme = Theme::new(Depth::None, Glyphs::Ascii);
    let spec = PaneSpec { site: Some("probs".into()), ..attention_spec(PaneKind::Lens) };
    let scene =
        Scene { selection: select(0, 0, 3, 0), ..scene(&reading, ModelName::DecoderOnly, &theme) };
    let mut buf = Buffer::empty(Rect::new(0, 0, 90, 6));
    new_pane(&spec, scene).draw(buf.area, &mut buf);
    let shares = |y: u16| (0..90).filter(|&x| buf[(x, y)].symbol() == "%").collect::<Vec<u16>>();
    let line = |y: u16| (0..90).map(|x| buf[(x, y)].symbol()).collect::<String>();
    assert!(line(1).contains("2609"), "{}", line(1));
    for y in 2..6 {
        assert_eq!(shares(y), shares(1), "{}\n{}", line(1), line(y));
    }
}

#[test]
fn the_cache_shows_saved_multiplications_for_any_number_of_layers_and_tokens() {
    let reader = Reader::of(&[ModelName::DecoderOnly]).unwrap().up_to(400);
    for n in [2, 50] {
        let reading = reader.read(&"The dog saw the cat and ".repeat(n)).unwrap();
        let last = reading.trace(ModelName::DecoderOnly).source.len() - 1;
        let selection = select(1, 0, last, 0);
        let lines =
            drawn_lines(&reading, PaneKind::Cache, selection, View::default(), Size::new(76, 5));
        assert!(lines[0].contains("layer 1"), "the selected layer: {lines:#?}");
        assert!(lines[0].contains('#'), "what is new is in view: {lines:#?}");
        assert!(lines[1].contains("layers 1-1 of 2"), "{lines:#?}");
        assert_eq!(lines[1].contains("a sign for 9"), n == 50, "{lines:#?}");
        assert!(lines[4].starts_with("mults,"), "{lines:#?}");
    }
}

#[test]
fn two_rows_of_the_mask_on_a_line_are_told_apart_without_colour() {
    let reader = Reader::of(&[ModelName::DecoderOnly]).unwrap();
    let reading = reader.read("The dog saw the cat and the dog saw.").unwrap();
    let n = reading.trace(ModelName::DecoderOnly).source.len();
    let spec = PaneSpec {
        site: Some("blocks.{layer}.attn.k".to_owned()),
        ..attention_spec(PaneKind::Cache)
    };
    for depth in [Depth::None, Depth::True] {
        let theme = Theme::new(depth, Glyphs::Unicode);
        let drawn = |row: usize| {
            let selection = select(1, 0, row, 0);
            let scene = Scene { selection, ..scene(&reading, ModelName::DecoderOnly, &theme) };
            let mut buf = Buffer::empty(Rect::new(0, 0, 76, 8));
            new_pane(&spec, scene).draw(buf.area, &mut buf);
            let line = |y| (0..76).map(|x| buf[(x, y)].symbol()).collect::<String>();
            (0..8).map(|y| line(y).trim_end().to_owned()).collect::<Vec<_>>()
        };
        for row in [n - 1, n - 2] {
            let lines = drawn(row);
            let masks = |lower: usize| "▒".repeat(lower) + "▄" + &"·".repeat(row - lower);
            let first = (row + 1) % 2;
            let of_pairs = (first..row).step_by(2).map(masks);
            let mask: Vec<String> = of_pairs.chain(["█".repeat(row + 1)]).collect();
            let is_there = |(line, mask): (&String, &String)| line.ends_with(mask);
            assert!(lines.iter().zip(&mask).all(is_there), "{depth:?} {row}: {lines:#?}");
        }
    }
}

#[test]
fn the_costs_stand_in_two_columns_where_they_are_whole_only_so() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let steps = lesson.steps();
    let (_, step) = steps[lesson.find("loss").unwrap()];
    let (reading, theme) = (SENTENCES.last().unwrap(), Theme::default());
    let pane = new_pane(&step.panes[0], scene(reading, step.model, &theme));
    let n = pane.extent().rows;
    assert!(n > 20, "{n}");
    let height = n.div_ceil(2) as u16 + 2;
    let [two, one] = [78, 70].map(|width| Rect::new(0, 0, width, height));
    assert_eq!(pane.out_of_view(two), [0, 0]);
    assert_eq!(pane.out_of_view(one), [0, n - usize::from(height - 2)]);
    let last = Position::new(50, if n.is_multiple_of(2) { height - 1 } else { height - 2 });
    assert_eq!(pane.cell_at(two, last), Some(PlaneCell::new(n - 1, 0)));
    let mut buf = Buffer::empty(two);
    pane.draw(two, &mut buf);
    let line = |y| (0..78).map(|x| buf[(x, y)].symbol()).collect::<String>();
    assert_eq!(line(1).matches("-ln p").count(), 2, "{}", line(1));
    let words = reading.course(step.model).unwrap().target.clone();
    let right: String = line(last.y).chars().skip(40).collect();
    assert!(right.trim_start().starts_with(&words[n - 1].text), "{right}");
    let size = pane.preferred_size();
    assert!(size.seen(Size::new(78, height)) > 0.99 && size.seen(Size::new(70, height)) < 0.7);
}

#[test]
fn long_texts_are_shown_whole_and_zoomed_in() {
    use crate::ui::widgets::heat::Zoom;
    let reader = Reader::of(&[ModelName::DecoderOnly]).unwrap().up_to(400);
    let reading = reader.read(&"The dog saw the cat and ".repeat(50)).unwrap();
    let lines_at_zoom = |zoom| {
        let view = View { zoom, ..View::default() };
        drawn_lines(&reading, PaneKind::Matrix, select(1, 0, 200, 180), view, Size::new(76, 20))
    };
    let whole = lines_at_zoom(Zoom::Fit);
    assert_eq!(whole, lines_at_zoom(Zoom::Overview), "what does not fit is seen whole");
    assert!(whole.last().unwrap().contains("each point the largest of 17 x 5 cells"), "{whole:#?}");
    assert!(whole.iter().any(|line| line.contains('@')), "{whole:#?}");
    let word = reading.trace(ModelName::DecoderOnly).source[200].text.clone();
    for zoom in [Zoom::Fit, Zoom::Cells, Zoom::Numbers] {
        let lines = lines_at_zoom(zoom);
        let starts_with_word = |line: &String| line.trim_start().starts_with(&word);
        assert!(lines.iter().any(starts_with_word), "{word}: {lines:#?}");
    }
    let zoomed_in = lines_at_zoom(Zoom::Numbers);
    assert!(zoomed_in.last().unwrap().contains("rows 191-208 of 301"), "{zoomed_in:#?}");
    assert!(zoomed_in.last().unwrap().contains("columns 175-184 of 301"), "{zoomed_in:#?}");
}

/// The panes of a step.
fn panes_of<'a>(step: &str, reading: &'a Reading, theme: &'a Theme) -> Vec<Box<dyn Pane + 'a>> {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let (_, step) = lesson.steps()[lesson.find(step).unwrap()];
    let new = |spec| new_pane(spec, scene(reading, step.model_of(spec), theme));
    step.panes.iter().map(new).collect()
}

#[test]
fn panes_unfold_in_the_order_in_which_their_numbers_are_computed() {
    let (reading, theme) = (&SENTENCES[0], Theme::default());
    let order = |step: &str| {
        let panes = panes_of(step, reading, &theme);
        unfolding_order(&panes.iter().map(|pane| &**pane).collect::<Vec<_>>())
    };
    assert_eq!(order("mask"), [2, 1, 0], "scores, scaled, masked");
    assert_eq!(order("residual"), [1, 0], "what is added, then the sum");
    assert_eq!(order("probabilities"), [2, 1, 0], "the row, its logits, their softmax");
    assert_eq!(order("rnn-word"), [0, 1, 2, 3], "the whole cell begins with its input");
    assert_eq!(order("task"), [0]);
}

#[test]
fn whole_cells_unfold() {
    let area = Rect::new(10, 4, 26, 9);
    let cells = CellArea { area, cell: Size::new(6, 2) };
    let right = |part| Unfolding::Right.covered(cells, part);
    // Five columns, of which the last is narrower.
    assert_eq!([0.2, 0.5, 1.0].map(|part| right(part).x), [16, 28, 36]);
    assert_eq!(right(1.0).width, 0);
    let down = |part| Unfolding::Down.covered(cells, part);
    assert_eq!([0.2, 0.5, 1.0].map(|part| down(part).y), [6, 10, 13]);
    assert!(Unfolding::Drawn.covered(cells, 0.2).is_empty());
}

#[test]
fn the_last_state_and_the_steps_of_a_norm_unfold_in_turn() {
    let (reading, theme) = (&SENTENCES[0], Theme::default());
    let area = Rect::new(0, 0, 112, 24);
    let states = panes_of("rnn-states", reading, &theme).remove(0);
    for part in [0.2, 0.4, 0.6, 0.8] {
        let covered = states.covered(area, part);
        let last = covered.iter().find(|area| area.y > 20).expect("the last state is covered");
        assert!(last.x > 0 && last.height == 1, "not its label: {covered:?}");
        assert!(covered.iter().all(|area| area.y > 0), "nor the words above: {covered:?}");
    }
    assert!(states.covered(area, 1.0).iter().all(|area| area.is_empty()));
    let norm = panes_of("layer-norm", reading, &theme).remove(0);
    let lines = |part| norm.covered(area, part)[0].height;
    assert_eq!([0.2, 0.6, 1.0].map(lines), [2, 1, 0], "before, normalized, with gain and bias");
    let [strips, histograms] = norm.covered(area, 0.2)[..] else { panic!("strips, histograms") };
    assert_eq!((strips.y, strips.right()), (2, area.right()), "with mean and variance");
    assert!(histograms.x > 30 && histograms.y > strips.bottom() + 2, "not the first, no names");
}

#[test]
fn the_names_of_tensors_are_told_apart_by_their_ends() {
    let path = std::path::Path::new("tests/goldens/checkpoints/gpt2");
    let checkpoint = crate::weights::Checkpoint::open(path).unwrap();
    let reading = Reader::open(&checkpoint, true).unwrap().read("The river was wide.").unwrap();
    let spec = PaneSpec { site: None, ..attention_spec(PaneKind::Tensors) };
    let theme = Theme::default();
    let pane = new_pane(&spec, scene(&reading, ModelName::Checkpoint, &theme));
    let mut buf = Buffer::empty(Rect::new(0, 0, 40, 24));
    pane.draw(buf.area, &mut buf);
    let line = |y: u16| (0..40).map(|x| buf[(x, y)].symbol()).collect::<String>();
    let names: Vec<String> =
        (1..24).filter_map(|y| Some(line(y).split_whitespace().next()?.to_owned())).collect();
    let different: std::collections::BTreeSet<&String> = names.iter().collect();
    assert!(names.len() > 8 && names.iter().any(|name| name.starts_with('…')), "{names:?}");
    assert_eq!(different.len(), names.len(), "{names:?}");
}

#[test]
fn both_machines_have_their_lower_edges_where_there_is_one_line_for_their_headings() {
    let lines = |height| first_pane("two-machines", Glyphs::Ascii, None, Size::new(79, height));
    let reading = Reader::embedded().unwrap().read("The dog saw the cat.").unwrap();
    let theme = Theme::default();
    let least = panes_of("two-machines", &reading, &theme)[0].preferred_size().min.height;
    let all = lines(least);
    assert_eq!(all.last().unwrap().matches('+').count(), 2, "{all:#?}");
    assert!(!all.iter().any(|line| line.contains("reads English")), "{all:#?}");
    assert!(lines(least + 1)[1].contains("reads English"), "there is a line for it");
}
