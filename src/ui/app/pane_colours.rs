//! The colours of a step's panes: queries, keys and values have their own on every screen, in titles, formula and text.

use crate::{
    engine::site::{Site, last_name},
    lesson::PaneSpec,
    model::{layer::attention, rnn_attention},
};

/// The sites of queries, keys and values, in the order of their colours.
static OWN: [&[&Site]; 3] = [
    &[&attention::Q, &rnn_attention::QUERY],
    &[&attention::K, &rnn_attention::KEYS],
    &[&attention::V],
];
/// Colours of the theme for other panes beside those, in the order in which they are taken.
const OTHERS: [usize; 4] = [3, 2, 1, 0];

/// The index in the theme of the colour of one of a step's panes.
pub(super) fn hue(panes: &[PaneSpec], pane: usize) -> usize {
    hues(panes).get(pane).copied().unwrap_or(pane)
}

fn own_hue(spec: &PaneSpec) -> Option<usize> {
    let name = last_name(spec.site.as_deref()?);
    OWN.iter().position(|sites| sites.iter().any(|site| site.name == name))
}

/// The colours of panes: without queries, keys and values in their order.
fn hues(panes: &[PaneSpec]) -> Vec<usize> {
    let own: Vec<Option<usize>> = panes.iter().map(own_hue).collect();
    if own.iter().all(Option::is_none) {
        return (0..panes.len()).collect();
    }
    let mut free = OTHERS.into_iter().filter(|hue| !own.contains(&Some(*hue))).cycle();
    own.iter().map(|own| own.or_else(|| free.next()).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hues_of(sites: &[&str]) -> Vec<usize> {
        let pane = |site: &&str| {
            let text = format!("kind = \"matrix\"\nsite = \"{site}\"");
            toml::from_str(&text).unwrap()
        };
        hues(&sites.iter().map(pane).collect::<Vec<PaneSpec>>())
    }

    #[test]
    fn queries_keys_and_values_have_their_colours_on_every_step() {
        let path = "encoder.{layer}.self_attn";
        let sites = ["q", "k", "v"].map(|name| format!("{path}.{name}"));
        assert_eq!(hues_of(&sites.each_ref().map(String::as_str)), [0, 1, 2]);
        assert_eq!(
            hues_of(&["attn.energies", "attn.tanh", "attn.query", "attn.keys"]),
            [3, 2, 0, 1]
        );
        assert_eq!(hues_of(&["x.weights", "x.v", "x.context", "x.out"]), [3, 2, 1, 0]);
        assert_eq!(hues_of(&["x.scores", "x.weights"]), [0, 1], "without them in order");
    }
}
