//! A pane's main numbers in words: what one would read off it at a glance.

mod decoding;
mod measured;

use crate::{
    analysis::{
        measure::{
            attention::{entropy_bits, strongest},
            readback::share_right,
            schedule::{built_in, schedule},
        },
        reading::Reading,
        trace::{Recorded, Trace},
    },
    engine::site::Axis,
    lesson::{PaneKind, PaneSpec, Selection, Step},
    model::Name,
};

/// A heading and one line a fact.
pub struct Numbers {
    pub heading: String,
    pub lines: Vec<String>,
}

/// The numbers of one pane of a step.
pub fn of(step: &Step, pane: &PaneSpec, reading: &Reading, selection: &Selection) -> Numbers {
    let model = step.model_of(pane);
    let trace = reading.trace(model);
    let path = pane.path(selection.layer);
    let site = path.as_deref().and_then(|path| trace.site(path));
    let decoding = || decoding::of(pane.kind, reading, model, selection.row);
    let lines = match (pane.kind, site) {
        (PaneKind::ReadBack, _) => read_back(reading, model),
        (PaneKind::Gradient, _) => gradient(reading, model, path.as_deref()),
        (PaneKind::Schedule, _) => waiting(reading),
        (PaneKind::Translations, _) => translations(reading),
        (PaneKind::Accuracy, _) => accuracy(reading),
        (PaneKind::Comparison, _) => comparison(reading),
        (PaneKind::Card, _) => card(reading),
        (PaneKind::Times, _) => vec!["they are measured in the walk".into()],
        (PaneKind::ReadBackLength, _) => measured::kept(reading),
        (PaneKind::Distance, _) => measured::distance(reading, path.as_deref()),
        (PaneKind::Evidence, Some(site)) => {
            measured::evidence(reading, model, &View::new(trace, site, selection))
        }
        (PaneKind::Wall | PaneKind::HeadTable, _) => measured::heads(reading, model, pane),
        (PaneKind::Stream, Some(site)) => {
            measured::stream(trace, site.path(), View::new(trace, site, selection).row)
        }
        (kind, site) => decoding().unwrap_or_else(|| {
            site.map_or_else(Vec::new, |site| View::new(trace, site, selection).say(kind))
        }),
    };
    Numbers { heading: heading(pane, model, site, selection), lines }
}

fn heading(pane: &PaneSpec, model: Name, site: Option<&Recorded>, at: &Selection) -> String {
    let title = pane.title.as_ref().filter(|title| *title != model.title());
    let title = title.map(|title| format!("{title}: ")).unwrap_or_default();
    let decoding = decoding::heading(pane.kind, model);
    let (path, model) = (site.map_or("", Recorded::path), model.title());
    let says = match (pane.kind, site) {
        (PaneKind::Schedule, _) => "Who waits for whom".into(),
        (PaneKind::Translations, _) => "Every model's output".into(),
        (PaneKind::Accuracy, _) => "Sentences translated exactly, by length in tokens".into(),
        (PaneKind::Comparison, _) => "The encoders side by side".into(),
        (PaneKind::Card, _) => "What was opened".into(),
        (PaneKind::Times, _) => "Times on this machine".into(),
        (PaneKind::ReadBackLength, _) => "Words read back, by length".into(),
        (PaneKind::Wall | PaneKind::HeadTable, _) => format!("Attention by head ({model})"),
        (PaneKind::Distance, _) => format!("Gradient of {path} by the line's own mean"),
        (PaneKind::ReadBack, _) => format!("Read back from the last hidden state ({model})"),
        (PaneKind::Gradient, _) => format!("Gradient of {path} by word ({model})"),
        _ if decoding.is_some() => decoding.unwrap_or_default(),
        (_, None) => model.into(),
        (kind, Some(site)) => {
            let is_one_of_many = site.axes()[0] == Axis::Head && kind != PaneKind::Heads;
            let head = at.head.min(site.shape().planes - 1);
            let head = if is_one_of_many { format!(", head {head}") } else { String::new() };
            format!("{path} ({model}{head}), {}", site.caption())
        }
    };
    format!("{title}{says}")
}

fn card(reading: &Reading) -> Vec<String> {
    let rows = reading.card.iter().flat_map(|card| &card.rows);
    rows.map(|(label, value)| format!("{label}: {value}")).collect()
}

/// A site, with the row and the plane that are selected.
struct View<'a> {
    trace: &'a Trace,
    site: &'a Recorded,
    plane: usize,
    row: usize,
}

impl<'a> View<'a> {
    fn new(trace: &'a Trace, site: &'a Recorded, selection: &Selection) -> Self {
        let shape = site.shape();
        let wanted = if site.axes()[0] == Axis::Head { selection.head } else { selection.row };
        let (plane, row) = (wanted.min(shape.planes - 1), selection.row.min(shape.rows - 1));
        Self { trace, site, plane, row }
    }

    fn say(&self, kind: PaneKind) -> Vec<String> {
        match kind {
            PaneKind::Tokens => self.tokens(),
            PaneKind::Heads => self.heads(),
            PaneKind::Hidden => self.hidden(),
            PaneKind::Recurrence => self.beside(&[
                "input",
                "recurrent",
                "reset",
                "update",
                "sum",
                "candidate",
                "hidden",
            ]),
            PaneKind::Bars => self.bars(),
            PaneKind::Norm => self.beside(&["mean", "var", "normalized", "out"]),
            PaneKind::WeightedSum => self.weighted_sum(),
            _ => self.rows(),
        }
    }

    fn values(&self, row: usize) -> Vec<f32> {
        self.site.value.row(self.plane, row)
    }

    fn n_rows(&self) -> usize {
        self.site.shape().rows
    }

    /// `word 7 "it"`
    fn word(&self, row: usize) -> String {
        let [_, axis, _] = self.site.axes();
        quoted(self.trace, self.site, axis, row)
    }

    fn tokens(&self) -> Vec<String> {
        let Some(stream) = self.site.place.stream(Axis::Position) else { return vec![] };
        let tokens = self.trace.tokens(stream).iter().take(self.n_rows());
        let line = |(i, token): (usize, &crate::text::Token)| {
            let first = first(&self.values(i), 3);
            format!("{i} \"{}\", id {}, its row begins {first}", token.text, token.id)
        };
        tokens.enumerate().map(line).collect()
    }

    /// One line a row: where it is largest if its columns have names, else how it spreads.
    fn rows(&self) -> Vec<String> {
        let column = self.site.axes()[2];
        let named = matches!(column, Axis::Key | Axis::Vocab);
        let line = |row: usize| {
            let says = if named { self.largest(row, 2) } else { spread(&self.values(row)) };
            format!("{}: {says}", self.word(row))
        };
        (0..self.n_rows()).map(line).collect()
    }

    /// `most at "animal" 0.98, then "street" 0.01; 3 masked`
    fn largest(&self, row: usize, n: usize) -> String {
        let values = self.values(row);
        let column = self.site.axes()[2];
        let mut order: Vec<usize> = (0..values.len()).filter(|&i| values[i].is_finite()).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let say = |&i: &usize| {
            format!("{} {}", quoted(self.trace, self.site, column, i), short(values[i]))
        };
        let largest: Vec<_> = order.iter().take(n).map(say).collect();
        let masked = values.iter().filter(|v| **v == f32::NEG_INFINITY).count();
        let masked = if masked > 0 { format!("; {masked} masked") } else { String::new() };
        if largest.is_empty() {
            return format!("no numbers{masked}");
        }
        format!("largest at {}{masked}", largest.join(", then "))
    }

    fn heads(&self) -> Vec<String> {
        let line = |head: usize| {
            let look = strongest(self.trace, self.site.path(), head, self.row)?;
            let bits = short(entropy_bits(&self.site.value.row(head, self.row)));
            let (word, weight) = (look.word, short(look.weight));
            let from = self.word(self.row);
            Some(format!(
                "head {head}: {from} looks most at {} \"{word}\", {weight}; entropy {bits} bits",
                look.key
            ))
        };
        (0..self.site.shape().planes).filter_map(line).collect()
    }

    fn hidden(&self) -> Vec<String> {
        let line = |row: usize| {
            let values = self.values(row);
            let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
            let full = values.iter().filter(|v| v.abs() > 0.9).count();
            let n = values.len();
            let (length, begins) = (short(length), first(&values, 3));
            format!(
                "after {}: length {length}, {full} of {n} units beyond 0.9, begins {begins}",
                self.word(row)
            )
        };
        (0..self.n_rows()).map(line).collect()
    }

    /// The selected row of the sites that stand beside this one.
    fn beside(&self, names: &[&str]) -> Vec<String> {
        let line = |name: &&str| {
            let site = self.trace.beside(self.site, name)?;
            let values = site.value.row(0, self.row.min(site.shape().rows - 1));
            let says = match values[..] {
                [one] => short(one),
                _ => format!("{}, begins {}", spread(&values), first(&values, 3)),
            };
            Some(format!("{name}: {says}"))
        };
        let lines = names.iter().filter_map(line);
        [format!("at {}", self.word(self.row))].into_iter().chain(lines).collect()
    }

    fn bars(&self) -> Vec<String> {
        vec![format!("{}: {}", self.word(self.row), self.largest(self.row, 5))]
    }

    fn weighted_sum(&self) -> Vec<String> {
        let says = spread(&self.values(self.row));
        let mut lines = vec![format!("the sum for {}: {says}", self.word(self.row))];
        if let Some(weights) = self.trace.beside(self.site, "weights") {
            let plane = self.plane.min(weights.shape().planes - 1);
            let view = View { trace: self.trace, site: weights, plane, row: self.row };
            lines.push(format!("its weights: {}", view.largest(self.row, 4)));
        }
        lines
    }
}

fn quoted(trace: &Trace, site: &Recorded, axis: Axis, i: usize) -> String {
    if axis == Axis::Single {
        return "the only row".into();
    }
    let label = trace.label(site, axis, i);
    if label == i.to_string() { format!("{} {i}", axis.name()) } else { format!("{i} \"{label}\"") }
}

fn read_back(reading: &Reading, model: Name) -> Vec<String> {
    let answers = reading.read_back(model);
    let line = |a: &crate::analysis::measure::readback::ReadBack| {
        let (verdict, sure) = (if a.is_right { "right" } else { "wrong" }, percent(a.probability));
        format!(
            "{} \"{}\": the probe says \"{}\", {verdict}; it gives the right word {sure}",
            a.position, a.word, a.guess
        )
    };
    let share = share_right(&answers)
        .map(|share| format!("read back rightly: {} of the words", percent(share)));
    answers.iter().map(line).chain(share).collect()
}

fn gradient(reading: &Reading, model: Name, site: Option<&str>) -> Vec<String> {
    let measures = reading.measures();
    let of = if site.is_some_and(|site| site.ends_with("hidden")) {
        &measures.forgetting
    } else {
        &measures.influence
    };
    let Some(norms) = of.get(&model) else { return vec![] };
    let most = norms.iter().copied().fold(0.0, f32::max);
    let words = norms.iter().zip(&reading.sentence.tokens).enumerate();
    words
        .map(|(i, (norm, token))| {
            let share = if most > 0.0 { percent(norm / most) } else { "0 %".into() };
            format!("{i} \"{}\": {}, {share} of the largest", token.text, short(*norm))
        })
        .collect()
}

fn waiting(reading: &Reading) -> Vec<String> {
    let n = reading.sentence.tokens.len();
    let line = |name: Name| {
        let steps = schedule(name, built_in(n)).sequential;
        format!("{}: {steps} steps, one after the other, to read {n} tokens", name.title())
    };
    [Name::Elman, Name::Gru, Name::RnnAttention, Name::Transformer].map(line).to_vec()
}

fn translations(reading: &Reading) -> Vec<String> {
    Name::ALL.map(|name| format!("{}: {}", name.title(), reading.trace(name).output_text)).to_vec()
}

fn accuracy(reading: &Reading) -> Vec<String> {
    let table = &reading.accuracy;
    let row = |name: &Name| {
        let shares = table.exact_match.get(name.id())?;
        let cells = table.buckets.iter().zip(shares);
        let cells = cells.map(|([from, to], share)| format!("{from} to {to}: {}", percent(*share)));
        Some(format!("{}: {}", name.title(), cells.collect::<Vec<_>>().join(", ")))
    };
    Name::ALL.iter().filter_map(row).collect()
}

fn comparison(reading: &Reading) -> Vec<String> {
    let n = reading.sentence.tokens.len();
    let line = |name: Name| {
        let s = schedule(name, built_in(n));
        format!(
            "{}: {} sequential steps, a longest path of {} between two words, {} multiplications",
            name.title(),
            s.sequential,
            s.longest_path,
            s.multiplications
        )
    };
    [Name::Elman, Name::Gru, Name::RnnAttention, Name::Transformer].map(line).to_vec()
}

/// `-1.2 to 1.4, length 3.1`
fn spread(values: &[f32]) -> String {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    format!("{} to {}, length {}", short(least), short(most), short(length))
}

fn first(values: &[f32], n: usize) -> String {
    values.iter().take(n).map(|&v| short(v)).collect::<Vec<_>>().join(", ")
}

/// Three decimals, or two digits where three decimals say nothing.
fn short(v: f32) -> String {
    match v.abs() {
        a if v.is_nan() || a.is_infinite() => v.to_string().to_lowercase(),
        a if a > 0.0 && a < 0.0005 => format!("{v:.1e}"),
        a if a >= 1000.0 => format!("{v:.0}"),
        _ => format!("{v:.3}"),
    }
}

fn percent(share: f32) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let pairs = [(0.0, "0.000"), (0.1234, "0.123"), (-2.5e-6, "-2.5e-6"), (1234.5, "1234")];
        for (v, want) in pairs {
            assert_eq!(short(v), want);
        }
        assert_eq!([0.0, 0.012, 0.5, 1.0].map(percent), ["0 %", "1.2 %", "50 %", "100 %"]);
    }
}
