//! A patched value as a what-if: the pass that a cell of the map stands for. Its measure is that of the map, which is
//! compared with PyTorch in `evidence.rs`.

use std::sync::Arc;

use lookback::{
    analysis::{
        evidence::patching::PatchKind,
        reading::{QuestionAsked, Reading},
    },
    engine::change::{Change, Changes},
    model::ModelName,
    ui::app::{Action, Effect, update},
};

use crate::support::{
    built_in::{READER, reading},
    program::{Run, run},
    walk::{self, drawn_text, message, press},
};

const TIRED: &str = "The animal didn't cross the street because it was too tired.";
const WIDE: &str = "The animal didn't cross the street because it was too wide.";

fn changes(texts: &[&str]) -> Changes {
    texts.iter().map(|text| text.parse::<Change>().unwrap()).collect()
}

fn patched(plain: &Arc<Reading>, against: &str, patch: &str) -> anyhow::Result<Reading> {
    let changes = changes(&[&format!("against={against}"), &format!("patch={patch}")]);
    READER.read_changed(plain, changes)
}

#[test]
fn the_pass_of_a_cell_measures_what_the_map_says() {
    let star = reading(TIRED);
    for name in [ModelName::Transformer, ModelName::DecoderOnly] {
        let other = star.sentence_of(WIDE).unwrap();
        let patching = star.patching(name, &other, &QuestionAsked::default()).unwrap();
        let mut n = 0;
        for (i, cell) in patching.cells().into_iter().enumerate().filter(|(i, _)| i % 23 == 5) {
            let map = &patching.maps[cell.map];
            let path = &map.rows[cell.row];
            let patch = match map.kind {
                PatchKind::Heads => {
                    format!("{}.head.{}", path.strip_suffix(".context").unwrap(), cell.col)
                }
                _ => format!("{path}[{}]", cell.col),
            };
            let Some(want) = patching.measure(cell) else { continue };
            let pass = patched(&star, WIDE, &patch).unwrap();
            let logits = pass.trace(name).value("logits").unwrap();
            let row = logits.row(0, patching.question.row);
            let score =
                row[patching.question.word as usize] - row[patching.question.against as usize];
            let got = (score - patching.ends[1]) / (patching.ends[0] - patching.ends[1]);
            assert!((got - want).abs() < 1e-3, "{name} cell {i} {patch}: {got}, not {want}");
            n += 1;
        }
        assert!(n > 3, "{name}: {n} cells");
    }
}

#[test]
fn every_row_that_a_sum_begins_with_makes_the_pass_the_first() {
    let star = reading(TIRED);
    let n = star.sentence.tokens.len();
    let patches = (0..n).map(|row| format!("patch=src.input[{row}]"));
    let all: Vec<String> = [format!("against={WIDE}")].into_iter().chain(patches).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let logits =
        |reading: &Reading| reading.trace(ModelName::Transformer).value("logits").unwrap().clone();
    let given = READER.read_changed(&star, changes(&all)).unwrap();
    assert_eq!(logits(&given), logits(&star));
    let but_one = READER.read_changed(&star, changes(&all[..n])).unwrap();
    assert_eq!(but_one.changes.patches().count(), n - 1);
}

#[test]
fn a_patched_cell_says_where_it_is_from() {
    let star = reading(TIRED);
    let pass = patched(&star, WIDE, "encoder.0.norm2.out[3]").unwrap();
    let trace = pass.trace(ModelName::Transformer);
    let given = star.trace(ModelName::Transformer).value("encoder.0.norm2.out").unwrap();
    let got = trace.value("encoder.0.norm2.out").unwrap();
    assert!(got.row(0, 3).iter().zip(given.row(0, 3)).all(|(a, b)| a.to_bits() == b.to_bits()));
    let address = "encoder.0.norm2.out[3,5]".parse().unwrap();
    let opened = trace.open(&address).unwrap();
    assert_eq!(opened.formula, "taken from the other pass in part, the rest as computed");
    assert_eq!(
        pass.trace(ModelName::Transformer).target,
        star.trace(ModelName::Transformer).target
    );
    assert_eq!(pass.sentence.read_text(), WIDE);
}

#[test]
fn a_patch_without_another_sentence_or_without_a_place_is_refused_in_words() {
    let star = reading(TIRED);
    let alone = READER.read_changed(&star, changes(&["patch=encoder.0.norm2.out[3]"]));
    assert!(alone.err().unwrap().to_string().contains("against="));
    for (patch, says) in [
        ("encoder.9.norm2.out[3]", "no model has"),
        ("encoder.0.norm2.out[99]", "rows"),
        ("encoder.0.self_attn.head.9", "no model has"),
    ] {
        let refused = patched(&star, WIDE, patch).err().unwrap().to_string();
        assert!(refused.contains(says), "{patch}: {refused}");
    }
    // “old” stands in one of the two alone.
    let longer = "The old animal didn't cross the street because it was too tired.";
    let alone = patched(&star, longer, "encoder.0.norm2.out[1]");
    assert!(alone.err().unwrap().to_string().contains("no counterpart"));
}

/// Enter opens a cell of the map, and Enter again reads the pass that it stands for.
#[test]
fn a_cell_of_the_map_opens_into_its_pass() {
    let star = reading(TIRED);
    star.pass_evidence();
    let mut state = walk::at("patching", Arc::clone(&star));
    press(&mut state, "Down Enter");
    assert!(drawn_text(&state, 120, 36).contains("patched: encoder."));
    let Some(Effect::Read { sentence, changes: asked }) = press(&mut state, "Enter") else {
        panic!("the pass is read: {}", message(&state))
    };
    assert_eq!((&*sentence, asked.against()), (TIRED, Some(WIDE)));
    assert_eq!(asked.patches().count(), 1, "{asked}");
    let pass = READER.read_changed(&star, asked).unwrap();
    update(&mut state, Action::Read(Ok(Arc::new(pass))));
    let frame = drawn_text(&state, 120, 36);
    assert!(frame.contains("patched "), "the title says what was put in: {frame}");
}

#[test]
fn open_takes_another_sentence_a_target_and_a_patch() {
    let cell = "encoder.0.norm2.out[3,5]";
    let Run { code, out, err } = run(&["open", cell, TIRED, "--against", WIDE]);
    assert_eq!(code, 0, "{err}");
    let want =
        reading(WIDE).trace(ModelName::Transformer).open(&cell.parse().unwrap()).unwrap().value;
    assert!(
        out.starts_with(&format!("{cell} = {}", lookback::text::significant(want.into(), 7))),
        "{out}"
    );
    let patch = format!("patch={cell}").replace(",5", "");
    let Run { code, out, err } =
        run(&["open", cell, TIRED, "--against", WIDE, "--what-if", &patch]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("taken from the other pass"), "{out}");
    let Run { code, err, .. } = run(&["open", "logits[0,5]", TIRED, "--target", "Le chien dort."]);
    assert_eq!(code, 0, "{err}");
}

/// The numbers of `lookback diff` beside PyTorch's two passes.
#[test]
fn two_passes_differ_as_they_do_in_pytorch() {
    use crate::support::evidence::{Goldens, assert_near};
    use serde_json::Value as Json;
    let goldens = Goldens::read();
    let text = |key: &str| goldens.cases[key].as_str().unwrap().to_owned();
    let read_on = |i: usize| goldens.cases["read_on"][i].as_str().unwrap().to_owned();
    let sides = [
        ("transformer", [text("sentence"), text("against")]),
        ("decoder_only", [read_on(0), read_on(1)]),
    ];
    for (name, [a, b]) in sides {
        let tokenizer = READER.tokenizer();
        let of_name: ModelName = name.parse().unwrap();
        let words = goldens.ids(of_name, "pair");
        let row = goldens.cases[name]["row"].as_u64().unwrap();
        let word = |id: u32| tokenizer.token(id).text;
        let asked = format!("{},{}", word(words[0]), word(words[1]));
        let place = if name == "transformer" { row } else { 0 }.to_string();
        let passes = ["diff", "--model", name, &a, "--against", &b];
        let asks = ["--words", &asked, "--place", &place, "--format", "json"];
        let args = [&passes[..], &asks].concat();
        let Run { code, out, err } = run(&args);
        assert_eq!(code, 0, "{name}: {err}");
        let json: Json = serde_json::from_str(&out).unwrap();
        let rows = json["rows"].as_array().unwrap();
        let of = |measure: &str, site: &str, key: &str| -> Vec<f32> {
            let is_it = |row: &&Json| row["measure"] == measure && row["site"] == site;
            rows.iter().filter(is_it).map(|row| row[key].as_f64().unwrap() as f32).collect()
        };
        let mut n = 0;
        for (site, want) in goldens.under(&format!("diff/{name}/whole/")) {
            let got = of("site", site, "amount");
            if got.is_empty() {
                continue; // what is given, not computed
            }
            // A row's mean is a sum that nearly cancels, and so is what a ratio of two is made of.
            let bound = if site.rsplit('.').next() == Some("mean") { 2e-4 } else { 2e-5 };
            assert_near(&format!("{name} {site}"), &got, want, bound);
            let by_row = &goldens.tensors[&format!("diff/{name}/{site}")];
            assert_near(&format!("{name} {site}"), &of("row", site, "amount"), by_row, bound);
            n += 1;
        }
        assert!(n > 30, "{name}: {n} sites");
        for (part, want) in goldens.under(&format!("diff/{name}/part/")) {
            let got = [of("part", part, "a"), of("part", part, "b")].concat();
            assert_near(&format!("{name} {part}"), &got, want, 2e-5);
        }
        let want = &goldens.tensors[&format!("diff/{name}/next")];
        for (i, id) in words.iter().enumerate() {
            let is_it = |row: &&Json| row["measure"] == "next" && row["token"] == word(*id);
            let found = rows.iter().find(is_it).unwrap();
            let got = ["a", "b"].map(|side| found[side].as_f64().unwrap() as f32);
            assert_near(&format!("{name} next {i}"), &got, &[want[i], want[2 + i]], 1e-5);
        }
    }
}

/// A head that is off, or given something by another pass, adds what its context says, and its words no more than that.
#[test]
fn the_words_of_a_changed_head_add_no_more_than_the_head() {
    let star = reading(TIRED);
    let changed = |texts: &[&str]| READER.read_changed(&star, changes(texts)).unwrap();
    let other = format!("against={WIDE}");
    let head = "decoder.1.cross_attn.head.0";
    for (change, is_given) in [
        (vec![format!("{head}=off")], false),
        (vec!["decoder.1.cross_attn=off".to_owned()], false),
        (vec![other.clone(), format!("patch={head}")], true),
        (vec![other, "patch=decoder.1.cross_attn.out[5]".to_owned()], false),
        (vec!["decoder.1.cross_attn.context[0,5,2]=1".to_owned()], true),
    ] {
        let texts: Vec<&str> = change.iter().map(String::as_str).collect();
        let pass = changed(&texts);
        let run = pass.run(ModelName::Transformer, None).unwrap();
        let asked = QuestionAsked { place: Some(5), ..QuestionAsked::default() };
        let question = pass.question(&run, &asked).unwrap();
        let found = pass.attribution(&run, &question).unwrap();
        assert!(found.adds_up(), "{change:?}: {}", found.rest());
        for part in &found.parts {
            let cells = part.factors.iter().flat_map(|of| &of.cells);
            let inside: f32 = cells.map(|f| f.value * f.slope).sum::<f32>() + part.bias;
            let is_sum = (inside - part.amount).abs() < 1e-4 * part.amount.abs().max(1.0);
            assert!(is_sum, "{change:?} {}: {inside}, not {}", part.path, part.amount);
            for (h, head) in part.heads.iter().enumerate().filter(|(_, h)| !h.by_key.is_empty()) {
                let words: f32 = head.by_key.iter().sum();
                assert!(
                    (words - head.amount).abs() < 1e-3,
                    "{change:?} {} {h}: {words}",
                    part.path
                );
            }
        }
        let cross =
            found.parts.iter().find(|part| part.path == "decoder.1.cross_attn.out").unwrap();
        let by_word = cross.heads.iter().filter(|head| head.by_key.is_empty()).count();
        assert_eq!(by_word, usize::from(is_given), "{change:?}");
        for of in &cross.factors {
            let value = run.tape().value(run.node(&of.path).unwrap());
            assert!(
                of.cells.iter().all(|f| value.get(f.cell).to_bits() == f.value.to_bits()),
                "{change:?}"
            );
        }
    }
}
