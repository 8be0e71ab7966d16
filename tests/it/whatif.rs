//! What-ifs: each changes what it names, nothing else, and stays open to arithmetic and gradients.

use std::sync::{Arc, LazyLock};

use lookback::{
    analysis::{measure::gradient, reading::Reading, trace::Trace},
    engine::{
        change::{Change, Changes},
        value::Cell,
    },
    lesson::{Language, Lesson},
    model::ModelName,
    render::frame::Walk,
    ui::theme::{Depth, Glyphs, Theme},
};
use ratatui::layout::Size;

use crate::support::built_in::{READER, reading};

static PLAIN: LazyLock<Arc<Reading>> =
    LazyLock::new(|| reading("The animal didn't cross the street because it was too tired."));

fn changes(texts: &[&str]) -> Changes {
    texts.iter().map(|text| text.parse::<Change>().unwrap()).collect()
}

fn what_if(texts: &[&str]) -> Reading {
    READER.read_changed(&PLAIN, changes(texts)).unwrap()
}

fn refused(text: &str) -> String {
    READER.read_changed(&PLAIN, changes(&[text])).err().unwrap().to_string()
}

/// The first site, in the order of computation, with a number that differs where it stands for the
/// same token.
fn first_difference(changed: &Trace, plain: &Trace) -> Option<String> {
    let differs = |path: &str| {
        let Some(site) = changed.site(path) else { return false };
        let was = |cell| changed.before(plain, site, cell);
        let differs =
            |cell| was(cell).is_some_and(|b| b.to_bits() != site.value.get(cell).to_bits());
        site.shape().cells().any(differs)
    };
    plain.sites().map(|site| site.path().to_owned()).find(|path| differs(path))
}

fn shown(step: &str, texts: &[&str]) -> String {
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    let step = lesson.find(step).unwrap();
    let theme = vec![Theme::new(Depth::None, Glyphs::Unicode)];
    let walk = Walk::new(lesson, &what_if(texts), theme, Size::new(120, 36));
    let shot = walk.shots(&[step]).next().unwrap();
    let buffer = shot.buffer();
    let line = |y: u16| (0..120).map(|x| buffer[(x, y)].symbol()).collect::<String>() + "\n";
    (0..36).map(line).collect()
}

#[test]
fn a_frame_shows_the_sentence_as_it_was_changed() {
    let screen = shown("translations", &["token.11=wide"]);
    // Below it are the models' words, and what those mean.
    let above = screen.lines().take_while(|line| !line.contains("Elman"));
    let english: Vec<&str> = above.filter(|line| !line.contains("was:")).collect();
    assert!(english.iter().any(|line| line.contains("too wide.")), "{screen}");
    assert!(!english.iter().any(|line| line.contains("tired")), "{screen}");
}

#[test]
fn a_temperature_says_what_it_divides_and_not_that_every_logit_was_unknown() {
    for text in ["temperature=3", "sample=7"] {
        let screen = shown("sampling", &[text]);
        assert!(!screen.contains("was -"), "{screen}");
    }
}

#[test]
fn a_change_first_shows_where_it_was_made() {
    let cases = [
        ("mask=off", "decoder.0.self_attn.masked"),
        ("decoder.1.self_attn.mask=off", "decoder.1.self_attn.masked"),
        ("positions=off", "src.pos"),
        ("scaling=off", "encoder.0.self_attn.scaled"),
        ("residual=off", "encoder.0.residual1"),
        ("encoder.1.residual2=off", "encoder.1.residual2"),
        ("encoder.1.self_attn.head.2=off", "encoder.1.self_attn.context"),
        ("decoder.1.cross_attn=off", "decoder.1.cross_attn.out"),
        ("encoder.0.ffn=off", "encoder.0.ffn.out"),
        ("encoder.0=off", "encoder.1.self_attn.q"),
        ("encoder.1.self_attn.weights[2,7,1]=0.5", "encoder.1.self_attn.weights"),
        ("token.1=dog", "src.embed"),
    ];
    for (text, want) in cases {
        let reading = what_if(&[text]);
        let (changed, plain) =
            (reading.trace(ModelName::Transformer), PLAIN.trace(ModelName::Transformer));
        assert_eq!(first_difference(changed, plain).as_deref(), Some(want), "{text}");
    }
}

#[test]
fn models_that_a_change_does_not_concern_keep_their_pass() {
    let reading = what_if(&["encoder.1.self_attn.head.2=off"]);
    for name in [ModelName::Elman, ModelName::Gru, ModelName::RnnAttention, ModelName::DecoderOnly]
    {
        assert!(std::ptr::eq(reading.trace(name), PLAIN.trace(name)), "{name}");
    }
    assert!(!std::ptr::eq(
        reading.trace(ModelName::TransformerUnguided),
        PLAIN.trace(ModelName::TransformerUnguided)
    ));
}

#[test]
fn a_head_that_is_out_hands_over_nothing_and_the_others_all() {
    let reading = what_if(&["encoder.1.self_attn.head.2=off"]);
    let path = "encoder.1.self_attn.context";
    let (now, was) = (reading.trace(ModelName::Transformer), PLAIN.trace(ModelName::Transformer));
    let (now, was) = (now.value(path).unwrap(), was.value(path).unwrap());
    assert!(now.plane(2).iter().all(|&n| n == 0.0));
    for head in [0, 1, 3] {
        assert_eq!(now.plane(head), was.plane(head));
    }
}

#[test]
fn a_layer_switched_off_returns_its_input() {
    let reading = what_if(&["encoder.1=off"]);
    let trace = reading.trace(ModelName::Transformer);
    let (memory, k) = ("encoder.0.norm2.out", "decoder.0.cross_attn.k");
    let opened = trace.open(&format!("{k}[0,0,0]").parse().unwrap()).unwrap();
    let expr = opened.expr.unwrap();
    assert!(expr.leaves().iter().any(|leaf| leaf.address.path == memory));
}

#[test]
fn a_weight_set_by_hand_leaves_a_row_that_sums_to_one() {
    let reading = what_if(&["encoder.1.self_attn.weights[2,7,1]=0.25"]);
    let path = "encoder.1.self_attn.weights";
    let (now, was) = (reading.trace(ModelName::Transformer), PLAIN.trace(ModelName::Transformer));
    let (now, was) = (now.value(path).unwrap(), was.value(path).unwrap());
    let (new, old) = (now.row(2, 7), was.row(2, 7));
    assert!((new[1] - 0.25).abs() < 1e-9);
    assert!((new.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    let ratio = new[2] / old[2];
    let others = (0..new.len()).filter(|&k| k != 1 && old[k] > 1e-6);
    assert!(others.into_iter().all(|k| (new[k] / old[k] / ratio - 1.0).abs() < 1e-4));
    assert_eq!(now.row(2, 6), was.row(2, 6));
}

#[test]
fn every_number_of_a_changed_pass_is_what_its_arithmetic_says() {
    let reading = what_if(&[
        "mask=off",
        "positions=off",
        "encoder.0.scaling=off",
        "decoder.residual=off",
        "encoder.1.self_attn.head.0=off",
        "encoder.1.self_attn.weights[2,7,1]=0.25",
        "encoder.1.self_attn.weights[2,7,4]=0.5",
        "rnn.encoder.hidden[3,5]=0.75",
        "attn.weights[1,2]=0.4",
        "temperature=0.6",
    ]);
    for name in ModelName::ALL {
        let trace = reading.trace(name);
        for site in trace.sites().filter(|site| !site.is_leaf) {
            let shape = site.shape();
            let cells = (0..40)
                .map(|i| Cell::new(i * 7 % shape.planes, i * 5 % shape.rows, i * 11 % shape.cols));
            for cell in cells.chain([Cell::new(2, 7, 1), Cell::new(2, 7, 0), Cell::new(0, 3, 5)]) {
                if !shape.holds(cell) || site.value.get(cell).is_nan() {
                    continue;
                }
                let opened = trace.open(&site.address(cell)).unwrap();
                let (value, computed) = (opened.value, opened.expr.unwrap().eval() as f32);
                let scale = site.value.numbers().filter(|n| n.is_finite()).fold(1.0, f32::max);
                let is_right = value.to_bits() == computed.to_bits()
                    || (value - computed).abs() <= 1e-5 * scale;
                assert!(is_right, "{name} {}: {value} is not {computed}", site.address(cell));
            }
        }
    }
}

#[test]
fn gradients_flow_through_a_row_set_by_hand() {
    // Against a difference quotient over one embedding number, which is itself set by hand.
    let row = "encoder.1.self_attn.weights[2,7,1]=0.25";
    let reading = what_if(&[row]);
    let trace = reading.trace(ModelName::Transformer);
    let gradient = gradient::of_log_probability(trace, "src.embed").unwrap();
    let cell = Cell::new(0, 7, 3);
    let was = trace.value("src.embed").unwrap().get(cell);
    let target: Vec<u32> = trace.output.iter().map(|token| token.id).collect();
    let log_p = |x: f32| {
        let reading = what_if(&[row, &format!("src.embed[7,3]={x}")]);
        let trace = reading.trace(ModelName::Transformer);
        let logits = trace.value("logits").unwrap();
        let of = |(t, &id): (usize, &u32)| {
            let row: Vec<f64> = logits.row(0, t).into_iter().map(f64::from).collect();
            let sum: f64 = row.iter().map(|z| z.exp()).sum();
            row[id as usize] - sum.ln()
        };
        target.iter().enumerate().map(of).sum::<f64>()
    };
    let h = 1e-2_f32;
    let slope = (log_p(was + h) - log_p(was - h)) / f64::from(2.0 * h);
    let computed = f64::from(gradient.get(cell));
    assert!(
        (slope - computed).abs() < 0.02 * computed.abs().max(0.01),
        "{slope} is not {computed}"
    );
}

#[test]
fn temperature_reshapes_the_probabilities_and_nothing_before() {
    let reading = what_if(&["temperature=0.5"]);
    let (now, was) = (reading.trace(ModelName::Transformer), PLAIN.trace(ModelName::Transformer));
    assert_eq!(first_difference(now, was).as_deref(), Some("probs"));
    let (cold, plain) = (now.value("probs").unwrap(), was.value("probs").unwrap());
    let most = |row: Vec<f32>| row.into_iter().fold(0.0, f32::max);
    assert!(most(cold.row(0, 0)) > most(plain.row(0, 0)));
    assert!((cold.row(0, 0).iter().sum::<f32>() - 1.0).abs() < 1e-5);
}

#[test]
fn the_value_before_is_not_shown_for_another_token() {
    let reading = what_if(&["positions=off"]);
    let (now, was) = (reading.trace(ModelName::Transformer), PLAIN.trace(ModelName::Transformer));
    let site = now.site("logits").unwrap();
    let first_other = now.target.iter().zip(&was.target).position(|(a, b)| a != b).unwrap();
    assert!(now.before(was, site, Cell::new(0, first_other - 1, 0)).is_some());
    assert!(now.before(was, site, Cell::new(0, first_other, 0)).is_none());
}

#[test]
fn a_change_without_a_place_is_refused_with_the_nearest() {
    assert!(refused("encoder.7.self_attn.head.2=off").contains("encoder.1.self_attn.head.2=off"));
    assert!(refused("encoder.1.self_attn.head.9=off").contains("head."));
    assert!(refused("maks=off").contains("mask=off"));
    assert!(refused("token.99=dog").contains("0 to"));
    assert!(refused(&format!("token.1={}", "zqxv".repeat(50))).contains("limit is 96"));
    assert!(refused("encoder.1.self_attn.weights[2,7,1]=1.5").contains("0 to 1"));
    assert!(refused("encoder.1.self_attn.weights[9,9,99]=0.5").contains("outside"));
    assert!(refused("embed.weight[0,0]=0.5").contains("learned"));
}
