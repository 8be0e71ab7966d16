//! The program in a real pseudo-terminal, its screen read back through a terminal emulator: start,
//! walk, resize, quit, and the terminal given back however it ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[path = "support/session.rs"]
mod session;

use session::Session;

#[test]
fn it_starts_walks_resizes_and_quits() {
    let mut session = Session::start(&["The dog sleeps."], (80, 24));
    session.until_shown("From a sentence to tokens");
    session.press("l");
    session.until_shown("Every token becomes a row of numbers");
    session.press("3");
    session.until_shown("Transformer: the encoder");
    session.press("\x1b[C\x1b[C");
    session.until_shown("step 3 of");
    session.resize(120, 36);
    session.until_shown("dog sleeps .");
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
    session.until_shown("From a sentence to tokens");
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
        session.until_shown("From a sentence to tokens");
        session.signal(name);
        session.ends_with(code);
    }
}

/// A shell with job control, as people have it.
#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_brings_the_walk_back() {
    let mut session = Session::run("bash", &["--norc", "--noprofile", "-i"], (80, 24));
    session.press(concat!(env!("CARGO_BIN_EXE_lookback"), " 'The dog sleeps.'\r"));
    session.until_shown("From a sentence to tokens");
    session.press("l");
    session.until_shown("Every token becomes a row of numbers");
    session.press("\x1a");
    session.until_shown("Stopped");
    session.until("the main screen", |s| !s.screen.lock().unwrap().screen().alternate_screen());
    session.press("fg\r");
    session.until_shown("Every token becomes a row of numbers");
    session.press("l");
    session.until_shown("Two ways to read");
    session.press("q");
    session.until("the main screen", |s| !s.screen.lock().unwrap().screen().alternate_screen());
    session.press("exit\r");
    session.ends_with(0);
}

#[test]
fn ctrl_c_always_ends() {
    let mut session = Session::start(&["The dog sleeps."], (80, 24));
    session.until_shown("From a sentence to tokens");
    session.press("?");
    session.until_shown("Keys");
    session.press("\x03");
    session.ends_with(0);
}

#[test]
fn hostile_text_never_reaches_the_terminal_raw() {
    let text = "The \u{1b}]0;owned\u{7}dog \u{1b}[31m\u{202e}sleeps 猫 🐈.";
    let mut session = Session::start(&[text], (80, 24));
    session.until_shown("From a sentence to tokens");
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
    session.until_shown("Two ways to read");
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
    session.until_shown("From a sentence to tokens");
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
    session.until_shown("From a sentence to tokens");
    session.until_shown("sleeps ");
    let row = session.contents().lines().position(|line| line.contains("sleeps ")).unwrap() + 1;
    session.press(&format!("\x1b[<0;40;{row}M\x1b[<0;40;{row}m"));
    session.until_shown("“sleeps”");
    session.press("\x03");
    session.ends_with(0);
    let mut session = Session::start(&["--no-mouse", "The dog sleeps."], (80, 24));
    session.until_shown("From a sentence to tokens");
    let mode = session.screen.lock().unwrap().screen().mouse_protocol_mode();
    assert_eq!(mode, vt100::MouseProtocolMode::None);
    session.press("q");
    session.ends_with(0);
}

#[test]
fn the_next_walk_offers_to_go_on_where_this_one_ended() {
    let program = env!("CARGO_BIN_EXE_lookback");
    let mut session = Session::start(&["The dog sleeps."], (100, 30));
    session.until_shown("From a sentence to tokens");
    session.press("lb");
    session.until_shown("this step is marked");
    session.press("q");
    session.ends_with(0);
    let kept = std::fs::read_to_string(state_file(&session)).unwrap();
    assert!(kept.contains("The dog sleeps."), "{kept}");
    let mut session = Session::at_home(session.home, program, &[], (100, 30));
    session.until_shown("last time: \"The dog sleeps.\"");
    session.press("R");
    session.until_shown("Every token becomes a row of numbers ★");
    session.until("the other sentence", |s| s.contents().contains("The dog sleeps ."));
    session.press("q");
    session.ends_with(0);
    let mut session = Session::at_home(session.home, program, &["--no-config"], (100, 30));
    session.until_shown("From a sentence to tokens");
    session.press("lll");
    session.until_shown("Reading one word");
    assert!(!session.contents().contains('★'));
    session.press("q");
    session.ends_with(0);
    assert_eq!(std::fs::read_to_string(state_file(&session)).unwrap(), kept);
}

#[test]
fn a_damaged_memory_is_said_and_replaced() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("state/lookback")).unwrap();
    std::fs::write(home.path().join("state/lookback/state.toml"), "[[[").unwrap();
    let program = env!("CARGO_BIN_EXE_lookback");
    let mut session = Session::at_home(home, program, &["The dog sleeps."], (120, 30));
    session.until_shown("what was kept of the last walk cannot be read");
    session.press("q");
    session.ends_with(0);
    assert!(std::fs::read_to_string(state_file(&session)).unwrap().contains("The dog sleeps."));
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
