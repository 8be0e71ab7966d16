//! The names that a tensor may have in a checkpoint.

use super::{Checkpoint, TensorInfo};

/// What stands before the names of tensors that were saved from a model inside another: of PyTorch's DDP, and of PEFT.
const WRAPS: [&str; 2] = ["module.", "base_model.model."];

/// What stands before the names of a decoder's body: nothing where it was saved without its head; models that see too
/// have it within, by one name in their files and another in memory.
pub const BODIES: [&str; 6] = [
    "model.",
    "",
    "model.language_model.",
    "language_model.model.",
    "language_model.",
    "model.text_model.",
];

/// What torch.compile puts before the names of a module.
const COMPILED: &str = "_orig_mod.";

/// Takes out of the names what a model inside another has in them.
pub fn unwrap(tensors: &mut [TensorInfo]) {
    for tensor in tensors.iter_mut().filter(|tensor| tensor.name.contains(COMPILED)) {
        tensor.name = tensor.name.replace(COMPILED, "");
    }
    let is_first = |wrap: &&str, tensors: &[TensorInfo]| {
        !tensors.is_empty() && tensors.iter().all(|tensor| tensor.name.starts_with(*wrap))
    };
    while let Some(wrap) = WRAPS.iter().find(|wrap| is_first(wrap, tensors)) {
        for tensor in &mut *tensors {
            tensor.name.drain(..wrap.len());
        }
    }
}

/// The names of a tensor; of several that a checkpoint has, the first is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorNames(Vec<String>);

impl TensorNames {
    /// The names of a row of a table, which stand between `|`.
    pub fn listed(row: &str) -> Self {
        row.split('|').map(str::to_owned).collect()
    }

    /// What belongs around each name: one name or several.
    #[must_use]
    pub fn each<N: Into<Self>>(&self, around: impl Fn(&str) -> N) -> Self {
        self.iter().flat_map(|name| around(name).into().0).collect()
    }

    /// These names, and after them others.
    #[must_use]
    pub fn or(self, others: impl Into<Self>) -> Self {
        self.0.into_iter().chain(others.into().0).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn are_in(&self, checkpoint: &Checkpoint) -> bool {
        self.iter().any(|name| checkpoint.tensor(name).is_some())
    }
}

impl FromIterator<String> for TensorNames {
    fn from_iter<T: IntoIterator<Item = String>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}

impl From<String> for TensorNames {
    fn from(name: String) -> Self {
        Self(vec![name])
    }
}

impl From<&str> for TensorNames {
    fn from(name: &str) -> Self {
        name.to_owned().into()
    }
}

impl From<&String> for TensorNames {
    fn from(name: &String) -> Self {
        name.clone().into()
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for TensorNames {
    fn from(names: [S; N]) -> Self {
        names.into_iter().map(Into::into).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_around_a_name_belongs_around_each() {
        let names = TensorNames::listed("a|b");
        assert_eq!(names, ["a", "b"].into());
        let within = names.each(|name| TensorNames::from([name, "x"]).each(|n| format!("{n}.w")));
        assert_eq!(within, ["a.w", "x.w", "b.w", "x.w"].into());
        assert_eq!(names.or("c"), ["a", "b", "c"].into());
    }
}
