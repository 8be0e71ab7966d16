//! Decoding token by token with a cache: keys and values of the target read so far, and of the source once.

use std::{mem, sync::Arc};

use super::EncoderDecoder;
use crate::{
    engine::{
        change::{Change, Changes, Part},
        math::{
            argmax,
            beam::{self, Limits},
        },
        site::Place,
        tape::{Keep, Node, Past, PlacedValue, Tape},
        value::{Matrix, Value},
    },
    model::{Setup, decoding::Decoded, last_row},
};

/// A decoder with its source and its limits.
struct TargetWriter<'a> {
    model: &'a EncoderDecoder,
    /// The encoder's output.
    memory: PlacedValue,
    changes: Arc<Changes>,
    forced_end: Option<usize>,
}

impl TargetWriter<'_> {
    /// Reads the tokens that are not in the past yet. Returns the new past and the logits of what may follow (vocab);
    /// records nothing.
    fn next(&self, past: Past, read: &[u32]) -> (Past, Vec<f32>) {
        let past = if self.can_remember() { past } else { Past::default() };
        let new = &read[past.n_rows()..];
        let mut tape = self.tape(past);
        let PlacedValue { place, value } = &self.memory;
        let memory = tape.leaf(place.clone(), Arc::clone(value));
        let y = self.model.decode(&mut tape, memory, new);
        let place = tape.entry(y).place.clone().row(read.len() - 1);
        let last = tape.value(y).matrix().rows(new.len() - 1, 1).into_owned();
        let past = tape.into_past(new.len());
        let mut logits = self.logits(place, last.into());
        self.model.plan.rules.apply(&mut logits, read, self.forced_end);
        (past, logits)
    }

    /// The logits of one row of the decoder's stream. (vocab)
    fn logits(&self, place: Place, last: Value) -> Vec<f32> {
        let mut tape = self.tape(Past::of_rows(place.origin.row));
        let y = tape.leaf(place, Arc::new(last));
        let logits = self.model.predict(&mut tape, y);
        last_row(tape.value(logits).matrix())
    }

    fn tape(&self, past: Past) -> Tape {
        Tape::changed(Arc::clone(&self.changes)).keeping(Keep::Boundaries).after(past)
    }

    /// Whether the past can be reused: without the mask every new token changes the earlier rows.
    fn can_remember(&self) -> bool {
        let unmasks = |change: &Change| matches!(change, Change::Off { part: Part::Mask, .. });
        !self.changes.iter().any(unmasks)
    }
}

impl EncoderDecoder {
    /// Decodes from the encoder's output; records nothing on the tape.
    pub(super) fn write(
        &self,
        tape: &Tape,
        memory: Node,
        longest: usize,
        setup: &Setup,
    ) -> Decoded {
        let (choosing, rules) = (setup.choosing(), &self.plan.rules);
        let memory = tape.placed(memory);
        let forced_end = rules.forced_end(setup.longest);
        let changes = Arc::clone(&setup.changes);
        let writing = TargetWriter { model: self, memory, changes, forced_end };
        if let Some(width) = choosing.beam {
            let (temperature, ends) = (choosing.temperature, &rules.ends[..]);
            let limits = Limits { width, longest, ends, temperature };
            let step = |past: &Past, read: &[u32]| writing.next(past.clone(), read);
            return Decoded::found(
                beam::search(limits, rules.start, Past::default(), step),
                rules.start,
            );
        }
        let (mut target, mut output, mut past) = (vec![rules.start], vec![], Past::default());
        loop {
            let (after, logits) = writing.next(mem::take(&mut past), &target);
            past = after;
            let token = choosing.token(&logits, output.len(), self.end());
            output.push(token);
            if rules.ends.contains(&token) || output.len() == longest {
                return Decoded { target, output, beams: None };
            }
            target.push(token);
        }
    }

    /// The likeliest allowed token after each token read.
    pub(super) fn likeliest(&self, logits: &Matrix, read: &[u32]) -> Vec<u32> {
        let of_row = |row: usize| {
            let mut logits: Vec<f32> = logits.row(row).iter().copied().collect();
            self.plan.rules.apply(&mut logits, &read[..=row], None);
            argmax(logits).map_or(self.end(), |token| token as u32)
        };
        (0..logits.nrows()).map(of_row).collect()
    }

    /// The token that represents an end.
    fn end(&self) -> u32 {
        self.plan.rules.ends.first().copied().unwrap_or(self.plan.rules.start)
    }
}
