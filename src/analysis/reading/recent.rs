//! The last few results of what is asked again at every frame.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// How many results are kept.
const KEPT: usize = 4;

/// Results by what was asked, the newest first.
type Results<K, V> = VecDeque<(K, Arc<V>)>;

/// The last few results. Clones share them.
pub struct Recent<K, V>(Arc<Mutex<Results<K, V>>>);

impl<K: PartialEq, V> Recent<K, V> {
    /// The kept result, or a new one; None if there is none.
    pub fn find(&self, key: K, compute: impl FnOnce() -> Option<V>) -> Option<Arc<V>> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = kept().iter().find(|(other, _)| *other == key) {
            return Some(Arc::clone(value));
        }
        let value = Arc::new(compute()?);
        let mut kept = kept();
        kept.push_front((key, Arc::clone(&value)));
        kept.truncate(KEPT);
        Some(value)
    }
}

impl<K, V> Clone for Recent<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_few_are_kept_and_nothing_is_computed_twice() {
        let recent = Recent::default();
        let find = |key: usize| recent.find(key, || Some(key * 10)).map(|found| *found);
        assert_eq!((0..=KEPT).filter_map(find).collect::<Vec<_>>(), [0, 10, 20, 30, 40]);
        let is_kept = |key: usize| recent.find(key, || None).is_some();
        assert_eq!((0..=KEPT).filter(|key| is_kept(*key)).count(), KEPT);
        assert!(!is_kept(0));
    }
}
