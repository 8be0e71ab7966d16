//! Forms of attention and the flow graph: their numbers are PyTorch's (`assets/training/evidence_golden.py`), the routes
//! follow from them, and the walk shows both.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, LazyLock},
};

use lookback::{
    analysis::{
        evidence::{
            Run,
            flow::{Flow, FlowEdge, FlowNode, NoFlow},
        },
        measure::attention_form::{AttentionForm, attention_map},
        reading::{Reader, Reading},
    },
    engine::{change::Change, site::Stream, value::Cell},
    model::ModelName,
    text::percent,
    ui::{app::State, panes::StreamRow},
    weights::Checkpoint,
};

use crate::support::{
    built_in::{READER, reading},
    evidence::{Goldens, assert_near},
    program,
    tiny::Tiny,
    walk::{self, drawn_text, message, press},
};

const TIRED: &str = "The animal didn't cross the street because it was too tired.";

static GOLDENS: LazyLock<Goldens> = LazyLock::new(Goldens::read);

/// What the reference was made of: a built-in model's or a tiny checkpoint's.
fn of(name: &str) -> (Arc<Reading>, ModelName) {
    match name {
        "transformer" => {
            (reading(GOLDENS.cases["sentence"].as_str().unwrap()), ModelName::Transformer)
        }
        "decoder_only" => {
            (reading(GOLDENS.cases["read_on"][0].as_str().unwrap()), ModelName::DecoderOnly)
        }
        checkpoint => {
            let path = Path::new("tests/goldens/checkpoints").join(checkpoint);
            let reader = Reader::open(&Checkpoint::open(&path).unwrap(), true).unwrap();
            let text = GOLDENS.cases[checkpoint]["text"].as_str().unwrap();
            (Arc::new(reader.read(text).unwrap()), ModelName::Checkpoint)
        }
    }
}

const ALL: [&str; 4] = ["transformer", "decoder_only", "gpt2", "llama3"];

#[test]
fn forms_of_attention_are_those_of_pytorch() {
    for of_model in ALL {
        let (reading, name) = of(of_model);
        let mut n = 0;
        for (key, want) in GOLDENS.under(&format!("forms/{of_model}/")) {
            let (at, id) = key.rsplit_once('/').unwrap();
            let form = AttentionForm::ALL.into_iter().find(|form| form.id() == id).unwrap();
            let path = format!("{at}.weights");
            let map = attention_map(reading.trace(name), &path, form);
            let map = map.unwrap_or_else(|| panic!("{of_model} {key}"));
            let got: Vec<f32> = map.value.numbers().collect();
            assert_near(&format!("{of_model} {key}"), &got, want, 1e-5);
            n += 1;
        }
        assert!(n >= 8, "{of_model}: {n} maps");
    }
}

#[test]
fn a_form_opens_into_what_it_was_computed_from() {
    let star = reading(TIRED);
    let trace = star.trace(ModelName::Transformer);
    let site = trace.site("encoder.1.self_attn.weights").unwrap();
    for form in AttentionForm::ALL.into_iter().skip(1) {
        let map = attention_map(trace, site.path(), form).unwrap();
        let cell = Cell::new(if form == AttentionForm::Norms { 2 } else { 0 }, 7, 1);
        let opened = map.open(site, cell);
        assert!((opened.expr.unwrap().eval() - f64::from(map.get(cell))).abs() < 1e-6, "{form:?}");
    }
    let cross = "decoder.0.cross_attn.weights";
    assert!(attention_map(trace, cross, AttentionForm::Rollout).is_none(), "of two texts");
    assert!(attention_map(trace, cross, AttentionForm::Norms).is_some());
    assert!(attention_map(trace, "encoder.1.self_attn.scores", AttentionForm::Norms).is_none());
}

/// The rows of rollout and of the means of weights are shares, as the weights' are.
#[test]
fn rows_of_rollout_and_of_means_sum_to_one() {
    let star = reading(TIRED);
    for (name, path) in [
        (ModelName::Transformer, "encoder.1.self_attn.weights"),
        (ModelName::Transformer, "decoder.1.self_attn.weights"),
        (ModelName::DecoderOnly, "blocks.1.attn.weights"),
    ] {
        for form in
            [AttentionForm::MeanOfHeads, AttentionForm::MeanOfLayers, AttentionForm::Rollout]
        {
            let map = attention_map(star.trace(name), path, form).unwrap();
            for row in map.value.matrix().row_iter() {
                assert!((row.sum() - 1.0).abs() < 1e-5, "{path} {form:?}");
            }
        }
    }
}

fn run_of(of_model: &str) -> (Run, Stream) {
    let (reading, name) = of(of_model);
    let run = reading.run(name, None).unwrap();
    let stream = if run.reads_only() { Stream::Source } else { Stream::Target };
    (run, stream)
}

#[test]
fn the_shares_of_a_row_are_those_of_pytorch() {
    for of_model in ALL {
        let (run, stream) = run_of(of_model);
        let flow = Flow::new(&run, stream).unwrap();
        let mut n = 0;
        for sum in flow.layers.iter().flat_map(|layer| &layer.sums) {
            n += 1;
            let want = |part: &str| {
                GOLDENS
                    .tensors
                    .get(&format!("flow/{of_model}/{}/{part}", sum.path))
                    .map(Vec::as_slice)
            };
            let label = |part: &str| format!("{of_model} {} {part}", sum.path);
            let by_row = |share: &dyn Fn(usize) -> f32| -> Vec<f32> {
                (0..sum.n_rows()).map(share).collect()
            };
            assert_near(
                &label("residual"),
                &by_row(&|row| sum.residual(row)),
                want("residual").unwrap(),
                3e-5,
            );
            assert_eq!(sum.attention.is_some(), want("heads").is_some(), "{}", sum.path);
            if sum.attention.is_some() {
                let of_head = |head: usize| {
                    let keys =
                        move |row| (0..sum.n_keys()).map(move |key| sum.of_head(head, row, key));
                    (0..sum.n_rows()).flat_map(keys)
                };
                let got: Vec<f32> = (0..sum.n_heads()).flat_map(of_head).collect();
                assert_near(&label("heads"), &got, want("heads").unwrap(), 3e-5);
            }
            // What adds nothing may be left out on either side.
            let got = sum.others.first();
            let got = got.map(|other| by_row(&|row| sum.of_other(other, row))).unwrap_or_default();
            let want = want("other0").unwrap_or_default();
            let n_rows = got.len().max(want.len());
            let padded = |shares: &[f32]| {
                (0..n_rows).map(|i| shares.get(i).copied().unwrap_or(0.0)).collect::<Vec<_>>()
            };
            assert_near(&label("other"), &padded(&got), &padded(want), 3e-5);
        }
        assert!(n >= 4, "{of_model}: {n} sums");
    }
}

/// Of a tiny checkpoint.
fn flow_of(model: &str, text: &str) -> Flow {
    let reading = Tiny::open(model).reader.read(text).unwrap();
    let run = reading.run(ModelName::Checkpoint, None).unwrap();
    Flow::new(&run, Stream::Source).unwrap_or_else(|why| panic!("{model}: {why:?}"))
}

/// ALBERT's layers have the same W_O, which stands on the tape under the name of the first.
#[test]
fn layers_that_share_their_weights_are_taken_apart() {
    let flow = flow_of("albert", "of birds [MASK] could");
    assert!(flow.layers.len() > 1);
    assert!(flow.layers.iter().all(|layer| layer.sums.iter().any(|sum| sum.attention.is_some())));
    let reading = Tiny::open("albert").reader.read("of birds [MASK] could").unwrap();
    for layer in 0..flow.layers.len() {
        let path = format!("encoder.{layer}.self_attn.weights");
        let trace = reading.trace(ModelName::Checkpoint);
        assert!(attention_map(trace, &path, AttentionForm::Norms).is_some(), "{path}");
    }
    let heads = reading.head_scores(ModelName::Checkpoint).unwrap();
    assert!(heads.iter().all(|head| head.scores[6].is_some() == heads[0].scores[6].is_some()));
}

#[test]
fn other_parts_are_called_what_they_are_and_only_a_bias_is_one() {
    let kinds = |model: &str| -> BTreeSet<&'static str> {
        let flow = flow_of(model, "of birds a");
        let sums = flow.layers.iter().flat_map(|layer| &layer.sums);
        sums.flat_map(|sum| &sum.others).map(|other| other.kind.name()).collect()
    };
    assert_eq!(kinds("gpt2"), BTreeSet::from(["bias", "feed-forward"]));
    assert_eq!(kinds("gemma4_shared"), BTreeSet::from(["feed-forward", "layer embedding"]));
    for without in ["gemma2", "granite", "llama3"] {
        assert_eq!(kinds(without), BTreeSet::from(["feed-forward"]), "{without}");
    }
}

#[test]
fn words_that_are_written_alike_are_told_apart_in_the_text_of_the_graph() {
    let alike = Arc::new(READER.read("no no no no").unwrap());
    alike.pass_evidence();
    let word = format!("“{}”", alike.sentence.tokens[1].text);
    let state = walk::at("flow", alike);
    let lines: Vec<String> = state.panes().iter().flat_map(|pane| pane.in_words().lines).collect();
    let text = lines.join("\n");
    let mut behind = text.split(&word).skip(1).peekable();
    assert!(behind.peek().is_some(), "{text}");
    assert!(behind.all(|rest| rest.starts_with(" (")), "{text}");
}

#[test]
fn the_shares_of_every_row_sum_to_one_and_open_into_quotients() {
    for of_model in ["transformer", "decoder_only"] {
        let (run, stream) = run_of(of_model);
        let flow = Flow::new(&run, stream).unwrap();
        for level in 1..flow.n_levels() {
            for row in 0..flow.n_rows {
                let opened = flow.open(level, row).unwrap().expr.unwrap();
                assert!((opened.eval() - 1.0).abs() < 1e-4, "{of_model} {level} {row}");
                let part = opened.leaves()[0];
                let share = flow.open_address(&part.address).unwrap();
                assert_eq!(share.value.to_bits(), part.value.to_bits());
                let got = share.expr.unwrap().eval();
                assert!((got - f64::from(part.value)).abs() < 1e-5, "{}", part.address);
            }
        }
        assert!(flow.open(0, 0).is_none(), "a token is made of nothing");
    }
}

const fn node(level: usize, row: usize) -> FlowNode {
    FlowNode { level, row }
}

#[test]
fn a_route_has_all_edges_above_the_threshold_that_lead_to_its_row_and_no_other() {
    let (run, stream) = run_of("decoder_only");
    let flow = Flow::new(&run, stream).unwrap();
    let top = flow.n_levels() - 1;
    for (row, threshold) in [(flow.n_rows - 1, 0.04), (3, 0.01), (flow.n_rows - 1, 0.3)] {
        let route = flow.route(row, threshold);
        assert_eq!(route.rows(top).collect::<Vec<_>>(), [row]);
        for level in 1..=top {
            for to in 0..flow.n_rows {
                for (from, share) in flow.sources(level, to) {
                    let is_on = route.nodes.contains(&node(level, to)) && share >= threshold;
                    let edge = FlowEdge { to: node(level, to), from };
                    assert_eq!(route.edges.contains_key(&edge), is_on);
                    assert!(!is_on || route.nodes.contains(&node(level - 1, from)));
                }
            }
        }
        if let Some(from) = route.down(top, row) {
            let most = flow.sources(top, row).into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
            assert_eq!(Some(from), most.map(|(from, _)| from));
        }
    }
    let [few, many] = [0.2, 0.01].map(|t| flow.route(flow.n_rows - 1, t).edges.len());
    assert!(few < many, "{few} {many}");
    assert!(
        Flow::new(&of("transformer").0.run(ModelName::Gru, None).unwrap(), Stream::Source).is_err()
    );
}

/// A pass of the star sentence's Transformer with these changes.
fn changed(texts: &[&str]) -> Reading {
    let changes = texts.iter().map(|text| text.parse::<Change>().unwrap()).collect();
    READER.read_changed(&reading(TIRED), changes).unwrap()
}

const PATCHED: [&str; 2] = [
    "against=The animal didn't cross the street because it was too wide.",
    "patch=encoder.1.self_attn.head.2",
];

#[test]
fn what_is_off_gives_no_share_and_what_is_replaced_is_named() {
    let flow = |texts: &[&str], stream| {
        let run = changed(texts).run(ModelName::Transformer, None).unwrap();
        Flow::new(&run, stream)
    };
    let share_of = |flow: &Flow, path: &str, head: usize| -> f32 {
        let mut sums = flow.layers.iter().flat_map(|layer| &layer.sums);
        let sum = sums.find(|sum| sum.path == path).unwrap();
        (0..sum.n_rows())
            .flat_map(|row| (0..sum.n_keys()).map(move |k| sum.of_head(head, row, k)))
            .sum()
    };
    let off = flow(&["decoder.1.cross_attn.head.0=off"], Stream::Target).unwrap();
    assert!(share_of(&off, "decoder.1.residual2", 0) == 0.0);
    assert!(share_of(&off, "decoder.1.residual2", 1) > 0.1);
    let off = flow(&["encoder.0.self_attn=off"], Stream::Source).unwrap();
    assert!((0..4).all(|head| share_of(&off, "encoder.0.residual1", head) == 0.0));
    assert_eq!(
        flow(&PATCHED, Stream::Source),
        Err(NoFlow::Replaced("encoder.1.self_attn".to_owned()))
    );
    assert!(flow(&PATCHED, Stream::Target).is_ok());
}

#[test]
fn the_length_of_what_a_head_takes_is_zero_where_it_is_off() {
    let norms = |texts: &[&str], path: &str, head: usize| {
        let pass = changed(texts);
        let trace = pass.trace(ModelName::Transformer);
        let map = attention_map(trace, path, AttentionForm::Norms).unwrap();
        (map.value.plane(head).sum(), map.has_gaps)
    };
    let cross = "decoder.1.cross_attn.weights";
    assert_eq!(norms(&["decoder.1.cross_attn.head.0=off"], cross, 0), (0.0, false));
    assert_eq!(norms(&["decoder.1.cross_attn=off"], cross, 1), (0.0, false));
    assert!(norms(&["decoder.1.cross_attn.head.0=off"], cross, 1).0 > 1.0);
    let (sum, has_gaps) = norms(&PATCHED, "encoder.1.self_attn.weights", 2);
    assert!(sum.is_nan() && has_gaps, "nothing is known: {sum}");
}

#[test]
fn the_flow_graph_says_which_what_if_took_it_away() {
    let mut state = walk::at("flow", Arc::new(changed(&PATCHED)));
    press(&mut state, "Tab Tab");
    state.passes.reading.as_ref().unwrap().pass_evidence();
    let frame = drawn_text(&state, 120, 36);
    assert!(frame.contains("A what-if put something"), "{frame}");
    let asked =
        ["flow", "--what-if", PATCHED[0], "--what-if", "patch=decoder.0.cross_attn.head.1", TIRED];
    let refused = program::run(&asked);
    assert!(refused.err.contains("heads of decoder.0.cross_attn"), "{}", refused.err);
    let asked = ["flow", "--what-if", PATCHED[0], "--what-if", PATCHED[1], TIRED];
    let noted = program::run(&asked);
    assert!(noted.err.contains("the source's rows are left out"), "{}", noted.err);
}

#[test]
fn a_route_in_a_decoder_has_the_shares_of_the_words_it_looks_at() {
    let (run, stream) = run_of("transformer");
    let flow = Flow::new(&run, stream).unwrap();
    let route = flow.route(flow.n_rows - 1, 0.02);
    assert!(!route.elsewhere.is_empty());
    let n_words = run.tape().value(run.node("encoder.0.self_attn.weights").unwrap()).shape().cols;
    assert_eq!(flow.n_elsewhere(), n_words);
    for level in 1..flow.n_levels() {
        for to in 0..flow.n_rows {
            for (from, share) in flow.from_elsewhere(level, to) {
                let is_on = route.nodes.contains(&node(level, to)) && share >= 0.02;
                let edge = FlowEdge { to: node(level, to), from };
                assert_eq!(route.elsewhere.contains_key(&edge), is_on);
            }
        }
    }
    let (run, stream) = run_of("decoder_only");
    let alone = Flow::new(&run, stream).unwrap();
    assert_eq!(alone.n_elsewhere(), 0);
    assert!(alone.route(alone.n_rows - 1, 0.0).elsewhere.is_empty());
}

#[test]
fn the_words_that_a_decoder_looks_at_have_columns_of_their_own() {
    let mut state = walk("flow");
    assert!(!drawn_text(&state, 120, 36).contains('○'), "an LLM reads one text");
    press(&mut state, "Tab");
    for (width, height) in [(80, 24), (120, 36), (200, 60)] {
        let frame = drawn_text(&state, width, height);
        assert!(frame.matches('○').count() > 1, "{frame}");
    }
    let frame = drawn_text(&state, 200, 60);
    assert!(frame.contains("○ the other text"), "{frame}");
    assert!(frame.contains("animal") && frame.contains("rue"), "words of both texts: {frame}");
}

/// A translator's routes go on in its encoder, from the source word that gave most, down to the source's tokens.
#[test]
fn routes_of_a_translator_go_on_down_to_the_words_of_the_source() {
    let mut state = walk("flow");
    press(&mut state, "Tab Tab");
    let found = Arc::clone(state.passes.reading.as_ref().unwrap());
    let found = &found.known_pass_evidence().unwrap()[&ModelName::Transformer];
    let target = found.flow_of(Stream::Target).unwrap();
    let given = |row: usize| target.route(row, 0.04).strongest_elsewhere().unwrap();
    let title = |row: usize| format!("its source: routes to “{}”", found.source[row].text);
    let asked = given(found.row());
    let frame = drawn_text(&state, 120, 36);
    assert!(frame.contains(&title(asked)) && frame.contains("input"), "{frame}");
    assert!(!frame.contains('○'), "the encoder reads one text: {frame}");
    let other = (0..target.n_rows).find(|&row| given(row) != asked).unwrap();
    let explained = |stream, row| StreamRow { model: ModelName::Transformer, stream, row };
    state.nav.view.explained = Some(explained(Stream::Target, other));
    assert!(drawn_text(&state, 120, 36).contains(&title(given(other))), "that of another word");
    state.nav.view.explained = Some(explained(Stream::Source, 0));
    assert!(drawn_text(&state, 120, 36).contains(&title(0)), "one that was picked");
}

fn walk(step: &str) -> State {
    let star = reading(TIRED);
    star.pass_evidence();
    walk::at(step, star)
}

#[test]
fn one_key_shows_attention_in_its_other_forms_and_back() {
    let mut state = walk("softmax");
    let weights = drawn_text(&state, 120, 36);
    let mut seen = vec![];
    for form in AttentionForm::ALL.into_iter().cycle().skip(1).take(AttentionForm::ALL.len()) {
        press(&mut state, "C");
        assert!(message(&state).contains(form.caption()), "{}", message(&state));
        assert_eq!(state.nav.view.attention, form);
        state.message = None;
        let frame = drawn_text(&state, 120, 36);
        assert!(form == AttentionForm::Weights || frame.contains(form.title()), "{frame}");
        seen.push(frame);
    }
    assert_eq!(seen.last(), Some(&weights), "the weights come back");
    press(&mut state, "C");
    press(&mut state, "Enter");
    assert!(
        drawn_text(&state, 120, 36).contains("weight x length of the value: encoder."),
        "a norm opens"
    );
    let mut other = walk("tokens");
    press(&mut other, "C");
    assert!(message(&other).contains("no map of attention"));
}

#[test]
fn colours_may_be_logarithmic_or_leave_out_the_first_word_and_the_numbers_stay() {
    let mut state = walk("softmax");
    let numbers = |state: &State| {
        let text = drawn_text(state, 120, 36);
        let is_row = |line: &&str| line.contains("0.") && !line.contains("query");
        text.lines().filter(is_row).take(8).map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = numbers(&state);
    press(&mut state, "Y");
    assert!(message(&state).contains("logarithmic"));
    state.message = None;
    assert!(drawn_text(&state, 120, 36).contains("logarithmic"), "the legend says so");
    assert_eq!(numbers(&state)[..6], plain[..6]);
    press(&mut state, "Y O");
    state.message = None;
    let text = drawn_text(&state, 120, 36);
    assert!(text.contains("first word left out"), "{text}");
    assert_eq!(numbers(&state)[..6], plain[..6]);
}

#[test]
fn the_flow_graph_is_walked_opened_and_thinned_out() {
    let mut state = walk("flow");
    let wide = drawn_text(&state, 120, 36);
    assert!(wide.contains("tired") && wide.contains("lines: shares from 4.0% on"), "{wide}");
    let rows = |state: &State| {
        let found = state.passes.reading.as_ref().unwrap().known_pass_evidence().unwrap();
        let flow = found[&ModelName::DecoderOnly].flow_of(Stream::Source).unwrap();
        let level = flow.n_levels() - 1 - state.nav.selection.row;
        (level, state.nav.selection.col)
    };
    press(&mut state, "Down");
    let (level, at) = rows(&state);
    let found = Arc::clone(state.passes.reading.as_ref().unwrap());
    let found = &found.known_pass_evidence().unwrap()[&ModelName::DecoderOnly];
    let flow = found.flow_of(Stream::Source).unwrap();
    let want = flow.route(found.row(), 0.04).down(level + 1, found.row());
    assert_eq!(Some(at), want, "down follows the largest share");
    press(&mut state, "Up");
    assert_eq!(rows(&state), (flow.n_levels() - 1, found.row()));
    press(&mut state, "Enter Enter");
    assert!(drawn_text(&state, 120, 36).contains("share."), "a node opens, and a share in it");
    press(&mut state, "Esc Esc )");
    assert!(message(&state).contains("8.0%"));
    press(&mut state, "( (");
    assert!(message(&state).contains("2.0%"));
    press(&mut state, "Down c");
    assert!(message(&state).contains("this word's last row"));
    press(&mut state, "c");
    assert!(message(&state).contains("asked about"));
    let mut elsewhere = walk("softmax");
    press(&mut elsewhere, "(");
    assert!(message(&elsewhere).contains("no flow graph"));
}

#[test]
fn words_below_the_graph_are_whole_and_those_of_a_route_are_there() {
    const LONG: &str = "The old doctor who saw the small dog in the garden of the house yesterday and the young woman who lives in the city didn't read the long letter because it was too long.";
    for (width, height) in [(80, 24), (120, 36), (200, 60)] {
        let state = walk::at("flow", Arc::new(READER.read(LONG).unwrap().waiting()));
        let screen = drawn_text(&state, width, height);
        let lines: Vec<&str> = screen.lines().map(|line| line.trim_matches(['│', ' '])).collect();
        let input = lines.iter().position(|line| line.starts_with("input")).unwrap();
        let legend = lines.iter().position(|line| line.starts_with("lines: shares")).unwrap();
        let words: Vec<&str> =
            lines[input + 1..legend].iter().flat_map(|line| line.split_whitespace()).collect();
        let reading = state.passes.reading.as_ref().unwrap();
        let tokens = &reading.trace(ModelName::DecoderOnly).source;
        let is_token = |word: &&str| tokens.iter().any(|token| token.text == **word);
        assert!(words.iter().all(is_token), "{width}x{height}: {words:?}");
        assert!(words.contains(&"because"), "a word of the route: {words:?}");
        assert!(words.len() >= tokens.len() / 2, "{width}x{height}: {words:?}");
        let n_blank = lines[input + 1..legend].iter().filter(|line| line.is_empty()).count();
        assert!(n_blank <= 2, "{width}x{height}: the graph takes the lines\n{screen}");
        let has_shares = lines[..input].iter().any(|line| line.contains('%'));
        assert_eq!(has_shares, height > 24, "{width}x{height}: shares beside lines\n{screen}");
    }
}

#[test]
fn a_route_begins_where_its_lines_can_be_read_and_the_key_goes_on_from_there() {
    let short = reading("The dog sleeps.");
    short.pass_evidence();
    let found = Arc::clone(&short.pass_evidence()[&ModelName::DecoderOnly]);
    let flow = found.flow_of(Stream::Source).unwrap();
    let chosen = found.threshold_of(Stream::Source, found.row()).unwrap();
    assert_eq!(chosen, flow.threshold(found.row()), "the command chooses as the walk does");
    let from_others = |share: f32| {
        let edges = flow.route(found.row(), share).edges;
        edges.keys().filter(|edge| edge.to.row != edge.from).count()
    };
    let n_layers = flow.layers.len();
    assert!(from_others(chosen.share()) >= 3 * n_layers);
    let next = chosen.moved(1).unwrap();
    assert!(from_others(next.share()) < 3 * n_layers, "no larger step has as many lines");

    let mut state = walk::at("flow", Arc::clone(&short));
    let lines = |share: f32| format!("lines: shares from {} on", percent(share));
    let frame = drawn_text(&state, 120, 36);
    assert!(frame.contains(&lines(chosen.share())), "{frame}");
    press(&mut state, ")");
    assert!(drawn_text(&state, 120, 36).contains(&lines(next.share())));
    press(&mut state, "( (");
    let less = chosen.moved(-1).unwrap();
    assert!(drawn_text(&state, 120, 36).contains(&lines(less.share())));
}

#[test]
fn the_command_says_which_threshold_it_chose() {
    let print = |more: &[&str]| {
        let args = [&["flow", "The dog sleeps.", "--model", "decoder_only"][..], more].concat();
        program::Run::of(program::program().args(args)).out
    };
    let chosen = reading("The dog sleeps.").pass_evidence()[&ModelName::DecoderOnly]
        .threshold_of(Stream::Source, 5)
        .unwrap()
        .share();
    let line = format!("shares from {} on, chosen by the number of lines", percent(chosen));
    assert!(print(&[]).contains(&line), "{}", print(&[]));
    let given = print(&["--threshold", "0.1"]);
    assert!(given.contains("shares from 10% on\n"), "{given}");
    let json: serde_json::Value = serde_json::from_str(&print(&["--format", "json"])).unwrap();
    let threshold = json["threshold"].as_f64().unwrap() as f32;
    assert_eq!(threshold.to_bits(), chosen.to_bits());
}
