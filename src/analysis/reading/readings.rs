//! The latest readings of one reader, so that no pass is run twice.

use std::sync::Arc;

use anyhow::Result;

use super::{Reader, Reading, courses::Teaching};
use crate::{engine::change::Changes, text::Sentence};

/// A reader with what it read last: the plain reading, from which a what-if runs only what it changes, and the changed
/// one.
pub struct Readings {
    reader: Reader,
    plain: Option<Arc<Reading>>,
    changed: Option<Arc<Reading>>,
    /// The models that are being taught the sentence.
    teachings: Vec<Teaching>,
}

impl Readings {
    pub const fn new(reader: Reader) -> Self {
        Self { reader, plain: None, changed: None, teachings: vec![] }
    }

    pub const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Whether the last readings hold this sentence with these changes.
    pub fn holds(&self, sentence: &str, changes: &Changes) -> bool {
        let latest = if changes.is_empty() { &self.plain } else { &self.changed };
        self.is_plain_of(sentence)
            && latest.as_ref().is_some_and(|latest| *latest.changes == *changes)
    }

    fn is_plain_of(&self, sentence: &str) -> bool {
        self.plain.as_ref().is_some_and(|plain| plain.sentence.text == sentence)
    }

    /// The reading of this sentence with these changes; a pass is run only where the last readings do not hold it.
    ///
    /// # Errors
    /// If the sentence cannot be read, or a change has no place in any model.
    pub fn read(&mut self, sentence: &str, changes: &Changes) -> Result<Arc<Reading>> {
        let plain = match &self.plain {
            Some(plain) if self.is_plain_of(sentence) => Arc::clone(plain),
            _ => self.read_plain(self.reader.tokenizer().sentence(sentence)?)?,
        };
        self.change(&plain, changes)
    }

    /// The reading of this sentence without changes.
    ///
    /// # Errors
    /// If the pass would take too much memory.
    pub fn read_plain(&mut self, sentence: Sentence) -> Result<Arc<Reading>> {
        (self.plain, self.changed, self.teachings) = (None, None, vec![]); // their memory is free before the next pass
        let plain = Arc::new(self.reader.read_sentence(sentence)?);
        self.plain = Some(Arc::clone(&plain));
        Ok(plain)
    }

    /// A reading with these changes, from the same reading without changes.
    ///
    /// # Errors
    /// If a change has no place in any model.
    pub fn change(&mut self, plain: &Arc<Reading>, changes: &Changes) -> Result<Arc<Reading>> {
        if changes.is_empty() {
            return Ok(Arc::clone(plain));
        }
        let known = self.changed.take().filter(|changed| *changed.changes == *changes);
        let changed = if let Some(changed) = known {
            changed
        } else {
            let taught = &mut self.teachings;
            Arc::new(self.reader.read_taught(plain, changes.clone(), taught)?)
        };
        self.changed = Some(Arc::clone(&changed));
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_around_a_sentence_do_not_make_it_another() -> Result<()> {
        let mut readings = Readings::new(Reader::embedded()?);
        let sentence = readings.reader().tokenizer().sentence(" The dog sleeps.\n")?;
        let plain = readings.read_plain(sentence)?;
        assert!(Arc::ptr_eq(&plain, &readings.change(&plain, &Changes::default())?));
        assert!(Arc::ptr_eq(&plain, &readings.read(&plain.sentence.text, &Changes::default())?));
        Ok(())
    }

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
