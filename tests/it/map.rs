//! The map of every model, and the sentence under it.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use lookback::{
    analysis::{
        map::{ModelMap, Section, Station},
        reading::{Reader, Reading},
        trace::Trace,
    },
    engine::site::{Axis, Role},
    lesson::{Language, Lesson},
    model::ModelName,
    ui::{
        app::{Action, State, update},
        descriptions::short_path,
        screen::{self, ScreenPart},
        theme::{Depth, Glyphs, Theme},
    },
    weights::Checkpoint,
};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Modifier,
};

use crate::support::{
    built_in::{READER, reading},
    walk::{drawn, drawn_text, press},
};

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";
const CHECKPOINTS: [&str; 13] = [
    "gpt2",
    "llama2",
    "bert",
    "t5",
    "bart",
    "gru",
    "qwen3_moe",
    "deepseek_v3",
    "gemma4_moe",
    "qwen3_next",
    "mamba2",
    "lfm2",
    "deberta",
];

fn state(reading: Arc<Reading>, lesson: Lesson, depth: Depth) -> State {
    let mut state = State::new(Arc::new(lesson), Theme::new(depth, Glyphs::Unicode));
    update(&mut state, Action::Read(Ok(reading)));
    state
}

fn built_in(depth: Depth) -> State {
    state(reading(SENTENCE), Lesson::embedded(Language::English).unwrap(), depth)
}

fn checkpoint(folder: &str) -> Arc<Reading> {
    let path = Path::new("tests/goldens/checkpoints").join(folder);
    let reader = Reader::open(&Checkpoint::open(&path).unwrap(), true).unwrap().for_walk();
    Arc::new(reader.read("The dog saw the cat.").unwrap())
}

fn walk_of(folder: &str) -> State {
    let reading = checkpoint(folder);
    let lesson = Lesson::for_checkpoint(Language::English).unwrap();
    let lesson = lesson.fitting(reading.trace(ModelName::Checkpoint));
    state(reading, lesson, Depth::None)
}

fn stations(map: &ModelMap) -> impl Iterator<Item = &Station> {
    map.stations()
}

/// `encoder.0 [self_attn + norm1] x2 | logits | probs`
fn line(sections: &[Section]) -> String {
    let names = |section: &Section| {
        let names: Vec<&str> = section.stations.iter().map(|s| s.name.as_str()).collect();
        match &section.stack {
            Some(stack) => {
                format!("{}.{} [{}] x{}", stack.name, stack.layer, names.join(" "), stack.n_layers)
            }
            None => names.join(" "),
        }
    };
    sections.iter().map(names).collect::<Vec<_>>().join(" | ")
}

fn whole(map: &ModelMap) -> String {
    format!("source: {}\nlink: {}\ntarget: {}", line(&map.source), map.link, line(&map.target))
}

#[test]
fn every_model_has_its_own_map() {
    let reading = reading(SENTENCE);
    let mut maps: Vec<String> = ModelName::ALL
        .map(|name| format!("{name}\n{}", whole(&ModelMap::of(reading.trace(name), 0))))
        .into();
    for folder in CHECKPOINTS {
        let reading = checkpoint(folder);
        maps.push(format!(
            "{folder}\n{}",
            whole(&ModelMap::of(reading.trace(ModelName::Checkpoint), 1))
        ));
    }
    insta::assert_snapshot!(maps.join("\n\n"));
}

/// Sites of the layers that are shown, and of no layer, stand in one station each.
fn check_every_site(trace: &Trace, layer: usize) {
    let map = ModelMap::of(trace, layer);
    let shown: BTreeSet<usize> = map
        .source
        .iter()
        .chain(&map.target)
        .filter_map(|s| Some(s.stack.as_ref()?.layer))
        .collect();
    for site in trace.sites().filter(|s| !s.is_leaf && s.role() != Role::LayerInput) {
        let index = site.place.scope.layer_index();
        if index.is_some_and(|index| !shown.contains(&index)) {
            continue;
        }
        let holding: Vec<_> = stations(&map).filter(|s| s.holds(site.path())).collect();
        assert_eq!(holding.len(), 1, "{}: {holding:?}", site.path());
    }
}

#[test]
fn every_site_stands_in_one_station() {
    let reading = reading(SENTENCE);
    for name in ModelName::ALL {
        for layer in [0, 1, 7] {
            check_every_site(reading.trace(name), layer);
        }
    }
    for folder in CHECKPOINTS {
        check_every_site(checkpoint(folder).trace(ModelName::Checkpoint), 0);
    }
}

/// Positions of the map's rows that are drawn reversed.
fn lit(state: &State, width: u16, height: u16) -> Vec<Position> {
    let buffer = drawn(state, width, height);
    let is_lit = |at: &Position| buffer[*at].modifier.contains(Modifier::REVERSED);
    Rect::new(0, 2, width, 2).positions().filter(is_lit).collect()
}

#[test]
fn a_step_lights_its_station_and_a_click_leads_to_a_step_of_it() {
    let of_checkpoints = CHECKPOINTS.into_iter().map(walk_of);
    for mut state in [built_in(Depth::None)].into_iter().chain(of_checkpoints) {
        for step in 0..state.n_steps() {
            state.enter(step);
            for (width, height) in [(80, 24), (120, 36), (200, 60)] {
                let (_, current) = state.current();
                let focused = state.focused().unwrap();
                let has_station = state.site(focused).is_some_and(|s| s.role() != Role::LayerInput)
                    && current.model_of(focused) == current.model;
                update(&mut state, Action::Resize(Size::new(width, height)));
                let lit = lit(&state, width, height);
                let id = state.current().1.id.clone();
                assert_eq!(!lit.is_empty(), has_station, "{id} at {width}x{height}");
                let Some(at) = lit.first() else { continue };
                let area = Rect::new(0, 0, width, height);
                let hit = screen::hit(&state, area, *at);
                let ScreenPart::Step(target) = hit else { panic!("{id}: {hit:?}") };
                assert!(target <= step, "{id} leads on to step {target}");
            }
        }
    }
}

/// Beside `encoder.0.self_attn`, the rows of other pictures say `enc.0.self`.
#[test]
fn a_narrow_map_shortens_names_as_other_pictures_do() {
    let mut state = built_in(Depth::None);
    state.enter(state.lesson.find("mask").unwrap());
    update(&mut state, Action::Resize(Size::new(80, 24)));
    let text = drawn_text(&state, 80, 24);
    let map = text.lines().find(|line| line.contains("decoder.0[")).unwrap();
    let [own, beside] = ["self_attn", "cross_attn"].map(short_path);
    assert!(map.contains(&format!("[{own}+norm→{beside}+norm→")), "{map}");
}

#[test]
fn the_palette_leads_to_the_stations_of_the_map() {
    for mut state in [built_in(Depth::True), walk_of("llama2")] {
        press(&mut state, ": m a p : Space a t t n Enter");
        let map = state.map().unwrap();
        let lit = map.stations().filter(|station| station.path.contains("attn"));
        let steps: Vec<_> = lit.filter_map(|station| state.step_of_station(station)).collect();
        assert!(steps.contains(&state.nav.step), "{} of {steps:?}", state.nav.step);
    }
}

fn cells_of(buffer: &Buffer, y: u16, word: &str) -> ratatui::buffer::Cell {
    let row: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
    let at = row.find(word).unwrap_or_else(|| panic!("no {word} in {row}"));
    buffer[(row[..at].chars().count() as u16, y)].clone()
}

#[test]
fn words_are_tinted_by_the_row_under_the_cursor() {
    for (height, row) in [(24, 3), (36, 4)] {
        let mut state = built_in(Depth::True);
        state.enter(state.lesson.find("it-looks").unwrap());
        update(&mut state, Action::Resize(Size::new(120, height)));
        let attended = state.attended_row().unwrap();
        let weights = attended.weights.clone();
        assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let tokens =
            state.passes.reading.as_ref().unwrap().trace(ModelName::Transformer).source.clone();
        let heaviest = &tokens[attended.heaviest()].text;
        let buffer = drawn(&state, 120, height);
        let ground = |word: &str| cells_of(&buffer, row, word).bg;
        assert_eq!(Some(ground(heaviest)), state.theme.sequential(weights[attended.heaviest()]));
        let light = tokens.iter().zip(&weights).find(|(_, w)| **w < 0.01).unwrap();
        assert_ne!(ground(&light.0.text), ground(heaviest));
        // Another row, other weights.
        press(&mut state, "Up");
        assert_ne!(state.attended_row().unwrap().weights, weights);
    }
}

#[test]
fn a_word_of_the_decoder_stands_before_what_it_looks_at() {
    let mut state = built_in(Depth::True);
    state.enter(state.lesson.find("cross-weights").unwrap());
    update(&mut state, Action::Resize(Size::new(120, 36)));
    let word = state.word().unwrap().text;
    let text = drawn_text(&state, 120, 36);
    let row = text.lines().nth(4).unwrap();
    assert!(row.starts_with(&format!(" {word} → The animal")), "{row}");
}

#[test]
fn without_attention_a_low_screen_has_no_sentence() {
    let mut state = built_in(Depth::True);
    state.enter(state.lesson.find("rnn-states").unwrap());
    update(&mut state, Action::Resize(Size::new(80, 24)));
    assert!(drawn_text(&state, 80, 24).lines().nth(3).unwrap().starts_with('╭'));
}

#[test]
fn a_long_sentence_scrolls_with_a_sign_on_each_side_that_is_cut() {
    let long = "The dog saw the cat and ".repeat(9) + "it slept.";
    let reading = Arc::new(READER.read(&long).unwrap());
    let n = reading.trace(ModelName::Transformer).source.len();
    let lesson = Lesson::embedded(Language::English).unwrap();
    let mut state = state(reading, lesson, Depth::True);
    state.enter(state.lesson.find("softmax").unwrap());
    assert_eq!(state.site(state.focused().unwrap()).unwrap().axes()[1], Axis::Query);
    update(&mut state, Action::Resize(Size::new(80, 24)));
    for row in 0..n {
        state.nav.selection.row = row;
        let buffer = drawn(&state, 80, 24);
        let line: String = (0..80).map(|x| buffer[(x, 3)].symbol()).collect();
        let is_cursor = |x: &u16| buffer[(*x, 3)].modifier.contains(Modifier::UNDERLINED);
        let word: String = (0..80).filter(is_cursor).map(|x| buffer[(x, 3)].symbol()).collect();
        assert_eq!(word, state.word().unwrap().text, "row {row}: {line}");
        assert_eq!(line.starts_with(" …"), !line.starts_with(" The dog saw"), "row {row}: {line}");
        assert_eq!(line.trim_end().ends_with('…'), !line.trim_end().ends_with("slept ."), "{line}");
    }
}
