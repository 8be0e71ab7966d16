//! The latest readings of one reader, so that no pass is run twice.

use std::sync::Arc;

use anyhow::Result;

use super::{Reader, Reading};
use crate::engine::change::Changes;

/// A reader with what it read last: the plain reading, from which a what-if runs only what it changes, and the changed
/// one.
pub struct Readings {
    reader: Reader,
    plain: Option<Arc<Reading>>,
    changed: Option<Arc<Reading>>,
}

impl Readings {
    pub const fn new(reader: Reader) -> Self {
        Self { reader, plain: None, changed: None }
    }

    pub const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Whether the reading of this sentence with these changes exists already.
    pub fn holds(&self, sentence: &str, changes: &Changes) -> bool {
        let latest = if changes.is_empty() { &self.plain } else { &self.changed };
        let plain = self.plain.as_ref().is_some_and(|plain| plain.sentence.text == sentence);
        plain && latest.as_ref().is_some_and(|latest| *latest.changes == *changes)
    }

    /// The reading of this sentence with these changes; a pass is run only where the last readings do not hold it.
    ///
    /// # Errors
    /// If the sentence cannot be read, or a change has no place in any model.
    pub fn read(&mut self, sentence: &str, changes: &Changes) -> Result<Arc<Reading>> {
        let known = self.plain.take().filter(|plain| plain.sentence.text == sentence);
        let plain = if let Some(plain) = known {
            plain
        } else {
            self.changed = None;
            Arc::new(self.reader.read(sentence)?)
        };
        self.plain = Some(Arc::clone(&plain));
        if changes.is_empty() {
            return Ok(plain);
        }
        let known = self.changed.take().filter(|changed| *changed.changes == *changes);
        let changed = match known {
            Some(changed) => changed,
            None => Arc::new(self.reader.read_changed(&plain, changes.clone())?),
        };
        self.changed = Some(Arc::clone(&changed));
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_that_is_known_is_not_run_again() -> Result<()> {
        let mut readings = Readings::new(Reader::embedded()?);
        let (plain, mask) = (Changes::default(), Changes::from_iter(["mask=off".parse()?]));
        let first = readings.read("The dog sleeps.", &plain)?;
        let changed = readings.read("The dog sleeps.", &mask)?;
        assert!(Arc::ptr_eq(&changed, &readings.read("The dog sleeps.", &mask)?));
        assert!(Arc::ptr_eq(&first, &readings.read("The dog sleeps.", &plain)?));
        assert!(readings.holds("The dog sleeps.", &mask) && !readings.holds("The cat.", &mask));
        let other =
            readings.read("The dog sleeps.", &Changes::from_iter(["residual=off".parse()?]))?;
        assert!(!Arc::ptr_eq(&changed, &other));
        let longer = readings.read("The old dog sleeps.", &mask)?;
        assert_eq!(longer.sentence.text, "The old dog sleeps.");
        assert!(!Arc::ptr_eq(&changed, &longer));
        Ok(())
    }
}
