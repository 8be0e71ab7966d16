//! Keys in, state out: opening numbers, asking what-if, doing things by name.

use crate::support::{
    built_in::{READER, reading},
    walk::{self, drawn_text, message},
};
use std::sync::{Arc, LazyLock};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use lookback::{
    analysis::reading::{Reader, Reading, Readings},
    engine::{site::Address, value::Cell},
    lesson::{Language, Lesson, Selection},
    model::ModelName,
    ui::{
        app::{Action, Effect, Overlay, PaletteChoice, ReadFailure, State, WhatIfKey, update},
        descriptions::{changes_in_words, number_name},
        keys::{self, palette},
    },
};

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

/// Of these tests alone: its panes change once measures are taken.
static READING: LazyLock<Arc<Reading>> = LazyLock::new(|| Arc::new(READER.read(SENTENCE).unwrap()));

fn at(step: &str) -> State {
    walk::at(step, Arc::clone(&READING))
}

/// Types names of keys apart by spaces; what the models are asked is answered at once.
fn press(state: &mut State, keys: &str) -> Option<Effect> {
    let mut last = None;
    for key in keys.split(' ') {
        last = walk::press(state, key);
        if let Some(Effect::Read { sentence, changes }) = &last {
            let outcome = if changes.is_empty() {
                Ok(Arc::clone(&READING))
            } else {
                let changed = READER.read_changed(&READING, changes.clone());
                changed.map(Arc::new).map_err(|e| unread(sentence, e))
            };
            update(state, Action::Read(outcome));
        }
    }
    last
}

fn unread(sentence: &str, why: anyhow::Error) -> ReadFailure {
    ReadFailure { sentence: sentence.to_owned(), why: Arc::new(why) }
}

fn type_in(state: &mut State, text: &str) {
    let keys: Vec<String> = text.chars().map(String::from).collect();
    press(state, &keys.join(" "));
}

#[test]
fn the_cursor_stands_in_the_row_of_the_number_that_the_palette_opens() {
    let addresses = ["probs[10,364]", "logits[0,434]", "probs[3,100]", "decoder.1.ffn.hidden[2,9]"];
    for address in addresses {
        let mut state = at("tokens");
        press(&mut state, ":");
        type_in(&mut state, address);
        press(&mut state, "Enter");
        assert_eq!(opened(&state), address);
        let (panes, Selection { row, col, .. }) = (state.panes(), state.nav.selection);
        let pointed = panes[state.nav.focus].cursor_cell(row, col).unwrap().address;
        let wanted: Address = address.parse().unwrap();
        assert_eq!((&pointed.path, pointed.cell.row), (&wanted.path, wanted.cell.row));
        // A list shows a row's largest numbers; where the cell is none of them, it begins at the first.
        assert!(pointed.cell.col == wanted.cell.col || col == 0, "{address}: {pointed}");
    }
    // A rank that is a token of the vocabulary too.
    let mut state = at("probabilities");
    let best = READING.trace(ModelName::Transformer).output[3].id;
    press(&mut state, ":");
    type_in(&mut state, &format!("probs[3,{best}]"));
    press(&mut state, "Enter");
    assert!(drawn(&state, (120, 36)).contains(&format!("probs[3,{best}] = ")));
}

#[test]
fn the_cursor_stays_on_its_query_and_key_where_another_pane_has_planes_of_queries() {
    let mut state = at("energies");
    state.nav.selection.col = 3;
    let before = state.nav.selection;
    press(&mut state, "Tab");
    let pointed = |state: &State| {
        let Selection { row, col, .. } = state.nav.selection;
        state.panes()[state.nav.focus].cursor_cell(row, col).unwrap().address.to_string()
    };
    let n = READING.trace(ModelName::RnnAttention).target.len();
    let wanted = format!("attn.tanh[{},{},0]", before.row, before.col);
    assert_eq!(pointed(&state), wanted);
    assert!(drawn(&state, (120, 36)).contains(&format!("query {} of {n}", before.row)));
    press(&mut state, "Down S-Tab");
    assert_eq!((state.nav.selection.row, state.nav.selection.col), (before.row, before.col + 1));
}

#[test]
fn a_difference_that_is_none_says_where_to_look() {
    let mut state = at("softmax");
    press(&mut state, "x v");
    assert!(message(&state).contains("affects what comes after it"), "{}", message(&state));
    // B less A, A, and B again.
    press(&mut state, "v v");
    state.enter(state.lesson.find("residual").unwrap());
    press(&mut state, "v");
    assert!(message(&state).contains("matrices show what the change made"), "{}", message(&state));
}

#[test]
fn a_step_that_is_called_so_comes_first_in_the_palette() {
    let state = at("tokens");
    for (step, (_, named)) in state.lesson.steps().iter().enumerate() {
        let first = palette::pick(&state, &named.id, 0);
        assert!(matches!(first, PaletteChoice::Step(picked) if picked == step), "{}", named.id);
    }
}

#[test]
fn what_a_change_made_of_the_output_is_in_view_however_long_it_is() {
    let mut state = at("softmax");
    type_in(&mut state, ":token.11=wide");
    press(&mut state, "Enter");
    let trace = state.passes.reading.as_ref().unwrap().trace(ModelName::Transformer);
    let (now, was) =
        (trace.output_text.clone(), READING.trace(ModelName::Transformer).output_text.clone());
    let other = |a: &str, b: &str| {
        let differ = a.split(' ').zip(b.split(' ')).find(|(a, b)| a != b);
        differ.unwrap().0.to_owned()
    };
    for width in [80, 120, 200] {
        let screen = drawn(&state, (width, 36));
        let line = screen.lines().find(|line| line.contains("writes:")).unwrap();
        let (new, old) = line.split_once("was:").unwrap();
        assert!(new.contains(&other(&now, &was)) && old.contains(&other(&was, &now)), "{line}");
    }
}

#[test]
fn a_long_message_is_read_to_its_end() {
    let mut state = at("softmax");
    type_in(&mut state, ":encoder.9.self_attn.head.2=off");
    press(&mut state, "Enter");
    let (message, screen) = (message(&state), drawn(&state, (80, 24)));
    assert!(message.len() > 80);
    let lines: Vec<&str> = screen.lines().map(str::trim).collect();
    assert!(lines.join(" ").contains(message), "{message}\n{screen}");
}

#[test]
fn words_beyond_the_probes_reach_have_no_numbers() {
    let reading = Arc::new(READER.read(&"the dog ".repeat(30)).unwrap());
    reading.measure();
    let mut state = at("tokens");
    update(&mut state, Action::Read(Ok(reading)));
    for id in ["rnn-read-back", "read-back-length"] {
        state.enter(state.lesson.find(id).unwrap());
        let screen = drawn(&state, (120, 36));
        assert!(!screen.contains("NaN"), "{id}\n{screen}");
    }
    state.enter(state.lesson.find("rnn-read-back").unwrap());
    update(&mut state, Action::Do(lookback::ui::app::Command::NextPane));
    assert_eq!(state.nav.selection.row, 36, "the first word that the probes reach");
    state.nav.selection.row = 0;
    let screen = drawn(&state, (120, 36));
    assert!(screen.contains("no numbers: the probes") && screen.contains("so far"), "{screen}");
    assert!(!screen.contains("NaN"), "{screen}");
}

#[test]
fn a_what_if_is_listed_once_and_asks_for_its_value_in_words() {
    let state = at("softmax");
    for query in ["beam=4", "temperature=2", "mask=off"] {
        let entries = palette::entries(&state, query);
        let same = entries.iter().filter(|entry| entry.text == query).count();
        assert_eq!(same, 1, "{query}");
    }
    for query in ["temperature=", "sample=", "probs[0,1]="] {
        let asked = &palette::entries(&state, query)[0].detail;
        assert!(asked.contains("type a value") && !asked.contains('`'), "{asked}");
    }
}

fn opened(state: &State) -> String {
    let name = state.opened().map(|level| &level.arithmetic.name);
    name.map_or_else(String::new, |name| number_name(name, Language::English))
}

fn drawn(state: &State, (width, height): (u16, u16)) -> String {
    drawn_text(state, width, height)
}

#[test]
fn a_weight_is_opened_down_to_a_token_and_back_the_way_one_came() {
    let mut state = at("softmax");
    press(&mut state, "Enter");
    assert!(opened(&state).contains(".weights["), "{}", opened(&state));
    let mut way = vec![opened(&state)];
    for _ in 0..80 {
        press(&mut state, "Enter");
        if opened(&state) == way[way.len() - 1] {
            break;
        }
        way.push(opened(&state));
    }
    assert!(way.len() >= 5, "{way:?}");
    assert!(
        state.opened().unwrap().arithmetic.expr.is_none(),
        "it ends at something given: {way:?}"
    );
    while let Some(last) = way.pop() {
        assert_eq!(opened(&state), last);
        press(&mut state, "Esc");
    }
    assert!(state.inspector.levels.is_empty());
}

#[test]
fn every_pane_with_numbers_opens_and_its_arithmetic_is_drawn() {
    let mut state = at("tokens");
    for step in 0..state.n_steps() {
        state.enter(step);
        for pane in 0..state.current().1.panes.len() {
            state.nav.focus = pane;
            let Selection { row, col, .. } = state.nav.selection;
            let pointed = state.panes()[pane].cursor_cell(row, col);
            // What is no number of the pass, such as one that dropout would leave, has a sum without an address.
            let has_sum = state.panes()[pane].arithmetic(row, col).is_some();
            press(&mut state, "Enter");
            let id = &state.current().1.id;
            let opens = pointed.is_some() || has_sum;
            assert_eq!(opens, !opened(&state).is_empty(), "{id}, pane {pane}");
            if let Some(pointed) = pointed {
                assert_eq!(opened(&state), pointed.address.to_string(), "{id}");
                for size in [(80, 24), (120, 36), (200, 60)] {
                    let screen = drawn(&state, size);
                    assert!(screen.contains("Esc back"), "{id} {size:?}\n{screen}");
                    assert!(screen.contains(&format!("{}", pointed.value)), "{id}\n{screen}");
                }
            }
            press(&mut state, "q");
            assert!(state.inspector.levels.is_empty());
        }
    }
}

#[test]
fn operands_are_lit_in_the_panes_where_they_live() {
    let mut state = at("softmax");
    press(&mut state, "Enter");
    let row = state.nav.selection.row;
    assert!(!state.inspector.marks.is_empty());
    assert!(state.inspector.marks.iter().all(|mark| mark.address.cell.row == row));
    assert!(state.inspector.marks.iter().any(|mark| mark.is_chosen));
    let path = state.inspector.marks[0].address.path.clone();
    let titles: Vec<String> = state.panes().iter().map(|pane| pane.title().to_string()).collect();
    assert!(titles.iter().any(|title| title.starts_with(&path)), "{path}: {titles:?}");
    press(&mut state, "Esc");
    assert!(state.inspector.marks.is_empty());
}

#[test]
fn terms_of_a_long_sum_come_largest_first_and_all_can_be_reached() {
    let mut state = at("scores");
    press(&mut state, "Enter");
    let terms = &state.opened().unwrap().terms;
    assert!(terms.len() >= 16);
    assert!(terms.windows(2).all(|w| w[0].value.abs() >= w[1].value.abs()));
    let n = terms.len();
    for _ in 0..n {
        press(&mut state, "Down");
    }
    assert_eq!(state.opened().unwrap().term, n - 1);
    assert!(message(&state).contains("end of the list"));
    let second = state.opened().unwrap().terms[n - 1].operands()[1].address.to_string();
    press(&mut state, "L Enter");
    assert_eq!(opened(&state), second);
}

#[test]
fn going_on_closes_what_is_open() {
    let mut state = at("softmax");
    let step = state.nav.step;
    press(&mut state, "Enter Enter Right");
    assert!(state.inspector.levels.is_empty());
    assert_eq!(state.nav.step, step + 1);
}

#[test]
fn what_ifs_are_combined_described_and_undone() {
    let mut state = at("masked-softmax");
    press(&mut state, "m x");
    let reading = state.passes.reading.clone().unwrap();
    assert_eq!(
        changes_in_words(&reading.changes, Language::English),
        format!(
            "mask off, head {} of decoder.{}.self_attn off",
            state.nav.selection.head, state.nav.selection.layer
        )
    );
    for size in [(80, 24), (120, 36), (200, 60)] {
        let screen = drawn(&state, size);
        assert!(screen.contains("changed: mask off"), "{screen}");
        assert!(screen.contains("writes"), "{screen}");
    }
    press(&mut state, "m");
    assert!(!state.passes.changes.to_string().contains("mask"));
    press(&mut state, "r");
    assert!(state.passes.reading.as_ref().unwrap().plain.is_none());
    assert!(!drawn(&state, (120, 36)).contains("changed:"));
    press(&mut state, "r");
    assert!(message(&state).contains("nothing is changed"));
}

#[test]
fn a_changed_number_says_what_it_was() {
    let mut state = at("softmax");
    press(&mut state, "s");
    assert!(drawn(&state, (120, 36)).contains("was "));
    press(&mut state, "v");
    assert!(state.passes.shows_difference && drawn(&state, (120, 36)).contains('Δ'));
    press(&mut state, "v r");
    assert!(!state.passes.shows_difference);
}

#[test]
fn an_open_number_stays_open_when_a_change_comes() {
    let mut state = at("softmax");
    let weights =
        READING.trace(ModelName::Transformer).value("encoder.0.self_attn.weights").unwrap();
    // A weight near 0 or 1 stays there.
    let open = |cell: &Cell| weights.get(*cell) * (1.0 - weights.get(*cell));
    let Cell { plane, row, col } =
        weights.shape().cells().max_by(|a, b| open(a).total_cmp(&open(b))).unwrap();
    state.nav.selection = Selection { head: plane, row, col, ..state.nav.selection };
    press(&mut state, "Enter");
    let (address, value) = (opened(&state), state.opened().unwrap().arithmetic.value);
    press(&mut state, "s");
    assert_eq!(opened(&state), address);
    assert!((state.opened().unwrap().arithmetic.value - value).abs() > 1e-6);
}

#[test]
fn a_number_is_set_by_hand_from_the_cursor() {
    let mut state = at("softmax");
    press(&mut state, "=");
    assert!(
        matches!(&state.overlay, Overlay::Palette { query, .. } if query.value().ends_with("]="))
    );
    type_in(&mut state, "0.25");
    press(&mut state, "Enter");
    assert_eq!(state.passes.changes.iter().count(), 1);
    let (row, col) = (state.nav.selection.row, state.nav.selection.col);
    let pointed = state.panes()[state.nav.focus].cursor_cell(row, col).unwrap();
    assert!((pointed.value - 0.25).abs() < 1e-9);
}

#[test]
fn a_what_if_that_cannot_be_leaves_everything_as_it_was() {
    let mut state = at("softmax");
    press(&mut state, ":");
    type_in(&mut state, "token.99=dog");
    press(&mut state, "Enter");
    assert!(message(&state).contains("no token 99"), "{}", message(&state));
    assert!(
        state.passes.changes.is_empty() && state.passes.reading.as_ref().unwrap().plain.is_none()
    );
    press(&mut state, ":");
    type_in(&mut state, "encoder.9=off");
    press(&mut state, "Enter");
    assert!(message(&state).contains("nearest"), "{}", message(&state));
}

#[test]
fn the_palette_finds_commands_steps_what_ifs_and_sites() {
    let state = at("softmax");
    for (query, want) in [
        ("mask off", "causal mask off"),
        ("bottleneck", "bottleneck"),
        ("enc1head2", "encoder.1.self_attn.head.2=off"),
        ("norm1.var", "encoder.0.norm1.var"),
        ("quit", "quit"),
    ] {
        let found = palette::entries(&state, query);
        let text: Vec<&str> = found.iter().take(8).map(|entry| entry.text.as_str()).collect();
        assert!(text.iter().any(|text| text.contains(want)), "{query}: {text:?}");
    }
    assert!(palette::entries(&state, "zzzzqq").is_empty());
}

#[test]
fn an_address_leads_to_a_step_that_shows_it() {
    let mut state = at("tokens");
    press(&mut state, ":");
    type_in(&mut state, "encoder.1.self_attn.weights[2,8,1]");
    press(&mut state, "Enter");
    assert_eq!(opened(&state), "encoder.1.self_attn.weights[2,8,1]");
    let shown = state.focused().and_then(|spec| spec.path(state.nav.selection.layer));
    assert_eq!(shown.as_deref(), Some("encoder.1.self_attn.weights"));
    assert_eq!(
        (state.nav.selection.head, state.nav.selection.row, state.nav.selection.col),
        (2, 8, 1)
    );
}

#[test]
fn every_computed_number_of_every_model_can_be_opened_by_its_address() {
    let mut state = at("tokens");
    for name in ModelName::ALL {
        for site in READING.trace(name).sites() {
            let address = site.address(Cell::default()).to_string();
            if site.value.get(Cell::default()).is_nan() {
                continue;
            }
            press(&mut state, ":");
            update(&mut state, Action::Paste(address.clone()));
            press(&mut state, "Enter");
            assert_eq!(opened(&state), address, "{name}: {}", message(&state));
            press(&mut state, "q");
        }
    }
}

#[test]
fn every_command_with_a_key_is_in_the_palette() {
    use lookback::ui::app::Command as C;
    let is_motion = |c: &C| {
        matches!(c, C::Move(..) | C::Page(_) | C::Chapter(_) | C::Leave | C::QuitNow | C::Palette)
    };
    let entries = palette::entries(&at("tokens"), "");
    let is_there = |c: C| entries.iter().any(|entry| entry.pick == PaletteChoice::Command(c));
    let missing: Vec<_> = keys::keys()
        .map(|(_, command)| command)
        .filter(|command| !is_motion(command) && !is_there(*command))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(is_there(C::ToggleWhatIf(WhatIfKey::Mask)));
}

#[test]
fn every_site_of_every_model_is_reachable_from_some_step() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    for name in ModelName::ALL {
        let shows = |step: &lookback::lesson::Step| {
            step.model == name || step.panes.iter().any(|pane| step.model_of(pane) == name)
        };
        let steps = lesson.steps();
        let step = steps.iter().find(|(_, step)| shows(step)).map(|(_, step)| step.id.clone());
        let state = at(&step.unwrap_or_else(|| panic!("no step shows the {name}")));
        let entries = palette::entries(&state, "");
        for site in READING.trace(name).sites() {
            let leads = |entry: &palette::PaletteEntry| matches!(&entry.pick, PaletteChoice::Open(model, address) if *model == name && address.path == site.path());
            assert!(entries.iter().any(leads), "{name}: {}", site.path());
        }
    }
}

#[test]
fn operands_lead_from_what_steps_show_to_every_learned_number_of_the_transformer() {
    let trace = READING.trace(ModelName::Transformer);
    let mut known = vec!["logits".to_owned()];
    let mut i = 0;
    while i < known.len() {
        let site = trace.site(&known[i]).unwrap();
        let last = site.shape();
        let cell = Cell::new(last.planes - 1, last.rows - 1, last.cols - 1);
        let opened = trace.open(&site.address(cell)).unwrap();
        for term in opened.terms() {
            for operand in term.operands() {
                if !known.contains(&operand.address.path) {
                    known.push(operand.address.path.clone());
                }
            }
        }
        i += 1;
    }
    let is_fed = |path: &str| path != "probs";
    let missing: Vec<&str> = trace
        .sites()
        .map(lookback::analysis::trace::Recorded::path)
        .filter(|p| is_fed(p) && !known.iter().any(|k| k == p))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Thousands of keys in an order that nobody would type: nothing panics, and every screen is drawn.
#[test]
fn any_keys_in_any_order_do_no_harm() {
    let keys: Vec<KeyEvent> = keys::keys()
        .map(|(key, _)| KeyEvent::new(key.code, key.modifiers))
        .chain(
            "abcxyz09=[],. ".chars().map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)),
        )
        .collect();
    for (round, sentence) in ["dog", "zqx 猫 [ {word} ](x)", SENTENCE].into_iter().enumerate() {
        let plain = reading(sentence);
        plain.measure();
        let mut readings = Readings::new(Reader::embedded().unwrap());
        let mut state = at("tokens");
        state.guide.asks_questions = true;
        update(&mut state, Action::Read(Ok(Arc::clone(&plain))));
        let mut chance = round as u64 + 1;
        for i in 0..2500 {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let key = keys[(chance >> 33) as usize % keys.len()];
            let action = keys::action(&state, key);
            if let Some(Effect::Read { sentence: text, changes }) = update(&mut state, action) {
                let outcome = if text == plain.sentence.text && changes.is_empty() {
                    Ok(Arc::clone(&plain))
                } else if text == plain.sentence.text {
                    readings.change(&plain, &changes).map_err(|e| unread(&text, e))
                } else {
                    Err(unread(&text, anyhow::anyhow!("another sentence")))
                };
                update(&mut state, Action::Read(outcome));
            }
            if i % 25 == 0 {
                let size = [(80, 24), (120, 36), (200, 60), (30, 8)][(chance >> 40) as usize % 4];
                update(&mut state, Action::Resize(size.into()));
                drawn(&state, size);
            }
        }
    }
}

#[test]
fn symbols_of_a_formula_take_the_colours_of_their_panes() {
    use lookback::ui::app::TextRole;
    let mut state = at("scaling");
    let labels = |state: &State, pane| -> Vec<String> {
        let pieces = state.formula().into_iter().filter(|piece| piece.role == TextRole::Pane(pane));
        pieces.map(|piece| piece.text).collect()
    };
    assert_eq!(
        (labels(&state, 0), labels(&state, 1)),
        (vec!["/ √d_k".into()], vec!["Q Kᵀ".into()])
    );
    let mut coloured = 0;
    for step in 0..state.n_steps() {
        state.enter(step);
        let pieces = state.formula();
        let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(whole, state.current().1.formula);
        coloured += usize::from(pieces.iter().any(|piece| piece.role != TextRole::Plain));
    }
    assert!(coloured >= 38, "only {coloured} formulas have a colour");
}

#[test]
fn the_english_of_a_changed_sentence_is_the_changed_one() {
    let mut state = at("translations");
    type_in(&mut state, ":token.11=wide");
    press(&mut state, "Enter");
    let screen = drawn(&state, (120, 36));
    let english: Vec<&str> = screen.lines().skip_while(|line| !line.contains("English")).collect();
    assert!(english[..2].join(" ").contains("too wide."), "{screen}");
}

/// The narration on one line.
fn prose(state: &State) -> String {
    state.prose(u16::MAX, false).concat().iter().map(|piece| piece.text.as_str()).collect()
}

#[test]
fn without_the_mask_panes_and_text_say_so() {
    for size in [(80, 24), (120, 36)] {
        let mut state = at("mask");
        assert!(!drawn(&state, size).contains("mask off"), "{size:?}");
        press(&mut state, "m");
        state.message = None;
        let screen = drawn(&state, size);
        let titles = ["mask off: decoder.0.self_attn.masked", "mask off: masked"];
        assert!(titles.iter().any(|title| screen.contains(title)), "{screen}");
        assert!(prose(&state).contains("The mask is off: nothing"), "{screen}");
        state.enter(state.lesson.find("softmax").unwrap());
        assert!(!prose(&state).contains("The mask is off"), "the encoder has no mask");
    }
}

/// The rows of the list of terms, beside the panes: a value, and what it is made of.
fn term_rows(screen: &str) -> Vec<&str> {
    let beside = screen.lines().filter_map(|line| line.rsplit(['│', '╮', '╯']).next());
    let rows = beside.skip_while(|line| !line.contains('▸'));
    rows.take_while(|line| line.contains(" = ") && !line.contains('[')).collect()
}

#[test]
fn softmax_names_its_numerator_and_shows_its_arithmetic_whole() {
    for step in ["softmax", "masked-softmax", "next-token"] {
        let mut state = at(step);
        press(&mut state, "Enter");
        for size in [(80, 24), (120, 36), (200, 60)] {
            let screen = drawn(&state, size);
            let arithmetic =
                screen.lines().find(|line| line.contains("= exp(") && line.contains('/'));
            assert!(arithmetic.is_some_and(|line| !line.contains('…')), "{step}\n{screen}");
            assert_eq!(screen.matches("  numerator “").count(), 1, "{step}\n{screen}");
        }
    }
}

#[test]
fn a_summand_names_the_index_that_is_summed_over() {
    let cases = [
        ("scores", "Enter", false),
        ("weighted-sum", "Enter", true),
        ("concat", "Tab Enter", false),
    ];
    for (step, keys, is_of_words) in cases {
        let mut state = at(step);
        press(&mut state, keys);
        let summands = state.opened().unwrap().terms.iter().filter(|term| term.is_summand);
        assert!(summands.count() > 1, "{step}");
        let screen = drawn(&state, (200, 60));
        let rows = term_rows(&screen);
        assert!(rows.len() > 2, "{step}\n{screen}");
        for row in rows {
            assert_eq!(row.contains('“'), is_of_words, "{step}\n{screen}");
            assert_eq!(row.contains("channel "), !is_of_words, "{step}\n{screen}");
        }
        let screen = drawn(&state, (120, 36));
        assert!(term_rows(&screen).iter().all(|row| !row.contains('…')), "{step}\n{screen}");
    }
}

#[test]
fn bars_without_an_earlier_value_say_nothing_of_one() {
    for change in ["temperature=3", "sample=7"] {
        let mut state = at("sampling");
        type_in(&mut state, &format!(":{change}"));
        press(&mut state, "Enter");
        let last =
            state.passes.reading.as_ref().unwrap().trace(ModelName::Transformer).output.len() - 1;
        for row in [0, last] {
            state.nav.selection.row = row;
            let screen = drawn(&state, (120, 36));
            assert!(!screen.contains(" - "), "{change}\n{screen}");
        }
    }
}
