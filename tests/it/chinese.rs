//! The walk in Chinese: no word of the program is left in English, on the screen, in windows over it, in messages or as
//! plain text.
//!
//! What may stay: names of sites and models, formulas, papers, keys, files and options, and words of the sentence, its
//! translations and the vocabulary.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use lookback::{
    analysis::reading::{Reader, Reading},
    engine::change::Changes,
    lesson::{Language, Lesson},
    model::ModelName,
    render::frame::Walk,
    ui::{
        app::{Action, ExportFormat, ExportOptions, State, update},
        keys::{Key, keys},
        plain,
        theme::{Depth, Glyphs, Theme},
    },
    weights::Checkpoint,
};
use ratatui::layout::{Rect, Size};
use unicode_width::UnicodeWidthStr;

use crate::support::{
    built_in::{READER, reading},
    program::{Run, run},
    walk::{drawn_text, message, press, text},
};

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

/// Words that may stand in English anywhere, in lower case, by reason.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("names", &["lookback", "rnn", "elman", "gru", "transformer", "chrf", "french", "nat", "nan"]),
    ("papers", &["vaswani", "et", "al", "table"]),
    (
        "keys",
        &[
            "enter",
            "left",
            "esc",
            "tab",
            "shift",
            "ctrl",
            "pgdn",
            "pgup",
            "space",
            "backspace",
            "hl",
            "jk",
        ],
    ),
    (
        "symbols",
        &[
            "log", "inf", "logit", "logits", "softmax", "tanh", "sqrt", "top", "sum", "max", "exp",
            "dot",
        ],
    ),
    (
        "files and options",
        &["kb", "svg", "png", "txt", "ansi", "shell", "id", "color", "always", "open", "address"],
    ),
    (
        "a change as it is typed",
        // A long target is scrolled, so that its beginning is cut.
        &[
            "words",
            "place",
            "temperature",
            "sample",
            "beam",
            "off",
            "mask",
            "scaling",
            "positions",
            "residual",
            "against",
            "target",
            "each",
        ],
    ),
    (
        "words of the vocabulary that the interface has too",
        &["over", "when", "their", "they", "down", "your", "every", "these", "here"],
    ),
    ("the star pair", &["too", "wide", "tired"]),
];

fn lesson() -> Arc<Lesson> {
    Arc::new(Lesson::embedded(Language::Chinese).unwrap())
}

/// The English texts of the interface and their translations.
static INTERFACE: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../assets/lessons/interface-zh.toml")).unwrap()
});

/// Latin words of at least two letters, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    // Letters of the charts stand for models.
    let is_of_chart = |word: &&str| word.chars().all(|c| "EGATU".contains(c));
    text.split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| word.len() > 1)
        .filter(move |word| !is_of_chart(word))
        .map(str::to_lowercase)
}

/// The words that this reading may show: of the sentence, its translations, sites, and the vocabulary, but of the
/// vocabulary not those that the interface has in English.
struct Known(BTreeSet<String>);

impl Known {
    fn of(reading: &Reading) -> Self {
        let mut known: BTreeSet<String> = BTreeSet::new();
        let interface = INTERFACE.keys().flat_map(|key| words(key));
        let interface: BTreeSet<String> = interface.filter(|word| word.len() > 3).collect();
        let vocabulary = include_str!("../../assets/models/words.txt");
        known.extend(words(vocabulary).filter(|word| !interface.contains(word)));
        let lesson = lesson();
        for (_, step) in lesson.steps() {
            known.extend(words(&step.text.source).chain(words(&step.deeper.source)));
            known.extend(words(&step.id).chain(words(&step.title)));
        }
        for term in &lesson.glossary {
            known.extend(words(&term.term).chain(words(&term.text)));
        }
        known.extend(lesson.shelf.iter().flat_map(|known| words(&known.text)));
        known.extend(ALLOWED.iter().flat_map(|(_, words)| *words).map(|word| (*word).to_owned()));
        known.extend(words(&reading.sentence.text));
        for token in &reading.sentence.tokens {
            let found = reading.neighbourhood(ModelName::Transformer, token.id);
            let neighbours = found.iter().flat_map(|found| &found.words);
            known.extend(neighbours.flat_map(|neighbour| words(&neighbour.word)));
        }
        for name in ModelName::ALL {
            let trace = reading.trace(name);
            known.extend(words(&trace.output_text));
            known.extend(
                trace.output.iter().flat_map(|token| words(&token.text).collect::<Vec<_>>()),
            );
            let n = trace.logits().map_or(0, |logits| logits.shape().cols);
            let vocabulary =
                (0..n).flat_map(|id| words(&trace.word(id as u32)).collect::<Vec<_>>());
            known.extend(vocabulary.filter(|word| !interface.contains(word)));
            known.extend(trace.sites().flat_map(|site| words(site.path()).collect::<Vec<_>>()));
        }
        Self(known)
    }

    /// The words of a text that are left in English.
    fn left(&self, text: &str) -> Vec<String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.'-[]@/{}…~".contains(c);
        // A name with a dot, digit or underscore inside is a site, a cell, a file or a symbol.
        let is_name = |chunk: &str| {
            let inside = chunk.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            inside.contains(|c: char| c.is_ascii_digit() || "_.[/".contains(c))
        };
        // Letters of a chart's lines that are at one height.
        let is_of_lines = |chunk: &str| chunk.chars().all(|c| "EGAUTDC".contains(c));
        let is_asked =
            |chunk: &&str| !is_name(chunk) && !is_of_lines(chunk) && !chunk.contains(['…', '~']);
        let chunks = text.split(|c: char| !is_part(c)).filter(is_asked);
        chunks
            .flat_map(|chunk| words(chunk).collect::<Vec<_>>())
            .filter(|word| !self.0.contains(word))
            .collect()
    }
}

/// Where words are left in English, each word with the first place.
#[derive(Default)]
struct Left(BTreeMap<String, (usize, String)>);

impl Left {
    fn look(&mut self, known: &Known, place: &str, text: &str) {
        for line in text.lines() {
            for word in known.left(line) {
                let line = || (0, format!("{place}: {}", line.trim()));
                self.0.entry(word).or_insert_with(line).0 += 1;
            }
        }
    }

    fn none(self) {
        let mut all: Vec<_> = self.0.into_iter().collect();
        all.sort_by_key(|(_, (n, _))| std::cmp::Reverse(*n));
        let lines = all.iter().map(|(word, (n, line))| format!("{n:>5} {word:<14} {line}"));
        assert!(all.is_empty(), "left in English:\n{}", lines.collect::<Vec<_>>().join("\n"));
    }
}

fn themes() -> [Theme; 2] {
    [Theme::new(Depth::True, Glyphs::Unicode), Theme::new(Depth::None, Glyphs::Ascii)]
}

fn walk() -> State {
    let mut state = State::new(lesson(), themes()[0]);
    let format = |extension, is_animation| ExportFormat { extension, is_animation };
    let formats = ["svg", "png", "ansi", "txt"].map(|extension| format(extension, false));
    let formats = formats.into_iter().chain([format("gif", true)]).collect();
    state.exports = ExportOptions::new(formats, "/home/me".into());
    reading(SENTENCE).measure();
    update(&mut state, Action::Read(Ok(reading(SENTENCE))));
    state
}

/// Without the row of the step's title, which is the lesson's: its formula, and the paper.
fn without_title(screen: &str) -> String {
    let rows = screen.lines().enumerate().filter(|(row, _)| *row != 1);
    rows.map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_step_is_in_chinese() {
    let (known, mut left) = (Known::of(&reading(SENTENCE)), Left::default());
    let lesson = lesson();
    let steps = lesson.steps();
    let all: Vec<usize> = (0..steps.len()).collect();
    for (theme, size) in [(0, (120, 36)), (0, (80, 24)), (1, (200, 60))] {
        let size = Size::new(size.0, size.1);
        let walk = Walk::new(Arc::clone(&lesson), &reading(SENTENCE), vec![themes()[theme]], size);
        for shot in walk.shots(&all) {
            let place = format!("{} at {size}", shot.step().id);
            left.look(&known, &place, &without_title(&text(shot.buffer())));
            left.look(&known, &place, &shot.title());
            let words = shot.words();
            let is_lessons = |line: &&str| line.starts_with("公式：") || line.starts_with("出处：");
            let words: Vec<&str> = words.lines().filter(|line| !is_lessons(line)).collect();
            left.look(&known, &format!("{place}, in words"), &words.join("\n"));
        }
    }
    let mut opening = vec![];
    plain::opening(&reading(SENTENCE), Language::Chinese, &mut opening).unwrap();
    left.look(&known, "the opening", &String::from_utf8(opening).unwrap());
    left.none();
}

/// Without what a window cuts: words that touch its frame.
fn without_cut(screen: &str) -> String {
    let pieces = screen.lines().map(|line| {
        let parts: Vec<&str> = line.split(['│', '╭', '╮', '╰', '╯']).collect();
        let is_letter = |c: char| c.is_ascii_alphabetic();
        let trimmed = parts.iter().map(|part| part.trim_matches(is_letter));
        trimmed.collect::<Vec<_>>().join("│")
    });
    pieces.collect::<Vec<_>>().join("\n")
}

#[test]
fn windows_messages_and_opened_numbers_are_in_chinese() {
    let (known, mut left) = (Known::of(&reading(SENTENCE)), Left::default());
    let mut windows: Vec<String> =
        ["?", "? PgDn", "/", "b B", "i", "e", "e Tab", "w", ":", ": f", ": @ @", ": = x"]
            .map(str::to_owned)
            .into();
    // Every key, after nothing, in a matrix and in an opened number.
    for (Key { code, modifiers }, _) in keys() {
        if let crossterm::event::KeyCode::Char(c) = code
            && modifiers.is_empty()
        {
            windows.push(c.to_string());
            windows.push(format!("4 Right Enter {c}"));
        }
    }
    windows.extend(
        ["Tab Tab", "Up Up", "H H", "Enter", "Esc", "PgDn", "G Right", "g Left"].map(str::to_owned),
    );
    windows.extend((0..9).map(|chapter| format!("{chapter} Enter Enter")));
    for (i, _) in lesson().steps().iter().enumerate() {
        let mut state = walk();
        update(&mut state, Action::GoTo(i));
        press(&mut state, "Enter");
        left.look(
            &known,
            &format!("step {i} opened"),
            &without_title(&drawn_text(&state, 120, 36)),
        );
        press(&mut state, "Esc Tab Down");
        left.look(&known, &format!("step {i} Tab"), &without_title(&drawn_text(&state, 120, 36)));
    }
    for keys in &windows {
        let mut state = walk();
        press(&mut state, keys);
        for (width, height) in [(120, 36), (80, 24)] {
            let screen = drawn_text(&state, width, height);
            left.look(&known, keys, &without_cut(&without_title(&screen)));
        }
        left.look(&known, keys, message(&state));
    }
    let mut small = walk();
    small.size = Size::new(30, 8);
    left.look(&known, "too small", &drawn_text(&small, 30, 8));
    left.none();
}

/// The tables for people, without words in quotes, and the keys of files, which stay.
#[test]
fn tables_of_evidence_are_in_chinese() {
    const WIDE: &str = "The animal didn't cross the street because it was too wide.";
    let (mut known, mut left) = (Known::of(&reading(SENTENCE)), Left::default());
    known.0.extend(Known::of(&reading(WIDE)).0);
    let commands: [&[&str]; 8] = [
        &["attribute"],
        &["attribute", "--whole", "--by-word", "--model", "decoder_only"],
        &["patch", "--against", WIDE],
        &["diff", "--against", WIDE],
        &["heads"],
        &["heads", "--map", "rollout"],
        &["flow"],
        &["learn", "--steps", "1"],
    ];
    for asked in commands {
        let (command, options) = asked.split_first().unwrap();
        let args = [&[*command, SENTENCE, "--lang", "zh"], options].concat();
        let Run { code, out, err } = run(&args);
        assert_eq!(code, 0, "{args:?}: {err}");
        let unquoted = |line: &str| {
            let pieces =
                line.split('「').map(|piece| piece.rsplit('」').next().unwrap_or_default());
            let text = pieces.collect::<Vec<_>>().join(" ");
            text.replace("sgd", "").replace("Abnar and Zuidema", "")
        };
        let lines: Vec<String> = out.lines().map(unquoted).collect();
        left.look(&known, &args.join(" "), &lines.join("\n"));
        let english = run(&[&[*command, SENTENCE, "--format", "json"], options].concat()).out;
        let chinese = run(&[&args[..], &["--format", "json"]].concat()).out;
        assert!(english == chinese, "{args:?}: names for machines do not change");
    }
    left.none();
}

#[test]
fn columns_of_a_table_in_chinese_stand_below_their_heads() {
    let table = run(&["heads", SENTENCE, "--lang", "zh"]).out;
    let widths: Vec<usize> = table.lines().skip(2).take(9).map(UnicodeWidthStr::width).collect();
    assert!(widths.len() == 9 && widths.iter().all(|width| *width == widths[0]), "{table}");
    let table = run(&["attribute", SENTENCE, "--lang", "zh"]).out;
    let title = table.lines().position(|line| line.contains("积分梯度")).unwrap();
    let widths = table.lines().skip(title).take(5).map(UnicodeWidthStr::width);
    let widths: Vec<usize> = widths.collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
}

#[test]
fn a_changed_pass_and_unknown_words_are_described_in_chinese() {
    let mut left = Left::default();
    let changes: Changes =
        ["mask=off", "encoder.0.self_attn.head.1=off", "temperature=0.5", "sample=3", "top_k=5"]
            .map(|change| change.parse().unwrap())
            .into_iter()
            .collect();
    let changed = Arc::new(READER.read_changed(&reading(SENTENCE), changes).unwrap());
    let known = Known::of(&changed);
    let mut state = walk();
    state.passes.changes = (*changed.changes).clone();
    update(&mut state, Action::Read(Ok(Arc::clone(&changed))));
    for keys in ["", "v", "r", "4 Right", "6 Right Enter"] {
        press(&mut state, keys);
        left.look(&known, keys, &without_title(&drawn_text(&state, 120, 36)));
        left.look(&known, keys, message(&state));
    }
    let strange = Arc::new(READER.read("The zorblax sleeps.").unwrap());
    let known = Known::of(&strange);
    update(&mut state, Action::Read(Ok(strange)));
    left.look(&known, "unknown", message(&state));
    left.none();
}

/// The blanks of a text, sorted.
fn blanks(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect();
    names.sort_unstable();
    names
}

#[test]
fn translations_have_the_blanks_of_their_texts_and_each_is_used() {
    let mut files = vec![];
    crate::support::sources::rust_files("src".as_ref(), &mut files);
    let code: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for (english, chinese) in INTERFACE.iter() {
        assert_eq!(blanks(english), blanks(chinese), "{english}");
        let is_used = code.contains(&format!("{english:?}"));
        let order = include_str!("../../assets/lessons/lesson.toml");
        assert!(is_used || order.contains(&format!("title = {english:?}")), "unused: {english}");
    }
}

/// The forms of the refusals that a file of the program makes.
fn forms_of_refusals(code: &str) -> Vec<String> {
    let program = code.split("#[cfg(test)]").next().unwrap();
    let lines = program.lines().filter(|line| !line.trim_start().starts_with("//"));
    let program = lines.collect::<Vec<_>>().join("\n");
    let made = program.split("refusal!(").skip(1);
    let literals = made.filter_map(|made| made.trim_start().strip_prefix('"'));
    let form = |literal: &str| {
        let end = literal.match_indices('"').find(|(at, _)| !literal[..*at].ends_with('\\'));
        literal[..end.unwrap().0].replace("\\\"", "\"")
    };
    literals.map(form).collect()
}

#[test]
fn every_refusal_has_a_translation() {
    let mut files = vec![];
    crate::support::sources::rust_files("src".as_ref(), &mut files);
    let code = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let forms: Vec<String> = code.flat_map(|code| forms_of_refusals(&code)).collect();
    assert!(forms.len() > 30, "{forms:#?}");
    let untranslated: Vec<&String> =
        forms.iter().filter(|form| !INTERFACE.contains_key(*form)).collect();
    assert!(untranslated.is_empty(), "in one literal, with a translation: {untranslated:#?}");
}

#[test]
fn opened_sums_and_titles_quote_words_as_chinese_does() {
    let mut state = walk();
    let at = |state: &mut State, step: &str| {
        update(state, Action::GoTo(state.lesson.find(step).unwrap()));
    };
    at(&mut state, "softmax");
    press(&mut state, "Enter");
    let opened = drawn_text(&state, 120, 36);
    assert!(opened.contains('「') && !opened.contains('“'), "{opened}");
    press(&mut state, "Esc");
    at(&mut state, "probabilities");
    let words = INTERFACE.get("{name} “{word}”").unwrap();
    assert_eq!(words, "{name}「{word}」");
    assert!(!drawn_text(&state, 120, 36).contains('“'));
    // A term and its meaning.
    at(&mut state, "tokens");
    let all = Rect::new(0, 0, 200, 60);
    let (_, lines) = state.plan(all, &[]);
    let lines: Vec<String> =
        lines.iter().map(|line| line.iter().map(|piece| piece.text.as_str()).collect()).collect();
    assert!(lines.iter().any(|line| line.starts_with("词元：模型")), "{lines:#?}");
}

#[test]
fn the_description_of_a_checkpoint_is_in_chinese() {
    let checkpoint = Checkpoint::open("tests/goldens/checkpoints/llama3".as_ref()).unwrap();
    let reader = Reader::open(&checkpoint, true).unwrap();
    let reading = Arc::new(reader.read("The river was wide.").unwrap());
    let lesson = Lesson::for_checkpoint(Language::Chinese).unwrap();
    let lesson = lesson.fitting(reading.trace(ModelName::Checkpoint));
    let mut state = State::new(Arc::new(lesson), themes()[0]);
    update(&mut state, Action::Read(Ok(reading)));
    let card = state.panes()[0].in_words().lines.join("\n");
    assert!(card.contains("头：") && card.contains("个数") && card.contains("个词元"), "{card}");
    assert!(!card.contains("tokens") && !card.contains(" of "), "{card}");
}

/// What-ifs that are refused, as they are typed; the last ones are refused for the sentence.
const REFUSED: [&str; 16] = [
    "temperature=999",
    "temperature==",
    "sample=x",
    "beam=0",
    "top_k=0",
    "top_p=7",
    "rate=11",
    "learn=0",
    "place=x",
    "words=,",
    "patch=x",
    "mask=maybe",
    "token.1=",
    "token.99=dog",
    "encoder.7.ffn=off",
    "zzz=off",
];

#[test]
fn refused_what_ifs_are_in_chinese_without_backticks() {
    let (known, mut left) = (Known::of(&reading(SENTENCE)), Left::default());
    for what_if in REFUSED {
        let mut state = walk();
        let typed: Vec<String> = what_if.chars().map(String::from).collect();
        press(&mut state, &format!(": {}", typed.join(" ")));
        let row = drawn_text(&state, 200, 60);
        press(&mut state, "Enter");
        let message = message(&state);
        assert!(!message.is_empty() && !message.contains('`'), "{what_if}: {message}");
        assert!(!row.contains('`'), "{row}");
        let typed: Vec<&str> = what_if.split(['=', '.']).collect();
        let rest = typed.iter().fold(message.to_owned(), |rest, word| match *word {
            word if word.len() > 1 => rest.replace(word, ""),
            _ => rest,
        });
        left.look(&known, what_if, &rest);
    }
    left.none();
}

#[test]
fn a_model_without_a_mask_says_so() {
    let checkpoint = Checkpoint::open("tests/goldens/checkpoints/bert".as_ref()).unwrap();
    let reader = Reader::open(&checkpoint, true).unwrap();
    let reading = Arc::new(reader.read("The river was wide.").unwrap());
    for (language, says) in
        [(Language::English, "this model has no mask"), (Language::Chinese, "这个模型没有掩码")]
    {
        let lesson = Lesson::for_checkpoint(language).unwrap();
        let lesson = lesson.fitting(reading.trace(ModelName::Checkpoint));
        let mut state = State::new(Arc::new(lesson), themes()[0]);
        update(&mut state, Action::Read(Ok(Arc::clone(&reading))));
        let effect = press(&mut state, "m");
        assert!(effect.is_none() && message(&state) == says, "{}", message(&state));
    }
}
