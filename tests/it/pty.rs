//! The program in a real pseudo-terminal, its screen read back through a terminal emulator: start,
//! walk, resize, quit, and the terminal given back however it ends.

use crate::support::session::Session;

#[test]
fn it_starts_walks_resizes_and_quits() {
    let mut session = Session::start(&["The dog sleeps."], (80, 24));
    session.until_shown("The task: translate, and know what");
    // The first frame comes before the sentence is read; with layer and head, the position takes its short form.
    session.until_shown("Elman RNN");
    session.press("l");
    session.until_shown("Two ways to read");
    session.press("3");
    session.until_shown("Transformer: the encoder");
    session.press("\x1b[C\x1b[C");
    session.until_shown("step 3/");
    session.resize(120, 36);
    session.until_shown("dog sleep -s .");
    session.resize(40, 10);
    session.until_shown("80x24");
    session.resize(200, 60);
    session.until_shown("step 3 of");
    session.press("q");
    session.ends_with(0);
}

#[test]
fn another_sentence_is_read_while_it_runs() {
    let mut session = Session::start(&["The dog sleeps."], (100, 30));
    session.until_shown("The task: translate, and know what");
    session.press("i");
    session.until_shown("The dog sleeps.");
    session.press("\x15The cat sleeps.\r");
    session.until_shown("cat");
    session.press("i");
    session.press("\x15");
    session.press("\x1b[200~The horse \x1b[201~sleeps.\r");
    session.until_shown("horse");
    session.press("q");
    session.ends_with(0);
}

#[test]
fn signals_give_the_terminal_back_and_end_with_their_number() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let mut session = Session::start(&["The dog sleeps."], (80, 24));
        session.until_shown("The task: translate, and know what");
        session.signal(name);
        session.ends_with(code);
    }
}

#[test]
fn ctrl_c_always_ends() {
    let mut session = Session::start(&["The dog sleeps."], (80, 24));
    session.until_shown("The task: translate, and know what");
    session.press("?");
    session.until_shown("Keys");
    session.press("\x03");
    session.ends_with(0);
}

#[test]
fn hostile_text_never_reaches_the_terminal_raw() {
    let text = "The \u{1b}]0;owned\u{7}dog \u{1b}[31m\u{202e}sleeps 猫 🐈.";
    let mut session = Session::start(&[text], (80, 24));
    session.until_shown("The task: translate, and know what");
    for _ in 0..10 {
        session.press("l");
    }
    session.press("3");
    session.until_shown("Transformer: the encoder");
    session.press("q");
    session.ends_with(0);
    let bytes = String::from_utf8_lossy(&session.bytes.lock().unwrap()).into_owned();
    assert!(!bytes.contains("\u{1b}]0;owned"), "a title sequence was sent");
    assert!(!bytes.contains('\u{202e}'), "a direction override was sent");
}

#[test]
fn a_sentence_that_cannot_be_read_ends_with_the_reason() {
    let mut session = Session::start(&["   "], (80, 24));
    session.until_shown("empty");
    session.ends_with(2);
}

#[test]
fn the_theme_suits_the_ground_that_the_terminal_names() {
    let mut session = Session::start(&["The dog sleeps."], (80, 24));
    session.until("the question", |s| {
        String::from_utf8_lossy(&s.bytes.lock().unwrap()).contains("\x1b]11;?")
    });
    // A key before the answer, one after it: both count, the answer is none.
    session.press("l\x1b]11;rgb:ffff/ffff/ffff\x1b\\l");
    session.until_shown("From a sentence to tokens");
    let accent = "38;2;0;88;150";
    session.until("the light theme's accent", |s| {
        String::from_utf8_lossy(&s.bytes.lock().unwrap()).contains(accent)
    });
    assert!(!session.contents().contains("does nothing here"));
    session.press("V");
    session.until_shown("theme: high-contrast");
    session.press("q");
    session.ends_with(0);
}

#[test]
fn settings_are_taken_and_wrong_ones_refused() {
    let home = || {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("config/lookback")).unwrap();
        home
    };
    let write = |home: &tempfile::TempDir, text: &str| {
        std::fs::write(home.path().join("config/lookback/config.toml"), text).unwrap();
    };
    let (good, wrong) = (home(), home());
    write(&good, "ascii = true\n");
    write(&wrong, "theme = \"dakr\"\n");
    let program = env!("CARGO_BIN_EXE_lookback");
    let mut session = Session::at_home(good, program, &["The dog sleeps."], (80, 24));
    session.until_shown("The task: translate, and know what");
    assert!(!session.contents().contains('│'), "{}", session.contents());
    session.press("q");
    session.ends_with(0);
    let mut session = Session::at_home(wrong, program, &["The dog sleeps."], (100, 24));
    session.until_shown("--no-config");
    assert!(session.contents().contains("`dark`"), "{}", session.contents());
    session.ends_with(2);
}

fn state_file(session: &Session) -> std::path::PathBuf {
    session.home.path().join("state/lookback/state.toml")
}

#[test]
fn the_mouse_points_and_is_left_alone_if_asked() {
    let mut session = Session::start(&["The dog sleeps."], (80, 24));
    session.until_shown("The task: translate, and know what");
    session.press("ll");
    session.until_shown("sleep ");
    let row = session.contents().lines().position(|line| line.contains("sleep ")).unwrap() + 1;
    session.press(&format!("\x1b[<0;40;{row}M\x1b[<0;40;{row}m"));
    session.until_shown("“sleep”");
    session.press("\x03");
    session.ends_with(0);
    let mut session = Session::start(&["--no-mouse", "The dog sleeps."], (80, 24));
    session.until_shown("The task: translate, and know what");
    let mode = session.screen.lock().unwrap().screen().mouse_protocol_mode();
    assert_eq!(mode, vt100::MouseProtocolMode::None);
    session.press("q");
    session.ends_with(0);
}

#[test]
fn the_next_walk_offers_to_go_on_where_this_one_ended() {
    let program = env!("CARGO_BIN_EXE_lookback");
    let mut session = Session::start(&["The dog sleeps."], (100, 30));
    session.until_shown("The task: translate, and know what");
    session.press("lb");
    session.until_shown("this step is bookmarked");
    session.press("q");
    session.ends_with(0);
    let kept = std::fs::read_to_string(state_file(&session)).unwrap();
    assert!(kept.contains("The dog sleeps."), "{kept}");
    let mut session = Session::at_home(session.home, program, &[], (100, 30));
    session.until_shown("last time: \"The dog sleeps.\"");
    session.press("R");
    session.until_shown("Two ways to read ★");
    session.until("the other sentence", |s| s.contents().contains("The dog sleep -s ."));
    session.press("q");
    session.ends_with(0);
    let mut session = Session::at_home(session.home, program, &["--no-config"], (100, 30));
    session.until_shown("The task: translate, and know what");
    session.press("lllll");
    session.until_shown("Reading one word");
    assert!(!session.contents().contains('★'));
    session.press("q");
    session.ends_with(0);
    assert_eq!(std::fs::read_to_string(state_file(&session)).unwrap(), kept);
}

#[test]
fn a_killed_walk_loses_no_bookmark() {
    let mut session = Session::start(&["The dog sleeps."], (100, 30));
    session.until_shown("The task: translate, and know what");
    session.press("b");
    session.until("the file", |s| state_file(s).exists());
    session.signal("KILL");
    let kept = std::fs::read_to_string(state_file(&session)).unwrap();
    assert!(kept.contains("\"task\"") && kept.contains("The dog sleeps."), "{kept}");
}

#[test]
fn a_damaged_memory_is_said_and_put_aside() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("state/lookback")).unwrap();
    std::fs::write(home.path().join("state/lookback/state.toml"), "[[[").unwrap();
    let program = env!("CARGO_BIN_EXE_lookback");
    let mut session = Session::at_home(home, program, &["The dog sleeps."], (120, 30));
    session.until_shown("what was kept of the last walk cannot be read");
    session.until_shown("beside as state.toml.bak");
    session.press("q");
    session.ends_with(0);
    assert!(std::fs::read_to_string(state_file(&session)).unwrap().contains("The dog sleeps."));
    let aside = state_file(&session).with_file_name("state.toml.bak");
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "[[[");
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_lookback");

#[test]
fn marks_of_two_walks_at_once_are_kept_behind_a_link() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("state/lookback")).unwrap();
    let real = home.path().join("real.toml");
    std::os::unix::fs::symlink(&real, home.path().join("state/lookback/state.toml")).unwrap();
    let mut first = Session::at_home(home, PROGRAM, &["The dog sleeps."], (100, 30));
    first.until_shown("The task: translate, and know what");
    first.press("b");
    first.until_shown("this step is bookmarked");

    let args = ["The dog sleeps."];
    let mut second = Session::at_home_of(&first, PROGRAM, &args, (100, 30));
    second.until_shown("The task: translate, and know what");
    second.press("llb");
    second.until_shown("this step is bookmarked");
    second.press("q");
    second.ends_with(0);
    first.press("q");
    first.ends_with(0);
    let kept = std::fs::read_to_string(&real).unwrap();
    assert!(kept.contains("\"task\"") && kept.contains("tokens"), "{kept}");
    assert!(state_file(&first).is_symlink());
}

#[test]
fn what_a_link_leads_to_is_left_alone_unless_it_is_a_state() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("state/lookback")).unwrap();
    let (text, gone) = (home.path().join("text"), home.path().join("gone/state.toml"));
    std::fs::write(&text, "not a state").unwrap();
    let mut home = Some(home);
    for (target, why) in [(&text, "not the state of a walk"), (&gone, "folder is not there")] {
        let link = home.as_ref().unwrap().path().join("state/lookback/state.toml");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(target, &link).unwrap();
        let mut session =
            Session::at_home(home.take().unwrap(), PROGRAM, &["The dog sleeps."], (100, 30));
        session.until_shown("The task: translate, and know what");
        session.press("lq");
        session.ends_with(0);
        session.until_shown(why);
        home = Some(session.home);
    }
    let home = home.unwrap();
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "not a state");
    let mut names: Vec<_> =
        std::fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert!(!names.iter().any(|name| name == "gone" || name == "state.toml.bak"), "{names:?}");
}

#[test]
fn a_long_command_says_how_far_it_is_and_leaves_its_answer_alone() {
    let data = tempfile::NamedTempFile::new().unwrap();
    let line = "{\"en\": \"The dog sleeps.\", \"fr\": \"Le chien dort.\"}\n";
    std::fs::write(data.path(), line.repeat(400)).unwrap();
    let args = ["eval", "--data", data.path().to_str().unwrap()];
    let mut session = Session::start(&args, (100, 30));
    session.until_shown("measured now");
    session.ends_with(0);
    let bytes = String::from_utf8_lossy(&session.bytes.lock().unwrap()).into_owned();
    assert!(bytes.contains("sentences translated: "), "{bytes}");
    assert!(!session.contents().contains("sentences translated"), "{}", session.contents());
}

/// Rows of a screen or of a file, without the blanks at their ends.
fn rows(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

/// What stands in the cells and in which colours; the ink of a blank is not seen.
fn cells(screen: &vt100::Screen) -> Vec<(String, vt100::Color, vt100::Color)> {
    let (rows, cols) = screen.size();
    let places = (0..rows.get()).flat_map(|y| (0..cols.get()).map(move |x| (y, x)));
    let cells = places.filter_map(|(y, x)| screen.cell(y, x)).map(|cell| {
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let ink = if text == " " { vt100::Color::Default } else { cell.fgcolor() };
        (text.to_owned(), ink, cell.bgcolor())
    });
    cells.collect()
}

fn written(session: &Session, name: &str) -> String {
    std::fs::read_to_string(session.home.path().join(name)).unwrap()
}

#[test]
fn e_writes_the_frame_that_is_in_view_without_colours_as_text() {
    let args = ["--color", "never", "--no-questions", "--at", "scores", "The dog sleeps."];
    let mut session = Session::start(&args, (90, 26));
    session.until_shown("encoder.0.self_attn.scores[0,");
    // Another row, an opened number, one of its operands.
    session.press("k\r");
    session.until_shown("Esc");
    session.until_drawn();
    let before = session.contents();
    session.press("e");
    session.until_shown("Export this frame");
    session.press("\x15frame.txt\r");
    session.until_shown("wrote frame.txt (90 x 26 cells, ");
    assert_eq!(rows(&written(&session, "frame.txt")), rows(&before));
    session.press("q");
    session.until("the closed number", |s| s.contents() != before);
    session.press("q");
    session.ends_with(0);
}

#[test]
fn e_writes_the_frame_that_is_in_view_with_its_colours() {
    let args =
        ["--what-if", "scaling=off", "--no-questions", "--at", "softmax", "The dog 猫 sleeps."];
    let mut session = Session::start(&args, (120, 36));
    session.until_shown("Softmax: shares");
    session.until_rest();
    session.press("vkH");
    session.until("the difference", |s| s.contents().contains('Δ'));
    session.until_drawn();
    let before = cells(session.screen.lock().unwrap().screen());
    session.press("e\x15frame.ansi\r");
    session.until_shown("wrote frame.ansi");
    let mut file = vt100::Parser::new(36.try_into().unwrap(), 120.try_into().unwrap(), 0);
    let text = written(&session, "frame.ansi");
    file.process(text.trim_end_matches('\n').replace('\n', "\r\n").as_bytes());
    assert_eq!(cells(file.screen()), before);
    session.press("q");
    session.ends_with(0);
}

#[test]
fn a_frame_that_cannot_be_written_is_said_and_the_walk_goes_on() {
    let mut session = Session::start(&["--no-questions", "The dog sleeps."], (80, 24));
    session.until_shown("The task: translate");
    session.press("ll");
    session.until_shown("src.embed[0,0] = ");
    session.press("e\x15nowhere/a.txt\r");
    session.until_shown("there is no folder nowhere");
    let long = "x".repeat(300);
    session.press(&format!("\x15{long}.txt\r"));
    session.until_shown("too long");
    session.press("\x15state.txt\r");
    session.until_shown("wrote state.txt");
    session.press("e\x15state.txt\r");
    session.until_shown("state.txt exists; state-2.txt is free; Enter again replaces it");
    std::fs::write(session.home.path().join("state.txt"), "old").unwrap();
    session.press("\r");
    session.until_shown("wrote state.txt");
    assert!(written(&session, "state.txt").contains("From a sentence to tokens"));
    session.press("e\x15~/home.txt\r");
    session.until_shown("wrote ~/home.txt");
    assert!(written(&session, "home.txt").contains("From a sentence to tokens"));
    if cfg!(target_os = "linux") {
        session.press("e\x15/proc/none.txt\r");
        session.until_shown("/proc/none.txt cannot be written;");
    }
    session.press("l");
    session.until_shown("Every token becomes a row of numbers");
    session.press("q");
    session.ends_with(0);
}

#[test]
fn frames_in_quick_succession_have_names_of_their_own_and_are_whole_at_the_end() {
    let mut session = Session::start(&["--no-questions", "The dog sleeps."], (80, 24));
    session.until_shown("The task: translate");
    session.press("ll");
    session.until_shown("src.embed[0,0] = ");
    session.press("e");
    session.until_shown("Export this frame");
    let ending = session.contents().split_once("to: ./003-").unwrap().1.to_owned();
    let ending = ending.split_whitespace().next().unwrap().to_owned();
    session.press("\re\re\re\rq");
    session.ends_with(0);
    let (stem, ending) = ending.split_once('.').unwrap();
    let mut sizes = vec![];
    for number in ["", "-2", "-3", "-4"] {
        let path = session.home.path().join(format!("003-{stem}{number}.{ending}"));
        sizes.push(std::fs::metadata(&path).unwrap().len());
    }
    assert!(sizes.iter().all(|&size| size == sizes[0] && size > 0), "{sizes:?}");
    let left = std::fs::read_dir(session.home.path()).unwrap();
    let left = left.filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".lookback")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn y_gives_the_terminal_the_frame_as_text() {
    let mut session = Session::start(&["--no-questions", "The dog sleeps."], (80, 24));
    session.until_shown("The task: translate");
    session.press("ll");
    session.until_shown("src.embed[0,0] = ");
    session.press("y");
    session.until_shown("copied the frame, 24 lines,");
    session.press("e\x15frame.txt\r");
    session.until_shown("wrote frame.txt");
    let expected = base64::encode(written(&session, "frame.txt"));
    let bytes = String::from_utf8_lossy(&session.bytes.lock().unwrap()).into_owned();
    assert!(bytes.contains(&format!("\x1b]52;c;{expected}\x07")));
    session.press("q");
    session.ends_with(0);
}
