//! How a decoder's output is produced, token by token: forced, by beam search, or chosen one at a time.
//!
//! A model supplies the step; how a token is chosen is left to [`crate::engine::math::sampling`].

use super::{Setup, last_row};
use crate::{
    engine::{
        math::{
            argmax,
            beam::{self, Beams, Limits},
            sampling::Choosing,
        },
        tape::{Node, Tape},
        value::Matrix,
    },
    text::{BOS, EOS},
};

/// The most tokens a decoder writes for a source of `n` tokens.
pub fn longest_output(n: usize) -> usize {
    (2 * n + 8).max(20)
}

/// A decoder's input, its output, and the record of a search.
pub struct Decoded {
    /// `<bos>`, then the output without its last token, or what was forced.
    pub target: Vec<u32>,
    pub output: Vec<u32>,
    pub beams: Option<Beams>,
}

impl Decoded {
    /// The result of beam search after reading `start`.
    pub fn found(beams: Beams, start: u32) -> Self {
        let output = beams.tokens(beams.winner);
        let read = output.len() - 1;
        Self { target: [&[start], &output[..read]].concat(), output, beams: Some(beams) }
    }
}

/// The token with the highest logit in every row.
fn likeliest_of_each(logits: &Matrix) -> Vec<u32> {
    let best = |row: usize| argmax(logits.row(row).iter().copied());
    (0..logits.nrows()).map(|row| best(row).unwrap_or(EOS as usize) as u32).collect()
}

/// The limits of a beam search that writes at most `longest` tokens.
fn limits(width: usize, longest: usize, choosing: Choosing) -> Limits<'static> {
    Limits { width, longest, ends: &[EOS], temperature: choosing.temperature }
}

/// Decodes token by token: `step(tape, state, token, t)` returns the state and the logits after reading `token` as
/// the target's token t.
pub fn decode_step_by_step(
    tape: &mut Tape,
    longest: usize,
    setup: &Setup,
    start: Node,
    mut step: impl FnMut(&mut Tape, Node, u32, usize) -> (Node, Node),
) -> Decoded {
    let choosing = setup.choosing();
    match (&setup.forced, choosing.beam) {
        (Some(forced), _) => {
            let target = [&[BOS], &forced[..]].concat();
            let output = read_out(tape, &target, start, step);
            Decoded { target, output, beams: None }
        }
        (None, Some(width)) => {
            let mark = tape.len();
            let beams =
                beam::search(limits(width, longest, choosing), BOS, start, |state, read| {
                    let t = read.len() - 1;
                    let (state, logits) = step(tape, *state, read[t], t);
                    (state, last_row(tape.value(logits).matrix()))
                });
            tape.truncate(mark);
            let written = Decoded::found(beams, BOS);
            read_out(tape, &written.target, start, step);
            written
        }
        (None, None) => write_on(tape, longest, choosing, start, step),
    }
}

/// The likeliest token at each position of a given target.
fn read_out(
    tape: &mut Tape,
    target: &[u32],
    start: Node,
    mut step: impl FnMut(&mut Tape, Node, u32, usize) -> (Node, Node),
) -> Vec<u32> {
    let mut state = start;
    let each = target.iter().enumerate().flat_map(|(t, &token)| {
        let (after, logits) = step(tape, state, token, t);
        state = after;
        likeliest_of_each(tape.value(logits).matrix())
    });
    each.collect()
}

/// Decodes with its own output as input, until `<eos>`.
fn write_on(
    tape: &mut Tape,
    longest: usize,
    choosing: Choosing,
    start: Node,
    mut step: impl FnMut(&mut Tape, Node, u32, usize) -> (Node, Node),
) -> Decoded {
    let (mut target, mut output, mut state) = (vec![BOS], vec![], start);
    for t in 0..longest {
        let (after, logits) = step(tape, state, target[t], t);
        state = after;
        let token = choosing.token(&last_row(tape.value(logits).matrix()), t, EOS);
        output.push(token);
        if token == EOS || t + 1 == longest {
            break;
        }
        target.push(token);
    }
    Decoded { target, output, beams: None }
}
