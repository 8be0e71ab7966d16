//! `lookback eval`: how well each model translates, by the length of the sentence.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    iter,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use anyhow::{Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::{
    args::{EvalArgs, EvalFormat},
    failure::{Outcome, Usage},
    request::Request,
    sentence::MOST_BYTES,
    streams::Streams,
};
use crate::{
    analysis::measure::{
        accuracy::{Accuracy, is_exact, n_words},
        chrf::{Chrf, CutText},
    },
    engine::{pool, tape::Keep},
    export::files::reason,
    model::{self, Model, ModelName, Setup},
    text::{Tokenizer, visible::visible_json, visible_path},
};

pub fn run(asked: &EvalArgs, request: &Request, streams: &mut Streams) -> Outcome {
    if request.checkpoint().is_some() {
        return Err(anyhow!("eval measures the built-in translators; leave --model PATH out"))
            .usage();
    }
    let translators: Vec<ModelName> = request
        .names(&ModelName::ALL)
        .into_iter()
        .filter(|&name| name != ModelName::DecoderOnly)
        .collect();
    if translators.is_empty() {
        return Err(anyhow!(
            "eval measures translations, and the decoder-only model writes none; give --model the \
             name of a translator, such as transformer"
        ))
        .usage();
    }
    let stored = Accuracy::embedded()?;
    let Some(path) = &asked.data else {
        print(&stored, &translators, streams.out)?;
        return Ok(writeln!(
            streams.out,
            "\nSentences that no model was trained on, greedy decoding; measured by assets/training/evaluate.py. \
             With --data FILE the sentences of a file are measured now."
        )?);
    };
    let lines = chosen(lines(path)?, &stored, asked.per_bucket);
    let results = translated(path, &lines, &translators, request)?;
    match asked.format {
        EvalFormat::Jsonl => {
            for (line, results) in lines.iter().zip(&results) {
                writeln!(streams.out, "{}", Record::of(line, results).json()?)?;
            }
            Ok(())
        }
        EvalFormat::Table => {
            print(&table(&stored, &lines, &results), &translators, streams.out)?;
            Ok(writeln!(streams.out, "\nGreedy decoding, measured now.")?)
        }
    }
}

/// The most characters of a line's French texts together: a sentence has at most 96 tokens, and what a text is compared
/// by takes a hundred times its size.
const MOST_FRENCH: usize = 10_000;

/// A sentence and its right translations.
#[derive(Deserialize)]
struct Line {
    /// Its line in the file, counted from 1.
    #[serde(skip)]
    number: usize,
    en: String,
    fr: Translations,
}

/// One translation, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "`fr` is neither a text nor a list of texts")]
enum Translations {
    One(String),
    Several(Vec<String>),
}

impl Line {
    fn references(&self) -> impl Iterator<Item = &str> {
        let all = match &self.fr {
            Translations::One(text) => std::slice::from_ref(text),
            Translations::Several(texts) => texts,
        };
        all.iter().map(String::as_str)
    }
}

/// The file, as messages name it.
fn name_of(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { visible_path(path) }
}

/// What a line holds without the byte order mark and the blanks that editors put around it.
fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii()
}

fn lines(path: &Path) -> Outcome<Vec<Line>> {
    let shown = name_of(path);
    let unreadable =
        |e: io::Error| anyhow!("{shown} cannot be read; {}; give another with --data", reason(&e));
    let source: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).map_err(unreadable)?))
    };
    let parse = |(i, line): (usize, io::Result<Vec<u8>>)| -> Result<Line> {
        let n = i + 1;
        let line = line.map_err(unreadable)?;
        ensure!(
            line.len() as u64 <= MOST_BYTES,
            "{shown}, line {n}, has more than {MOST_BYTES} bytes; a line has a sentence and its \
             translation; shorten it"
        );
        let line: Line = serde_json::from_slice(trimmed(&line)).map_err(|e| {
            anyhow!(
                "{shown}, line {n}, is not a JSON object with the fields `en` and `fr` (a text, or a \
                 list of them), in UTF-8; {e}; write one object a line"
            )
        })?;
        ensure!(
            line.references().next().is_some(),
            "{shown}, line {n}, has an empty list of French texts; give at least one"
        );
        ensure!(
            line.references().flat_map(str::chars).nth(MOST_FRENCH).is_none(),
            "{shown}, line {n}, has more than {MOST_FRENCH} characters of French; shorten it"
        );
        Ok(Line { number: n, ..line })
    };
    let is_filled = |(_, line): &(usize, io::Result<Vec<u8>>)| {
        line.as_ref().map_or(true, |line| !trimmed(line).is_empty())
    };
    let filled = lines_of(source).enumerate().filter(is_filled);
    let lines = filled.map(parse).collect::<Result<Vec<_>>>()?;
    if lines.is_empty() {
        return Err(anyhow!(
            "{shown} is empty; there is nothing to measure; give a file with lines"
        ))
        .usage();
    }
    Ok(lines)
}

/// Lines one by one, of one that is too long as much as shows it: a file without an end of a line may
/// have no end itself.
fn lines_of(mut source: impl BufRead) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    iter::from_fn(move || {
        let mut line = vec![];
        let read = source.by_ref().take(MOST_BYTES + 1).read_until(b'\n', &mut line);
        read.map(|n| (n > 0).then_some(line)).transpose()
    })
}

/// The lines of each length up to a limit, in their order.
fn chosen(lines: Vec<Line>, table: &Accuracy, per_bucket: Option<u32>) -> Vec<Line> {
    let most = per_bucket.map_or(usize::MAX, |n| n as usize);
    let mut taken = BTreeMap::new();
    let is_wanted = |line: &Line| {
        let n: &mut usize = taken.entry(table.bucket_of(n_words(&line.en))).or_default();
        *n += 1;
        *n <= most
    };
    lines.into_iter().filter(is_wanted).collect()
}

/// One model's translation of a sentence.
struct Translation {
    name: ModelName,
    output: String,
    is_exact: bool,
    chrf: Chrf,
}

/// The translations of each line by each model, computed on all cores.
///
/// # Errors
/// If lines' English is empty or too long; the message says which file and lines.
fn translated(
    path: &Path,
    lines: &[Line],
    names: &[ModelName],
    request: &Request,
) -> Result<Vec<Vec<Translation>>> {
    let tokenizer = Tokenizer::embedded()?;
    let sources = sources(path, lines, &tokenizer)?;
    let load = |&name| Ok((name, model::load(name)?));
    let models = names.iter().map(load).collect::<Result<Vec<(ModelName, Arc<dyn Model>)>>>()?;
    let progress = request.progress("sentences translated", lines.len());
    let translate = |i: usize| -> Vec<Translation> {
        let setup = Setup { keep: Keep::Boundaries, ..Setup::default() };
        // With accents in one form, as the models write them.
        let cut = |text: &str| CutText::of(&text.nfc().collect::<String>());
        let references: Vec<CutText> = lines[i].references().map(cut).collect();
        let of = |(name, model): &(ModelName, Arc<dyn Model>)| {
            let output = tokenizer.decode(&model.run(&sources[i], &setup).output);
            Translation {
                name: *name,
                is_exact: is_exact(&output, lines[i].references()),
                chrf: Chrf::of(&output, &references),
                output,
            }
        };
        models.iter().map(of).collect()
    };
    let next = AtomicUsize::new(0);
    let mut results: Vec<Vec<Translation>> = lines.iter().map(|_| vec![]).collect();
    let work = |sender: mpsc::Sender<_>| {
        pool::alone(|| {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= lines.len() || sender.send((i, translate(i))).is_err() {
                    break;
                }
            }
        });
    };
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let n_threads = thread::available_parallelism().map_or(1, usize::from);
        let begun = |_: &usize| {
            let (sender, work) = (sender.clone(), &work);
            thread::Builder::new().spawn_scoped(scope, move || work(sender)).is_ok()
        };
        // Where no thread can be had, this one does the work.
        if (0..n_threads).take_while(begun).count() == 0 {
            work(sender.clone());
        }
        drop(sender);
        for (i, result) in receiver {
            results[i] = result;
            progress.step();
        }
    });
    Ok(results)
}

/// The tokens of each line's English.
///
/// # Errors
/// If there are none, or too many; the message names all such lines.
fn sources(path: &Path, lines: &[Line], tokenizer: &Tokenizer) -> Result<Vec<Vec<u32>>> {
    const MOST_NAMED: usize = 20;
    let (mut sources, mut refused) = (vec![], vec![]);
    for line in lines {
        match tokenizer.sentence(&line.en) {
            Ok(sentence) => sources.push(sentence.ids()),
            Err(why) => refused.push((line.number, why)),
        }
    }
    let numbers: Vec<String> =
        refused.iter().take(MOST_NAMED).map(|(number, _)| number.to_string()).collect();
    let (numbers, n) = (numbers.join(", "), refused.len());
    let Some((_, why)) = refused.into_iter().next() else { return Ok(sources) };
    let file = name_of(path);
    Err(why.context(match n {
        1 => format!("{file}, line {numbers}"),
        _ if n <= MOST_NAMED => format!("{file}, lines {numbers}; the first of them"),
        _ => format!("{file}, {n} lines, the first are {numbers}; the first of them"),
    }))
}

/// What was measured, by the buckets of the stored table.
fn table(stored: &Accuracy, lines: &[Line], results: &[Vec<Translation>]) -> Accuracy {
    let n = stored.buckets.len();
    let mut counts = vec![0; n];
    let mut sums: BTreeMap<String, Vec<(usize, Chrf)>> = BTreeMap::new();
    for (line, results) in lines.iter().zip(results) {
        let Some(bucket) = stored.bucket_of(n_words(&line.en)) else { continue };
        counts[bucket] += 1;
        for result in results {
            let sums = sums.entry(result.name.id().to_owned()).or_default();
            sums.resize(n, (0, Chrf::default()));
            let (right, chrf) = &mut sums[bucket];
            *right += usize::from(result.is_exact);
            chrf.add(&result.chrf);
        }
    }
    let exact = |(name, sums): (&String, &Vec<(usize, Chrf)>)| {
        let shares = sums.iter().zip(&counts).map(|((right, _), &n)| *right as f32 / n as f32);
        (name.clone(), shares.collect())
    };
    let chrf = |(name, sums): (&String, &Vec<(usize, Chrf)>)| {
        (name.clone(), sums.iter().map(|(_, chrf)| chrf.score()).collect())
    };
    Accuracy {
        buckets: stored.buckets.clone(),
        exact: sums.iter().map(exact).collect(),
        chrf: sums.iter().map(chrf).collect(),
        counts,
    }
}

/// Buckets that reach beyond this many words are printed without an end: `30+`.
const OPEN_END: usize = 90;

/// The tables: a row a model, a column a bucket of lengths.
fn print(table: &Accuracy, names: &[ModelName], out: &mut dyn Write) -> io::Result<()> {
    let label = |[from, to]: &[usize; 2]| {
        if *to > OPEN_END { format!("{from}+") } else { format!("{from}-{to}") }
    };
    write!(out, "{:<34}", "English words")?;
    for bucket in &table.buckets {
        write!(out, "{:>8}", label(bucket))?;
    }
    write!(out, "\n{:<34}", "sentences")?;
    for count in &table.counts {
        write!(out, "{count:>8}")?;
    }
    for (what, values, factor) in [("chrF", &table.chrf, 1.0), ("% exact", &table.exact, 100.0)] {
        writeln!(out)?;
        for name in names {
            let Some(values) = values.get(name.id()) else { continue };
            write!(out, "\n{:<26}{what:<8}", name.title())?;
            for (value, count) in values.iter().zip(&table.counts) {
                let is_empty = *count == 0;
                let cell = if is_empty { "-".into() } else { format!("{:.1}", value * factor) };
                write!(out, "{cell:>8}")?;
            }
        }
    }
    writeln!(out)
}

/// A line of the output as JSON.
#[derive(Serialize)]
struct Record<'a> {
    en: &'a str,
    fr: Vec<&'a str>,
    outputs: BTreeMap<&'static str, &'a str>,
    exact: BTreeMap<&'static str, bool>,
    chrf: BTreeMap<&'static str, f32>,
}

impl<'a> Record<'a> {
    fn of(line: &'a Line, results: &'a [Translation]) -> Self {
        let by_name = results.iter();
        Self {
            en: &line.en,
            fr: line.references().collect(),
            outputs: by_name.clone().map(|r| (r.name.id(), r.output.as_str())).collect(),
            exact: by_name.clone().map(|r| (r.name.id(), r.is_exact)).collect(),
            chrf: by_name.map(|r| (r.name.id(), r.chrf.score())).collect(),
        }
    }

    fn json(&self) -> Result<String> {
        Ok(visible_json(&serde_json::to_string(self)?))
    }
}
