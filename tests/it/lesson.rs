//! The lesson: every blank is filled, every site exists, and nothing is too long to be shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use lookback::{
    analysis::{measure::stream::stations, reading::Reading, trace::Recorded},
    lesson::{
        Language, Lesson, PaneKind, Paragraph, Selection, StartRow, Step, fact, narrate,
        template::{Template, TemplatePiece},
    },
    model::ModelName,
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::support::built_in::READER;

static STAR: &str = "The animal didn't cross the street because it was too tired.";

/// The lesson in every language, English first.
static LESSONS: LazyLock<Vec<Lesson>> =
    LazyLock::new(|| Language::ALL.map(|language| Lesson::embedded(language).unwrap()).into());
static LESSON: LazyLock<&Lesson> = LazyLock::new(|| &LESSONS[0]);

/// Ordinary, one token, longest, unknown, no pronoun, brackets that look like marks.
static READINGS: LazyLock<Vec<Reading>> = LazyLock::new(|| {
    let longest = "dog ".repeat(64);
    let sentences =
        [STAR, "dog", &longest, "zqx 猫 \u{202e}🐈", "The dog sleeps.", "[{word}](x) *a* {"];
    sentences.iter().map(|text| READER.read(text).unwrap()).collect()
});

fn selections() -> impl Iterator<Item = Selection> {
    let corners = [(0, 0, 0, 0), (1, 2, 7, 1), (0, 3, 12, 63), (9, 99, 999, 9999)];
    corners.into_iter().map(|(layer, head, row, col)| Selection { layer, head, row, col })
}

fn plain(paragraphs: &[Paragraph]) -> String {
    let one = |p: &Paragraph| p.spans.iter().map(|s| s.text.as_str()).collect::<String>();
    paragraphs.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// What is no matter of words is looked at in one language.
fn steps() -> Vec<&'static Step> {
    LESSON.steps().into_iter().map(|(_, step)| step).collect()
}

fn steps_in_every_language() -> impl Iterator<Item = (Language, &'static Step)> {
    let steps = |lesson: &'static Lesson| {
        lesson.steps().into_iter().map(move |(_, step)| (lesson.language, step))
    };
    LESSONS.iter().flat_map(steps)
}

/// A phrase of a language file: what it says where a number is missing, and while one is being measured.
fn phrase(language: Language, name: &str) -> &'static str {
    static FILES: LazyLock<Vec<toml::Table>> = LazyLock::new(|| {
        let file =
            |language| std::fs::read_to_string(format!("assets/lessons/{language}.toml")).unwrap();
        Language::ALL.map(|language| file(language).parse().unwrap()).into()
    });
    let at = Language::ALL.iter().position(|&other| other == language).unwrap();
    FILES[at]["phrases"][name].as_str().unwrap()
}

#[test]
fn every_blank_is_filled_for_nasty_sentences_before_and_after_measuring() {
    for round in 0..2 {
        for reading in READINGS.iter() {
            for (language, step) in steps_in_every_language() {
                let [no_value, measuring] =
                    ["no_value", "measuring"].map(|name| phrase(language, name));
                for selection in selections() {
                    let text = plain(&narrate(step, reading, &selection));
                    let about = format!("{} of {:?}: {text}", step.id, reading.sentence.text);
                    assert!(!text.contains(no_value), "{about}");
                    assert!(!text.contains("NaN"), "{about}");
                    assert!(!text.contains("  ") && !text.ends_with(' '), "{about}");
                    assert!(text.width() < 1100, "{about}");
                    assert!(round == 0 || !text.contains(measuring), "{about}");
                }
                let start = step.start(reading, Selection::default());
                let trace = reading.trace(step.model);
                let n_rows = trace.source.len().max(trace.target.len());
                assert!(start.row < n_rows, "{}: row {} of {n_rows}", step.id, start.row);
            }
            if round == 0 {
                reading.measure();
            }
        }
    }
}

#[test]
fn a_sentence_with_marks_in_it_stays_as_it_is() {
    let reading = READER.read("[{word}](x)").unwrap();
    for lesson in LESSONS.iter() {
        let text = plain(&narrate(
            lesson.steps()[lesson.find("tokens").unwrap()].1,
            &reading,
            &Selection::default(),
        ));
        assert!(text.contains("[{") && text.contains("}]("), "{text}");
    }
}

#[test]
fn every_pane_s_site_exists_in_its_model_in_every_layer() {
    for step in steps() {
        assert!(!step.panes.is_empty(), "{} shows nothing", step.id);
        for pane in &step.panes {
            for layer in 0..2 {
                let Some(path) = pane.path(layer) else { continue };
                let found = READINGS[0].trace(step.model_of(pane)).find(&path);
                assert!(found.is_ok(), "{}: {}", step.id, found.err().unwrap());
            }
        }
    }
}

#[test]
fn panes_that_need_a_site_name_one() {
    let siteless = [
        PaneKind::ReadBackLength,
        PaneKind::Machines,
        PaneKind::Schedule,
        PaneKind::Translations,
        PaneKind::Accuracy,
        PaneKind::Comparison,
        PaneKind::Times,
        PaneKind::Beams,
        PaneKind::Forcing,
        PaneKind::Continuations,
        PaneKind::Curves,
    ];
    for step in steps() {
        for pane in &step.panes {
            assert_eq!(
                pane.site.is_none(),
                siteless.contains(&pane.kind),
                "{}: {:?}",
                step.id,
                pane.kind
            );
        }
    }
}

#[test]
fn every_link_names_a_site_that_the_step_shows() {
    let mut wrong = vec![];
    for (language, step) in steps_in_every_language() {
        let shown: BTreeSet<_> =
            step.panes.iter().flat_map(|p| covered(p.kind, p.site.as_deref())).collect();
        let links = step.text.marks().filter_map(|mark| mark.site.as_ref());
        let missing = links.filter(|site| !shown.contains(*site));
        wrong.extend(missing.map(|site| (language, &step.id, site)));
    }
    assert!(wrong.is_empty(), "links to what the step does not show: {wrong:?}");
}

/// The sites that a pane shows: its own, and for some kinds those beside it.
fn covered(kind: PaneKind, site: Option<&str>) -> Vec<String> {
    let Some(site) = site else { return vec![] };
    if kind == PaneKind::Stream {
        let trace = READINGS[0].trace(if site == "tokens.input" {
            ModelName::DecoderOnly
        } else {
            ModelName::Transformer
        });
        return stations(trace, site).into_iter().map(|station| station.site).collect();
    }
    let scope = site.rsplit_once('.').map_or("", |(scope, _)| scope);
    let beside: &[&str] = match kind {
        PaneKind::Recurrence => &[
            "input",
            "recurrent",
            "sum",
            "reset_sum",
            "reset",
            "update_sum",
            "update",
            "gated",
            "candidate",
        ],
        PaneKind::Norm => &["mean", "var", "normalized"],
        PaneKind::Cache => &["v"],
        PaneKind::WeightedSum if site == "attn.context" => return looking_back(),
        PaneKind::WeightedSum => &["weights", "v"],
        _ => &[],
    };
    let beside = beside.iter().map(|name| format!("{scope}.{name}"));
    beside.chain([site.to_owned()]).collect()
}

/// In the RNN with attention the values are the annotations themselves.
fn looking_back() -> Vec<String> {
    ["attn.context", "attn.weights", "encoder.annotations"].map(str::to_owned).to_vec()
}

/// Sites that no step shows yet, by model; `*` at an end stands for the rest. A step that comes to
/// show one strikes it off.
static NOT_SHOWN_YET: [(ModelName, &[&str]); 6] = [
    (ModelName::Elman, &["src.embed", "tgt.embed", "readback.logits"]),
    // Its decoder's cell is its encoder's, with other weights.
    (
        ModelName::Gru,
        &[
            "src.embed",
            "tgt.embed",
            "readback.proj",
            "readback.logits",
            "gru.decoder.*",
            "gru.readout",
            "probs",
        ],
    ),
    // Gates are opened at the GRU.
    (
        ModelName::RnnAttention,
        &[
            "src.embed",
            "tgt.embed",
            "encoder.forward.*",
            "encoder.backward.*",
            "decoder.init*",
            "attn.sum",
            "decoder.readout_*",
            "logits",
        ],
    ),
    // What an encoder layer has shown already.
    (
        ModelName::Transformer,
        &[
            "tgt.scaled",
            "tgt.pos",
            "decoder.{layer}.self_attn.q",
            "decoder.{layer}.self_attn.concat",
            "decoder.{layer}.cross_attn.scores",
            "decoder.{layer}.cross_attn.concat",
            "decoder.{layer}.cross_attn.out",
            "decoder.{layer}.ffn.sum",
            "decoder.{layer}.ffn.out",
        ],
    ),
    // The same machine as its twin; only its attention is set beside.
    (ModelName::TransformerUnguided, &["*"]),
    (
        ModelName::DecoderOnly,
        &[
            "tokens.scaled",
            "tokens.pos",
            "blocks.{layer}.attn.q",
            "blocks.{layer}.attn.scores",
            "blocks.{layer}.attn.scaled",
            "blocks.{layer}.attn.context",
            "blocks.{layer}.attn.concat",
            "blocks.{layer}.attn.out",
            "blocks.{layer}.norm2.*",
            "blocks.{layer}.ffn.sum",
            "blocks.{layer}.ffn.out",
        ],
    ),
];

/// Whether a line of the list means this path.
fn means(line: &str, path: &str) -> bool {
    ["0", "1"].iter().any(|layer| {
        let line = line.replace("{layer}", layer);
        line.strip_suffix('*').map_or(line == path, |start| path.starts_with(start))
    })
}

#[test]
fn every_site_is_shown_by_some_step_or_listed() {
    let mut shown: BTreeMap<ModelName, BTreeSet<String>> = BTreeMap::new();
    for step in steps() {
        for pane in &step.panes {
            for layer in ["0", "1"] {
                let sites = covered(pane.kind, pane.site.as_deref()).into_iter();
                let sites = sites.map(|site| site.replace("{layer}", layer));
                shown.entry(step.model_of(pane)).or_default().extend(sites);
            }
        }
    }
    let mut wrong = vec![];
    for (model, listed) in NOT_SHOWN_YET {
        let sites = READINGS[0].trace(model).sites().filter(|site| !site.is_leaf);
        let missing: Vec<&str> =
            sites.map(Recorded::path).filter(|path| !shown[&model].contains(*path)).collect();
        let unlisted = missing.iter().filter(|path| !listed.iter().any(|line| means(line, path)));
        wrong.extend(unlisted.map(|path| format!("{model}: {path} is not shown")));
        let idle = listed.iter().filter(|line| !missing.iter().any(|path| means(line, path)));
        wrong.extend(idle.map(|line| format!("{model}: {line} is shown by now; strike it off")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn ids_are_unique_and_kebab_case() {
    let ids: Vec<&str> = steps().iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for id in ids {
        assert!(
            id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{id}"
        );
    }
}

/// Cells of a text without its blanks.
fn cells(step: &Step) -> usize {
    let words = |piece: &TemplatePiece| {
        if let TemplatePiece::Words(words) = piece { words.width() } else { 0 }
    };
    step.text.marks().flat_map(|mark| &mark.pieces).map(words).sum()
}

#[test]
fn titles_formulas_and_texts_fit() {
    let mut wrong = vec![];
    for (language, step) in steps_in_every_language() {
        let words = step.text.source.split_whitespace().count();
        let bounds = [
            ("title", step.title.width(), 3..=46),
            ("formula", step.formula.width(), 3..=50),
            // On one line of 80 columns, with a bookmark's star.
            ("title and formula", step.title.width() + step.formula.width(), 6..=74),
            ("source", step.source.width(), 3..=56),
            ("text's words", words, 1..=105),
            ("text", cells(step), 100..=560),
        ];
        let unfit = bounds.iter().filter(|(_, n, fitting)| !fitting.contains(n));
        wrong.extend(unfit.map(|b| (language, &step.id, b.0, b.1)));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_language_has_the_same_blanks_and_links_and_much_the_same_length() {
    let mut wrong = vec![];
    for (language, step) in steps_in_every_language() {
        let english = steps()[LESSON.find(&step.id).unwrap()];
        for (text, other) in [(&step.text, &english.text), (&step.deeper, &english.deeper)] {
            let (blanks, others): (BTreeSet<_>, BTreeSet<_>) =
                (text.facts().collect(), other.facts().collect());
            let differ = blanks.symmetric_difference(&others);
            wrong.extend(differ.map(|name| format!("{language} {}: {{{name}}}", step.id)));
            let (links, others) = (links(text), links(other));
            let differ = links.symmetric_difference(&others);
            wrong.extend(differ.map(|site| format!("{language} {}: [..]({site})", step.id)));
        }
        let (a, b) = (cells(step) as f64, cells(english) as f64);
        // Chinese is the denser script.
        if !(0.5..1.2).contains(&(a / b)) {
            wrong.push(format!("{language} {}: {a} cells, in English {b}", step.id));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn links(text: &Template) -> BTreeSet<&str> {
    text.marks().filter_map(|mark| mark.site.as_deref()).collect()
}

#[test]
fn every_fact_is_used() {
    let own = Lesson::for_checkpoint(Language::English).unwrap();
    let own = own.steps().into_iter().map(|(_, step)| step);
    let all = steps().into_iter().chain(own);
    let mut used = BTreeSet::<&str>::new();
    for step in all {
        used.extend(step.text.facts());
        used.extend(step.deeper.facts());
        used.extend(step.ask.iter().flat_map(|ask| ask.reveal.facts()));
        used.extend(
            step.lab.iter().flat_map(|lab| [&lab.hint, &lab.solved]).flat_map(Template::facts),
        );
    }
    let idle: Vec<_> = fact::all().map(|f| f.name).filter(|name| !used.contains(name)).collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn a_misspelt_step_or_fact_gets_the_nearest_names() {
    let step = LESSON.find("layernorm").unwrap_err().to_string();
    assert!(step.contains("layer-norm"), "{step}");
    let fact = fact::find("wieght").err().unwrap().to_string();
    assert!(fact.contains("weight"), "{fact}");
}

#[test]
fn a_step_starts_at_its_hints() {
    let step = steps()[LESSON.find("it-looks").unwrap()];
    let before = Selection { layer: 0, head: 0, row: 1, col: 3 };
    let start = step.start(&READINGS[0], before);
    assert_eq!((start.layer, start.head, start.col), (1, 2, 3));
    assert_eq!(READINGS[0].sentence.tokens[start.row].text, "it");
    assert_eq!(step.row, Some(StartRow::Pronoun));
}

/// A translator reads the files of two languages side by side.
#[test]
fn texts_stand_in_the_order_of_the_steps() {
    for language in Language::ALL {
        let checkpoint = Lesson::for_checkpoint(language).unwrap();
        let built_in = Lesson::embedded(language).unwrap();
        for (lesson, kind) in [(built_in, ""), (checkpoint, "checkpoint-")] {
            let file = format!("assets/lessons/{kind}{}.toml", language.id());
            let text = std::fs::read_to_string(&file).unwrap();
            let heading =
                |line: &str| Some(line.strip_prefix("[steps.")?.strip_suffix(']')?.to_owned());
            let found: Vec<String> = text.lines().filter_map(heading).collect();
            let wanted: Vec<String> =
                lesson.steps().iter().map(|(_, step)| step.id.clone()).collect();
            assert_eq!(found, wanted, "{file}");
        }
    }
}

#[test]
fn the_cache_of_gpt_3_is_counted() {
    for language in Language::ALL {
        let step = step(language, "llm-cache");
        // 2 * 96 * 12,288 = 2,359,296
        let amount = match language {
            Language::English => "2.4 million for each token (96 layers · 2 · 12,288)",
            Language::Chinese => "240 万个（96 层 · 2 · 12,288）",
        };
        assert!(step.text.source.contains(amount), "{}", step.text.source);
    }
}

#[test]
fn steps_with_times_say_why_the_transformer_is_slower() {
    let mut n = 0;
    for (language, step) in steps_in_every_language() {
        if step.panes.iter().all(|pane| pane.kind != PaneKind::Times) {
            continue;
        }
        n += 1;
        let reasons = match language {
            Language::English => ["one thread", "small", "every intermediate value"],
            Language::Chinese => ["一个线程", "小", "每个中间值"],
        };
        for reason in reasons {
            assert!(step.text.source.contains(reason), "{}: {reason}", step.id);
        }
    }
    assert_eq!(n, Language::ALL.len());
}

const PIANO: &str = "My sister didn't buy the old piano because it was too heavy.";
const MADE_UP: &str = "When did the zorblax give Anna 42 old books about the river?";

fn step(language: Language, id: &str) -> &'static Step {
    steps_in_every_language().find(|(l, step)| *l == language && step.id == id).unwrap().1
}

/// The text of a step where it starts, in English.
fn text_of(reading: &Reading, id: &str) -> String {
    let step = step(Language::English, id);
    plain(&narrate(step, reading, &step.start(reading, Selection::default())))
}

#[test]
fn a_pronoun_of_another_word_is_not_what_is_written_for_it() {
    let written = |text: &str| text_of(&READER.read(text).unwrap(), "task");
    let idea = written("She said it was her idea.");
    assert!(idea.contains("for “it”, the Transformer writes neither of them."), "{idea}");
    let film = written("He thinks the film is long because it is boring and she sleeps.");
    assert!(film.contains("for “it”, the Transformer writes “il”."), "{film}");
    let bill = written("The waiter gave the bill to the woman because she wanted to pay it.");
    assert!(bill.contains("for “it”, the Transformer writes neither of them."), "{bill}");
    let piano = written(PIANO);
    assert!(
        piano.contains("the Transformer writes “il”; the Elman RNN's sentence has “elle”."),
        "{piano}"
    );
}

#[test]
fn the_suggested_word_is_said_of_the_pronoun() {
    let suggested = |sentence| text_of(&READER.read(sentence).unwrap(), "lab-pronoun");
    let chairs =
        suggested("My sister bought two old chairs because they were cheap. She liked them.");
    assert!(chairs.contains("token.10=tired"), "{chairs}");
}

/// The keys that the texts name, with the row of the help that says the same.
static KEYS_NAMED: [(&str, &str); 20] = [
    ("Enter", "Enter"),
    ("Tab", "Tab Shift-Tab"),
    ("i", "i"),
    ("I", "I"),
    ("x", "x X"),
    ("m", "m"),
    ("*", "*"),
    (":", ":"),
    (",", ", ."),
    (".", ", ."),
    ("N", "N M"),
    ("M", "N M"),
    ("Q", "Q"),
    ("S", "S"),
    ("E", "E &"),
    ("&", "E &"),
    ("A", "A D"),
    ("↑", "↑ ↓ k j"),
    ("→", "→ l n Space"),
    ("[", "[ ]"),
];

/// What follows “press” in a text, up to the next space or character of Chinese.
fn keys_pressed(text: &str) -> Vec<String> {
    let text = text.replace("[[", "[").replace("**", "*");
    let after = ["press ", "Press ", "按 "];
    let starts = after.iter().flat_map(|word| text.match_indices(word).map(|(i, w)| i + w.len()));
    let key = |start: usize| -> String {
        let rest = text[start..].split_whitespace().next().unwrap_or_default();
        let rest: String = rest.chars().take_while(|c| c.width() != Some(2)).collect();
        let bare = rest.trim_end_matches([',', '.', ';', ':', ')']);
        if bare.is_empty() { rest.chars().take(1).collect() } else { bare.to_owned() }
    };
    // Press and Wolf (2017) are authors.
    starts.map(key).filter(|key| key != "and").collect()
}

#[test]
fn keys_named_in_texts_exist_and_numbers_are_opened_with_enter() {
    let rows: Vec<&str> = lookback::ui::keys::KEYS.iter().map(|row| row.shown).collect();
    let mut n = 0;
    for (language, step) in steps_in_every_language() {
        for key in [&step.text, &step.deeper].into_iter().flat_map(|t| keys_pressed(&t.source)) {
            let row = KEYS_NAMED.iter().find(|(named, _)| *named == key);
            let row = row.unwrap_or_else(|| panic!("{language} {}: press {key:?}", step.id)).1;
            assert!(rows.contains(&row), "{row}");
            n += 1;
        }
    }
    assert!(n > 20, "{n}");
    let task = &step(Language::English, "task").deeper.source;
    assert!(task.contains("opens into its arithmetic with Enter"), "{task}");
    let task = &step(Language::Chinese, "task").deeper.source;
    assert!(task.contains("按 Enter，任何一个数"), "{task}");
}

#[test]
fn tokens_are_counted_as_tokens() {
    let reading = READER.read(MADE_UP).unwrap();
    reading.measure();
    assert!(text_of(&reading, "rnn-bottleneck").contains("19 tokens with 128 numbers each"));
    assert!(text_of(&reading, "rnn-read-back").contains("of 19 tokens can be read back"));
    let looks = text_of(&reading, "it-looks");
    assert!(looks.contains("“42” (2 tokens together)"), "{looks}");
    let one = READER.read("dog").unwrap();
    let machines = text_of(&one, "two-machines");
    assert!(machines.contains("1 step in a row"), "{machines}");
}

#[test]
fn a_length_of_nothing_is_said_in_words() {
    let reading = READER.read("zorblax").unwrap();
    reading.measure();
    let text = text_of(&reading, "read-back-length");
    assert!(!text.contains("length 0"), "{text}");
    assert!(text.contains("not even the last token alone"), "{text}");
}

#[test]
fn a_step_without_a_pronoun_starts_on_a_whole_word() {
    let reading = READER.read("The girl saw a zorblax").unwrap();
    for id in ["embedding", "rnn-word"] {
        let row = step(Language::English, id).start(&reading, Selection::default()).row;
        assert_eq!(reading.sentence.word_at(row).len(), 1, "{id}");
        assert!(reading.sentence.tokens[row].text.chars().all(char::is_alphabetic), "{id}");
    }
}

#[test]
fn words_in_capitals_were_not_seen_and_pronouns_are_found_in_any_case() {
    let reading = READER.read("THE GIRL BROKE THE WINDOW BECAUSE IT WAS old").unwrap();
    let tokens = text_of(&reading, "tokens");
    assert!(tokens.contains("Words in capitals, such as “THE”"), "{tokens}");
    assert!(text_of(&reading, "task").contains("for “IT”"));
    let usual = READER.read("I like TV.").unwrap();
    assert!(usual.sentence.unknown.is_empty(), "{:?}", usual.sentence.unknown);
}

#[test]
fn numbers_computed_from_shown_numbers_agree_with_them() {
    let reading = READER.read(PIANO).unwrap();
    let text = text_of(&reading, "probabilities");
    let after = |word: &str| -> f64 {
        let rest = &text[text.find(word).unwrap() + word.len()..];
        let end = rest.find(|c: char| !c.is_ascii_digit() && !".,".contains(c)).unwrap();
        rest[..end].trim_end_matches(['.', ',']).replace(',', "").parse().unwrap()
    };
    let lead = after("A lead of ");
    assert!((after(" leads with ") - after(" follows with ") - lead).abs() < 1e-9, "{text}");
    let odds = after(&format!("e^{lead:.2} = "));
    assert!((lead.exp() / odds - 1.0).abs() < 1e-3, "{text}");
}

#[test]
fn sentences_end_in_one_full_stop_and_examples_fit_the_sentence() {
    let reading = READER.read(PIANO).unwrap();
    reading.measure();
    for (_, step) in LESSON.steps() {
        let text = text_of(&reading, &step.id);
        let quoted_stop = text.replace("“.”.", "");
        assert!(!quoted_stop.contains(".”."), "{}: {text}", step.id);
    }
    assert!(text_of(&reading, "lab-one-word").contains("token.1=cat"));
    let dog = READER.read("The dog didn't drink the water because it was too hot.").unwrap();
    let looks = step(Language::English, "it-looks");
    let asked =
        lookback::lesson::question(looks, &dog, &looks.start(&dog, Selection::default())).unwrap();
    for noun in ["dog", "water"] {
        let noun = format!("“{noun}”");
        assert!(asked.options.contains(&noun), "{:?}", asked.options);
    }
}
