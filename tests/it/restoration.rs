//! The terminal is given back however the walk ends, and nothing is sent that it does not understand.

use std::{fs, process::Command};

use crate::support::{
    built_in::n_steps,
    session::{self, Session, exit_code},
};

const FIRST: &str = "The task: translate, and know what";
const SECOND: &str = "Two ways to read";
const PROGRAM: &str = env!("CARGO_BIN_EXE_lookback");

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn start() -> Session {
    let session = Session::start(&["--no-questions", "The dog sleeps."], (80, 24));
    session.until_shown(FIRST);
    assert!(!session.is_as_before(), "a walk needs keys as they are pressed");
    session
}

#[test]
fn quitting_gives_the_terminal_back() {
    for (keys, what) in
        [("q", "q"), ("\x03", "Ctrl-C"), ("?\x03", "Ctrl-C in the help"), (":quit\r", "a name")]
    {
        let mut session = start();
        session.press(keys);
        assert_eq!(exit_code(&mut *session.child), Some(0), "{what}");
        session.ends_with(0);
    }
}

#[test]
fn signals_give_the_terminal_back_also_while_models_read() {
    let signals = [
        ("INT", 130),
        ("TERM", 143),
        ("HUP", 129),
        ("QUIT", 131),
        ("ALRM", 142),
        ("USR1", 138),
        ("VTALRM", 154),
        ("PROF", 155),
        ("IO", 157),
        ("RTMIN", 162),
    ];
    for (name, code) in signals {
        let mut session = start();
        session.press(&"m".repeat(20));
        session.signal(name);
        session.ends_with(code);
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_signal_gives_the_terminal_back_while_the_loop_is_busy() {
    let variables = [("LOOKBACK_FAULT", Some("drawing-freeze"))];
    let mut session = Session::in_terminal(home(), &variables, &[], (100, 24));
    session.until_entered();
    session.signal("TERM");
    session.ends_with(143);
}

#[cfg(debug_assertions)]
#[test]
fn a_panic_gives_the_terminal_back_and_its_message_can_be_read() {
    let gpt2 = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/checkpoints/gpt2");
    for (place, args, keys, code) in [
        ("drawing", &[][..], "", 101),
        ("worker", &[][..], "m", 1),
        ("loader", &[][..], "", 1),
        ("loader", &["--model", gpt2][..], "", 101),
    ] {
        let variables = [("LOOKBACK_FAULT", Some(place))];
        let mut session = Session::in_terminal(home(), &variables, args, (100, 24));
        if !keys.is_empty() {
            session.until_shown(FIRST);
            session.until_rest();
            session.press(keys);
        }
        session.ends_with(code);
        session.until_shown(&format!("a fault was asked for in the {place}"));
        if code != 101 {
            session.until_shown("error: ");
        }
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_changed_pass_of_a_checkpoint_is_run_once() {
    let gpt2 = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/checkpoints/gpt2");
    // The worker panics if it runs a changed pass: the one from before the terminal was taken has to do.
    let variables = [("LOOKBACK_FAULT", Some("worker"))];
    let args = ["--model", gpt2, "--what-if", "mask=off", "The dog sleeps."];
    let mut session = Session::in_terminal(home(), &variables, &args, (100, 24));
    session.until_shown("your changed run");
    session.press("q");
    session.ends_with(0);
}

#[test]
fn a_terminal_that_takes_no_output_is_given_back_after_a_second_signal() {
    let mut session = Session::start(&["The dog sleeps."], (400, 120));
    session.until_shown(FIRST);
    session.deafen();
    // More frames than fit into the pipe in between.
    session.press("l}}}}}}?\x1b[27ug");
    while !session.is_as_before() && exit_after(&mut session).is_none() {
        session.signal("TERM");
    }
    assert_eq!(exit_code(&mut *session.child), Some(143));
    assert!(session.is_as_before());
}

#[test]
fn a_terminal_that_takes_no_output_keeps_no_process() {
    let mut session = Session::start(&["The dog sleeps."], (400, 120));
    session.until_shown(FIRST);
    session.deafen();
    session.press("l}}}}}}?\x1b[27ug");
    std::thread::sleep(std::time::Duration::from_millis(300));
    session.signal("TERM");
    assert_eq!(exit_code(&mut *session.child), Some(143));
    assert!(session.is_as_before());
}

fn exit_after(session: &mut Session) -> Option<u32> {
    session.child.try_wait().unwrap().map(|status| status.exit_code())
}

#[test]
fn closing_the_terminal_ends_the_process_also_while_models_read() {
    for keys in ["", "mosu", "?"] {
        let mut session = start();
        session.press(keys);
        assert_eq!(exit_code(&mut *session.close()), Some(129), "{keys}");
    }
    // Long measurements.
    let mut session = Session::start(&["--at", "paths", "The dog sleeps."], (100, 30));
    session.until_shown("step ");
    session.press("l");
    assert_eq!(exit_code(&mut *session.close()), Some(129));
}

#[test]
fn a_process_that_was_stopped_takes_the_terminal_again_as_large_as_it_is_now() {
    let mut session = start();
    session.press("l");
    session.until_shown(SECOND);
    session.signal("STOP");
    // What a shell does meanwhile.
    let tty = session.master.tty_name().unwrap();
    let sane = Command::new("stty").arg("-F").arg(&tty).arg("sane").status().unwrap();
    assert!(sane.success());
    session.screen.lock().unwrap().process(b"\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[?1000l$ ls\r\n");
    session.resize(60, 20);
    session.signal("CONT");
    session.until_shown("this terminal is 60x20");
    session.resize(120, 36);
    session.until_shown(SECOND);
    let has_terminal = |s: &Session| {
        let parser = s.screen.lock().unwrap();
        let screen = parser.screen();
        screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste()
    };
    session.until("the other screen", has_terminal);
    assert!(!session.is_as_before());
    session.press("h");
    session.until_shown(FIRST);
    session.press("q");
    session.ends_with(0);
}

#[test]
fn ctrl_z_without_a_shell_says_so() {
    let mut session = start();
    session.press("\x1a");
    session.until_shown("Ctrl-Z does nothing here: there is no shell to go back to");
    session.press("l");
    session.until_shown(SECOND);
    session.press("q");
    session.ends_with(0);
}

fn shell() -> Session {
    let mut session = Session::run("bash", &["--norc", "--noprofile", "-i"], (80, 24));
    session.press("PS1='$ '\r");
    session
}

/// The shell reads again; what is typed before that may still go to the walk.
fn prompts(session: &Session) {
    session.until("the main screen", |s| !s.screen.lock().unwrap().screen().alternate_screen());
    session.until("the prompt", |s| s.contents().trim_end().ends_with('$'));
}

/// Stopped as it is now, the walk goes on when the shell says so.
fn goes_on(mut session: Session) {
    session.until_shown("Stopped");
    prompts(&session);
    session.press("fg\r");
    session.until_shown(FIRST);
    session.press("l");
    session.until_shown(SECOND);
    session.press("q");
    prompts(&session);
    session.press("exit\r");
    session.ends_with(0);
}

/// `cargo run` is such a program: it waits for the walk and does not stop with it by itself.
#[test]
fn ctrl_z_stops_the_walk_and_a_program_that_waits_for_it() {
    let waiting = format!("sh -c '{PROGRAM} \"$@\"; true' sh");
    for program in [PROGRAM, &waiting] {
        let mut session = shell();
        session.press(&format!("{program} --no-questions 'The dog sleeps.'\r"));
        session.until_shown(FIRST);
        session.press("\x1a");
        goes_on(session);
    }
}

#[test]
fn a_signal_to_stop_gives_the_terminal_to_the_shell_first() {
    let mut session = shell();
    session.press(&format!("{PROGRAM} --no-questions 'The dog sleeps.'\r"));
    session.until_shown(FIRST);
    let walk = session.master.process_group_leader().unwrap();
    let kill = format!("kill -s TSTP {walk}");
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    goes_on(session);
}

#[test]
fn a_terminal_with_one_screen_is_cleared_before_and_after() {
    let mut session = start();
    session.press("q");
    session.ends_with(0);
    let bytes = session.bytes.lock().unwrap().clone();
    // Such a terminal does not know this sequence.
    let text =
        String::from_utf8(bytes).unwrap().replace("\x1b[?1049h", "").replace("\x1b[?1049l", "");
    let mut screen = vt100::Parser::new(session::nonzero(24), session::nonzero(80), 0);
    screen.process(b"an old line\r\n$ lookback\r\n");
    let (walk, end) = text.rsplit_once("\x1b[?2026h").unwrap();
    screen.process(walk.as_bytes());
    assert!(!screen.screen().contents().contains("an old line"));
    screen.process(end.as_bytes());
    assert_eq!(screen.screen().contents(), "");
    assert_eq!(screen.screen().cursor_position(), (0, 0));
}

/// What a terminal is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Colours {
    None,
    Sixteen,
    Indexed,
    True,
}

/// The most that is asked for in the sequences that set colours.
fn colours(text: &str) -> Colours {
    let sequences = text.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
        rest[end..].starts_with('m').then(|| &rest[..end])
    });
    let of = |sequence: &str| {
        let codes: Vec<u8> = sequence.split(';').map(|code| code.parse().unwrap_or(0)).collect();
        let kind = |two: &[u8]| match two {
            [38 | 48, 2] => Colours::True,
            [38 | 48, 5] => Colours::Indexed,
            _ => Colours::None,
        };
        let long = codes.windows(2).map(kind).max().unwrap_or(Colours::None);
        let is_short = codes.iter().any(|code| matches!(code, 30..=37 | 40..=47 | 90..=107));
        long.max(if is_short && long == Colours::None { Colours::Sixteen } else { Colours::None })
    };
    sequences.map(of).max().unwrap_or(Colours::None)
}

#[test]
fn what_is_sent_suits_the_terminal() {
    let (tmux, screen) = (("TMUX", Some("/tmp/tmux-0/default,1,0")), ("STY", Some("1.pts-0.host")));
    for (variables, most, is_ascii, has_commands) in [
        (
            vec![("TERM", Some("xterm")), ("COLORTERM", Some("truecolor"))],
            Colours::True,
            false,
            true,
        ),
        (vec![("TERM", Some("xterm-256color"))], Colours::Indexed, false, true),
        (vec![("TERM", Some("tmux-256color")), tmux], Colours::Indexed, false, true),
        (vec![("TERM", Some("screen-256color")), tmux], Colours::Indexed, false, true),
        (vec![("TERM", Some("screen-256color")), screen], Colours::Indexed, false, false),
        (vec![("TERM", Some("screen"))], Colours::Sixteen, false, false),
        (vec![("TERM", Some("xterm"))], Colours::Sixteen, false, true),
        (vec![("TERM", Some("of-tomorrow"))], Colours::Sixteen, false, true),
        (vec![("TERM", Some("linux"))], Colours::Sixteen, true, false),
        (vec![("TERM", Some("vt100"))], Colours::None, true, false),
        (vec![("TERM", Some("vt220"))], Colours::None, true, false),
        (vec![("TERM", Some(""))], Colours::Sixteen, false, false),
        (vec![("TERM", None)], Colours::Sixteen, false, false),
    ] {
        let what = format!("{variables:?}");
        let variables: Vec<_> = [("COLORTERM", None)].into_iter().chain(variables).collect();
        let args = ["--no-questions", "--at", "softmax", "The dog sleeps."];
        let mut session = Session::in_terminal(home(), &variables, &args, (80, 24));
        session.until_shown("self_attn.weights[0,");
        assert_eq!(session.contents().is_ascii(), is_ascii, "{what}\n{}", session.contents());
        session.press("y");
        session.until_shown(if has_commands { "copied the frame" } else { "cannot copy" });
        session.press("q");
        session.ends_with(0);
        let text = String::from_utf8_lossy(&session.bytes.lock().unwrap()).into_owned();
        assert_eq!(colours(&text), most, "{what}");
        assert_eq!(text.contains("\x1b]52;"), has_commands, "{what}");
        assert_eq!(text.contains("\x1b]11;"), has_commands, "{what}");
    }
}

#[test]
fn a_terminal_without_sequences_is_sent_plain_text() {
    for term in ["dumb", "unknown"] {
        let variables = [("TERM", Some(term)), ("COLORTERM", None)];
        let mut session = Session::in_terminal(home(), &variables, &["The dog sleeps."], (80, 24));
        session.ends_with(0);
        let last = format!("Step {n} of {n}", n = n_steps());
        session.until("the last step", |s| {
            String::from_utf8_lossy(&s.bytes.lock().unwrap()).contains(&last)
        });
        assert!(!session.bytes.lock().unwrap().contains(&0x1b), "{term}");
    }
}

#[test]
fn a_terminal_that_does_not_know_its_size_has_the_usual_one() {
    let mut session = Session::start(&["The dog sleeps."], (0, 0));
    session
        .screen
        .lock()
        .unwrap()
        .screen_mut()
        .set_size(session::nonzero(24), session::nonzero(80));
    session.until("the whole frame", |s| {
        String::from_utf8_lossy(&s.bytes.lock().unwrap()).contains("\x1b[24;")
    });
    session.press("q");
    session.ends_with(0);
}

#[test]
fn fatal_signals_restore_the_terminal() {
    for name in ["ABRT", "SEGV", "BUS", "XCPU", "ILL", "FPE", "SYS", "TRAP"] {
        let mut session = start();
        session.press("m");
        session.signal(name);
        session.ends_with(1);
        session.until_shown("error: ");
        assert!(session.child.try_wait().unwrap().unwrap().signal().is_some(), "{name}");
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_stack_that_overflows_gives_the_terminal_back() {
    for (place, keys) in [("drawing-overflow", ""), ("worker-overflow", "m")] {
        let variables = [("LOOKBACK_FAULT", Some(place))];
        let mut session = Session::in_terminal(home(), &variables, &[], (100, 24));
        if !keys.is_empty() {
            session.until_shown(FIRST);
            session.until_rest();
            session.press(keys);
        }
        session.ends_with(1);
        session.until_shown("error: a part of Lookback failed");
        assert!(session.child.try_wait().unwrap().unwrap().signal().is_some(), "{place}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn little_memory_suffices_and_less_gives_the_terminal_back() {
    let limited = |kilobytes: usize| {
        let script = format!(
            "ulimit -c 0; ulimit -v {kilobytes}; exec {PROGRAM} --no-questions 'The dog sleeps.'"
        );
        Session::run("sh", &["-c", &script], (80, 24))
    };
    let mut session = limited(400_000);
    session.until_shown(FIRST);
    session.press("lll}mq");
    session.ends_with(0);
    for kilobytes in [250_000, 180_000, 120_000, 80_000] {
        let mut session = limited(kilobytes);
        session.press("lmq");
        let code = exit_code(&mut *session.child);
        session.ends_with(code.unwrap());
        if kilobytes < 90_000 {
            session.until_shown("of memory are needed");
        }
    }
}

/// Beside the three streams and the two descriptors of the signals there is one, which the file of the state cannot share
/// with its folder.
#[cfg(target_os = "linux")]
#[test]
fn without_a_free_descriptor_the_walk_goes_on_and_nothing_kept_is_lost() {
    let home = home();
    let state = home.path().join("state/lookback/state.toml");
    fs::create_dir_all(state.parent().unwrap()).unwrap();
    fs::write(&state, "bookmarks = [\"softmax\"]\n").unwrap();
    let script = format!("ulimit -n 6; exec {PROGRAM} --no-questions 'The dog sleeps.'");
    let mut session = Session::at_home(home, "sh", &["-c", &script], (80, 24));
    session.until_shown(FIRST);
    session.press("l");
    session.until_shown(SECOND);
    session.press("q");
    session.ends_with(0);
    session.until_shown("too many open files");
    assert_eq!(fs::read_to_string(&state).unwrap(), "bookmarks = [\"softmax\"]\n");
}
