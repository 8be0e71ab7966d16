//! Keys in, state out: what a person types, and where that leads.

use crate::support::{
    built_in::READER,
    walk::{self, drawn_text, message, press, text},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use lookback::{
    analysis::reading::Reading,
    engine::change::Changes,
    lesson::{Language, Lesson},
    render::frame::{Shot, Walk},
    ui::{
        app::{
            Action, Command, Effect, ExportFormat, ExportOptions, ExportRefusal, ExportRequest,
            ExportedFile, Overlay, ReadFailure, State, TypedKey, update,
        },
        keys::{self, KEYS},
        panes::View,
        plain::{self, PlainRange},
        screen,
        theme::{Depth, Glyphs, Theme},
    },
};
use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};
use unicode_width::UnicodeWidthStr;

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

/// Of these tests alone: its panes change once measures are taken.
static READING: LazyLock<Arc<Reading>> = LazyLock::new(|| Arc::new(READER.read(SENTENCE).unwrap()));

fn walk() -> State {
    walk_in(Language::English)
}

fn walk_in(language: Language) -> State {
    walk::over(Arc::clone(&READING), language)
}

fn after(keys: &str) -> State {
    let mut state = walk();
    press(&mut state, keys);
    state
}

fn id(state: &State) -> &str {
    &state.current().1.id
}

#[test]
fn every_way_to_go_on_and_back_is_the_same() {
    let second = id(&after("Right")).to_owned();
    assert_ne!(second, id(&walk()));
    for keys in ["l", "n", "Space", "Right Right Left", "l l h", "n n p", "l l Backspace"] {
        assert_eq!(id(&after(keys)), second, "{keys}");
    }
}

#[test]
fn chapters_are_reached_by_number_and_by_brace() {
    for chapter in 0..=8 {
        let state = after(&chapter.to_string());
        assert_eq!(state.current().0, chapter);
        assert_eq!(Some(state.nav.step), state.first_of(chapter));
    }
    assert_eq!(after("} }").current().0, 2);
    assert_eq!(after("} } {").current().0, 1);
    assert_eq!(after("2 l l {").nav.step, after("2").nav.step, "first to the chapter's beginning");
}

#[test]
fn the_walk_has_ends() {
    let state = after("G");
    assert_eq!(state.nav.step + 1, state.n_steps());
    assert!(message(&after("G l")).contains("last step"));
    assert!(message(&after("h")).contains("first step"));
    assert_eq!(after("G g").nav.step, 0);
}

#[test]
fn the_cursor_starts_on_the_pronoun() {
    let mut state = walk();
    state.enter(state.lesson.find("scores").unwrap());
    assert_eq!(state.word().unwrap().text, "it");
    press(&mut state, "k");
    assert_eq!(state.word().unwrap().text, "because");
    press(&mut state, "l");
    assert_eq!(state.word().unwrap().text, "because", "a picked row stays through the chapter");
}

#[test]
fn the_cursor_stays_inside_its_pane() {
    let mut state = walk();
    state.enter(state.lesson.find("scores").unwrap());
    press(&mut state, &"j ".repeat(40));
    assert_eq!(state.nav.selection.row + 1, READING.sentence.tokens.len());
    assert!(message(&state).contains("last row"));
    press(&mut state, &"L ".repeat(40));
    assert_eq!(state.nav.selection.col + 1, READING.sentence.tokens.len());
    assert!(message(&state).contains("last column"));
}

#[test]
fn layers_and_heads_persist_and_have_bounds() {
    let mut state = walk();
    state.enter(state.lesson.find("scores").unwrap());
    assert_eq!((state.n_layers(), state.planes().unwrap().1), (2, 4));
    press(&mut state, "] . .");
    assert_eq!((state.nav.selection.layer, state.nav.selection.head), (1, 2));
    press(&mut state, "] ]");
    assert_eq!(state.nav.selection.layer, 1);
    assert!(message(&state).contains("layers are 0 to 1"));
    press(&mut state, ". . .");
    assert_eq!(state.nav.selection.head, 3);
    press(&mut state, "[ , ,");
    assert_eq!((state.nav.selection.layer, state.nav.selection.head), (0, 1));
}

/// The walk with `--at`, with the arrow keys, by a jump, in a frame and with `--linear`.
#[test]
fn what_is_selected_at_a_step_does_not_depend_on_the_way_there() {
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    READING.measure();
    let mut walked = walk();
    let (theme, size) = (Theme::default(), (120, 36).into());
    let walk_of_frames = Walk::new(Arc::clone(&lesson), &READING, vec![theme], size);
    let all: Vec<usize> = (0..lesson.steps().len()).collect();
    let frames: Vec<Shot> = walk_of_frames.shots(&all).collect();
    for (i, (_, step)) in lesson.steps().iter().enumerate() {
        let mut begun = State::new(Arc::clone(&lesson), Theme::default());
        begun.nav.step = i;
        update(&mut begun, Action::Read(Ok(Arc::clone(&READING))));
        let mut jumped = walk();
        update(&mut jumped, Action::GoTo(i));
        assert_eq!(walked.nav.selection, begun.nav.selection, "{}: arrows and --at", step.id);
        assert_eq!(walked.nav.selection, jumped.nav.selection, "{}: arrows and a jump", step.id);
        assert_eq!(Shot::of(&begun, size, &[theme]).unwrap().words(), frames[i].words());
        let mut linear = vec![];
        let range = PlainRange { from: i, in_tour: false };
        plain::walk(&lesson, &READING, range, View::default(), &mut linear).unwrap();
        let words = frames[i].words();
        let (_, words) = words.split_once("## Step").unwrap();
        assert!(
            String::from_utf8_lossy(&linear).contains(words),
            "{}: frames and --linear",
            step.id
        );
        press(&mut walked, "Right");
    }
    let masked = &frames[lesson.find("masked-softmax").unwrap()];
    assert!(masked.words().contains("In head 2,"), "{}", masked.words());
}

#[test]
fn focus_goes_round_the_panes() {
    let mut state = walk();
    let steps = state.lesson.steps();
    let three = steps.iter().position(|(_, step)| step.panes.len() == 3).unwrap();
    state.enter(three);
    press(&mut state, "Tab");
    assert_eq!(state.nav.focus, 1);
    press(&mut state, "S-Tab S-Tab");
    assert_eq!(state.nav.focus, 2);
    press(&mut state, "Tab");
    assert_eq!(state.nav.focus, 0);
}

#[test]
fn another_sentence_is_typed_and_read() {
    let mut state = walk();
    press(&mut state, "i C-u");
    assert!(matches!(&state.overlay, Overlay::Edit { sentence } if sentence.value().is_empty()));
    let effect = press(&mut state, "q u i t Enter");
    assert_eq!(
        effect,
        Some(Effect::Read { sentence: "quit".into(), changes: Changes::default() }),
        "q is a letter here"
    );
    assert_eq!(state.passes.pending.as_deref(), Some("quit"));
    let reading = READER.read("The dog.").unwrap();
    update(&mut state, Action::Read(Ok(Arc::new(reading))));
    assert!(state.passes.pending.is_none());
    assert!(state.nav.selection.row < 3);
}

#[test]
fn a_sentence_that_cannot_be_read_is_not_lost() {
    let mut state = walk();
    press(&mut state, "i");
    update(&mut state, Action::Paste(" dog".repeat(100)));
    let typed = drawn_text(&state, 80, 24);
    assert!(typed.contains("the limit is 96"), "said before Enter\n{typed}");
    let Some(Effect::Read { sentence, .. }) = press(&mut state, "Enter") else {
        panic!("it is read")
    };
    let why = READER.read(&sentence).err().unwrap();
    let unread = ReadFailure { sentence: sentence.clone(), why: Arc::new(why) };
    update(&mut state, Action::Read(Err(unread)));
    assert!(message(&state).contains("the limit is 96"));
    assert!(matches!(&state.overlay, Overlay::Edit { sentence: s } if s.value() == sentence));
    press(&mut state, "Esc");
    assert_eq!(state.passes.reading.unwrap().sentence.text, SENTENCE);
}

#[test]
fn a_late_refusal_does_not_move_the_user_back() {
    let mut state = walk();
    press(&mut state, "i C-u d o g Enter : s o f t");
    let unread =
        ReadFailure { sentence: "dog".into(), why: Arc::new(anyhow::anyhow!("it cannot be read")) };
    update(&mut state, Action::Read(Err(unread)));
    assert!(message(&state).contains("it cannot be read"));
    assert!(matches!(state.overlay, Overlay::Palette { .. }), "the palette stays");

    // Nor does one of a sentence before the one that is being read.
    press(&mut state, "Esc i C-u c a t Enter");
    let unread =
        ReadFailure { sentence: "dog".into(), why: Arc::new(anyhow::anyhow!("it cannot be read")) };
    update(&mut state, Action::Read(Err(unread)));
    assert_eq!(state.passes.pending.as_deref(), Some("cat"));
}

#[test]
fn pasting_over_the_walk_edits_what_was_pasted() {
    let mut state = walk();
    update(&mut state, Action::Paste("two\nlines\u{1b}[2J".into()));
    assert!(
        matches!(&state.overlay, Overlay::Edit { sentence } if sentence.value() == "two lines\u{1b}[2J")
    );
}

#[test]
fn a_step_is_found_by_a_part_of_its_name() {
    let state = after("/ s o f t m a x Down Up Enter");
    assert!(id(&state).contains("softmax") || state.current().1.title.contains("oftmax"));
    assert!(matches!(state.overlay, Overlay::None));
    assert!(message(&after("/ z z z z Enter")).contains("no step matches"));
}

#[test]
fn esc_and_q_leave_what_is_on_top() {
    for keys in ["? Esc", "? q", "? ?", "/ Esc", "i Esc"] {
        let mut state = walk();
        assert_eq!(press(&mut state, keys), None, "{keys}");
        assert!(matches!(state.overlay, Overlay::None), "{keys}");
    }
    assert_eq!(press(&mut walk(), "q"), Some(Effect::Quit));
    for keys in ["C-c", "? C-c", "i C-c", "/ C-c"] {
        assert_eq!(press(&mut walk(), keys), Some(Effect::Quit), "{keys}");
    }
    assert_eq!(press(&mut walk(), "i C-z"), Some(Effect::Suspend));
}

#[test]
fn the_shelf_has_sentences_that_can_be_read_and_is_offered_while_typing() {
    let mut state = walk();
    let shelf = state.lesson.shelf.clone();
    assert!(shelf.len() >= 24, "{}", shelf.len());
    for sentence in &shelf {
        READER.tokenizer().sentence(&sentence.text).unwrap();
    }
    press(&mut state, "i");
    let typed = |state: &State| match &state.overlay {
        Overlay::Edit { sentence } => sentence.value().to_owned(),
        _ => panic!("no sentence is typed"),
    };
    update(&mut state, Action::Paste(" x".into()));
    for sentence in shelf.iter().chain(&shelf[..1]) {
        press(&mut state, "Down");
        assert_eq!(typed(&state), sentence.text);
        assert!(drawn_text(&state, 120, 36).contains(&sentence.shows), "{}", sentence.shows);
    }
    press(&mut state, "Up Up");
    assert_eq!(typed(&state), shelf[shelf.len() - 2].text);
    let Some(Effect::Read { sentence, .. }) = press(&mut state, "Enter") else {
        panic!("it is read")
    };
    assert_eq!(sentence, shelf[shelf.len() - 2].text);
}

#[test]
fn the_star_pair_is_one_key_away_and_changes_its_last_word() {
    let mut state = walk();
    let Some(Effect::Read { sentence: first, .. }) = press(&mut state, "*") else {
        panic!("it is read")
    };
    update(&mut state, Action::Read(Ok(Arc::new(READER.read(&first).unwrap()))));
    let Some(Effect::Read { sentence: second, .. }) = press(&mut state, "*") else {
        panic!("it is read")
    };
    let mut both = [first, second];
    both.sort();
    assert_eq!(both, lookback::analysis::reading::STAR_PAIR);
    for sentence in both {
        assert!(state.lesson.shelf.iter().any(|known| known.text == sentence), "{sentence}");
    }
}

#[test]
fn a_key_that_does_nothing_says_so() {
    assert!(message(&after("$")).contains("$ does nothing here"));
    assert!(message(&after("$ l")).is_empty(), "the next key clears it");
}

#[test]
fn no_key_is_bound_twice() {
    let keys: Vec<_> = keys::keys().map(|(key, _)| format!("{key:?}")).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
}

/// A command added to the enum does not compile here until it is named.
fn name(command: Command) -> &'static str {
    match command {
        Command::NextStep => "next step",
        Command::PreviousStep => "previous step",
        Command::NextChapter => "next chapter",
        Command::PreviousChapter => "previous chapter",
        Command::Chapter(_) => "chapter",
        Command::FirstStep => "first step",
        Command::LastStep => "last step",
        Command::NextPane => "next pane",
        Command::PreviousPane => "previous pane",
        Command::Move(..) => "move",
        Command::Layer(_) => "layer",
        Command::Head(_) => "head",
        Command::Page(_) => "page",
        Command::Screen(..) => "screen",
        Command::Zoom(_) => "zoom",
        Command::Sort => "sort",
        Command::FindCell => "find a cell",
        Command::FindAgain => "find it again",
        Command::RunFinder(_) => "run finder",
        Command::Lab => "lab",
        Command::Edit => "edit",
        Command::StarPair => "star pair",
        Command::Export => "export",
        Command::Copy => "copy",
        Command::Find => "find",
        Command::Palette => "palette",
        Command::ToggleWhatIf(_) => "toggle what-if",
        Command::Learn(_) => "learn",
        Command::Type(TypedKey::Target) => "teach",
        Command::Type(TypedKey::EvidenceWords) => "ask",
        Command::Reset => "reset",
        Command::Difference => "difference",
        Command::FirstDifference => "first difference",
        Command::Type(TypedKey::OtherSentence) => "other sentence",
        Command::Follow => "follow a word",
        Command::View(_) => "view",
        Command::Work => "work",
        Command::Type(TypedKey::Number) => "set number",
        Command::Type(TypedKey::Temperature) => "temperature",
        Command::Help => "help",
        Command::Deeper => "deeper",
        Command::Glossary => "glossary",
        Command::Tour => "tour",
        Command::Questions => "questions",
        Command::Unfold => "unfold",
        Command::Play => "play",
        Command::Pace(_) => "pace",
        Command::Accept => "accept",
        Command::Leave => "leave",
        Command::Bookmark => "bookmark",
        Command::Bookmarks => "bookmarks",
        Command::Resume => "resume",
        Command::NextTheme => "next theme",
        Command::Suspend => "suspend",
        Command::Quit => "quit",
        Command::QuitNow => "quit now",
    }
}

#[test]
fn every_command_is_in_the_help_and_every_row_of_it_is_drawn_whole() {
    let bound: BTreeSet<_> = keys::keys().map(|(_, command)| name(command)).collect();
    assert_eq!(bound.len(), 55, "{bound:?}");
    let help = drawn_text(&after("?"), 80, 24) + &drawn_text(&after("? PgDn PgDn PgDn"), 80, 24);
    for binding in KEYS {
        assert!(help.contains(binding.shown) && help.contains(binding.help), "{}", binding.help);
    }
}

#[test]
fn every_step_is_drawn_at_every_size() {
    let mut state = walk();
    for step in 0..state.n_steps() {
        state.enter(step);
        for (width, height) in [(1, 1), (40, 10), (80, 24), (120, 36), (200, 60), (80, 100)] {
            let screen = drawn_text(&state, width, height);
            let fits = width >= 80 && height >= 24;
            assert_eq!(screen.contains(&state.current().1.title), fits, "{}", id(&state));
        }
    }
}

#[test]
fn a_screen_that_is_too_small_says_what_it_needs() {
    assert!(drawn_text(&walk(), 79, 24).contains("Lookback needs 80x24, this terminal is 79x24"));
    assert!(drawn_text(&walk(), 30, 5).contains("this terminal is 30x5"));
}

#[test]
fn control_characters_never_reach_the_screen() {
    let mut state = walk();
    update(&mut state, Action::Paste("a\u{1b}[2J\u{7}\u{202e}b".into()));
    let screen = drawn_text(&state, 80, 24);
    assert!(screen.contains("a␛[2J␇<U+202E>b"));
    assert!(!screen.chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn without_unicode_the_frame_and_its_marks_are_ascii() {
    use lookback::ui::theme::{Depth, Glyphs};
    let mut state = after("3 l l l l");
    state.theme = Theme::new(Depth::None, Glyphs::Ascii);
    for keys in ["l", "?", "Esc /", "Esc i"] {
        press(&mut state, keys);
        let drawn = drawn_text(&state, 80, 24);
        let mark = drawn.chars().find(|c| "╭╮╰╯─│→←↑↓▴▾▸·…●".contains(*c));
        assert_eq!(mark, None, "{drawn}");
    }
}

#[test]
fn the_gradient_is_about_words_of_the_source() {
    let mut state = walk();
    state.enter(state.lesson.find("influence").unwrap());
    assert_eq!(state.word().unwrap().text, READING.sentence.tokens[state.nav.selection.row].text);
}

#[test]
fn before_the_first_reading_there_is_a_frame_and_keys_do_no_harm() {
    let mut state =
        State::new(Arc::new(Lesson::embedded(Language::English).unwrap()), Theme::default());
    press(&mut state, "l j L ] . Tab PgDn ? Esc / Esc");
    assert!(drawn_text(&state, 80, 24).contains("reading the sentence …"));
}

/// A wide character takes its own cell and the next one; whatever stands there would not be seen.
#[test]
fn wide_characters_hide_nothing_and_stay_on_the_screen() {
    let mut state = walk_in(Language::Chinese);
    let mut n_wide = 0;
    for (width, height) in [(80, 24), (81, 25), (120, 36)] {
        for step in 0..state.n_steps() {
            state.enter(step);
            for keys in ["Esc", "/", "Esc i", "Esc ?", "Esc"] {
                press(&mut state, keys);
                let area = Rect::new(0, 0, width, height);
                let mut buf = Buffer::empty(area);
                screen::draw(&state, area, &mut buf);
                for (x, y) in area.positions().map(|at| (at.x, at.y)) {
                    if buf[(x, y)].symbol().width() > 1 {
                        n_wide += 1;
                        assert!(x + 1 < width, "{width}x{height}, step {step}, {keys}");
                        let next = buf[(x + 1, y)].symbol();
                        assert_eq!(next, " ", "{width}x{height}, step {step}, {keys}, {x},{y}");
                    }
                }
            }
        }
    }
    assert!(n_wide > 10_000, "only {n_wide} wide characters were seen");
}

#[test]
fn steps_are_found_by_their_chinese_titles_and_listed_in_columns() {
    let mut state = walk_in(Language::Chinese);
    press(&mut state, "/ 归 一 化");
    let found = drawn_text(&state, 80, 24);
    for id in ["layer-norm", "residual-stream"] {
        assert!(found.contains(&format!(" {id} ")), "{found}");
    }
    press(&mut state, "Enter");
    assert!(state.current().1.title.contains("归一化"));
}

/// At `it-looks`, where frames can be written in two formats, and films in a third.
fn with_exports() -> State {
    let mut state = walk();
    let formats = [("txt", false), ("svg", false), ("gif", true)];
    let formats = formats.map(|(extension, is_animation)| ExportFormat { extension, is_animation });
    state.exports = ExportOptions::new(formats.to_vec(), "/home/ada/\u{1b}[2Jslides".into());
    state.enter(state.lesson.find("it-looks").unwrap());
    state
}

/// What stands in the prompt; nothing if there is none.
fn to(state: &State) -> &str {
    let Overlay::Export(prompt) = &state.overlay else { return "" };
    prompt.path.value()
}

fn spelled(text: &str) -> String {
    text.chars().flat_map(|c| [c, ' ']).collect()
}

fn order(path: &str, extension: &'static str, replaces: bool) -> Effect {
    Effect::Export(ExportRequest { path: path.into(), extension, replaces })
}

fn wrote(path: &str) -> Action {
    Action::Exported(Ok(ExportedFile { path: path.into(), message: format!("wrote {path}") }))
}

#[test]
fn a_frame_is_offered_under_the_name_that_files_of_its_step_have() {
    let mut state = with_exports();
    let name = format!("./{}.svg", state.lesson.file_stem(state.nav.step));
    assert_eq!(press(&mut state, "e"), Some(Effect::FindFreePath(name.clone())));
    assert_eq!(to(&state), name);
    let by_name = press(&mut state, &format!("Esc : {} Enter", spelled("exportthisframe")));
    assert_eq!(by_name, Some(Effect::FindFreePath(name.clone())));
    let free = name.replace(".svg", "-2.svg");
    update(&mut state, Action::FreePathFound(free.clone()));
    assert_eq!(to(&state), free);
    let screen = drawn_text(&state, 80, 24);
    for text in ["Export this frame", &free, "in /home/ada/␛[2Jslides", "as .txt .svg "] {
        assert!(screen.contains(text), "{text}\n{screen}");
    }
    assert_eq!(press(&mut state, "Enter"), Some(order(&free, "svg", false)));
    assert_eq!(to(&state), "");
    assert!(message(&state).contains("writing ./"));
    update(&mut state, wrote(&free));
    assert_eq!(message(&state), format!("wrote {free}"));
    update(&mut state, Action::Exported(Err("the disk is full".into())));
    assert_eq!(message(&state), "the disk is full");
}

#[test]
fn tab_changes_the_form_and_the_walk_remembers_it() {
    let mut state = with_exports();
    press(&mut state, "e");
    update(&mut state, Action::FreePathFound("./taken-2.svg".into()));
    let name = format!("./{}.txt", state.lesson.file_stem(state.nav.step));
    assert_eq!(
        press(&mut state, "Tab"),
        Some(Effect::FindFreePath(name.clone())),
        "a name of ours"
    );
    assert_eq!(to(&state), name);
    assert_eq!(press(&mut state, &format!("C-u {}", spelled("a.TXT"))), None);
    press(&mut state, "Tab");
    assert_eq!(to(&state), "a.svg", "a name of theirs; no film is offered");
    update(&mut state, Action::FreePathFound("./other.svg".into()));
    assert_eq!(to(&state), "a.svg", "an answer that comes late changes nothing");
    press(&mut state, "S-Tab");
    assert_eq!(to(&state), "a.txt");
    for (typed, then) in
        [("a", "a.svg"), ("a.", "a.svg"), ("a.gif", "a.svg"), ("d/x.y", "d/x.y.svg")]
    {
        press(&mut state, &format!("C-u {} Tab", spelled(typed)));
        assert_eq!(to(&state), then);
    }
    press(&mut state, &format!("C-u {} Enter", spelled("~/talk/a.txt")));
    update(&mut state, wrote("~/talk/a.txt"));
    press(&mut state, "l e");
    assert_eq!(to(&state), format!("~/talk/{}.txt", state.lesson.file_stem(state.nav.step)));
    assert!(drawn_text(&state, 80, 24).contains("in ~/talk "));
}

#[test]
fn what_cannot_be_written_is_refused_in_the_prompt() {
    for (typed, why) in [
        ("a.gif", "lookback export --out walk.gif writes it"),
        ("a.bmp", "use one of .txt .svg"),
        ("a", "use one of .txt .svg"),
        ("slides/", "the file needs a name"),
        ("slides/.svg", "the file needs a name"),
        ("", "the name is empty"),
    ] {
        let mut state = with_exports();
        assert_eq!(press(&mut state, &format!("e C-u {} Enter", spelled(typed))), None, "{typed}");
        assert!(message(&state).contains(why), "{typed}: {}", message(&state));
        assert_eq!(to(&state), typed);
        assert_eq!(
            drawn_text(&state, 80, 24).matches(why).count(),
            1,
            "{typed}: shown once, in full"
        );
        press(&mut state, "Esc");
        assert!(matches!(state.overlay, Overlay::None));
    }
}

#[test]
fn a_file_that_is_there_is_replaced_after_asking() {
    let refusal = || ExportRefusal {
        path: "a.svg".into(),
        why: "a.svg exists; a-2.svg is free; Enter again replaces it".into(),
        exists: true,
    };
    let mut state = with_exports();
    let typed = format!("e C-u {} Enter", spelled("a.svg"));
    assert_eq!(press(&mut state, &typed), Some(order("a.svg", "svg", false)));
    update(&mut state, Action::ExportRefused(refusal()));
    assert_eq!(to(&state), "a.svg");
    assert!(drawn_text(&state, 80, 24).contains("Enter again replaces it"));
    assert_eq!(press(&mut state, "Enter"), Some(order("a.svg", "svg", true)));
    update(&mut state, Action::ExportRefused(refusal()));
    press(&mut state, &format!("C-u {}", spelled("b.svg")));
    assert_eq!(press(&mut state, "Enter"), Some(order("b.svg", "svg", false)), "another name");
    update(&mut state, Action::ExportRefused(ExportRefusal { exists: false, ..refusal() }));
    assert_eq!(
        press(&mut state, "Enter"),
        Some(order("a.svg", "svg", false)),
        "nothing to replace"
    );
}

#[test]
fn a_frame_needs_something_read_and_somewhere_to_go() {
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    let mut state = State::new(lesson, Theme::default());
    for keys in ["e", "y"] {
        assert_eq!(press(&mut state, keys), None);
        assert!(message(&state).contains("nothing is read yet"), "{}", message(&state));
    }
    assert!(message(&after("e")).contains("lookback export"), "no formats are known");
    let mut small = with_exports();
    update(&mut small, Action::Resize(Size::new(40, 10)));
    assert_eq!(press(&mut small, "e"), None, "a prompt that is not seen would swallow keys");
    assert_eq!(to(&small), "");
}

#[test]
fn the_frame_that_is_exported_is_what_was_in_view() {
    let mut state = with_exports();
    press(&mut state, "j L Enter j");
    let (before, opened) = (drawn_text(&state, 80, 24), state.inspector.levels.len());
    press(&mut state, "e");
    assert_ne!(drawn_text(&state, 80, 24), before);
    state.message =
        Some(lookback::ui::app::Message { text: "hello".into(), key_hint: None, is_error: false });
    let theme = state.theme;
    let shot = Shot::of(&state, (80, 24).into(), &[theme]).unwrap();
    assert_eq!(text(shot.buffer()), before);
    assert!(
        shot.words().contains("\n\nOpened: encoder.1.self_attn.weights[2,9,"),
        "{}",
        shot.words()
    );
    assert_eq!(state.inspector.levels.len(), opened);
    assert!(state.is_exporting() && message(&state) == "hello", "the state is left as it was");
}

#[test]
fn a_moving_picture_stands_still_while_its_name_is_typed() {
    use std::time::Duration;
    let mut state = with_exports();
    state.animation.motion = lookback::ui::app::Motion::Moving(Duration::ZERO);
    state.enter(state.lesson.find("softmax").unwrap());
    let tick = || Action::Tick(Duration::from_millis(300));
    update(&mut state, tick());
    assert_eq!(state.animation.beat, Some(1));
    press(&mut state, "e");
    update(&mut state, tick());
    assert!(state.animation.beat.is_none() && !state.wants_ticks(), "the frame is whole");
}

#[test]
fn words_of_a_question_do_not_answer_it() {
    let mut state = with_exports();
    state.guide.asks_questions = true;
    state.enter(state.nav.step);
    let quiz = state.guide.quiz.clone().unwrap();
    press(&mut state, "e");
    assert!(state.is_exporting() && state.guide.quiz.is_some());
    press(&mut state, "Esc");
    let theme = state.theme;
    let words = |state: &State| Shot::of(state, (80, 24).into(), &[theme]).unwrap().words();
    let asked = words(&state);
    assert!(
        quiz.asked.options.iter().all(|option| asked.contains(&format!("- {option}"))),
        "{asked}"
    );
    press(&mut state, "Enter");
    let shown = words(&state);
    assert!(shown.contains("Formula:") && !asked.contains("Formula:"), "{asked}");
}

/// The step `scores`, with panes of all heads in the place of its own.
fn walk_of_heads(kind: lookback::lesson::PaneKind) -> State {
    let mut lesson = Lesson::embedded(Language::English).unwrap();
    let step = lesson.find("scores").unwrap();
    let (chapter, first) = (lesson.steps()[step].0, lesson.steps()[step].1.id.clone());
    let steps = &mut lesson.chapters[chapter].steps;
    let step = steps.iter_mut().find(|step| step.id == first).unwrap();
    step.panes.truncate(1);
    step.panes[0].kind = kind;
    step.panes[0].site = Some("encoder.{layer}.self_attn.weights".into());
    READING.waiting().heads();
    let mut state = State::new(Arc::new(lesson), Theme::default());
    update(&mut state, Action::Resize(Size::new(120, 36)));
    update(&mut state, Action::Read(Ok(Arc::clone(&READING))));
    state.enter(state.lesson.find("scores").unwrap());
    state
}

#[test]
fn the_cursor_of_a_wall_walks_over_heads_and_enter_goes_into_one() {
    let mut state = walk_of_heads(lookback::lesson::PaneKind::Wall);
    let row = state.nav.selection.row;
    press(&mut state, "Down L L");
    assert_eq!((state.nav.selection.layer, state.nav.selection.head), (1, 2));
    assert_eq!(state.nav.selection.row, row, "the word stays");
    press(&mut state, "Down");
    assert!(message(&state).contains("no more heads"), "{}", message(&state));
    press(&mut state, "Enter");
    let title = state.panes()[0].title().to_string();
    assert!(title.contains("encoder.1.self_attn.weights · head 2"), "{title}");
    press(&mut state, ". [");
    assert_eq!((state.nav.selection.layer, state.nav.selection.head), (0, 3));
    press(&mut state, "Enter");
    assert!(state.opened().is_some(), "a number of the matrix opens");
    press(&mut state, "Esc Esc");
    assert!(state.panes()[0].title().to_string().contains("layer 0 head 3"));
    press(&mut state, "Enter Right");
    assert!(state.nav.zoomed.is_none(), "another step shows its own panes");
}

#[test]
fn the_table_of_heads_is_sorted_and_walked_in_its_order() {
    let mut state = walk_of_heads(lookback::lesson::PaneKind::HeadTable);
    let heads = &READING.heads().unwrap()[&lookback::model::ModelName::Transformer];
    let own = heads.iter().filter(|head| head.path.starts_with("encoder"));
    let entropy = |head: &&lookback::analysis::measure::heads::Summary| head.figures.entropy;
    let most = own.max_by(|a, b| entropy(a).total_cmp(&entropy(b))).unwrap();
    press(&mut state, "J J S");
    let first = (state.nav.selection.layer, state.nav.selection.head);
    assert_eq!(first, (most.layer, most.head), "another order is seen from its first row");
    assert!(drawn_text(&state, 120, 36).contains("largest entropy first"));
    assert!(message(&after("S")).contains("nothing to sort here"));
}

#[test]
fn the_steps_of_a_beam_stand_beside_each_other_and_are_walked_by_both_kinds_of_keys() {
    let changes: Changes = ["beam=4".parse().unwrap()].into_iter().collect();
    let changed = READER.read_changed(&READING, changes).unwrap();
    let mut state = walk();
    update(&mut state, Action::Read(Ok(Arc::new(changed))));
    state.enter(state.lesson.find("beam-search").unwrap());
    assert_eq!(state.nav.selection.row, 0);
    press(&mut state, "L L L L L j");
    assert_eq!(state.nav.selection.row, 6);
    let shown = drawn_text(&state, 80, 24);
    assert!(shown.contains("step 7 ") && shown.contains("step 7 of "), "{shown}");
    press(&mut state, "H k");
    assert_eq!(state.nav.selection.row, 4);
    press(&mut state, "J J J J");
    assert!(message(&state).contains("last row"), "{}", message(&state));
}

#[test]
fn translations_that_do_not_fit_are_counted_and_walked_to() {
    let long = "The old man who lives in the small house near the river did not want to sell it \
                because he was too tired and the children were very sad .";
    let mut state = walk();
    update(&mut state, Action::Read(Ok(Arc::new(READER.read(long).unwrap()))));
    state.enter(state.lesson.find("attention-translation").unwrap());
    let shown = drawn_text(&state, 80, 24);
    assert!(shown.contains("English") && shown.contains(" more below"), "{shown}");
    press(&mut state, &"Down ".repeat(5));
    let shown = drawn_text(&state, 80, 24);
    assert!(shown.contains("more above") && !shown.contains("more below"), "{shown}");
    let last = state
        .passes
        .reading
        .as_ref()
        .unwrap()
        .trace(lookback::model::ModelName::TransformerUnguided);
    let word = last.output_text.split_whitespace().last().unwrap();
    let at = shown.find("Transformer, unguided").unwrap();
    assert!(shown[at..].contains(word), "{word}: {shown}");
}

#[test]
fn matrices_are_seen_from_near_and_far() {
    use lookback::ui::widgets::heat::Zoom;
    let mut state = walk();
    // Where its cells have numbers.
    update(&mut state, Action::Resize(Size::new(200, 60)));
    state.enter(state.lesson.find("scores").unwrap());
    let at = state.nav.selection;
    press(&mut state, "Z");
    assert_eq!(state.nav.view.zoom, Zoom::Cells);
    press(&mut state, "Z Z");
    assert_eq!(state.nav.view.zoom, Zoom::Overview);
    assert!(message(&state).contains("whole matrix"), "{}", message(&state));
    press(&mut state, "z z z");
    assert_eq!(state.nav.view.zoom, Zoom::Numbers);
    assert!(message(&state).contains("the closest scale"), "{}", message(&state));
    assert_eq!(state.nav.selection, at, "the cursor keeps its cell");
    press(&mut state, "K");
    assert_eq!(state.nav.selection.row, 0);
    press(&mut state, "J J J");
    assert_eq!(state.nav.selection.row + 1, READING.sentence.tokens.len());
}

#[test]
fn cells_are_found_by_name_and_the_next_by_a_key() {
    let mut state = walk();
    state.enter(state.lesson.find("softmax").unwrap());
    press(&mut state, "f");
    assert!(matches!(&state.overlay, Overlay::Palette { query, .. } if query.value() == "find: "));
    press(&mut state, "l a r g e s t Space c e l l Enter");
    assert!(message(&state).contains("the largest cell: encoder."), "{}", message(&state));
    let shown = |state: &State| {
        let at = state.nav.selection;
        state.panes()[state.nav.focus].cursor_cell(at.row, at.col).unwrap().value
    };
    let largest = shown(&state);
    press(&mut state, "F");
    assert!(message(&state).contains("2 of 100"), "{}", message(&state));
    assert!(shown(&state) <= largest);
    press(&mut state, "f N a N Enter");
    assert!(message(&state).contains("there is none here"), "{}", message(&state));
}

#[test]
fn a_sentence_that_does_not_fit_has_a_sign_where_it_is_cut() {
    let long = "The old man who lives in the small house near the river did not want to sell it \
                because he was too tired and the children were very sad.";
    let mut state = walk();
    update(&mut state, Action::Read(Ok(Arc::new(READER.read(long).unwrap()))));
    state.enter(state.lesson.find("scores").unwrap());
    let n = state.passes.reading.as_ref().unwrap().sentence.tokens.len();
    for (glyphs, sign) in [(Glyphs::Unicode, "…"), (Glyphs::Ascii, "...")] {
        state.theme = Theme::new(Depth::True, glyphs);
        for row in 0..n {
            state.nav.selection.row = row;
            let screen = drawn_text(&state, 100, 36);
            let line = screen.lines().nth(4).unwrap();
            let (has_first, has_last) = (line.starts_with(" The old"), line.contains(" sad "));
            assert_eq!(line.starts_with(&format!(" {sign} ")), !has_first, "{row}: {line}");
            assert_eq!(line.trim_end().ends_with(&format!(" {sign}")), !has_last, "{row}: {line}");
            assert!(line.contains(&state.word().unwrap().text), "{row}: {line}");
        }
    }
}

#[test]
fn heads_that_are_knocked_out_are_sorted_by_their_effect() {
    let mut state = walk();
    READING.measure();
    state.enter(state.lesson.find("heads").unwrap());
    press(&mut state, "Tab");
    let listed = |state: &State| -> Vec<String> {
        let screen = drawn_text(state, 120, 48);
        let rows = screen.lines().skip_while(|line| !line.contains("head off")).skip(1);
        let name = |row: &str| {
            let (_, rest) = row.rsplit_once("head ")?;
            Some(rest.split_whitespace().next()?.to_owned())
        };
        rows.map_while(name).collect()
    };
    let in_order = ["0", "1", "2", "3"];
    assert_eq!(listed(&state), in_order, "{}", drawn_text(&state, 120, 48));
    press(&mut state, "S");
    assert!(message(&state).contains("largest effect first"), "{}", message(&state));
    let heads = &READING.knock_outs().unwrap()[&lookback::model::ModelName::Transformer]["encoder.0.self_attn"];
    let mut want: Vec<_> = heads.iter().map(|head| (head.change.abs(), head.head)).collect();
    want.sort_by(|a, b| b.0.total_cmp(&a.0));
    let want: Vec<String> = want.into_iter().map(|(_, head)| head.to_string()).collect();
    assert_ne!(want, in_order, "the order differs");
    assert_eq!(listed(&state), want);
    press(&mut state, "S");
    assert_eq!(listed(&state), in_order);
}

#[test]
fn the_glossary_and_texts_are_searched_after_titles() {
    let state = walk();
    let found = |query: &str| state.found(query);
    let bottleneck = state.lesson.find("rnn-bottleneck").unwrap();
    assert_eq!(found("bottleneck")[0], bottleneck, "titles come first");
    for (i, term) in state.lesson.glossary.iter().enumerate() {
        let Some(explained) = state.explained(i) else { continue };
        assert!(found(&term.term).contains(&explained), "{}", term.term);
    }
    for (i, (_, step)) in state.lesson.steps().into_iter().enumerate() {
        let words: Vec<&str> = step.text.source.split_whitespace().take(6).collect();
        assert!(found(&words.join(" ")).contains(&i), "{}: {words:?}", step.id);
    }
    assert!(found("no step has all of these words zorblax").is_empty());
}

#[test]
fn a_sentence_is_shown_in_tokens_while_it_is_typed() {
    let mut state = walk();
    press(&mut state, "i");
    let typed = |state: &mut State, text: &str| {
        state.overlay = Overlay::Edit { sentence: text.to_owned().into() };
        drawn_text(state, 80, 24)
    };
    let known = typed(&mut state, "The dog sleeps.");
    assert!(known.contains("The dog sleep -s .") && known.contains("5 tokens"), "{known}");
    assert!(!known.contains("never seen"), "{known}");
    let unknown = typed(&mut state, "The zorblax sleeps.");
    assert!(unknown.contains("1 word never seen"), "{unknown}");
    let long = typed(&mut state, &"The dog sleeps. ".repeat(9));
    assert!(long.contains("… ") && long.contains("45 tokens"), "{long}");
}

#[test]
fn an_unknown_word_that_occurs_twice_is_noted_and_counted_once() {
    let twice = "The zorblax saw the zorblax.";
    let mut state = walk();
    update(&mut state, Action::Read(Ok(Arc::new(READER.read(twice).unwrap()))));
    let note = message(&state);
    assert!(note.contains("never seen in training: \"zorblax\""), "{note}");
    assert!(!note.contains(" and 1 more"), "{note}");
    state.overlay = Overlay::Edit { sentence: twice.to_owned().into() };
    let typed = drawn_text(&state, 80, 24);
    assert!(typed.contains("1 word never seen"), "{typed}");
}

#[test]
fn what_is_read_otherwise_than_typed_is_noted() {
    for (typed, notes) in [
        ("See you tomorrow 😊", &["left out: 😊"][..]),
        ("WHERE ARE YOU? ♥ ☀", &["left out: ♥ and 1 more", "all in capitals"]),
        ("The zorblax sleeps 🐈", &["left out: 🐈; never seen in training: \"zorblax\""]),
    ] {
        let mut state = walk();
        update(&mut state, Action::Read(Ok(Arc::new(READER.read(typed).unwrap()))));
        let message = message(&state);
        for note in notes {
            assert!(message.contains(note), "{typed}: {message}");
        }
    }
}

#[test]
fn nothing_is_defined_before_something_is_read() {
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    let state = State::new(lesson, Theme::default());
    let screen = drawn_text(&state, 120, 36);
    assert!(screen.contains("reading the sentence") && !screen.contains("token:"), "{screen}");
    assert!(drawn_text(&walk(), 120, 36).contains("RNN: "));
}
