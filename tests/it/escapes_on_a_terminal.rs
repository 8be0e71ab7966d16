//! Nothing from outside reaches a terminal raw: every byte of whole walks, and of commands that answer on
//! a terminal, is read by `reader`.

use std::{fs, path::Path, thread, time::Duration};

use crate::support::{
    built_in::n_steps,
    hostile::{self, SENTENCE, TEXT},
    reader::{self, ANSWER, COLOURED, Sent, WALK, only, read},
    session::Session,
};

fn paste(session: &mut Session, text: &str) {
    session.press(&format!("\x1b[200~{text}\x1b[201~"));
}

/// One key after the other: an escape just before another would be a key with Alt.
fn keys(session: &mut Session, keys: &[&str]) {
    for key in keys {
        session.press(key);
        // What follows Esc too soon belongs to it.
        let pause = if *key == "\x1b" { 250 } else { 80 };
        thread::sleep(Duration::from_millis(pause));
        session.until_waiting();
    }
}

/// Whether the screen says that it is at the last of its steps: `81/81`.
fn is_at_the_end(session: &Session) -> bool {
    let contents = session.contents();
    contents.split_whitespace().filter_map(|word| word.split_once('/')).any(|(step, of)| step == of)
}

/// Every step, and all that can be opened on the way.
fn through_all_steps(session: &mut Session) {
    keys(session, &["\x1b", "g"]);
    session.until_drawn();
    for step in 0..n_steps() {
        keys(session, &["l"]);
        if step % 9 == 0 {
            session.until_drawn();
            // A number and an operand of it; another cell, matrix, zoom, pane; a found cell; a head out.
            keys(
                session,
                &["\r", "\r", "\x1b", "\x1b", "j", "L", "z", "\t", "f", "F", "S", "]", "x", "v"],
            );
            session.until_drawn();
            keys(session, &["r"]);
        }
    }
    session.until("the last step", is_at_the_end);
    session.until_drawn();
}

/// Every line that can be typed in, with a hostile paste in it.
fn through_all_lines(session: &mut Session) {
    for key in [":", "/", "w"] {
        keys(session, &[key]);
        paste(session, TEXT);
        session.until_drawn();
        keys(session, &["\r"]);
        session.until_drawn();
        keys(session, &["\x1b", "\x1b"]);
    }
    for key in ["?", "b", "B"] {
        keys(session, &[key]);
        session.until_drawn();
        keys(session, &["\x1b"]);
    }
    keys(session, &["V"]);
    // A file whose name has no ending that is known, in a folder that is not there, and as it should be.
    let name = TEXT.replace(['\r', '\n'], "");
    for name in [format!("{name}.nothing"), format!("{name}/x.txt"), format!("{name}.txt")] {
        keys(session, &["e", "\x15"]);
        paste(session, &name);
        session.until_drawn();
        keys(session, &["\r"]);
        session.until_drawn();
        keys(session, &["\x1b"]);
    }
    session.until("the file", |s| {
        fs::read_dir(s.home.path()).unwrap().any(|e| e.unwrap().path().is_file())
    });
    keys(session, &["y"]);
    session.until_drawn();
}

/// The end of a walk, and all that it has sent; the terminal's clipboard and what was written are as safe.
fn end(mut session: Session) -> Vec<Sent> {
    keys(&mut session, &["\x1b", "\x1b", "\x1b"]);
    session.until_drawn();
    session.press("q");
    session.ends_with(0);
    session.until_drawn();
    let bytes = session.bytes.lock().unwrap().clone();
    let kinds = match read(WALK, &bytes) {
        Ok(kinds) => kinds,
        Err(fault) => panic!("{fault}\n{}", session.contents()),
    };
    let state = fs::read(session.home.path().join("state/lookback/state.toml")).unwrap();
    only(reader::TEXT, &state, "what is kept of the walk");
    let mut n_files = 0;
    for entry in fs::read_dir(session.home.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            only(COLOURED, &fs::read(&path).unwrap(), &format!("{}", path.display()));
            n_files += 1;
        }
    }
    assert!(n_files > 0, "no frame was written");
    kinds
}

#[test]
fn a_walk_over_a_hostile_sentence_sends_only_what_the_program_itself_sends() {
    let mut session = Session::start(&["--no-questions", SENTENCE], (120, 36));
    session.until_shown("The task: translate, and know what");
    session.press("ll");
    session.until_shown("<0x1B>");
    through_all_steps(&mut session);
    session.resize(80, 24);
    through_all_lines(&mut session);
    keys(&mut session, &["i", "\x15"]);
    paste(&mut session, SENTENCE);
    session.until_drawn();
    keys(&mut session, &["\r"]);
    session.until_drawn();
    // Over the walk a paste becomes the next sentence.
    paste(&mut session, TEXT);
    session.until_shown("<U+E0041>");
    keys(&mut session, &["\r"]);
    session.until_drawn();
    let kinds = end(session);
    for kind in [Sent::Look, Sent::Move, Sent::Mode, Sent::Question, Sent::Clipboard] {
        assert!(kinds.contains(&kind), "{kind:?} was never read");
    }
}

#[track_caller]
fn walk_of_checkpoint(path: &Path, sentence: &str, shown: &str) {
    let args = ["--no-questions", "--model", path.to_str().unwrap(), sentence];
    let mut session = Session::start(&args, (120, 36));
    session.until_shown(shown);
    through_all_steps(&mut session);
    through_all_lines(&mut session);
    end(session);
}

#[test]
fn a_walk_through_a_hostile_checkpoint_sends_only_what_the_program_itself_sends() {
    let walk = |kind| {
        let within = tempfile::tempdir().unwrap();
        let path = hostile::checkpoint(kind, within.path());
        walk_of_checkpoint(&path, &hostile::for_checkpoint(), "m␛]0;x␇<U+202E>");
    };
    // Most of a walk is waiting.
    thread::scope(|scope| {
        for kind in ["mistral", "bert", "marian"] {
            scope.spawn(move || walk(kind));
        }
    });
}

#[test]
fn a_walk_through_a_hostile_gguf_file_sends_only_what_the_program_itself_sends() {
    let within = tempfile::tempdir().unwrap();
    let path = hostile::gguf(within.path());
    walk_of_checkpoint(&path, "The cou\u{1b} of the t\u{8}e", "g␛[31m<U+202E>");
}

#[test]
fn the_last_walk_is_offered_without_being_sent() {
    // The folder that the walk stands in, and says where a frame goes, has such a name too.
    let home = tempfile::Builder::new().prefix("h\u{1b}]0;x\u{7}\u{202e}").tempdir().unwrap();
    fs::create_dir_all(home.path().join("state/lookback")).unwrap();
    let escaped = hostile::escaped();
    let state = format!(
        "bookmarks = [\"{escaped}\", \"softmax\"]\n[last]\nsentence = \"{escaped}\"\nstep = \"{escaped}\"\n"
    );
    fs::write(home.path().join("state/lookback/state.toml"), state).unwrap();
    let mut session = Session::at_home(home, env!("CARGO_BIN_EXE_lookback"), &[], (120, 36));
    session.until_shown("The task: translate, and know what");
    session.until_drawn();
    keys(&mut session, &["B"]);
    session.until_drawn();
    keys(&mut session, &["\x1b", "R"]);
    session.until_shown("never seen in training");
    session.until_drawn();
    keys(&mut session, &["\x1b", "\x1b", "e"]);
    session.until_shown("/h␛]0;x␇<U+202E>");
    keys(&mut session, &["\x15", "frame.txt", "\r"]);
    session.until_shown("wrote frame.txt");
    end(session);
}

#[test]
fn commands_that_answer_on_a_terminal_send_text_and_progress_alone() {
    let within = tempfile::tempdir().unwrap();
    let model = hostile::checkpoint("mistral", within.path());
    let model = model.to_str().unwrap();
    let sentence = hostile::for_checkpoint();
    let out = within.path().join("frames");
    for (args, code) in [
        (&["steps", SENTENCE][..], 0),
        (&["open", "logits[0,434]", "--depth", "2", SENTENCE], 0),
        (&["open", "logits[0,1]", "--what-if", TEXT], 2),
        (&["open", "logits[0,5]", "--depth", "2", "--model", model, &sentence], 0),
        (&["inspect", model], 0),
        (&["inspect", "--json", model], 0),
        (&["inspect", TEXT], 1),
        (&["trace", "--list", "--model", model, &sentence], 0),
        (&["trace", "--sites", "*.weights", "--model", model, &sentence], 0),
        (&["trace", "--sites", TEXT], 2),
        (&["export", "--steps", "1", "--model", model, &sentence], 0),
        (
            &[
                "export",
                "--steps",
                "1..9",
                "--format",
                "png",
                "--out",
                out.to_str().unwrap(),
                SENTENCE,
            ],
            0,
        ),
        (&["export", "--list", "--out", TEXT], 0),
        (&["config", "--theme", TEXT], 2),
        (&["config"], 0),
        (&["--at", TEXT], 2),
        (&["--model", TEXT], 2),
        (&[TEXT, "steps"], 2),
    ] {
        let mut session = Session::start(args, (100, 30));
        session.ends_with(code);
        session.until_drawn();
        only(ANSWER, &session.bytes.lock().unwrap(), &format!("{args:?}"));
    }
}
