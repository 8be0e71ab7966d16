//! The choice of the next token: temperature, top-k, top-p, and one draw per step.
//!
//! The order is that of Hugging Face's `generate`: logits are divided by the temperature; top-k keeps the k likeliest
//! (Fan et al. 2018, section 5.1); of these, top-p keeps the fewest likeliest that together reach p (Holtzman et al.
//! 2020, section 3.1); the kept probabilities are scaled to sum to 1. Without a seed the likeliest token is chosen.

use super::softmax;

/// How the next token is chosen; the default is greedy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choosing {
    pub temperature: f32,
    /// The seed of the draws; None takes the likeliest.
    pub sample: Option<u64>,
    pub top_k: Option<usize>,
    pub top_p: Option<f32>,
    /// The number of hypotheses of beam search; None without a search.
    pub beam: Option<usize>,
}

impl Default for Choosing {
    fn default() -> Self {
        Self { temperature: 1.0, sample: None, top_k: None, top_p: None, beam: None }
    }
}

/// The rule that excluded a token from the draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    TopK,
    TopP,
}

/// A token that could come next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub token: usize,
    pub logit: f32,
    /// Its probability at temperature 1.
    pub plain: f32,
    /// Its probability at the given temperature.
    pub probability: f32,
    pub cut: Option<Cut>,
    /// Its probability among the kept tokens, which sum to 1; 0 if it is cut.
    pub share: f32,
}

/// All candidates, and the chosen one.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Likeliest first; ties by the smaller id.
    pub candidates: Vec<Candidate>,
    /// The drawn number in [0, 1). None if the likeliest is taken.
    pub draw: Option<f64>,
    /// Index of the chosen candidate.
    pub chosen: usize,
}

impl Choice {
    /// The chosen token's id; None for an empty vocabulary.
    pub fn token(&self) -> Option<usize> {
        self.candidates.get(self.chosen).map(|candidate| candidate.token)
    }

    /// The candidate's interval in [0, 1): it is chosen if the draw is inside.
    pub fn interval(&self, i: usize) -> (f64, f64) {
        let shares = self.candidates[..i].iter().map(|c| f64::from(c.share));
        // The sum of an empty iterator is -0.0.
        let below = shares.fold(0.0, |sum, share| sum + share);
        (below, below + f64::from(self.candidates[i].share))
    }
}

impl Choosing {
    /// The choice at output step `step`, from the logits of every token.
    pub fn choose(&self, logits: &[f32], step: usize) -> Choice {
        let candidates = self.candidates(logits);
        let draw = self.sample.map(|seed| uniform(seed, step));
        let chosen = draw.map_or(0, |draw| drawn(&candidates, draw));
        Choice { candidates, draw, chosen }
    }

    /// The chosen token alone; `fallback` if nothing can be chosen.
    pub fn token(&self, logits: &[f32], step: usize, fallback: u32) -> u32 {
        let token = match self.sample {
            None => super::argmax(logits.iter().copied()),
            Some(seed) => {
                let token = self.first_reached(logits, uniform(seed, step));
                token.or_else(|| self.choose(logits, step).token())
            }
        };
        token.map_or(fallback, |token| token as u32)
    }

    /// The token that [`Self::choose`] draws, found among the likeliest, so that a large vocabulary is not sorted. None if
    /// these do not tell, or are all.
    fn first_reached(&self, logits: &[f32], draw: f64) -> Option<usize> {
        const LIKELIEST: usize = 2048;
        let n = LIKELIEST.min(logits.len());
        if n == logits.len() || logits.iter().any(|logit| logit.is_nan()) {
            return None;
        }
        let probabilities = softmax(logits, self.temperature);
        let first = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.select_nth_unstable_by(n, first);
        order.truncate(n);
        order.sort_unstable_by(first);
        let whole: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
        let ranked: Vec<f32> = order.iter().map(|&token| probabilities[token]).collect();
        let total = self.total_kept(&ranked, whole)?;
        let mut reached = 0.0;
        let falls_in = |&&token: &&usize| {
            reached += f64::from((f64::from(probabilities[token]) / total) as f32);
            draw < reached
        };
        let most = self.top_k.unwrap_or(usize::MAX);
        let found = order.iter().take(most).find(falls_in).copied();
        found.or_else(|| {
            let is_cut = self.top_k.is_some() || self.top_p.is_some();
            let share = |token: usize| f64::from((f64::from(probabilities[token]) / total) as f32);
            (!is_cut).then(|| halved(logits.len(), first, share, draw))?
        })
    }

    /// The sum of the probabilities of all tokens that are kept, given the likeliest and the sum of all. None if these
    /// are too few to tell.
    fn total_kept(&self, ranked: &[f32], whole: f64) -> Option<f64> {
        let of_k: f64 = match self.top_k {
            None => whole,
            Some(k) if k > ranked.len() => return None,
            Some(k) => ranked.iter().take(k).map(|&p| f64::from(p)).sum(),
        };
        let Some(limit) = self.top_p else { return Some(of_k) };
        let mut before = 0.0;
        for (rank, &p) in ranked.iter().enumerate() {
            let is_out = rank > 0 && before / of_k >= f64::from(limit);
            if is_out || self.top_k.is_some_and(|k| rank >= k) {
                return Some(before);
            }
            before += f64::from(p);
        }
        self.top_k.filter(|k| *k <= ranked.len()).map(|_| before)
    }

    fn candidates(&self, logits: &[f32]) -> Vec<Candidate> {
        let plain = softmax(logits, 1.0);
        let probabilities = softmax(logits, self.temperature);
        let value =
            |token: usize| if logits[token].is_nan() { f32::NEG_INFINITY } else { logits[token] };
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| value(b).total_cmp(&value(a)).then(a.cmp(&b)));
        let ranked: Vec<f32> = order.iter().map(|&token| probabilities[token]).collect();
        let kept = kept(&ranked, self.top_k, self.top_p);
        let candidate = |(token, (cut, share)): (usize, (Option<Cut>, f32))| Candidate {
            token,
            logit: logits[token],
            plain: plain[token],
            probability: probabilities[token],
            cut,
            share,
        };
        order.into_iter().zip(kept).map(candidate).collect()
    }
}

/// The token at which the sum of the shares, in order, exceeds the draw: the half that holds it is ordered again and again,
/// in a time that grows as the number of tokens.
fn halved(
    n: usize,
    order: impl Fn(&usize, &usize) -> std::cmp::Ordering + Copy,
    share: impl Fn(usize) -> f64,
    draw: f64,
) -> Option<usize> {
    const FEW: usize = 64;
    let mut all: Vec<usize> = (0..n).collect();
    let (mut rest, mut below) = (&mut all[..], 0.0);
    while rest.len() > FEW {
        let half = rest.len() / 2;
        rest.select_nth_unstable_by(half, order);
        let (first, second) = rest.split_at_mut(half);
        let of_first: f64 = first.iter().map(|&token| share(token)).sum();
        if draw < below + of_first {
            rest = first;
        } else {
            (rest, below) = (second, below + of_first);
        }
    }
    rest.sort_unstable_by(order);
    rest.iter().copied().find(|&token| {
        below += share(token);
        draw < below
    })
}

/// For probabilities in descending order, the rule that cut each one, and its share among the kept.
pub fn kept(ranked: &[f32], top_k: Option<usize>, top_p: Option<f32>) -> Vec<(Option<Cut>, f32)> {
    let k = top_k.unwrap_or(usize::MAX);
    let of_k: f64 = ranked.iter().take(k).map(|&p| f64::from(p)).sum();
    let mut before = 0.0;
    let mut cut = |(rank, &p): (usize, &f32)| {
        if rank >= k {
            return Some(Cut::TopK);
        }
        let is_out = rank > 0 && top_p.is_some_and(|limit| before / of_k >= f64::from(limit));
        before += f64::from(p);
        is_out.then_some(Cut::TopP)
    };
    let cuts: Vec<Option<Cut>> = ranked.iter().enumerate().map(&mut cut).collect();
    let is_kept = |(p, cut): (&f32, &Option<Cut>)| cut.is_none().then_some(f64::from(*p));
    let total: f64 = ranked.iter().zip(&cuts).filter_map(is_kept).sum();
    let share = |p: f32, cut: Option<Cut>| {
        if cut.is_none() { (f64::from(p) / total) as f32 } else { 0.0 }
    };
    ranked.iter().zip(cuts).map(|(&p, cut)| (cut, share(p, cut))).collect()
}

/// The index of the candidate whose interval contains the draw.
fn drawn(candidates: &[Candidate], draw: f64) -> usize {
    let mut reached = 0.0;
    let falls_in = |c: &Candidate| {
        reached += f64::from(c.share);
        draw < reached
    };
    let last = || candidates.iter().rposition(|c| c.share > 0.0).unwrap_or(0);
    candidates.iter().position(falls_in).unwrap_or_else(last)
}

/// Number `step` of a seed's stream, in [0, 1): SplitMix64 (Steele, Lea and Flood 2014), whose n-th number needs no
/// other, reduced to its upper 53 bits. Integer arithmetic, so that it is the same on every machine.
pub fn uniform(seed: u64, step: usize) -> f64 {
    (split_mix(seed, step) >> 11) as f64 / (1_u64 << 53) as f64
}

fn split_mix(seed: u64, step: usize) -> u64 {
    const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
    let z = seed.wrapping_add(GAMMA.wrapping_mul(step as u64 + 1));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 6] = [1.0, 3.0, -2.0, 3.0, 0.5, 2.0];

    fn sampled(seed: u64) -> Choosing {
        Choosing { sample: Some(seed), ..Choosing::default() }
    }

    #[test]
    fn the_generator_is_split_mix_64() {
        // The published stream of seed 1234567, and the first number of seed 0.
        assert_eq!(split_mix(1_234_567, 0), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(1_234_567, 1), 3_203_168_211_198_807_973);
        assert_eq!(split_mix(0, 0), 0xE220_A839_7B1D_CDAF);
        assert!((0..1000).all(|i| (0.0..1.0).contains(&uniform(u64::MAX - 7, i))));
    }

    #[test]
    fn without_a_seed_the_first_of_the_likeliest_is_taken() {
        for choosing in [
            Choosing::default(),
            Choosing { top_k: Some(2), ..Choosing::default() },
            Choosing { top_p: Some(0.5), temperature: 3.0, ..Choosing::default() },
        ] {
            assert_eq!(choosing.choose(&LOGITS, 4).token(), Some(1));
            assert_eq!(choosing.token(&LOGITS, 4, 9), 1);
        }
        assert_eq!(Choosing::default().token(&[f32::NAN], 0, 9), 9);
    }

    #[test]
    fn whatever_leaves_one_token_is_greedy() {
        for seed in 0..200 {
            for choosing in [
                Choosing { top_k: Some(1), ..sampled(seed) },
                Choosing { top_p: Some(0.01), ..sampled(seed) },
                Choosing { top_k: Some(1), top_p: Some(1.0), temperature: 100.0, ..sampled(seed) },
            ] {
                assert_eq!(choosing.token(&LOGITS, 3, 9), 1);
            }
            let cold = Choosing { temperature: 0.01, ..sampled(seed) };
            assert_eq!(cold.token(&[1.0, 3.0, 2.0], 3, 9), 1);
        }
    }

    #[test]
    fn a_token_of_a_large_vocabulary_is_that_of_the_whole_choice() {
        let logits: Vec<f32> = (0..5000).map(|i| 8.0 * uniform(9, i) as f32).collect();
        let sharp: Vec<f32> = logits.iter().map(|logit| 3.0 * logit).collect();
        // Of these a draw seldom falls among the first thousands.
        let flat: Vec<f32> = logits.iter().map(|logit| logit / 80.0).collect();
        for logits in [&logits, &sharp, &flat] {
            for (top_k, top_p, temperature) in [
                (None, None, 1.0),
                (Some(40), None, 1.0),
                (Some(3000), Some(0.9), 1.0),
                (None, Some(0.8), 0.7),
                (Some(40), Some(0.5), 2.0),
            ] {
                for seed in 0..40 {
                    let choosing = Choosing { temperature, top_k, top_p, ..sampled(seed) };
                    let want = choosing.choose(logits, 3).token().unwrap();
                    assert_eq!(choosing.token(logits, 3, 9) as usize, want, "{choosing:?}");
                }
            }
        }
    }

    #[test]
    fn frequencies_over_seeds_are_the_probabilities() {
        const N: u32 = 2000;
        for choosing in [
            Choosing::default(),
            Choosing { temperature: 2.0, ..Choosing::default() },
            Choosing { top_k: Some(4), top_p: Some(0.9), ..Choosing::default() },
        ] {
            let want = choosing.choose(&LOGITS, 0);
            let mut seen = [0_u32; LOGITS.len()];
            for seed in 0..u64::from(N) {
                let choosing = Choosing { sample: Some(seed), ..choosing };
                seen[choosing.token(&LOGITS, 5, 9) as usize] += 1;
            }
            for candidate in want.candidates {
                // Four standard deviations of a share of N draws.
                let p = f64::from(candidate.share);
                let bound = 4.0 * (p * (1.0 - p) / f64::from(N)).sqrt();
                let got = f64::from(seen[candidate.token]) / f64::from(N);
                assert!((got - p).abs() <= bound + 1e-6, "{candidate:?}: {got}");
            }
        }
    }

    #[test]
    fn top_k_keeps_k_and_top_p_the_fewest_that_reach_p() {
        let ranked = [0.4, 0.3, 0.15, 0.1, 0.05];
        let of = |k, p| kept(&ranked, k, p);
        let n = |k, p| of(k, p).iter().filter(|(cut, _)| cut.is_none()).count();
        assert_eq!((n(None, None), n(Some(2), None), n(Some(99), None)), (5, 2, 5));
        assert_eq!((n(None, Some(0.39)), n(None, Some(0.41)), n(None, Some(1.0))), (1, 2, 5));
        // Of the two that top-k keeps, the first has 4/7 and so reaches 0.55 alone.
        assert_eq!(n(Some(2), Some(0.55)), 1);
        assert_eq!(of(Some(2), Some(0.55))[1].0, Some(Cut::TopP));
        assert_eq!(of(Some(2), None)[2], (Some(Cut::TopK), 0.0));
        let shares = of(Some(2), None);
        assert!((shares[0].1 - 4.0 / 7.0).abs() < 1e-6 && (shares[1].1 - 3.0 / 7.0).abs() < 1e-6);
    }

    #[test]
    fn equals_stand_in_the_order_of_their_ids_and_nan_last() {
        let choice = Choosing::default().choose(&[2.0, f32::NEG_INFINITY, 2.0, 5.0], 0);
        let order: Vec<usize> = choice.candidates.iter().map(|c| c.token).collect();
        assert_eq!(order, [3, 0, 2, 1]);
        let choice = sampled(7).choose(&[f32::NAN, f32::NAN], 0);
        assert!(choice.token().is_some());
        assert_eq!(sampled(7).choose(&[], 0).token(), None);
    }

    #[test]
    fn the_draw_falls_in_the_interval_of_the_chosen() {
        for seed in 0..100 {
            let choice = Choosing { top_k: Some(3), ..sampled(seed) }.choose(&LOGITS, 1);
            let (from, to) = choice.interval(choice.chosen);
            assert!((from..to).contains(&choice.draw.unwrap()));
        }
    }

    #[test]
    fn a_token_without_probability_is_never_drawn() {
        let logits = [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY];
        assert!((0..500).all(|seed| sampled(seed).token(&logits, 0, 9) == 0));
    }
}
