//! The map of patched values: how much of the difference of two sentences each value carries. Its site is one that the
//! map has a row for.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    OtherPass, Pane, Scene, Title, Unfolding, both::TOO_LARGE, in_words::PaneWords, labelled::Table,
};
use crate::{
    analysis::{
        evidence::patching::{PatchKind, PatchMap},
        reading::Patched,
    },
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf},
        change::{Change, Patch},
        site::{Place, Role, Stream},
        value::Extent,
    },
    lesson::{PaneSpec, tr},
    text::fixed,
    ui::{
        descriptions::short_path,
        theme::Theme,
        widgets::{
            heat::{Columns, Heat, Labels, Scale},
            lines::{put_on, put_text},
        },
    },
};

/// The words before a difference that a legend shows.
const WORDS_BEFORE_DIFFERENCE: usize = 2;

/// One of the maps of a pass.
#[derive(Clone, Copy)]
struct ShownMap<'a> {
    patched: &'a Patched,
    /// Index of the map.
    map: usize,
}

pub(super) struct PatchedMap<'a> {
    scene: Scene<'a>,
    site: String,
    is_known: bool,
    shown: Option<ShownMap<'a>>,
}

impl<'a> PatchedMap<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        let site = spec.path(0).unwrap_or_default();
        let all = scene.reading.known_pass_evidence();
        let shown = all.and_then(|all| of_site(all.get(&scene.model)?.patched()?, &site));
        Self { scene, is_known: all.is_some(), shown, site }
    }

    fn map(&self) -> Option<&'a PatchMap> {
        self.shown.map(|ShownMap { patched, map }| &patched.maps()[map])
    }

    fn label(patched: &Patched, map: &PatchMap, col: usize) -> String {
        let words = map.stream.of(&patched.source, &patched.target);
        match map.kind {
            PatchKind::Heads => col.to_string(),
            _ => words.get(col).map_or_else(String::new, |token| token.text.clone()),
        }
    }

    fn heat(&self) -> Heat<'a> {
        let shown = self.shown;
        let Extent { rows: n_rows, cols: n_cols } = self.extent();
        let label = |of: ShownMap, col| Self::label(of.patched, &of.patched.maps()[of.map], col);
        let columns = (0..n_cols).filter_map(|col| Some(label(shown?, col))).collect();
        let row_label = move |row: usize| {
            let place = shown.and_then(|of| of.patched.place(of.map, row));
            place.map_or_else(String::new, short)
        };
        let table = Table {
            n_rows,
            n_cols,
            row_labels: Labels::new(n_rows, row_label),
            columns: Columns::Labels(Labels::listed(columns)),
            value: Box::new(move |row, col| {
                shown.and_then(|of| of.patched.share(of.map, row, col)?).unwrap_or(f32::NAN)
            }),
            scale: Scale::Signed(1.0),
            axes: shown.map_or_else(String::new, |of| {
                let [a, b] = from_where_they_differ(&of.patched.sentences, *self.scene.theme);
                format!("A: {a}  B: {b}")
            }),
        };
        let mut heat = self.scene.heat_of_table(table);
        heat.colours.has_gaps = true;
        heat
    }
}

/// The label of a row: `enc.0.self` for `encoder.0.self_attn.context`, `blocks.0.mid` for `blocks.0.resid_mid`. The
/// cell's line has the path whole.
fn short(place: &Place) -> String {
    // A layer has several sums, every other scope one value that is patched.
    let path: &str = match place.role {
        Role::Residual(_) => &place.path,
        _ => place.scope.prefix(),
    };
    short_path(path)
}

/// Two sentences, without the words that both begin with, but for the last ones: a legend has little room.
fn from_where_they_differ(sentences: &[String; 2], theme: Theme) -> [String; 2] {
    let [a, b] = sentences.each_ref().map(|text| text.split(' ').collect::<Vec<_>>());
    let n_same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let n_left_out = n_same.saturating_sub(WORDS_BEFORE_DIFFERENCE);
    [a, b].map(|words| match n_left_out {
        0 => words.join(" "),
        n => format!("{}{}", theme.glyph("… ", "~ "), words[n..].join(" ")),
    })
}

fn of_site<'a>(patched: &'a Patched, site: &str) -> Option<ShownMap<'a>> {
    Some(ShownMap { patched, map: patched.map_of(site)? })
}

impl Pane for PatchedMap<'_> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        let Some(ShownMap { patched, map }) = self.shown else {
            return Title::named(language.tr("patched values"));
        };
        let (maps, map) = (patched.maps(), &patched.maps()[map]);
        let is_alone = maps.iter().filter(|other| other.kind == map.kind).count() == 1;
        let kind = match map.stream {
            _ if is_alone => language.tr(map.kind.name()).to_owned(),
            Stream::Source => {
                tr!(language, "{kind} of the source", kind = language.tr(map.kind.name()))
            }
            Stream::Target => {
                tr!(language, "{kind} of the target", kind = language.tr(map.kind.name()))
            }
        };
        let (word, against) = (&patched.word, &patched.against);
        let ends = if patched.answers_part() {
            tr!(language, "0 “{against}”, 1 “{word}”", against, word)
        } else {
            language.tr("0 as B, 1 as A").to_owned()
        };
        let mut title = Title::named(tr!(language, "patched: {kind}", kind)).with(ends);
        if !patched.answers_part() {
            title = title.with(tr!(language, "“{word}” over “{against}”", word, against));
        }
        if patched.answers_alike() {
            title = title.with(language.tr("both answer alike: shares mean nothing"));
        }
        let (n, all) = patched.progress();
        if n == all { title } else { title.with(format!("{n}/{all}")) }
    }

    fn heat_map(&self) -> Option<Heat<'_>> {
        self.map()?;
        Some(self.heat())
    }

    fn extent(&self) -> Extent {
        self.map().map_or(Extent::NONE, |map| Extent::new(map.rows.len(), map.n_cols))
    }

    /// The measure of the patched run, from the differences of its two logits.
    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        let ShownMap { patched, map } = self.shown?;
        let share = patched.share(map, row, col)??;
        let of = &patched.maps()[map];
        let [a, b] = patched.ends();
        let score = b + share * (a - b);
        let less = |a: f32| Expr::difference(Expr::Number(a), Expr::Number(b));
        Some(Arithmetic {
            name: NumberName::Words {
                what: "patched",
                of: Some(NumberOf::Described(format!(
                    "{} “{}”",
                    of.rows.get(row)?,
                    Self::label(patched, of, col)
                ))),
            },
            value: share,
            formula: "(patched - B) / (A - B), each a difference of the two words' logits",
            expr: Some(Expr::quotient(less(score), less(a))),
        })
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let ShownMap { patched, map } = self.shown?;
        let language = self.scene.language;
        let share = match patched.share(map, row, col) {
            None => language.tr("not computed yet; W goes on").to_owned(),
            Some(None) => language.tr("no counterpart").to_owned(),
            Some(Some(share)) => fixed(share),
        };
        let map = &patched.maps()[map];
        let label = Self::label(patched, map, col);
        let word = tr!(language, "“{word}”", word = label);
        Some(format!("{}  {word}  {share}  A: {}", map.rows.get(row)?, patched.sentences[0]))
    }

    /// B's pass with the cell's value of A put in.
    fn pass_of(&self, row: usize, col: usize) -> Option<OtherPass> {
        let ShownMap { patched, map } = self.shown?;
        patched.share(map, row, col)??;
        let place = patched.place(map, row)?;
        let patch = match patched.maps()[map].kind {
            PatchKind::Heads => Patch::Head { scope: place.scope.prefix().to_owned(), head: col },
            _ => Patch::Row { path: place.path.clone(), row: col },
        };
        let reading = self.scene.reading;
        let [first, against] = patched.sentences.clone();
        let changes = reading.changes.without_patch();
        // A sentence that is read with replaced words is asked for as it was typed, with them.
        let (sentence, changes) = match changes.against() {
            Some(_) => (reading.sentence.text.clone(), changes),
            None => (first, changes.words_and_others().1.with(Change::Against(against))),
        };
        Some(OtherPass { sentence, changes: changes.with(Change::Patch(patch)) })
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.scene;
        let patched = reading.pass_evidence().get(&model).and_then(|found| found.patched());
        let lines = patched.and_then(|patched| of_site(patched, &self.site)).map(
            |ShownMap { patched, map }| {
                let of = &patched.maps()[map];
                let rows = of.rows.iter().enumerate();
                let line = |(row, site): (usize, &String)| {
                    let share = |col: usize| {
                        let label = Self::label(patched, of, col);
                        let share = patched.share(map, row, col).flatten();
                        format!("{label} {}", share.map_or_else(|| "-".to_owned(), fixed))
                    };
                    format!("{site}: {}", (0..of.n_cols).map(share).collect::<Vec<_>>().join(", "))
                };
                let [a, b] = &patched.sentences;
                let asked = [self.title().to_string(), format!("A: {a}"), format!("B: {b}")];
                asked.into_iter().chain(rows.map(line)).collect()
            },
        );
        let kind = language.tr("Patched values, 0 as B and 1 as A");
        PaneWords::of_model(language, kind, model, lines.unwrap_or_default())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.scene.theme, self.scene.language);
        if !self.is_known {
            put_on(buf, area, &[(self.scene.measuring(), theme.dim())]);
            return;
        }
        if self.map().is_none() {
            let found =
                self.scene.reading.known_pass_evidence().and_then(|all| all.get(&self.scene.model));
            if found.is_none() {
                put_text(buf, area, language.tr(TOO_LARGE), theme.dim());
                return;
            }
            if found.is_some_and(|found| !found.is_patching_known()) {
                put_on(buf, area, &[(self.scene.measuring(), theme.dim())]);
                return;
            }
            let text = language.tr("No other sentence to take values from. The key A sets one beside this: choose one that differs in a word. One with “tired” or “hot” has a counterpart of its own.");
            put_text(buf, area, text, theme.dim());
            return;
        }
        self.heat().draw(area, buf);
    }
}
