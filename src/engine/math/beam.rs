//! Beam search: several hypotheses are continued in parallel and the best finished one is taken.
//!
//! At each step every hypothesis is continued by every token and the likeliest N continuations are kept; a finished
//! one leaves the beam, which is narrower from then on (Freitag and Al-Onaizan 2017, section 2, has this plain form).
//! Finished hypotheses are compared by log-probability over a length penalty, `log p / ((5 + length) / 6)^alpha` (Wu
//! et al. 2016, equation 14), with the alpha of 0.6 that Vaswani et al. 2017, section 6.1, use; without it short
//! outputs would have an advantage.

use super::log_softmax;

/// The strength of the length penalty.
pub const ALPHA: f64 = 0.6;

/// A partial output: its last token and the hypothesis that it continues.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hypothesis {
    /// Index among the hypotheses of the step before; None at the first step.
    pub parent: Option<usize>,
    pub token: u32,
    /// Sum of the log-probabilities of all its tokens.
    pub log_p: f64,
    /// Whether it is finished: it has ended or reached the longest output.
    pub is_over: bool,
}

/// The record of a search: the hypotheses kept at each step, likeliest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beams {
    pub width: usize,
    pub steps: Vec<Vec<Hypothesis>>,
    /// The best finished hypothesis.
    pub winner: BeamPlace,
}

/// Where a hypothesis stands in the record of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BeamPlace {
    pub step: usize,
    /// Index among the hypotheses kept at the step.
    pub index: usize,
}

impl Beams {
    pub fn at(&self, BeamPlace { step, index }: BeamPlace) -> &Hypothesis {
        &self.steps[step][index]
    }

    /// The tokens of a hypothesis, first to last.
    pub fn tokens(&self, at: BeamPlace) -> Vec<u32> {
        let path = self.path(at);
        path.iter().enumerate().map(|(step, &i)| self.steps[step][i].token).collect()
    }

    /// The index of the hypothesis's ancestor at every step up to its own.
    pub fn path(&self, BeamPlace { step, index }: BeamPlace) -> Vec<usize> {
        let mut path = vec![index];
        for step in (1..=step).rev() {
            let parent = self.steps[step][path[path.len() - 1]].parent;
            path.push(parent.unwrap_or(0));
        }
        path.reverse();
        path
    }

    /// The finished hypotheses, best score first; ties by length, then by probability.
    pub fn finished(&self) -> Vec<BeamPlace> {
        let all = self.steps.iter().enumerate().flat_map(|(step, kept)| {
            let over = kept.iter().enumerate().filter(|(_, h)| h.is_over);
            over.map(move |(index, _)| BeamPlace { step, index })
        });
        let mut all: Vec<BeamPlace> = all.collect();
        all.sort_by(|&a, &b| self.score(b).total_cmp(&self.score(a)).then(a.cmp(&b)));
        all
    }

    /// The log-probability of a hypothesis over the length penalty.
    pub fn score(&self, at: BeamPlace) -> f64 {
        score(self.at(at).log_p, at.step + 1)
    }
}

/// Log-probability over the length penalty.
pub fn score(log_p: f64, length: usize) -> f64 {
    log_p / ((5 + length) as f64 / 6.0).powf(ALPHA)
}

/// The limits of a search.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    pub width: usize,
    pub longest: usize,
    /// The tokens that end an output.
    pub ends: &'a [u32],
    pub temperature: f32,
}

/// The record of a search from the state `start`, before the token `first` is read: `next(state, tokens)` returns the
/// state after reading the last of `tokens`, and the logits of what follows.
pub fn search<S: Clone>(
    limits: Limits,
    first: u32,
    start: S,
    mut next: impl FnMut(&S, &[u32]) -> (S, Vec<f32>),
) -> Beams {
    let mut beams = Beams { width: limits.width, ..Beams::default() };
    let mut live = vec![Live { index: None, log_p: 0.0, state: start, tokens: vec![first] }];
    let mut room = limits.width;
    while !live.is_empty() {
        let mut grown: Vec<(Hypothesis, usize)> = vec![];
        for (i, hypothesis) in live.iter_mut().enumerate() {
            let (state, logits) = next(&hypothesis.state, &hypothesis.tokens);
            hypothesis.state = state;
            grown.extend(hypothesis.continued(&logits, limits.temperature).map(|h| (h, i)));
        }
        // The sort is stable: ties by the likelier parent, then the smaller id.
        grown.sort_by(|(a, _), (b, _)| b.log_p.total_cmp(&a.log_p));
        grown.truncate(room);
        let is_last = beams.steps.len() + 1 >= limits.longest;
        for (hypothesis, _) in &mut grown {
            hypothesis.is_over = is_last || limits.ends.contains(&hypothesis.token);
        }
        let on = grown.iter().enumerate().filter(|(_, (h, _))| !h.is_over);
        live = on.map(|(index, (h, i))| live[*i].grown(index, h)).collect();
        room = live.len();
        beams.steps.push(grown.into_iter().map(|(h, _)| h).collect());
    }
    beams.winner = beams.finished().first().copied().unwrap_or_default();
    beams
}

/// A hypothesis that is still being continued.
struct Live<S> {
    index: Option<usize>,
    log_p: f64,
    state: S,
    tokens: Vec<u32>,
}

impl<S: Clone> Live<S> {
    fn continued(&self, logits: &[f32], temperature: f32) -> impl Iterator<Item = Hypothesis> {
        let (parent, before) = (self.index, self.log_p);
        let log_p = log_softmax(logits, temperature);
        let hypothesis = move |(token, log_p): (usize, f64)| Hypothesis {
            parent,
            token: token as u32,
            log_p: before + if log_p.is_nan() { f64::NEG_INFINITY } else { log_p },
            is_over: false,
        };
        log_p.into_iter().enumerate().map(hypothesis)
    }

    fn grown(&self, index: usize, hypothesis: &Hypothesis) -> Self {
        let tokens = self.tokens.iter().copied().chain([hypothesis.token]).collect();
        let log_p = hypothesis.log_p;
        Self { index: Some(index), log_p, state: self.state.clone(), tokens }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u32 = 3;

    /// A toy language model: the logits depend on all tokens before, by a fixed rule.
    fn logits(tokens: &[u32]) -> Vec<f32> {
        let seed = tokens.iter().fold(7_u32, |s, t| s.wrapping_mul(31).wrapping_add(*t + 1));
        (0..4).map(|i| ((seed.wrapping_mul(i * 2 + 3) >> 3) % 17) as f32 / 4.0).collect()
    }

    fn run(width: usize, longest: usize) -> Beams {
        let limits = Limits { width, longest, ends: &[END], temperature: 1.0 };
        search(limits, 0, (), |(), tokens| ((), logits(tokens)))
    }

    fn log_p_of(tokens: &[u32]) -> f64 {
        let at = |i: usize| {
            let read: Vec<u32> = [&[0], &tokens[..i]].concat();
            log_softmax(&logits(&read), 1.0)[tokens[i] as usize]
        };
        (0..tokens.len()).map(at).sum()
    }

    #[test]
    fn a_beam_of_one_is_greedy() {
        let beams = run(1, 12);
        let mut greedy = vec![];
        loop {
            let row = logits(&[&[0], &greedy[..]].concat());
            let token = crate::engine::math::argmax(row).unwrap() as u32;
            greedy.push(token);
            if token == END || greedy.len() == 12 {
                break;
            }
        }
        assert_eq!(beams.tokens(beams.winner), greedy);
    }

    #[test]
    fn a_beam_as_wide_as_the_tree_finds_the_best_of_all() {
        let beams = run(400, 5);
        let mut best = (f64::NEG_INFINITY, vec![]);
        let mut all = vec![vec![]];
        while let Some(tokens) = all.pop() {
            for token in 0..4 {
                let grown = [&tokens[..], &[token]].concat();
                if token == END || grown.len() == 5 {
                    let score = score(log_p_of(&grown), grown.len());
                    if score > best.0 {
                        best = (score, grown);
                    }
                } else {
                    all.push(grown);
                }
            }
        }
        assert_eq!(beams.tokens(beams.winner), best.1);
        assert!((beams.score(beams.winner) - best.0).abs() < 1e-9);
    }

    #[test]
    fn every_hypothesis_has_the_log_probability_of_its_tokens() {
        let beams = run(3, 8);
        for (step, kept) in beams.steps.iter().enumerate() {
            assert!(kept.len() <= 3 && kept.is_sorted_by(|a, b| a.log_p >= b.log_p));
            for (index, hypothesis) in kept.iter().enumerate() {
                let tokens = beams.tokens(BeamPlace { step, index });
                assert_eq!(tokens.len(), step + 1);
                assert!((hypothesis.log_p - log_p_of(&tokens)).abs() < 1e-9);
                assert_eq!(hypothesis.is_over, tokens[step] == END || step == 7);
            }
        }
        // Each finished hypothesis narrowed the beam by one.
        assert_eq!(beams.finished().len(), 3);
    }

    #[test]
    fn length_is_paid_for_as_in_the_paper() {
        assert!((score(-6.0, 1) + 6.0).abs() < 1e-12);
        assert!((score(-6.0, 7) + 6.0 / 2.0_f64.powf(0.6)).abs() < 1e-12);
    }

    #[test]
    fn broken_logits_break_nothing() {
        let limits = Limits { width: 2, longest: 4, ends: &[END], temperature: 1.0 };
        let beams = search(limits, 0, (), |(), _| ((), vec![f32::NAN; 4]));
        assert_eq!(beams.tokens(beams.winner).len(), beams.winner.step + 1);
    }
}
