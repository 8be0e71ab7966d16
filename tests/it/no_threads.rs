//! Where the system refuses threads, commands do their work with those that there are, and the walk says what it lacks.

use crate::support::{
    nobody::Nobody,
    session::{Session, exit_code},
};

const SENTENCE: &str = "The dog sleeps.";

#[test]
fn where_no_thread_can_be_had_commands_print_the_same() {
    let Some(nobody) = Nobody::new(65401) else { return };
    for args in [
        &["models"][..],
        &["steps", SENTENCE],
        &["trace", "--sites", "logits", SENTENCE],
        &["open", "logits[0,1]", SENTENCE],
        &["attribute", SENTENCE],
        &["heads", SENTENCE],
        &["flow", SENTENCE],
        &["diff", "--against", "A dog sleeps.", SENTENCE],
        &["patch", "--against", "A dog sleeps.", SENTENCE],
        &["learn", SENTENCE],
        &["export", "--steps", "tokens", SENTENCE],
        &["export", "--steps", "1..3", "--format", "gif", "--threads", "3", SENTENCE],
    ] {
        let run = |before| nobody.command(before, args).arg("--no-config").output().unwrap();
        let free = run("true");
        assert!(free.status.success(), "{args:?}: {}", String::from_utf8_lossy(&free.stderr));
        for before in ["ulimit -u 1", "ulimit -u 2"] {
            let bound = run(before);
            let why = String::from_utf8_lossy(&bound.stderr);
            assert!(bound.status.success(), "{args:?}, {before}: {why}");
            assert!(bound.stdout == free.stdout, "{args:?}, {before}: other output");
        }
    }
}

#[test]
fn a_walk_without_its_threads_says_so_and_gives_the_terminal_back() {
    let Some(nobody) = Nobody::new(65402) else { return };
    for n in [1, 3, 5, 7, 9, 12] {
        let args = ["--no-config", "--no-questions", SENTENCE];
        let words = nobody.words(&format!("ulimit -u {n}"), &args);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut session = Session::run(words[0], &words[1..], (100, 30));
        session.press("q");
        let code = exit_code(&mut *session.child).unwrap();
        assert!(code < 2, "{n}: {code}\n{}", session.contents());
        session.ends_with(code);
        if code == 1 {
            session.until_shown("error: no further thread can be started");
        }
    }
}
