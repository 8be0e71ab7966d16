//! Teacher forcing (Williams and Zipser 1989): a decoder given the right word before each position, compared with the
//! same decoder reading its own output.

use crate::{analysis::trace::Trace, engine::value::Cell, model::PROBS, text::Token};

/// One position of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct ForcedToken {
    /// The word given as input.
    pub given: Token,
    /// The word that is right here.
    pub right: Token,
    /// Its likeliest word when given the right words.
    pub forced: Token,
    /// Its probability for the right word.
    pub probability: f32,
    /// Its word when reading its own output; None after its end.
    pub free: Option<Token>,
}

/// Both runs, position by position.
#[derive(Clone, Debug, PartialEq)]
pub struct Forcing {
    pub places: Vec<ForcedToken>,
    /// The first position where the free run's word is not the right one.
    pub part: Option<usize>,
}

impl Forcing {
    /// Compares two passes of one model with the output `right`: `forced` was given it, `free` read its own output.
    pub fn new(right: &[Token], forced: &Trace, free: &Trace) -> Self {
        let probability = |t: usize, token: &Token| {
            let cell = Cell::new(0, t, token.id as usize);
            let probs = forced.value(PROBS.name).filter(|probs| probs.shape().holds(cell));
            probs.map_or(f32::NAN, |probs| probs.get(cell))
        };
        let place = |(t, right): (usize, &Token)| {
            Some(ForcedToken {
                given: forced.target.get(t)?.clone(),
                right: right.clone(),
                forced: forced.output.get(t)?.clone(),
                probability: probability(t, right),
                free: free.output.get(t).cloned(),
            })
        };
        let places: Vec<ForcedToken> = right.iter().enumerate().filter_map(place).collect();
        let part = places.iter().position(|place| !place.is_free_right());
        Self { places, part }
    }

    pub fn n_forced_right(&self) -> usize {
        self.places.iter().filter(|place| place.is_forced_right()).count()
    }

    pub fn n_free_right(&self) -> usize {
        self.places.iter().filter(|place| place.is_free_right()).count()
    }
}

impl ForcedToken {
    pub fn is_forced_right(&self) -> bool {
        self.forced.id == self.right.id
    }

    pub fn is_free_right(&self) -> bool {
        self.free.as_ref().is_some_and(|free| free.id == self.right.id)
    }
}
