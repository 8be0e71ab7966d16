//! What a change does to the next word, and the numbers that it changes most: those of A, of B, and B - A. Its site is one
//! of the stream.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{
    CursorCell, Pane, PreferredSize, Scene, Title, Unfolding, differences::no_difference,
    in_words::PaneWords,
};
use crate::{
    analysis::{
        evidence::RowsOf,
        measure::difference::WorstNumber,
        reading::{Differences, EvidenceBefore, NextWordInBoth, PassEvidence},
    },
    engine::{
        site::Address,
        value::{Extent, PlaneCell},
    },
    lesson::tr,
    text::{fixed, percent},
    ui::{
        descriptions::{cell_labels, short_path},
        widgets::lines::{List, first_fitting, fit, left, put_on, put_text, right},
    },
};

pub(super) struct Differing<'a> {
    scene: Scene<'a>,
    found: Option<&'a PassEvidence>,
    before: Option<Result<&'a EvidenceBefore, &'static str>>,
    all: Option<Arc<Differences>>,
}

/// A line of the list.
enum Row<'a> {
    /// A name, and whether it has columns of numbers.
    Heading(String, bool),
    Word(&'a NextWordInBoth),
    Number(&'a WorstNumber),
}

/// Width of a number's column, and the least of a name.
const NUMBER_WIDTH: u16 = 8;
const LEAST_NAME: u16 = 20;

impl<'a> Differing<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        let all = scene.reading.differences(scene.model);
        let found = all.as_ref().and_then(|_| scene.pass_evidence());
        Self { scene, found, before: found.and_then(PassEvidence::before), all }
    }

    /// The lines of the list; none without a second pass.
    fn rows(&self) -> Vec<Row<'_>> {
        let language = self.scene.language;
        let Some(all) = &self.all else { return vec![] };
        let mut rows = vec![];
        match (self.found, self.before) {
            (Some(found), Some(Ok(before))) => {
                rows.push(Row::Heading(self.place(found), true));
                rows.extend(before.next_words.iter().map(Row::Word));
            }
            (Some(_), Some(Err(why))) => {
                rows.push(Row::Heading(language.tr(why).to_owned(), false));
            }
            (Some(_), None) => rows.push(Row::Heading(self.scene.measuring().to_owned(), false)),
            (None, _) => rows.push(Row::Heading(self.scene.no_evidence().to_owned(), false)),
        }
        let heading = match all.worst.len() {
            0 => language.tr("no number differs"),
            _ => language.tr("number"),
        };
        rows.push(Row::Heading(heading.to_owned(), !all.worst.is_empty()));
        rows.extend(all.worst.iter().map(Row::Number));
        rows
    }

    /// Which words are compared.
    fn place(&self, found: &PassEvidence) -> String {
        let language = self.scene.language;
        let place = &found.asked_at;
        match found.rows_of {
            RowsOf::Output | RowsOf::NextWords => tr!(language, "after “{place}”", place),
            RowsOf::Words => tr!(language, "words at “{place}”", place),
            RowsOf::Text => language.tr("classes of the text").to_owned(),
        }
    }

    fn row(&self, n: usize) -> usize {
        self.scene.selection.row.min(n.saturating_sub(1))
    }
}

/// The three numbers of a line in words.
fn numbers(row: &Row) -> Option<[String; 3]> {
    match row {
        Row::Heading(..) => None,
        Row::Word(NextWordInBoth { was, now, .. }) => {
            let sign = if now < was { "-" } else { "+" };
            let change = format!("{sign}{}", percent((now - was).abs()));
            Some([percent(*was), percent(*now), change])
        }
        Row::Number(WorstNumber { worst, .. }) => {
            Some([worst.was, worst.now, worst.now - worst.was].map(fixed))
        }
    }
}

/// An address in its first form that fits, `1.attn.scores[0,11,3]`; cut, its indices are whole: `1.attn.…[0,11,3]`.
fn fitted(address: &Address, width: usize) -> String {
    let (name, indices) = (address.name(), address.indices());
    let width = width.saturating_sub(indices.len());
    let short = short_path(&name);
    let shorter = short.trim_start_matches("blocks.").to_owned();
    fit(&first_fitting([name, short, shorter], width), width) + &indices
}

fn name(row: &Row) -> String {
    match row {
        Row::Heading(name, _) => name.clone(),
        Row::Word(word) => word.word.clone(),
        Row::Number(number) => number.address.to_string(),
    }
}

impl Pane for Differing<'_> {
    fn title(&self) -> Title {
        Title::named(self.scene.language.tr("next word, largest differences"))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.rows().len(), 1)
    }

    fn cursor_cell(&self, row: usize, _: usize) -> Option<CursorCell> {
        let rows = self.rows();
        let Row::Number(number) = rows.get(row)? else { return None };
        let trace = self.scene.reading.trace(self.scene.model);
        let site = trace.site(&number.path)?;
        Some(CursorCell {
            address: number.address.clone(),
            value: number.worst.now,
            labels: cell_labels(trace, site, number.worst.cell, self.scene.language),
        })
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let rows = self.rows();
        let row = rows.get(row)?;
        let Some([was, now, x]) = numbers(row) else { return Some(name(row)) };
        Some(format!("{}  A {was}  B {now}  B - A {x}", name(row)))
    }

    fn preferred_size(&self) -> PreferredSize {
        let rows = self.rows();
        if rows.is_empty() {
            return PreferredSize::new(Size::new(20, 4), Size::new(40, 8));
        }
        let widest = rows.iter().map(|row| name(row).width() as u16).max().unwrap_or(0).min(44);
        let (n, numbers) = (rows.len() as u16, 3 * NUMBER_WIDTH);
        let least = LEAST_NAME + 2 * NUMBER_WIDTH;
        PreferredSize::new(Size::new(least, n.min(6)), Size::new(widest + numbers, n.min(20)))
            .of_items(n, 0, widest + numbers)
    }

    fn list(&self, area: Rect) -> Option<List> {
        let n = self.rows().len();
        (n > 0).then(|| List::new(area, n, self.row(n)))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        Some(PlaneCell::new(self.list(area)?.at(position)?, 0))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { language, model, .. } = self.scene;
        let (found, _) = match self.all {
            Some(_) => self.scene.evidence_in_words(),
            None => (None, None),
        };
        let pane = Self {
            found,
            before: found.and_then(PassEvidence::before),
            all: self.all.clone(),
            ..*self
        };
        let line = |row: &Row| match numbers(row) {
            None => name(row),
            Some([was, now, x]) => format!("{}: A {was}, B {now}, B - A {x}", name(row)),
        };
        let lines = pane.rows().iter().map(line).collect();
        PaneWords::of_model(
            language,
            "The next word, and the numbers that differ most",
            model,
            lines,
        )
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let rows = self.rows();
        let Some(list) = self.list(area) else {
            put_text(buf, area, no_difference(self.scene), theme.dim());
            return;
        };
        let n_columns = if area.width >= LEAST_NAME + 3 * NUMBER_WIDTH { 3 } else { 2 };
        let name_width = usize::from(area.width.saturating_sub(n_columns * NUMBER_WIDTH));
        for (i, line) in list.rows() {
            let row = &rows[i];
            let is_at_cursor = self.scene.focused && i == self.row(rows.len());
            let style = match row {
                _ if is_at_cursor => theme.cursor(),
                Row::Heading(..) => theme.dim(),
                _ => Style::new(),
            };
            let columns = match row {
                Row::Heading(name, false) => {
                    put_on(buf, line, &[(name, style)]);
                    continue;
                }
                Row::Heading(..) => ["A", "B", "B - A"].map(str::to_owned),
                _ => numbers(row).unwrap_or_default(),
            };
            let columns = columns.iter().take(n_columns.into());
            let columns = columns.map(|text| right(text, NUMBER_WIDTH.into())).collect::<String>();
            let name = match row {
                Row::Number(number) => fitted(&number.address, name_width),
                _ => name(row),
            };
            put_on(buf, line, &[(&left(&name, name_width), style), (&columns, style)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shortened_before_it_is_cut() {
        let address = "blocks.0.attn.scores[4,24,24]".parse().unwrap();
        let fitted = |width| fitted(&address, width);
        assert_eq!(fitted(29), "blocks.0.attn.scores[4,24,24]");
        assert_eq!(fitted(24), "0.attn.scores[4,24,24]");
        assert_eq!(fitted(20), "0.attn.sco…[4,24,24]");
    }
}
