//! The guided walk: further paragraphs, words explained, questions first, pages that turn by
//! themselves, the short way.

use crate::support::{
    built_in::{READER, reading},
    walk::{drawn, message, press},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
    time::Duration,
};

use lookback::{
    analysis::{reading::Reading, trace::Trace},
    engine::value::Cell,
    lesson::{
        Language, Lesson, Paragraph, Selection, Step, deepen, question,
        quiz::{self, QuizQuestion},
    },
    model::ModelName,
    text::Token,
    ui::{
        app::{Action, FoundTerms, Overlay, State, update},
        theme::Theme,
    },
};
use ratatui::{buffer::Buffer, layout::Size, style::Modifier};

const SENTENCES: [&str; 8] = [
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
    "dog",
    "The dog sleeps.",
    "zqx 猫 \u{202e}🐈",
    "the the the the",
    "The old man near the river saw the small red house because they were tired.",
    "Mary",
];

static LESSON: LazyLock<Arc<Lesson>> =
    LazyLock::new(|| Arc::new(Lesson::embedded(Language::English).unwrap()));
static READINGS: LazyLock<Vec<Arc<Reading>>> = LazyLock::new(|| {
    let readings = SENTENCES.map(reading);
    for reading in &readings {
        reading.measure();
        reading.pass_evidence();
    }
    readings.to_vec()
});

fn steps() -> Vec<&'static Step> {
    LESSON.steps().into_iter().map(|(_, step)| step).collect()
}

fn index(id: &str) -> usize {
    LESSON.find(id).unwrap()
}

fn plain(paragraphs: &[Paragraph]) -> String {
    paragraphs.iter().flat_map(|p| &p.spans).map(|s| s.text.as_str()).collect()
}

/// A walk over the first sentence that asks, or does not.
fn walk(asks: bool) -> State {
    let mut state = State::new(Arc::clone(&LESSON), Theme::default());
    state.guide.asks_questions = asks;
    update(&mut state, Action::Read(Ok(Arc::clone(&READINGS[0]))));
    state
}

fn tick(state: &mut State, seconds: u64) {
    update(state, Action::Tick(Duration::from_secs(seconds)));
}

fn id(state: &State) -> &str {
    &state.current().1.id
}

fn text(buffer: &Buffer) -> String {
    let rows = buffer.content.chunks(buffer.area.width.into());
    rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n")
        .collect()
}

#[test]
fn every_step_has_a_deeper_paragraph() {
    let mut wrong = vec![];
    for step in steps().into_iter().filter(|step| step.lab.is_none()) {
        let n = step.deeper.source.split_whitespace().count();
        if !(40..=90).contains(&n) {
            wrong.push(format!("{}: {n} words", step.id));
        }
        for reading in READINGS.iter() {
            let text = plain(&deepen(step, reading, &step.start(reading, Selection::default())));
            if text.contains("(no value)") || text.contains("NaN,") || text.contains("  ") {
                wrong.push(format!("{}: {text}", step.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn d_shows_the_further_paragraph_from_step_to_step() {
    let mut state = walk(false);
    let short = state.prose(80, false).len();
    press(&mut state, "d");
    assert!(state.prose(80, false).len() > short + 3);
    press(&mut state, "Right");
    assert!(state.guide.is_deeper);
    state.size = Size::new(80, 24);
    press(&mut state, "PgDn");
    assert!(state.nav.scroll > 0);
    press(&mut state, "d");
    assert!(!state.guide.is_deeper && state.nav.scroll == 0);
}

fn whole_text() -> String {
    let texts =
        |step: &&Step| [step.title.as_str(), &step.text.source, &step.deeper.source].join(" ");
    let all: Vec<String> = steps().iter().map(texts).collect();
    all.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_term_occurs_in_the_walk_and_is_explained_once() {
    let all = whole_text();
    let mut forms = BTreeSet::new();
    assert!(LESSON.glossary.len() >= 45);
    for term in &LESSON.glossary {
        assert!(term.is_in(&all), "{} is nowhere in the walk", term.term);
        for form in std::iter::once(&term.term).chain(&term.also) {
            assert!(forms.insert(form.to_lowercase()), "{form} stands twice");
        }
        let n = term.text.split_whitespace().count();
        assert!((5..=45).contains(&n), "{}: {n} words", term.term);
        let own = term.text.to_lowercase();
        let is_circular = own.starts_with(&term.term.to_lowercase());
        assert!(!is_circular, "{} is explained by itself", term.term);
    }
}

#[test]
fn w_explains_the_words_of_the_step_first() {
    let mut state = walk(false);
    state.enter(index("softmax"));
    press(&mut state, "w");
    assert!(matches!(state.overlay, Overlay::Glossary { .. }));
    let FoundTerms { terms, n_here } = state.terms("");
    assert_eq!(terms.len(), LESSON.glossary.len());
    let here: Vec<&str> = terms[..n_here].iter().map(|&t| &*LESSON.glossary[t].term).collect();
    assert!(here.contains(&"softmax") && !here.contains(&"beam search"), "{here:?}");
    press(&mut state, "b e a m");
    let screen = text(&drawn(&state, 80, 24));
    assert!(screen.contains("beam search") && screen.contains("beginnings"), "{screen}");
    press(&mut state, "Enter");
    assert_eq!(id(&state), "beam-search");
    press(&mut state, "w Esc");
    assert!(matches!(state.overlay, Overlay::None));
}

#[test]
fn arrows_choose_a_word() {
    let mut state = walk(false);
    press(&mut state, "w Down Down Up");
    assert!(matches!(state.overlay, Overlay::Glossary { chosen: 1, .. }));
}

#[test]
fn terms_are_underlined_once() {
    let mut state = walk(false);
    state.enter(index("softmax"));
    let lines = state.prose(60, false);
    let marked: Vec<&str> =
        lines.iter().flatten().filter(|p| p.is_term).map(|p| p.text.as_str()).collect();
    assert_eq!(marked.iter().filter(|t| t.to_lowercase() == "softmax").count(), 1, "{marked:?}");
    let buffer = drawn(&state, 100, 30);
    assert!(buffer.content.iter().any(|c| c.modifier.contains(Modifier::UNDERLINED)));
}

/// Every question that can be put, over all sentences and the rows, heads and layers of a step.
fn asked() -> Vec<(&'static Step, &'static Reading, Selection, QuizQuestion)> {
    let mut all = vec![];
    for reading in READINGS.iter() {
        for step in steps() {
            let start = step.start(reading, Selection::default());
            let others = (0..3).map(|row| Selection { row, head: row, ..start });
            for selection in std::iter::once(start).chain(others) {
                if let Some(asked) = question(step, reading, &selection) {
                    all.push((step, &**reading, selection, asked));
                }
            }
        }
    }
    all
}

#[test]
fn questions_have_distinct_options_and_a_right_one() {
    let all = asked();
    assert!(all.len() > 100, "{}", all.len());
    for (step, reading, _, asked) in all {
        let about = format!("{} of {:?}: {asked:?}", step.id, reading.sentence.text);
        let distinct: BTreeSet<&String> = asked.options.iter().collect();
        assert_eq!(distinct.len(), asked.options.len(), "{about}");
        assert!((2..=5).contains(&asked.options.len()), "{about}");
        assert!(asked.right < asked.options.len(), "{about}");
        for text in [plain(&asked.question), plain(&asked.reveal)] {
            assert!(!text.is_empty() && !text.contains("(no value)"), "{about}");
            assert!(!text.contains("(measuring)"), "{about}");
        }
    }
}

/// A row of a site, the last one where there are fewer.
fn row(reading: &Reading, model: ModelName, path: &str, row: usize) -> Vec<f32> {
    let site = reading.trace(model).find(path).unwrap();
    site.value.row(0, row.min(site.shape().rows - 1))
}

/// Whether a range as options have it, `5 – 9` or `5`, holds a number.
fn holds(range: &str, n: usize) -> bool {
    let ends: Vec<usize> = range.split(" – ").map(|n| n.parse().unwrap()).collect();
    (ends[0]..=ends[ends.len() - 1]).contains(&n)
}

fn n_read_back(reading: &Reading, model: ModelName) -> usize {
    reading.read_back(model).iter().filter(|answer| answer.is_right).count()
}

/// How many of the other translators write what the Transformer writes.
fn n_agreeing(reading: &Reading) -> usize {
    let written = |name| &reading.trace(name).output_text;
    let others =
        [ModelName::TransformerUnguided, ModelName::RnnAttention, ModelName::Gru, ModelName::Elman];
    others.iter().filter(|&&name| written(name) == written(ModelName::Transformer)).count()
}

/// The token of the output that had the smallest probability.
fn least_likely(trace: &Trace) -> &Token {
    let p = |(row, token): (usize, &Token)| {
        trace.probs().unwrap().value.get(Cell::new(0, row, token.id as usize))
    };
    let words = trace.output_rows().into_iter().zip(&trace.output);
    words.min_by(|a, b| p(*a).total_cmp(&p(*b))).unwrap().1
}

#[test]
fn the_right_option_is_what_the_pass_says() {
    for (step, reading, selection, asked) in asked() {
        let right = asked.options[asked.right].split(" at ").next().unwrap();
        let right = right.trim_matches(['“', '”']);
        let about = format!("{} of {:?}: {asked:?}", step.id, reading.sentence.text);
        let reveal = plain(&asked.reveal);
        let row_of = |name: &str| {
            row(reading, step.model, &format!("encoder.{}.{name}", selection.layer), selection.row)
        };
        match step.ask.as_ref().unwrap().kind.name {
            "strongest-key" | "noun-of-pronoun" | "next-token" | "influence" => {
                let shown = format!("“{right}”");
                let first = reveal.find('“').map(|at| &reveal[at..]);
                assert!(first.is_some_and(|text| text.starts_with(&shown)), "{about}");
            }
            "forgetting" => {
                let norms = &reading.forgetting().unwrap()[&step.model].norms;
                let by_norm = |&a: &usize, &b: &usize| norms[a].total_cmp(&norms[b]);
                let at = (0..norms.len()).max_by(by_norm).unwrap();
                assert_eq!(reading.sentence.tokens[at].text, right, "{about}");
            }
            "steps-in-a-row" => {
                assert_eq!(right, reading.sentence.tokens.len().to_string(), "{about}");
            }
            "read-back" => {
                assert!(holds(right, n_read_back(reading, step.model)), "{about}");
            }
            "rank-kept" => assert_eq!(asked.right, 0, "softmax keeps the order: {about}"),
            "open-cells" => {
                let site = reading.trace(step.model).find("decoder.0.self_attn.weights").unwrap();
                let row = selection.row.min(site.shape().rows - 1);
                let weight = |key| site.value.get(Cell::new(0, row, key));
                let open = (0..site.shape().cols).filter(|&key| weight(key) > 0.0).count();
                assert_eq!(right, open.to_string(), "{about}");
            }
            "agreeing" => {
                assert_eq!(right, n_agreeing(reading).to_string(), "{about}");
            }
            "better-memory" => {
                let [elman, gru] =
                    [ModelName::Elman, ModelName::Gru].map(|name| n_read_back(reading, name));
                let is_right = [elman > gru, gru > elman, elman == gru];
                assert!(is_right[asked.right], "{elman}, {gru}: {about}");
            }
            "longer-part" => {
                let (sum, added) = (row_of("residual1"), row_of("self_attn.out"));
                let length = |row: &mut dyn Iterator<Item = f32>| row.map(|x| x * x).sum::<f32>();
                let before = length(&mut sum.iter().zip(&added).map(|(sum, added)| sum - added));
                let is_longer = [before, length(&mut added.iter().copied())];
                assert!(is_longer[asked.right] >= is_longer[1 - asked.right], "{about}");
            }
            "costliest" => {
                assert_eq!(least_likely(reading.trace(step.model)).text, right, "{about}");
            }
            "silent" => {
                let n = row_of("ffn.hidden").iter().filter(|&&x| x == 0.0).count();
                assert!(holds(right, n), "{about}");
            }
            other => panic!("nothing is known of {other}"),
        }
    }
}

#[test]
fn every_kind_of_question_is_asked_and_they_are_spread() {
    let own = Lesson::for_checkpoint(Language::English).unwrap();
    let own = own.steps().into_iter().map(|(_, step)| step);
    let asks = steps().into_iter().chain(own).filter_map(|step| step.ask.as_ref());
    let used: BTreeSet<&str> = asks.map(|ask| ask.kind.name).collect();
    assert_eq!(used, quiz::KINDS.iter().map(|kind| kind.name).collect());
    let asking = LESSON.steps().into_iter().filter(|(_, step)| step.ask.is_some());
    let chapters: BTreeSet<usize> = asking.map(|(chapter, _)| chapter).collect();
    assert_eq!(chapters, (1..LESSON.chapters.len()).collect());
    assert!(quiz::find("strongest-word").unwrap_err().to_string().contains("strongest-key"));
}

#[test]
fn a_word_of_several_tokens_is_one_option() {
    let reading = READER.read("The zorblax didn't leave because it was tired.").unwrap();
    reading.measure();
    let tokens = &reading.sentence.tokens;
    let word = reading.sentence.word_at(1);
    assert!(word.len() > 2, "{tokens:?}");
    let mut n_asked = 0;
    for step in ["rnn-forgetting", "it-looks", "attention-softmax"].map(|id| steps()[index(id)]) {
        for row in 0..tokens.len() {
            let selection = Selection { row, ..step.start(&reading, Selection::default()) };
            let Some(asked) = question(step, &reading, &selection) else { continue };
            let is_of_word = |option: &&String| {
                tokens[word.clone()].iter().any(|t| **option == format!("“{}”", t.text))
            };
            assert!(asked.options.iter().filter(is_of_word).count() < 2, "{asked:?}");
            n_asked += 1;
        }
    }
    assert!(n_asked > 10, "{n_asked}");
}

#[test]
fn one_word_alone_is_not_asked_about() {
    let step = steps()[index("softmax")];
    let mut alone = READINGS.iter().filter(|r| r.sentence.tokens.len() == 1).peekable();
    assert!(alone.peek().is_some());
    for reading in alone {
        assert_eq!(question(step, reading, &Selection::default()), None);
    }
}

#[test]
fn a_question_veils_the_panes_until_it_is_answered() {
    let mut state = walk(true);
    state.enter(index("cross-weights"));
    let asked = state.guide.quiz.clone().unwrap().asked;
    let screen = text(&drawn(&state, 120, 36));
    assert!(screen.contains("Enter answers"), "{screen}");
    assert!(!screen.contains("decoder.1.cross_attn.weights["), "{screen}");
    press(&mut state, &"Down ".repeat(asked.right));
    press(&mut state, "Enter");
    assert!(state.guide.quiz.is_none());
    assert_eq!(state.guide.score(), (1, 1));
    let screen = text(&drawn(&state, 120, 36));
    assert!(screen.contains("Right: "), "{screen}");
    press(&mut state, "Right Left");
    assert!(state.guide.quiz.is_none(), "it is not asked again");
}

#[test]
fn a_question_about_what_is_being_measured_is_asked_when_that_is_known() {
    for id in ["influence", "rnn-forgetting"] {
        let reading = Arc::new(READER.read("The girl saw the dog.").unwrap());
        let mut state = State::new(Arc::clone(&LESSON), Theme::default());
        state.guide.asks_questions = true;
        update(&mut state, Action::Read(Ok(Arc::clone(&reading))));
        state.enter(index(id));
        assert!(state.guide.quiz.is_none(), "{id}");
        reading.measure();
        update(&mut state, Action::Measured);
        assert!(state.guide.quiz.is_some(), "{id}");
        press(&mut state, "Enter");
        update(&mut state, Action::Measured);
        assert!(state.guide.quiz.is_none(), "{id}: it is not asked again");
    }
}

#[test]
fn an_open_question_has_its_own_keys_in_the_footer() {
    let mut state = walk(true);
    let footer = |state: &State| text(&drawn(state, 120, 36)).lines().last().unwrap().to_owned();
    state.enter(index("mask"));
    let asked = footer(&state);
    assert!(asked.contains("Enter answer") && asked.contains("? keys"), "{asked}");
    assert!(!asked.contains("deeper") && !asked.contains("open"), "{asked}");
    press(&mut state, "Esc");
    update(&mut state, Action::Dismiss);
    assert!(footer(&state).contains("Enter open"), "{}", footer(&state));
}

#[test]
fn a_wrong_answer_is_named_with_the_right_one() {
    let mut state = walk(true);
    state.enter(index("it-looks"));
    let asked = state.guide.quiz.clone().unwrap().asked;
    press(&mut state, if asked.right == 0 { "Down Enter" } else { "Enter" });
    assert_eq!(state.guide.score(), (0, 1));
    let text: String = state.prose(200, false).iter().flatten().map(|p| p.text.as_str()).collect();
    assert!(text.contains(&format!("it is {}", asked.options[asked.right])), "{text}");
    press(&mut state, "G Esc");
    let end: String = state.prose(200, false).iter().flatten().map(|p| p.text.as_str()).collect();
    assert!(end.contains("0 of 1 predictions right"), "{end}");
}

#[test]
fn a_question_can_be_skipped_and_turned_off() {
    for key in ["Esc", "Right"] {
        let mut state = walk(true);
        state.enter(index("mask"));
        press(&mut state, key);
        assert!(state.guide.quiz.is_none() && id(&state) == "mask", "{key}");
        assert_eq!(state.guide.score(), (0, 0));
    }
    let mut state = walk(true);
    state.enter(index("mask"));
    press(&mut state, "P");
    assert!(state.guide.quiz.is_none() && !state.guide.asks_questions);
    state.enter(index("softmax"));
    assert!(state.guide.quiz.is_none());
}

#[test]
fn a_walk_that_nobody_answers_does_not_ask() {
    let mut state = walk(false);
    for step in 0..state.n_steps() {
        state.enter(step);
        assert!(state.guide.quiz.is_none());
    }
}

#[test]
fn another_sentence_is_asked_anew() {
    let mut state = walk(true);
    state.enter(index("mask"));
    press(&mut state, "Enter");
    assert_eq!(state.guide.score().1, 1);
    update(&mut state, Action::Read(Ok(Arc::clone(&READINGS[1]))));
    assert_eq!(state.guide.score(), (0, 0));
    assert!(state.guide.quiz.is_some());
}

#[test]
fn pages_turn_by_themselves_at_a_reader_s_pace() {
    let mut state = walk(false);
    assert!(!state.wants_ticks());
    press(&mut state, "a");
    assert!(state.wants_ticks());
    tick(&mut state, 5);
    assert_eq!(state.nav.step, 0, "nobody reads that fast");
    assert!(text(&drawn(&state, 80, 24)).contains("pace 1"));
    tick(&mut state, 60);
    assert_eq!(state.nav.step, 1);
    press(&mut state, "a");
    assert!(!state.wants_ticks());
    tick(&mut state, 600);
    assert_eq!(state.nav.step, 1);
}

#[test]
fn plus_and_minus_set_the_pace() {
    let mut state = walk(false);
    let usual = state.reading_time();
    press(&mut state, "+ + + + + + +");
    assert!(state.reading_time() * 4 <= usual + Duration::from_millis(1));
    press(&mut state, "- - - - - - - - -");
    assert!(state.reading_time() + Duration::from_millis(1) >= usual * 2);
    assert!(message(&state).contains("pace 0.5"));
}

#[test]
fn deeper_text_gets_more_time() {
    let mut state = walk(false);
    let short = state.reading_time();
    press(&mut state, "d");
    assert!(state.reading_time() > short + Duration::from_secs(12));
}

#[test]
fn another_key_stops_the_pages_and_says_so() {
    for key in ["Down", "z", "PgDn"] {
        let mut state = walk(false);
        press(&mut state, "a");
        press(&mut state, key);
        assert!(!state.wants_ticks(), "{key}");
    }
    let mut state = walk(false);
    press(&mut state, "a Down");
    assert!(message(&state).contains("autoplay is paused"), "{}", message(&state));
}

#[test]
fn pages_wait_at_a_question_and_at_the_end() {
    let mut state = walk(true);
    state.enter(index("mask") - 1);
    press(&mut state, "a");
    tick(&mut state, 300);
    assert_eq!(id(&state), "mask");
    assert!(!state.wants_ticks() && message(&state).contains("question"));
    let mut state = walk(false);
    state.enter(state.n_steps() - 1);
    press(&mut state, "a");
    tick(&mut state, 300);
    assert!(!state.wants_ticks() && message(&state).contains("last step"));
}

#[test]
fn the_tour_tells_the_whole_story_in_a_few_minutes() {
    let stops: Vec<(usize, &Step)> =
        LESSON.steps().into_iter().filter(|(_, step)| step.in_tour).collect();
    assert!((10..=15).contains(&stops.len()));
    let chapters: BTreeSet<usize> = stops.iter().map(|(chapter, _)| *chapter).collect();
    assert_eq!(chapters.len(), LESSON.chapters.len());
    let words: usize = stops.iter().map(|(_, s)| s.text.source.split_whitespace().count()).sum();
    assert!(words as f32 / 200.0 <= 5.0, "{words} words");
}

#[test]
fn in_the_tour_next_and_previous_go_from_stop_to_stop() {
    let mut state = walk(false);
    press(&mut state, "T");
    assert_eq!(state.tour_position(), Some((1, 15)));
    let mut visited = vec![id(&state).to_owned()];
    for _ in 1..15 {
        press(&mut state, "Right");
        visited.push(id(&state).to_owned());
        assert!(state.current().1.in_tour);
    }
    assert_eq!(visited.iter().collect::<BTreeSet<_>>().len(), 15);
    assert!(text(&drawn(&state, 80, 24)).contains("tour 15/15"));
    press(&mut state, "Right");
    assert!(message(&state).contains("last step"));
    press(&mut state, "Left T Left");
    assert_eq!(state.tour_position(), None);
    assert!(!state.current().1.in_tour);
}

#[test]
fn the_tour_goes_on_from_here_and_never_back_while_stops_are_ahead() {
    for step in 0..steps().len() {
        let mut state = walk(false);
        state.enter(step);
        press(&mut state, "T");
        let is_ahead = steps()[step..].iter().any(|step| step.in_tour);
        assert_eq!(state.nav.step >= step, is_ahead, "from {}", steps()[step].id);
        assert!(state.current().1.in_tour);
    }
    let mut state = walk(false);
    state.enter(index("it-looks"));
    press(&mut state, "T");
    assert_eq!(id(&state), "tired-or-wide");
}
