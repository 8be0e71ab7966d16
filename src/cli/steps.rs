//! `lookback steps`, and the selection of steps by id, range, chapter, pattern, or all.

use anyhow::{Result, anyhow, bail};
use wildmatch::WildMatch;

use super::{
    failure::{Outcome, Usage},
    request::Request,
    source::{Purpose, Source},
    streams::Streams,
};
use crate::{
    lesson::Lesson,
    model::ModelName,
    text::{Tokenizer, visible},
};

/// Prints one step a line: ID, chapter, title. Without a checkpoint the steps are the same for every sentence.
pub fn run(request: &Request, streams: &mut Streams) -> Outcome {
    let lesson = if request.checkpoint().is_some() {
        Source::read(request, &ModelName::ALL, Purpose::LookUp, streams)?
            .lesson(request.language)?
    } else {
        Tokenizer::embedded()?.sentence(request.sentence()?).usage()?;
        Lesson::embedded(request.language)?
    };
    for (chapter, step) in lesson.steps() {
        writeln!(streams.out, "{}\t{}\t{}", step.id, lesson.chapters[chapter].title, step.title)?;
    }
    Ok(())
}

/// The indices of the selected steps, in the order of the walk.
///
/// # Errors
/// If a choice selects nothing; the message says what there is.
pub fn chosen(lesson: &Lesson, choices: &[String]) -> Result<Vec<usize>> {
    let mut steps = vec![];
    for choice in choices {
        steps.extend(some(lesson, choice.trim())?);
    }
    steps.sort_unstable();
    steps.dedup();
    Ok(steps)
}

fn some(lesson: &Lesson, choice: &str) -> Result<Vec<usize>> {
    let all = lesson.steps();
    let which = |is: &dyn Fn(usize) -> bool| (0..all.len()).filter(|&i| is(i)).collect();
    if choice == "all" {
        return Ok(which(&|_| true));
    }
    if choice == "tour" {
        return Ok(which(&|i| all[i].1.in_tour));
    }
    if let Some(n) = choice.strip_prefix("chapter:") {
        let (from, to) = chapters(lesson, n)?;
        return Ok(which(&|i| (from..=to).contains(&all[i].0)));
    }
    if choice.contains(['*', '?']) {
        let pattern = WildMatch::new(choice);
        let found: Vec<usize> = which(&|i| pattern.matches(&all[i].1.id));
        if found.is_empty() {
            bail!("no step matches `{}`; `lookback steps` lists them all", visible(choice));
        }
        return Ok(found);
    }
    let Some((from, to)) = choice.split_once("..") else { return Ok(vec![lesson.find(choice)?]) };
    // `..softmax` begins at the first step, `softmax..` goes to the last.
    let from = if from.is_empty() { 0 } else { lesson.find(from)? };
    let to = if to.is_empty() { all.len() - 1 } else { lesson.find(to)? };
    if from > to {
        bail!("`{}` runs backwards; {} comes first; swap them", visible(choice), all[to].1.id);
    }
    Ok((from..=to).collect())
}

/// `3`, or `2..4`.
fn chapters(lesson: &Lesson, numbers: &str) -> Result<(usize, usize)> {
    let last = lesson.chapters.len() - 1;
    let (from, to) = numbers.split_once("..").unwrap_or((numbers, numbers));
    let to = to.strip_prefix("chapter:").unwrap_or(to);
    let number = |n: &str| n.parse::<usize>().ok().filter(|n| *n <= last);
    let both = number(from).zip(number(to)).filter(|(from, to)| from <= to);
    both.ok_or_else(|| {
        let numbers = visible(numbers);
        anyhow!("no chapter `{numbers}`; the chapters are 0 to {last}; write chapter:0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::Language;

    fn found(choices: &[&str]) -> Result<Vec<usize>> {
        let lesson = Lesson::embedded(Language::English)?;
        let choices: Vec<String> = choices.iter().map(|&c| c.to_owned()).collect();
        chosen(&lesson, &choices)
    }

    #[test]
    fn choices_add_up_in_the_order_of_the_walk() -> Result<()> {
        let lesson = Lesson::embedded(Language::English)?;
        let steps = lesson.steps();
        let n = steps.len();
        assert_eq!(found(&["all"])?.len(), n);
        assert_eq!(
            found(&["softmax", "tokens", "softmax"])?,
            [lesson.find("tokens")?, lesson.find("softmax")?]
        );
        assert_eq!(found(&[".."])?.len(), n);
        assert_eq!(found(&["softmax.."])?.len(), n - lesson.find("softmax")?);
        let chapters = found(&["chapter:1..2"])?;
        assert!(chapters.iter().all(|&i| [1, 2].contains(&steps[i].0)));
        assert_eq!(chapters.len(), found(&["chapter:1", "chapter:2"])?.len());
        assert_eq!(chapters, found(&["chapter:1..chapter:2"])?);
        assert_eq!(found(&["2", "1..3"])?, [0, 1, 2]);
        let named = found(&["*rnn*"])?;
        assert!(!named.is_empty() && named.iter().all(|&i| steps[i].1.id.contains("rnn")));
        assert!(found(&["tour"])?.iter().all(|&i| steps[i].1.in_tour));
        Ok(())
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for wrong in [
            "",
            "chapter:99",
            "chapter:",
            "chapter:2..1",
            "softmax..tokens",
            "zz*",
            "sftmax",
            "0",
            "999",
        ] {
            assert!(found(&[wrong]).is_err(), "{wrong}");
        }
    }
}
