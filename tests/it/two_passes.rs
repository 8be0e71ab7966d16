//! Two passes side by side: of two sentences, of two models, with a text that the decoder is given; what is made of them,
//! and the parts of a logit that open into cells. Compared with loops over the passes' own numbers.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use lookback::{
    analysis::{
        evidence::{
            EvidenceQuestion,
            attribution::{LogitPart, attribution},
            promotion::{HeadOrUnit, PartPiece, promotions},
        },
        measure::difference::{differences, worst_numbers},
        reading::{PassEvidence, QuestionAsked, Reader, Reading},
        trace::Trace,
    },
    engine::{change::Change, math::aligned, site::Stream, value::Cell},
    lesson::{Language, Lesson},
    model::{self, ModelName, Setup},
    text::{fixed, percent},
    ui::{
        app::{Action, Effect, State, update},
        panes::View,
        plain,
        theme::Theme,
    },
    weights::Checkpoint,
};

use crate::support::{
    built_in::{READER, reading},
    walk::{self, drawn_text, message, press},
};

const TIRED: &str = "The animal didn't cross the street because it was too tired.";
const WIDE: &str = "The animal didn't cross the street because it was too wide.";

static BESIDE: LazyLock<Arc<Reading>> =
    LazyLock::new(|| changed(&reading(TIRED), &format!("against={WIDE}")));

/// Bit for bit.
fn is_same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits()
}

fn changed(plain: &Arc<Reading>, change: &str) -> Arc<Reading> {
    let changes = [change.parse::<Change>().unwrap()].into_iter().collect();
    Arc::new(READER.read_changed(plain, changes).unwrap())
}

#[test]
fn another_sentence_beside_this_one_is_read_as_if_alone() {
    let alone = reading(WIDE);
    assert_eq!((&*BESIDE.sentence.text, BESIDE.sentence.read_text()), (TIRED, WIDE));
    for name in ModelName::ALL {
        let (now, want) = (BESIDE.trace(name), alone.trace(name));
        for (now, want) in now.sites().zip(want.sites()) {
            assert_eq!(now.path(), want.path());
            let same = now.value.numbers().zip(want.value.numbers());
            assert!(same.into_iter().all(|(a, b)| a.to_bits() == b.to_bits()), "{}", now.path());
        }
        let first = BESIDE.first_difference(name).unwrap();
        let embed = if name == ModelName::DecoderOnly { "tokens.embed" } else { "src.embed" };
        let source = &now.source;
        assert_eq!((&*first.path, &*source[first.cell.row].text), (embed, "wide"), "{name}");
    }
}

#[test]
fn tokens_of_a_longer_sentence_are_matched_from_both_ends() {
    let plain = reading("The dog sleeps.");
    let longer = changed(&plain, "against=The old dog sleeps.");
    for (name, first) in [(ModelName::Transformer, 0), (ModelName::DecoderOnly, 1)] {
        let (now, was) = (longer.trace(name), plain.trace(name));
        let path = if first == 0 { "src.embed" } else { "tokens.embed" };
        let site = now.site(path).unwrap();
        let counterparts = now.counterparts(was, site).unwrap();
        let n = was.source.len();
        let want: Vec<Option<usize>> =
            (0..=first).map(Some).chain([None]).chain((first + 1..n).map(Some)).collect();
        let rows: Vec<Option<usize>> = (0..=n).map(|row| counterparts.row(row)).collect();
        assert_eq!(rows, want, "{name}");
        for (row, theirs) in rows.into_iter().enumerate() {
            let cell = Cell::new(0, row, 3);
            let before = now.before(was, site, cell);
            let want = theirs.map(|row| was.value(path).unwrap().get(Cell::new(0, row, 3)));
            assert_eq!(before, want, "{name} {row}");
            assert!(
                before.is_none_or(|before| is_same(before, site.value.get(cell))),
                "the same word"
            );
        }
    }
}

/// `|b - a| / |a|` of a row, of both passes at that row.
fn far(now: &Trace, was: &Trace, path: &str, row: usize) -> f64 {
    let (now, was) = (now.value(path).unwrap(), was.value(path).unwrap());
    let (mut far, mut length) = (0.0, 0.0);
    for plane in 0..now.shape().planes {
        for (b, a) in now.row(plane, row).into_iter().zip(was.row(plane, row)) {
            if b.is_finite() && a.is_finite() {
                far += f64::from(b - a).powi(2);
                length += f64::from(a).powi(2);
            }
        }
    }
    (far / length).sqrt()
}

#[test]
fn where_two_passes_part_is_what_their_numbers_say() {
    let plain = reading(TIRED);
    for name in [ModelName::Transformer, ModelName::DecoderOnly, ModelName::Gru] {
        let (now, was) = (BESIDE.trace(name), plain.trace(name));
        let (mut n_far, mut n_same) = (0, 0);
        for site in differences(now, was) {
            let recorded = now.site(&site.path).unwrap();
            // Columns that are tokens of the output are compared as far as both write the same.
            if recorded.place.stream(recorded.axes()[2]).is_some() {
                continue;
            }
            let value = now.value(&site.path).unwrap();
            for (row, share) in site.by_row.iter().enumerate() {
                let Some(share) = share else { continue };
                let want = far(now, was, &site.path, row);
                let is_near = (f64::from(*share) - want).abs() < 1e-4 * want.max(1e-3);
                assert!(is_near || !want.is_finite(), "{name} {}[{row}] {share} {want}", site.path);
                if *share > 0.0 { n_far += 1 } else { n_same += 1 }
            }
            if let Some(worst) = site.worst.first() {
                assert!(is_same(worst.now, value.get(worst.cell)));
                let at = worst.cell;
                let row = value.row(at.plane, at.row);
                let theirs = was.value(&site.path).unwrap().row(at.plane, at.row);
                let most = row.iter().zip(&theirs).map(|(b, a)| (b - a).abs());
                let most = most.filter(|d| d.is_finite()).fold(0.0, f32::max);
                assert!(worst.difference() >= most, "{name} {}", site.path);
            }
        }
        assert!(n_far > 20 && n_same > 20, "{name}: {n_far} rows differ, {n_same} do not");
    }
}

#[test]
fn a_given_translation_is_what_the_decoder_reads() {
    let plain = reading("The dog sleeps.");
    let forced = changed(&plain, "target=Le chat mange.");
    let ids = READER.tokenizer().ids_of_text("Le chat mange.").unwrap();
    for name in [ModelName::Transformer, ModelName::Gru, ModelName::RnnAttention] {
        let trace = forced.trace(name);
        let read: Vec<u32> = trace.target.iter().skip(1).map(|token| token.id).collect();
        assert_eq!(read, ids, "{name}");
        let model = model::load(name).unwrap();
        let setup = Setup { forced: Some(ids.clone()), ..Default::default() };
        let pass = model.run(&plain.sentence.ids(), &setup);
        let want: Vec<f32> = pass.value("probs").unwrap().row(0, 0);
        assert_eq!(trace.value("probs").unwrap().row(0, 0), want, "{name}");
        let run = forced.run(name, None).unwrap();
        assert_eq!(run.pass.target[1..], ids, "evidence is about the given text too");
    }
    assert!(std::ptr::eq(
        forced.trace(ModelName::DecoderOnly),
        plain.trace(ModelName::DecoderOnly)
    ));
}

#[test]
fn parts_of_a_logit_open_into_cells_of_the_pass() {
    let plain = reading(TIRED);
    for name in [ModelName::Transformer, ModelName::DecoderOnly] {
        let run = plain.run(name, None).unwrap();
        let question = plain.question(&run, &QuestionAsked::default()).unwrap();
        let found = plain.attribution(&run, &question).unwrap();
        for part in &found.parts {
            let [of] = &part.factors[..] else { panic!("{name} {}", part.path) };
            let value = plain.trace(name).value(&of.path).unwrap();
            assert!(of.cells.iter().all(|f| is_same(value.get(f.cell), f.value)));
            let inside: f32 = of.cells.iter().map(|f| f.value * f.slope).sum();
            let amount = part.amount - part.bias;
            assert!((inside - amount).abs() < 1e-4 * amount.abs().max(1.0), "{name} {}", part.path);
            for (u, unit) in part.units.iter().enumerate() {
                let of_unit = of.cells.iter().filter(|f| f.cell.col == u);
                let sum: f32 = of_unit.map(|f| f.value * f.slope).sum();
                assert!((sum - unit).abs() < 1e-5, "{name} {} unit {u}", part.path);
            }
        }
    }
}

/// The ids of the largest numbers, largest first.
fn largest(numbers: &[f64], n: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
    order.sort_by(|a, b| numbers[*b as usize].total_cmp(&numbers[*a as usize]));
    order.truncate(n);
    order
}

/// A direction against every row of the embedding, after these norms: with its mean taken out, and with their gains.
fn raised(trace: &Trace, direction: &[f64], norms: &[&str]) -> Vec<f64> {
    let table = trace.value("embed.weight").unwrap();
    let normed = |direction: Vec<f64>, norm: &&str| -> Vec<f64> {
        let mean = direction.iter().sum::<f64>() / direction.len() as f64;
        let gain = trace.value(&format!("{norm}.gain")).unwrap().row(0, 0);
        direction.iter().zip(gain).map(|(x, gain)| (x - mean) * f64::from(gain)).collect()
    };
    let moved = norms.iter().fold(direction.to_vec(), normed);
    (0..table.shape().rows)
        .map(|id| {
            table.row(0, id).into_iter().zip(&moved).map(|(e, x)| f64::from(e) * x).sum::<f64>()
        })
        .collect()
}

#[test]
fn a_unit_and_a_head_promote_the_words_that_their_direction_points_at() {
    let plain = reading(TIRED);
    let cases = [
        (
            ModelName::Transformer,
            ("decoder.1.ffn", vec!["decoder.1.norm3"]),
            ("decoder.1.cross_attn", vec!["decoder.1.norm2", "decoder.1.norm3"]),
        ),
        (
            ModelName::DecoderOnly,
            ("blocks.1.ffn", vec!["final_norm"]),
            ("blocks.1.attn", vec!["final_norm"]),
        ),
    ];
    for (name, (ffn, after_ffn), (attn, after_attn)) in cases {
        let (trace, model) = (plain.trace(name), model::load(name).unwrap());
        let run = plain.run(name, None).unwrap();
        let question = plain.question(&run, &QuestionAsked::default()).unwrap();
        let found = plain.attribution(&run, &question).unwrap();
        let part = |scope: &str| -> &LogitPart {
            found.parts.iter().find(|part| part.path == format!("{scope}.out")).unwrap()
        };
        let hidden = trace.value(&format!("{ffn}.hidden")).unwrap().row(0, question.row);
        let unit = hidden.iter().position(|x| *x > 0.0).unwrap();
        let w_2 = trace.value(&format!("{ffn}.W_2")).unwrap().row(0, unit);
        let of_unit: Vec<f64> = w_2.iter().map(|w| f64::from(hidden[unit] * w)).collect();
        let context = trace.value(&format!("{attn}.context")).unwrap().row(2, question.row);
        let w_o = trace.value(&format!("{attn}.W_O")).unwrap();
        let n = context.len();
        let of_head = |c: usize| {
            (0..n).map(|i| f64::from(context[i] * w_o.get(Cell::new(0, 2 * n + i, c)))).sum::<f64>()
        };
        let of_head: Vec<f64> = (0..w_o.shape().cols).map(of_head).collect();
        let pieces = [(ffn, HeadOrUnit::Unit(unit)), (attn, HeadOrUnit::Head(2))];
        let pieces = pieces.map(|(path, of)| PartPiece { part: part(path), of });
        let promoted = promotions(&*model, &run, &pieces, question.row, 8);
        let directions = [(of_unit, after_ffn), (of_head, after_attn)];
        for (promotion, (direction, norms)) in promoted.into_iter().zip(directions) {
            let words: Vec<u32> = promotion.unwrap().words.iter().map(|word| word.0).collect();
            let raised = raised(trace, &direction, &norms);
            assert_eq!(words, largest(&raised, 8), "{name}");
        }
    }
}

#[test]
fn a_map_that_is_stopped_goes_on_where_it_was() {
    let plain = Arc::new(READER.read(TIRED).unwrap());
    plain.first_pass_evidence();
    plain.find_more(|| false);
    let found = &plain.first_pass_evidence()[&ModelName::Transformer];
    assert!(found.patched().is_none(), "what was stopped before the maps has none");
    plain.find_more(|| found.patched().is_none_or(|maps| maps.progress().0 < 3));
    let maps = found.patched().unwrap();
    let (n, all) = maps.progress();
    assert!(n > 0 && n < all && !maps.is_running(), "{n} of {all}");
    assert_eq!(maps.share(0, 0, 0).flatten(), Some(0.0), "the words of the two are the same");
    plain.patch_on(|| true);
    assert!(maps.is_complete());
    let fresh = reading(TIRED);
    let want = fresh.pass_evidence()[&ModelName::Transformer].patched().unwrap();
    for (m, map) in maps.maps().iter().enumerate() {
        for (row, col) in (0..map.rows.len()).flat_map(|r| (0..map.n_cols).map(move |c| (r, c))) {
            assert_eq!(maps.share(m, row, col), want.share(m, row, col));
        }
    }
}

#[test]
fn update_asks_its_caller_to_stop_a_map_and_stops_none_itself() {
    let plain = Arc::new(READER.read(TIRED).unwrap());
    let all = plain.first_pass_evidence();
    let mut state = walk::at("patching", Arc::clone(&plain));
    let model = state.current().1.model;
    let mut asked = vec![];
    plain.patch_on(|| {
        let maps = all[&model].patched();
        if let Some(maps) = maps.filter(|maps| maps.is_running() && asked.is_empty()) {
            asked.extend(press(&mut state, "Esc"));
            assert!(maps.is_running(), "update has no side effects");
            plain.stop_patching(model);
            assert!(!maps.is_running());
        }
        asked.is_empty()
    });
    assert_eq!(asked, [Effect::StopPatching { model }]);
    assert!(message(&state).contains("stopped at"), "{}", message(&state));
}

#[test]
fn a_followed_word_has_its_own_rank_in_the_lens() {
    let plain = reading(TIRED);
    let trace = plain.trace(ModelName::DecoderOnly);
    let probs = trace.value("probs").unwrap();
    for (row, word) in [(3, 17), (9, 380)] {
        let last = plain.lens_of(ModelName::DecoderOnly, row, Some(word)).last().unwrap().clone();
        let all = probs.row(0, row);
        assert!((last.probability - all[word]).abs() < 1e-6);
        assert_eq!(last.rank, 1 + all.iter().filter(|p| **p > all[word]).count());
        assert_eq!(last.top, plain.lens(ModelName::DecoderOnly, row).last().unwrap().top);
    }
}

fn opened(name: &str) -> Reader {
    let path = Path::new("tests/goldens/checkpoints").join(name);
    Reader::open(&Checkpoint::open(&path).unwrap(), true).unwrap()
}

#[test]
fn another_model_of_the_same_shape_is_set_beside_one() {
    let reader = opened("gpt2").beside(opened("gpt2.gguf")).unwrap();
    let plain = Arc::new(reader.read("The river was wide.").unwrap());
    let changes = [Change::OtherModel("gpt2.gguf".into())].into_iter().collect();
    let both = reader.read_changed(&plain, changes).unwrap();
    let alone = opened("gpt2.gguf").read("The river was wide.").unwrap();
    let [now, want] =
        [&both, &alone].map(|r| r.trace(ModelName::Checkpoint).value("logits").unwrap());
    assert!(now.numbers().zip(want.numbers()).all(|(a, b)| a.to_bits() == b.to_bits()));
    assert!(both.plain_trace(ModelName::Checkpoint).is_some());
    let refused = opened("gpt2").beside(opened("llama3")).err().unwrap().to_string();
    assert!(refused.contains("differ in shape") && refused.contains("heads"), "{refused}");
    let missing = [Change::OtherModel("x".into())].into_iter().collect();
    let missing = READER.read_changed(&reading(TIRED), missing).err().unwrap().to_string();
    assert!(missing.contains("--against-model"), "{missing}");
}

fn walk() -> State {
    walk::at("scores", reading(TIRED))
}

#[test]
fn one_key_shows_the_other_pass_the_difference_and_the_first() {
    let mut state = walk();
    press(&mut state, "A");
    let Some(Effect::Read { sentence, changes }) = press(&mut state, "Enter") else {
        panic!("the counterpart is read")
    };
    assert_eq!((&*sentence, changes.against()), (TIRED, Some(WIDE)));
    update(&mut state, Action::Read(Ok(Arc::clone(&BESIDE))));
    let shown =
        |state: &State| state.passes.reading.as_ref().unwrap().sentence.read_text().to_owned();
    assert_eq!((shown(&state), state.passes.shows_difference), (WIDE.to_owned(), false));
    assert!(drawn_text(&state, 120, 36).contains("against “The animal"));
    press(&mut state, "v");
    assert_eq!((shown(&state), state.passes.shows_difference), (WIDE.to_owned(), true));
    press(&mut state, "v");
    assert_eq!((shown(&state), state.passes.shows_difference), (TIRED.to_owned(), false));
    assert!(drawn_text(&state, 120, 36).contains("before: against"));
    press(&mut state, "v");
    assert_eq!(shown(&state), WIDE);
    press(&mut state, "D");
    let opened = state.opened().unwrap().arithmetic.name.address().unwrap();
    assert_eq!((&*opened.path, opened.cell.row), ("src.embed", 11));
    press(&mut state, "Esc");
    let Some(Effect::Read { sentence, changes }) = press(&mut state, "r") else { panic!("undone") };
    assert!(sentence == TIRED && changes.is_empty());
}

#[test]
fn a_word_that_is_replaced_beside_another_sentence_is_one_of_the_first() {
    let changes = ["token.1=dog", &*format!("against={WIDE}")].map(|c| c.parse().unwrap());
    let changes = changes.into_iter().collect();
    let both = Arc::new(READER.read_changed(&reading(TIRED), changes).unwrap());
    let dog = TIRED.replace("animal", "dog");
    let first = both.plain.as_ref().unwrap();
    assert_eq!([first.sentence.read_text(), both.sentence.read_text()], [&*dog, WIDE]);
    for (got, alone) in [(&**first, reading(&dog)), (&*both, reading(WIDE))] {
        let of = |reading: &Reading| reading.trace(ModelName::Transformer).value("logits").cloned();
        assert!(of(got) == of(&alone), "{}", alone.sentence.text);
    }
    assert_eq!(both.patched_pair().unwrap(), [&*dog, WIDE]);
    let mut state = walk::at("scores", Arc::clone(&both));
    let frame = drawn_text(&state, 120, 36);
    assert!(frame.contains("token 1 of A “dog”"), "{frame}");
    press(&mut state, "v v");
    assert_eq!(state.passes.reading.as_ref().unwrap().sentence.read_text(), dog);
}

#[test]
fn the_keys_of_two_passes_and_of_maps_say_where_there_are_none() {
    let mut state = walk();
    press(&mut state, "D");
    assert!(message(&state).contains("one pass"), "{}", message(&state));
    press(&mut state, "W");
    assert!(message(&state).contains("no map"), "{}", message(&state));
    press(&mut state, "c");
    assert!(message(&state).contains("no word to follow"), "{}", message(&state));
    press(&mut state, "Esc");
    assert!(message(&state).contains("nothing is open"), "{}", message(&state));
}

/// The evidence about both passes of a changed reading.
fn both(changed: &Reading, name: ModelName) -> [&PassEvidence; 2] {
    let now = &changed.pass_evidence()[&name];
    let Some(Ok(before)) = now.before() else { panic!("{name} has no evidence about A") };
    [&before.found, now]
}

#[test]
fn evidence_about_both_passes_is_about_the_same_words() {
    let plain = reading(TIRED);
    for name in [ModelName::Transformer, ModelName::DecoderOnly] {
        let [was, now] = both(&BESIDE, name);
        assert_eq!((&was.word, &was.against), (&now.word, &now.against), "{name}");
        // The decoder of A reads what B wrote.
        let forced: Vec<u32> = now.target.iter().skip(1).map(|token| token.id).collect();
        let run = plain.run(name, (!forced.is_empty()).then_some(forced)).unwrap();
        let words = [&now.word, &now.against].map(String::clone).to_vec();
        let question = plain.question(&run, &QuestionAsked { words, place: None }).unwrap();
        let question = EvidenceQuestion { row: now.row(), ..question };
        let want = attribution(&run, &question.score()).unwrap();
        assert_eq!(was.attribution.as_ref(), Some(&want), "{name}");
        let saliency = was.saliency().unwrap();
        assert!((saliency.score - want.score).abs() < 1e-4, "{name}: of the same words");

        let before = now.before().unwrap().unwrap();
        let probs = |logits: &[f32], id: usize| {
            let most = logits.iter().copied().fold(f32::MIN, f32::max);
            let e = |x: f32| f64::from(x - most).exp();
            e(logits[id]) / logits.iter().map(|x| e(*x)).sum::<f64>()
        };
        let logits = run.logits_of_row(now.row()).unwrap();
        for next in &before.next_words {
            let tokenizer = READER.tokenizer();
            let named = |id: &usize| {
                tokenizer.token(*id as u32).text == next.word || tokenizer.vocab()[*id] == next.word
            };
            let is_of = |id| (probs(&logits, id) - f64::from(next.was)).abs() < 1e-5;
            assert!((0..logits.len()).filter(named).any(is_of), "{name} {next:?}");
        }
        let asked = |word: &str| before.next_words.iter().any(|next| next.word.ends_with(word));
        assert!(asked(&now.word) && asked(&now.against), "{name}");
    }
}

#[test]
fn evidence_that_is_known_before_a_change_is_not_computed_again() {
    let plain = Arc::new(READER.read(TIRED).unwrap());
    let known = Arc::clone(&plain.first_pass_evidence()[&ModelName::Transformer]);
    let ask = |words: &str| {
        let changes = ["encoder.0.self_attn.head.1=off", words].map(|c| c.parse().unwrap());
        let changed = READER.read_changed(&plain, changes.into_iter().collect()).unwrap();
        let found = Arc::clone(&changed.pass_evidence()[&ModelName::Transformer]);
        Arc::ptr_eq(&found.before().unwrap().unwrap().found, &known)
    };
    assert!(ask(&format!("words={},{}", known.word, known.against)));
    assert!(!ask(&format!("words={},{}", known.against, known.word)), "other words");
}

#[test]
fn masks_that_do_not_correspond_have_no_difference_and_the_reason_is_said() {
    let reader = opened("bert");
    let plain = Arc::new(reader.read("The [MASK] was wide.").unwrap());
    let changes = ["against=The [MASK] was [MASK].".parse::<Change>().unwrap()];
    let changed = reader.read_changed(&plain, changes.into_iter().collect()).unwrap();
    let changed = Arc::new(changed);
    changed.pass_evidence();
    let mut state = of_checkpoint(&changed, "mlm-which-part");
    press(&mut state, "v");
    let frame = drawn_text(&state, 120, 36);
    assert!(frame.contains("number of masks") && !frame.contains("logits: B"), "{frame}");
}

fn of_checkpoint(reading: &Arc<Reading>, step: &str) -> State {
    let lesson = Lesson::for_checkpoint(Language::English).unwrap();
    let lesson = lesson.fitting(reading.trace(ModelName::Checkpoint));
    let mut state = State::new(Arc::new(lesson), Theme::default());
    update(&mut state, Action::Read(Ok(Arc::clone(reading))));
    state.enter(state.lesson.find(step).unwrap());
    update(&mut state, Action::Dismiss);
    state
}

#[test]
fn one_key_shows_what_pushed_the_word_in_b_the_difference_and_a() {
    let [was, now] = both(&BESIDE, ModelName::Transformer);
    let mut state = walk::at("which-part", Arc::clone(&BESIDE));
    let score = |found: &PassEvidence| found.attribution.as_ref().unwrap().score;
    let question = format!("“{}” over “{}”", now.word, now.against);
    let frame = drawn_text(&state, 200, 60);
    assert!(frame.contains(&format!("logits: {} = ", fixed(score(now)))), "{frame}");
    assert!(frame.contains(&question) && !frame.contains('Δ'), "{frame}");

    press(&mut state, "v");
    state.message = None;
    let frame = drawn_text(&state, 200, 60);
    let (b, a) = (score(now), score(was));
    let both = format!("logits: B {} - A {} = {}", fixed(b), fixed(a), fixed(b - a));
    assert!(frame.contains(&both) && frame.contains("Δ after"), "{both}\n{frame}");
    let part =
        |found: &PassEvidence, row: usize| found.attribution.as_ref().unwrap().parts[row].amount;
    for row in 0..4 {
        state.nav.selection.row = row;
        let (b, a) = (part(now, row), part(was, row));
        let line = format!("B {} - A {} = {}", fixed(b), fixed(a), fixed(b - a));
        assert!(drawn_text(&state, 200, 60).contains(&line), "{line}");
        press(&mut state, "Enter");
        assert_eq!(state.opened().unwrap().arithmetic.value.to_bits(), (b - a).to_bits());
        press(&mut state, "Esc");
    }
    press(&mut state, "Tab");
    let figures = |found: &PassEvidence, row: usize| found.saliency().unwrap().integrated[row];
    state.nav.selection.row = 11;
    state.nav.selection.col = 1;
    let (b, a) = (figures(now, 11), figures(was, 11));
    let line = format!("wide  integrated  B {} - A {} = {}", fixed(b), fixed(a), fixed(b - a));
    assert!(drawn_text(&state, 200, 60).contains(&line), "{line}");

    press(&mut state, "S-Tab v");
    state.message = None;
    let frame = drawn_text(&state, 200, 60);
    assert!(frame.contains(&format!("logits: {} = ", fixed(score(was)))), "{frame}");
    assert!(frame.contains(&question) && !frame.contains('Δ'), "A is asked the same: {frame}");
}

#[test]
fn a_decoder_that_wrote_other_words_is_said_to_read_those_of_b() {
    let changed = changed(&reading(TIRED), "positions=off");
    let [was, now] = both(&changed, ModelName::Transformer);
    assert_eq!(was.target, now.target);
    assert!(!now.before().unwrap().unwrap().writes_same);
    let mut state = walk::at("which-part", changed);
    let note = "A reads what B wrote";
    assert!(!drawn_text(&state, 200, 60).contains(note), "B alone");
    for view in ["B - A", "A"] {
        press(&mut state, "v");
        assert!(drawn_text(&state, 200, 60).contains(note), "{view}");
    }
    press(&mut state, "Enter");
    assert!(state.opened().is_none(), "its cells are not those of the pass on the screen");
}

/// “The river was wide.” as a tiny GPT-2 reads it, without and with a change.
fn river(change: &str) -> [Arc<Reading>; 2] {
    let reader = opened("gpt2");
    let plain = Arc::new(reader.read("The river was wide.").unwrap());
    let changes = std::iter::once(change.parse::<Change>().unwrap()).collect();
    let changed = Arc::new(reader.read_changed(&plain, changes).unwrap());
    [plain, changed]
}

#[test]
fn heads_and_words_of_texts_of_other_lengths_are_lined_up() {
    let [_, changed] = river("against=The old river was wide.");
    let [was, now] = both(&changed, ModelName::Checkpoint);
    let at = aligned(&was.source, &now.source);
    let heads = |found: &PassEvidence| {
        let parts = &found.attribution.as_ref().unwrap().parts;
        let part = parts.iter().find(|part| part.path == "blocks.1.attn.out").unwrap();
        assert_eq!(part.keys, Stream::Source);
        part.heads[2].by_key.clone()
    };
    let (b, a) = (heads(now), heads(was));
    let mut state = of_checkpoint(&changed, "own-which-part");
    press(&mut state, "v Tab");
    state.message = None;
    let mut n_alone = 0;
    for (col, counterpart) in at.into_iter().enumerate() {
        (state.nav.selection.row, state.nav.selection.col) = (8, col);
        let want = counterpart.map_or_else(
            || "no counterpart".to_owned(),
            |at| format!("B {} - A {} = {}", fixed(b[col]), fixed(a[at]), fixed(b[col] - a[at])),
        );
        n_alone += usize::from(counterpart.is_none());
        let frame = drawn_text(&state, 120, 36);
        assert!(frame.contains(&want) && frame.contains("blocks.1.attn.head.2"), "{want}\n{frame}");
    }
    assert!(n_alone > 0, "B has a word more");
}

/// What the step shows beside the map is what `lookback diff` prints: both ask the same functions.
#[test]
fn beside_the_map_stand_the_next_words_and_the_numbers_that_differ_most() {
    let [plain, changed] = river("blocks.1.attn.head.2=off");
    let trace = changed.trace(ModelName::Checkpoint);
    let sites = differences(trace, plain.trace(ModelName::Checkpoint));
    let worst = worst_numbers(trace, &sites, 3);
    let [_, now] = both(&changed, ModelName::Checkpoint);
    let next = &now.before().unwrap().unwrap().next_words;
    assert!(worst.len() == 3 && next.len() > 5);

    let mut state = of_checkpoint(&changed, "own-against");
    press(&mut state, "Tab");
    let frame = drawn_text(&state, 200, 60);
    for word in next {
        let line = format!("{:>8}{:>8}", percent(word.was), percent(word.now));
        assert!(frame.contains(&line), "{word:?}\n{frame}");
    }
    for (i, number) in worst.iter().enumerate() {
        let (a, b) = (number.worst.was, number.worst.now);
        assert!(is_same(
            plain
                .trace(ModelName::Checkpoint)
                .cell(&number.address)
                .map(|(site, cell)| site.value.get(cell))
                .unwrap(),
            a
        ));
        assert!(is_same(
            trace.cell(&number.address).map(|(site, cell)| site.value.get(cell)).unwrap(),
            b
        ));
        let line = format!("{:>8}{:>8}{:>8}", fixed(a), fixed(b), fixed(b - a));
        assert!(frame.contains(&line), "{number:?}\n{frame}");
        state.nav.selection.row = next.len() + 2 + i;
        let frame = drawn_text(&state, 200, 60);
        assert!(frame.contains(&number.address.to_string()), "{frame}");
    }
    let narrow = drawn_text(&state, 80, 24);
    let cell = worst[2].address.to_string();
    assert!(narrow.contains(cell.strip_prefix("blocks.").unwrap()), "{narrow}");

    let mut out = vec![];
    let (lesson, reading) = (&state.lesson, changed.waiting());
    let i = lesson.find("own-against").unwrap();
    let selection = lesson.start(i, &reading);
    let shown = plain::PlainStep { selection: &selection, view: View::default() };
    plain::one(lesson, &reading, i, shown, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let (a, b) = (worst[0].worst.was, worst[0].worst.now);
    let line = format!("A {}, B {}, B - A {}", fixed(a), fixed(b), fixed(b - a));
    assert!(text.replace("\n  ", " ").contains(&line), "{line}\n{text}");
}
