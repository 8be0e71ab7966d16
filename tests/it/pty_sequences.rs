//! Reports that nobody asked for and sequences without an end, sent to a walk: the keys after them work.

use std::{thread, time::Duration};

use crate::support::session::Session;

const SEQUENCES: [&[u8]; 19] = [
    b"\x1b[?2026;2$y",
    b"\x1b[?997;1n",
    b"\x1b[?62;1;4c",
    b"\x1b[>0;276;0c",
    b"\x1b[<0;5;",
    b"\x1b[<",
    b"\x1b[M",
    b"\x1b[M!!",
    b"\x1b[1;5",
    b"\x1b[",
    b"\x1bO",
    b"\x1b[200~",
    b"\x1b]11;rgb:ffff/ff",
    b"\x1b]52;c;aGVsbG8=",
    b"\x1b]",
    b"\x1bP1$r0m",
    b"\x1b_Gi=1;OK",
    b"\xe7\x8c",
    b"\x1b\xf0\x9f",
];

fn start() -> Session {
    let session = Session::start(&["--no-questions", "The dog sleeps."], (80, 24));
    session.until_shown("The task: translate, and know what");
    session
}

/// What comes after a moment is no part of these.
fn send(session: &mut Session, bytes: &[u8]) {
    session.keys.write_all(bytes).unwrap();
    session.keys.flush().unwrap();
    // The moment begins when the program has read them, which it may do late on a busy machine.
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(100));
        session.until_waiting();
    }
}

#[test]
fn no_sequence_keeps_the_keys_after_it() {
    let mut session = start();
    for bytes in SEQUENCES {
        send(&mut session, bytes);
        session.press("?");
        session.until_shown("Keys");
        // Esc alone is a key after a moment.
        session.press("\x1b");
        session.until(&format!("the end of the help after {bytes:?}"), |s| {
            !s.contents().contains("Keys")
        });
    }
    send(&mut session, b"\x1b[<35;1");
    session.press("q");
    session.ends_with(0);
}

#[test]
fn ctrl_c_ends_after_any_sequence() {
    for bytes in
        [&b"\x1b[200~half of a paste"[..], b"\x1b[?2026;2", b"\x1b]11;", b"\x1b[M!", b"\x1bP"]
    {
        let mut session = start();
        send(&mut session, bytes);
        session.press("\x03");
        session.ends_with(0);
    }
}

#[test]
fn keys_and_pastes_arrive_over_a_slow_line() {
    let mut session = start();
    for bytes in [&b"\x1b"[..], b"[", b"C"] {
        session.keys.write_all(bytes).unwrap();
        session.keys.flush().unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    session.until_shown("Two ways to read");
    send(&mut session, b"\x1b[");
    send(&mut session, b"D");
    session.until_shown("The task: translate, and know what");
    session.press("i");
    session.until_shown("The dog sleeps.");
    session.press("\x15");
    send(&mut session, b"\x1b[200~The horse ");
    send(&mut session, b"sleeps.\x1b[201~");
    session.press("\r");
    session.until_shown("horse");
    session.press("q");
    session.ends_with(0);
}
