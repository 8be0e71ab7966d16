//! `lookback eval`: how often each model translates exactly, by the length of the sentence.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    iter,
    path::Path,
};

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use super::{
    args::EvalArgs,
    failure::{Outcome, Usage},
    progress::Progress,
    request::Request,
    sentence::MOST_BYTES,
    streams::Streams,
};
use crate::{
    analysis::measure::accuracy::Accuracy,
    export::files::reason,
    model::{self, Model, Name, Setup},
    text::{EOS, Tokenizer, visible},
};

pub fn run(asked: &EvalArgs, request: &Request, streams: &mut Streams) -> Outcome {
    if request.checkpoint().is_some() {
        return Err(anyhow!("eval measures the built-in translators; leave --model PATH out"))
            .usage();
    }
    let names = request.names(&Name::ALL);
    let stored = Accuracy::embedded()?;
    let table = match &asked.data {
        None => Table::stored(&stored, &names),
        Some(path) => Table::measured(&pairs(path)?, &stored.buckets, (asked, &names)).usage()?,
    };
    table.print(streams.out)?;
    let note = match &asked.data {
        None => {
            "Exact match on held-out sentences, greedy decoding; measured when the models were trained \
             (assets/training/evaluate.py). With --data FILE it is measured now, on the lines of a file."
        }
        Some(_) => "Exact match, greedy decoding, measured now.",
    };
    Ok(writeln!(streams.out, "\n{note}")?)
}

/// A sentence and its only right translation.
#[derive(Deserialize)]
struct Pair {
    en: String,
    fr: String,
}

fn pairs(path: &Path) -> Outcome<Vec<Pair>> {
    let shown = visible(&path.to_string_lossy());
    let unreadable =
        |e: io::Error| anyhow!("{shown} cannot be read; {}; give another with --data", reason(&e));
    let source: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).map_err(unreadable)?))
    };
    let parse = |(i, line): (usize, io::Result<Vec<u8>>)| -> Result<Pair> {
        let n = i + 1;
        let line = line.map_err(unreadable)?;
        ensure!(
            line.len() as u64 <= MOST_BYTES,
            "{shown}, line {n}, has more than {MOST_BYTES} bytes; a line has a sentence and its \
             translation; shorten it"
        );
        serde_json::from_slice(&line).map_err(|e| {
            anyhow!(
                "{shown}, line {n}, is not JSON with the fields `en` and `fr`; {e}; mend the line"
            )
        })
    };
    let pairs = lines_of(source).enumerate().map(parse).collect::<Result<Vec<_>>>()?;
    if pairs.is_empty() {
        return Err(anyhow!(
            "{shown} is empty; there is nothing to measure; give a file with lines"
        ))
        .usage();
    }
    Ok(pairs)
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

/// Shares of exact translations: a row a model, a column a bucket of lengths.
struct Table {
    buckets: Vec<[usize; 2]>,
    counts: Vec<usize>,
    rows: Vec<(Name, Vec<f32>)>,
}

impl Table {
    fn stored(accuracy: &Accuracy, models: &[Name]) -> Self {
        let row = |name: &Name| Some((*name, accuracy.exact_match.get(name.id())?.clone()));
        Self {
            buckets: accuracy.buckets.clone(),
            counts: accuracy.counts.clone(),
            rows: models.iter().filter_map(row).collect(),
        }
    }

    fn measured(
        pairs: &[Pair],
        buckets: &[[usize; 2]],
        (asked, names): (&EvalArgs, &[Name]),
    ) -> Result<Self> {
        let tokenizer = Tokenizer::embedded()?;
        let most = asked.per_bucket.map_or(usize::MAX, |n| n as usize);
        let mut chosen: Vec<Vec<(Vec<u32>, Vec<u32>)>> = buckets.iter().map(|_| vec![]).collect();
        for (i, pair) in pairs.iter().enumerate() {
            let ids = |text| tokenizer.sentence(text).map(|s| s.ids());
            let of = |text| ids(text).with_context(|| format!("line {}", i + 1));
            let (en, fr) = (of(&pair.en)?, of(&pair.fr)?);
            let bucket = buckets.iter().position(|[from, to]| (*from..=*to).contains(&en.len()));
            if let Some(bucket) = bucket.filter(|&b| chosen[b].len() < most) {
                chosen[bucket].push((en, fr));
            }
        }
        let names = names.iter();
        let translators: Vec<_> = names.filter(|&&name| name != Name::DecoderOnly).collect();
        let n_pairs: usize = chosen.iter().map(Vec::len).sum();
        let progress = Progress::new("sentences translated", n_pairs * translators.len());
        let row = |&name| -> Result<(Name, Vec<f32>)> {
            let model = model::load(name)?;
            Ok((name, chosen.iter().map(|pairs| share(&*model, pairs, &progress)).collect()))
        };
        Ok(Self {
            buckets: buckets.to_vec(),
            counts: chosen.iter().map(Vec::len).collect(),
            rows: translators.into_iter().map(row).collect::<Result<_>>()?,
        })
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{:<24}", "tokens")?;
        for [from, to] in &self.buckets {
            write!(out, "{:>9}", format!("{from}-{to}"))?;
        }
        write!(out, "\n{:<24}", "sentences")?;
        for count in &self.counts {
            write!(out, "{count:>9}")?;
        }
        for (name, shares) in &self.rows {
            write!(out, "\n{:<24}", name.title())?;
            for share in shares {
                let cell =
                    if share.is_nan() { "-".into() } else { format!("{:.1} %", share * 100.0) };
                write!(out, "{cell:>9}")?;
            }
        }
        writeln!(out)
    }
}

/// The share of pairs that the model translates token by token as wanted; NaN of none.
fn share(model: &dyn Model, pairs: &[(Vec<u32>, Vec<u32>)], progress: &Progress) -> f32 {
    let is_exact = |(en, fr): &&(Vec<u32>, Vec<u32>)| {
        let output = model.run(en, &Setup::default()).output;
        progress.step();
        output.split_last().is_some_and(|(last, words)| *last == EOS && words == fr)
    };
    pairs.iter().filter(is_exact).count() as f32 / pairs.len() as f32
}
