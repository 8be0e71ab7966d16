//! Loading a learned linear map.

use anyhow::Result;

use crate::{
    engine::{site::Scope, tape::LinearMap},
    weights::Weights,
};

impl LinearMap {
    /// Loads `W_{of}` (in, out) and, where it is there, `b_{of}` (1, out), named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: &Scope, of: &str, shape: (usize, usize)) -> Result<Self> {
        let name = |letter: &str| scope.weight(&format!("{letter}_{of}"));
        Self::named(weights, &name("W"), &name("b"), shape)
    }

    /// Loads the weight of this name (in, out) and, where it is there, the bias of this name (1, out).
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn named(weights: &Weights, w: &str, b: &str, shape: (usize, usize)) -> Result<Self> {
        Ok(Self { w: weights.matrix(w, shape)?, b: weights.optional_row(b, shape.1)? })
    }
}
