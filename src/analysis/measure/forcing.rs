//! Teacher forcing (Williams and Zipser 1989): a decoder that is given the right word before each
//! place, beside the same decoder that reads what it wrote.

use crate::{analysis::trace::Trace, engine::value::Cell, model::PROBS, text::Token};

/// One place of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The word it is given.
    pub given: Token,
    /// The word that is right here.
    pub right: Token,
    /// What it holds likeliest, having been given the right words.
    pub forced: Token,
    /// The probability it gives to the right word.
    pub probability: f32,
    /// What it wrote on its own; None where it had ended.
    pub free: Option<Token>,
}

/// Both ways of running, place by place.
#[derive(Clone, Debug, PartialEq)]
pub struct Forcing {
    pub places: Vec<Place>,
    /// The first place where the free run has another word than is right.
    pub part: Option<usize>,
}

impl Forcing {
    /// `right` is the whole output that counts as right; `forced` is the pass that was given it,
    /// `free` the pass of the same model on its own.
    pub fn new(right: &[Token], forced: &Trace, free: &Trace) -> Self {
        let probability = |t: usize, token: &Token| {
            let cell = Cell::new(0, t, token.id as usize);
            let probs = forced.value(PROBS.name).filter(|probs| probs.shape().holds(cell));
            probs.map_or(f32::NAN, |probs| probs.get(cell))
        };
        let place = |(t, right): (usize, &Token)| {
            Some(Place {
                given: forced.target.get(t)?.clone(),
                right: right.clone(),
                forced: forced.output.get(t)?.clone(),
                probability: probability(t, right),
                free: free.output.get(t).cloned(),
            })
        };
        let places: Vec<Place> = right.iter().enumerate().filter_map(place).collect();
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

impl Place {
    pub fn is_forced_right(&self) -> bool {
        self.forced.id == self.right.id
    }

    pub fn is_free_right(&self) -> bool {
        self.free.as_ref().is_some_and(|free| free.id == self.right.id)
    }
}
