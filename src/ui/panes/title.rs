//! The titles of panes, which become shorter where they have no room.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use crate::{
    engine::site::{last_name, path_ends},
    ui::widgets::lines::fit,
};

/// What stands between the parts of a title.
const BETWEEN: &str = " · ";

/// A pane's title: what it shows, then details, of which the last are left out first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    name: TitleName,
    details: Vec<Detail>,
    /// The name without what was found, if it tells that.
    without_result: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Detail {
    text: String,
    /// Whether it says what was found, which may answer a question.
    is_result: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TitleName {
    /// A site, by its path, and the words around it.
    Site {
        before: String,
        path: String,
        after: String,
    },
    Words(String),
}

impl Title {
    /// The title of a pane that shows one site.
    pub fn of_site(path: &str) -> Self {
        Self::about_site(path, path)
    }

    /// The title of a pane that shows something of a site: words that may hold its path.
    pub fn about_site(path: &str, words: &str) -> Self {
        Self { name: TitleName::about(path, words), details: vec![], without_result: None }
    }

    pub fn named(name: impl Into<String>) -> Self {
        Self { name: TitleName::Words(name.into()), details: vec![], without_result: None }
    }

    /// A title that is one phrase of the interface: translators write the parts, and may join some.
    pub fn phrase(text: &str) -> Self {
        let mut parts = text.split(BETWEEN);
        let name = Self::named(parts.next().unwrap_or_default());
        parts.fold(name, Self::with)
    }

    /// The same title with one more detail.
    #[must_use]
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.details.push(Detail { text: detail.into(), is_result: false });
        self
    }

    /// The same title with what was found as one more detail.
    #[must_use]
    pub fn with_result(mut self, found: impl Into<String>) -> Self {
        self.details.push(Detail { text: found.into(), is_result: true });
        self
    }

    /// The same title with all parts of another as details.
    #[must_use]
    pub fn with_parts(self, other: Self) -> Self {
        let mut title = self.with(other.name());
        title.details.extend(other.details);
        title
    }

    /// The same title with its name said in other words; a site that they hold stays one.
    #[must_use]
    pub fn renamed(self, words: impl FnOnce(&str) -> String) -> Self {
        let words = words(&self.name());
        let name = match &self.name {
            TitleName::Site { path, .. } => TitleName::about(path, &words),
            TitleName::Words(_) => TitleName::Words(words),
        };
        Self { name, ..self }
    }

    /// The same title, whose name tells what was found, with a name for it that does not.
    #[must_use]
    pub fn else_named(self, name: &str) -> Self {
        Self { without_result: Some(name.to_owned()), ..self }
    }

    /// The same title without what was found.
    #[must_use]
    pub fn without_results(mut self) -> Self {
        self.details.retain(|detail| !detail.is_result);
        if let Some(name) = self.without_result.take() {
            self.name = TitleName::Words(name);
        }
        self
    }

    /// The columns that it takes as a whole.
    pub fn width(&self) -> usize {
        self.to_string().width()
    }

    /// What it shows.
    fn name(&self) -> String {
        self.name.with_path(|path| path)
    }

    /// The same with a site's last name for its path.
    fn short_name(&self) -> String {
        self.name.with_path(last_name)
    }

    /// The title in at most `width` columns: the path of a site is reduced to its last name, and details are left out,
    /// before anything is cut.
    pub fn fitted(&self, width: usize) -> String {
        let name = self.short_name();
        let shorter = (0..=self.details.len()).rev().map(|n| joined(&name, &self.details[..n]));
        let mut all = std::iter::once(self.to_string()).chain(shorter);
        all.find(|title| title.width() <= width).unwrap_or_else(|| fit(&name, width))
    }

    /// What tells it from other titles: more and more of its site's path, after the words before it, then its details.
    fn distinctions(&self) -> Vec<String> {
        let details = self.details.iter().map(|detail| detail.text.clone());
        match &self.name {
            TitleName::Site { before, path, .. } => {
                let ends = path_ends(path).skip(1).map(|end| format!("{before}{end}"));
                ends.chain(details).collect()
            }
            TitleName::Words(_) => details.collect(),
        }
    }
}

impl TitleName {
    /// Words that may hold the path of a site.
    fn about(path: &str, words: &str) -> Self {
        match words.split_once(path).filter(|_| !path.is_empty()) {
            Some((before, after)) => Self::Site {
                before: before.to_owned(),
                path: path.to_owned(),
                after: after.to_owned(),
            },
            None => Self::Words(words.to_owned()),
        }
    }

    /// The name with a part of a site's path in its place.
    fn with_path(&self, part: impl Fn(&str) -> &str) -> String {
        match self {
            Self::Site { before, path, after } => format!("{before}{}{after}", part(path)),
            Self::Words(words) => words.clone(),
        }
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(&self.name(), &self.details))
    }
}

fn joined(name: &str, details: &[Detail]) -> String {
    details.iter().fold(name.to_owned(), |title, detail| title + BETWEEN + &detail.text)
}

/// Titles that fit; those that would be alike then are cut to a part that the others have not.
pub fn fitted_apart(titles: &[Title], width: usize) -> Vec<String> {
    let fitted: Vec<String> = titles.iter().map(|title| title.fitted(width)).collect();
    let told_apart = |(i, name): (usize, &String)| {
        let is_alike = |(j, _): &(usize, &Title)| *j != i && fitted[*j] == *name;
        let alike: Vec<_> = titles.iter().enumerate().filter(is_alike).collect();
        let theirs: Vec<String> =
            alike.iter().flat_map(|(_, title)| title.distinctions()).collect();
        let is_own = |part: &String| part.width() <= width && !theirs.contains(part);
        let part = titles[i].distinctions().into_iter().find(is_own);
        part.filter(|_| !alike.is_empty()).unwrap_or_else(|| name.clone())
    };
    fitted.iter().enumerate().map(told_apart).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_of_one_name_are_told_apart_by_what_only_they_have() {
        let titles = [
            Title::of_site("encoder.1.self_attn.weights").with("head 2"),
            Title::named("weights").with("head 2").with("query “it”"),
            Title::named("weights").with("all heads").with("looking from “it”"),
            Title::named("evidence").with_parts(Title::of_site("encoder.1.self_attn.weights")),
        ];
        let short = ["weights", "query “it”", "all heads", "evidence"];
        assert_eq!(fitted_apart(&titles, 14), short);
        let whole = titles.each_ref().map(Title::to_string);
        assert_eq!(fitted_apart(&titles, 60), whole, "what fits is whole");
        let same = ["logit lens", "logit lens"];
        assert_eq!(fitted_apart(&same.map(Title::named), 14), same, "nothing tells them apart");
    }

    #[test]
    fn a_question_hides_results_alone() {
        let pushed =
            Title::named("after “parce qu'”: “il” over “elle”").else_named("what pushed it");
        assert_eq!(pushed.without_results().to_string(), "what pushed it");
        let title = Title::named("Elman RNN").with("head 2").with_result("9 of 13 read back");
        assert_eq!(title.to_string(), "Elman RNN · head 2 · 9 of 13 read back");
        assert_eq!(title.without_results().to_string(), "Elman RNN · head 2");
    }

    #[test]
    fn a_renamed_title_keeps_its_site() {
        let change = |title: Title| title.renamed(|name| format!("Δ {name}"));
        let titles = ["encoder.0.self_attn.weights", "decoder.0.cross_attn.weights"]
            .map(|path| change(Title::of_site(path).with("head 2")));
        assert_eq!(titles[0].fitted(60), "Δ encoder.0.self_attn.weights · head 2");
        assert_eq!(titles[0].fitted(12), "Δ weights");
        assert_eq!(fitted_apart(&titles, 20), ["Δ self_attn.weights", "Δ cross_attn.weights"]);
        assert_eq!(change(Title::named("names")).fitted(12), "Δ names");
    }
}
