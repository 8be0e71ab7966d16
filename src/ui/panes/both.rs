//! Evidence of the pass that a pane shows: B, A or B - A, all asked about the same words.

use super::{Scene, Title};
use crate::{
    analysis::reading::{EvidenceBefore, PassEvidence, Reading},
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf},
        math::aligned,
        site::Stream,
    },
    lesson::tr,
    text::fixed,
};

/// Said where evidence is not computed by itself.
pub(super) const TOO_LARGE: &str =
    "This model is too large to ask for it beside the walk; `lookback attribute` takes the time.";

/// The evidence that a pane shows.
#[derive(Clone, Copy, Default)]
pub(super) struct ShownEvidence<'a> {
    /// Of B; of A while that is on the screen.
    pub found: Option<&'a PassEvidence>,
    /// A's beside it while B - A is on the screen, or why there is none.
    pub before: Option<Result<&'a PassEvidence, &'static str>>,
    /// Whether A's decoder was given the words of B, as it wrote others.
    pub is_given: bool,
}

impl<'a> Scene<'a> {
    /// The evidence of this pane's model.
    pub(super) fn shown_evidence(&self) -> ShownEvidence<'a> {
        if let Some(changed) = self.changed {
            return self.shown_evidence_of_a(changed);
        }
        let found = self.pass_evidence();
        if !self.shows_difference {
            return ShownEvidence { found, ..ShownEvidence::default() };
        }
        match found.and_then(PassEvidence::before) {
            None => ShownEvidence { found, before: Some(Err(self.measuring())), is_given: false },
            Some(Err(why)) => {
                ShownEvidence { found, before: Some(Err(self.language.tr(why))), is_given: false }
            }
            Some(Ok(before)) => ShownEvidence {
                found,
                before: Some(Ok(&before.found)),
                is_given: !before.writes_same,
            },
        }
    }

    /// A's evidence, asked as B is; where that has no counterpart in A, as A alone would be.
    fn shown_evidence_of_a(&self, changed: &'a Reading) -> ShownEvidence<'a> {
        match self.evidence_of(changed).and_then(PassEvidence::before) {
            None => ShownEvidence::default(),
            Some(Err(_)) => {
                ShownEvidence { found: self.pass_evidence(), ..ShownEvidence::default() }
            }
            Some(Ok(before)) => ShownEvidence {
                found: Some(&before.found),
                before: None,
                is_given: !before.writes_same,
            },
        }
    }

    /// Why there is no evidence of this pane's model.
    pub(super) fn no_evidence(&self) -> &'static str {
        let all = self.changed.unwrap_or(self.reading).known_pass_evidence();
        let is_known = all.is_some_and(|all| {
            let found = all.get(&self.model).filter(|_| self.changed.is_some());
            found.is_none_or(|found| found.before().is_some())
        });
        if is_known { self.language.tr(TOO_LARGE) } else { self.measuring() }
    }

    /// The evidence of a reading, without waiting for it.
    pub(super) fn pass_evidence(&self) -> Option<&'a PassEvidence> {
        self.evidence_of(self.reading)
    }

    fn evidence_of(&self, reading: &'a Reading) -> Option<&'a PassEvidence> {
        reading.known_pass_evidence()?.get(&self.model).map(|found| &**found)
    }

    /// The evidence of a reading that waits, and that before its changes.
    pub(super) fn evidence_in_words(
        &self,
    ) -> (Option<&'a PassEvidence>, Option<&'a EvidenceBefore>) {
        let found = self.reading.pass_evidence().get(&self.model).map(|found| &**found);
        (found, found.and_then(|found| found.before()?.ok()))
    }

    /// A title of what a change made of the numbers.
    pub(super) fn change_of(&self, title: Title) -> Title {
        let change = self.language.tr(self.theme.glyph("Δ", "change of"));
        title.renamed(|name| format!("{change} {name}"))
    }

    /// `B 1.200 - A 0.900 = 0.300`
    pub(super) fn both_in_words(&self, now: f32, was: f32) -> String {
        let (now, was, x) = (fixed(now), fixed(was), fixed(now - was));
        tr!(self.language, "B {now} - A {was} = {x}", now, was, x)
    }
}

impl<'a> ShownEvidence<'a> {
    /// A's evidence where B - A is shown.
    pub(super) fn was(&self) -> Option<&'a PassEvidence> {
        self.before?.ok()
    }

    /// Why B - A cannot be shown.
    pub(super) fn why_not(&self) -> Option<&'static str> {
        self.before?.err()
    }

    /// The title, marked where B - A is shown, and with what A was given.
    pub(super) fn marked(&self, scene: Scene, title: Title) -> Title {
        let title = if self.was().is_some() { scene.change_of(title) } else { title };
        if self.is_given { title.with(scene.language.tr("A reads what B wrote")) } else { title }
    }

    /// By word of a text of B, A's that stands for it.
    pub(super) fn counterparts(&self, stream: Stream) -> Vec<Option<usize>> {
        let both = self.was().zip(self.found);
        both.map_or_else(Vec::new, |(was, now)| aligned(was.tokens(stream), now.tokens(stream)))
    }
}

/// B - A of a number that parts of both passes are.
pub(super) fn difference(of: NumberOf, now: f32, was: f32) -> Arithmetic {
    Arithmetic {
        name: NumberName::Words { what: "B - A", of: Some(of) },
        value: now - was,
        formula: "the number in B - the number in A",
        expr: Some(Expr::difference(Expr::Number(now), Expr::Number(was))),
    }
}
