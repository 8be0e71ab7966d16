use super::{contrast::luminance, *};

#[test]
fn numbers_fit_their_width_with_as_many_digits_as_possible() {
    let theme = Theme::default();
    for (v, width, want) in [
        (0.871, 4, "0.87"),
        (-0.871, 4, "-.87"),
        (0.871, 3, ".87"),
        (-12.34, 5, "-12.3"),
        (-12.34, 4, " -12"),
        (f32::NEG_INFINITY, 4, "  -∞"),
        (f32::NAN, 4, " NaN"),
        (0.000_01, 5, " 0.00"),
        (-0.0, 4, "0.00"),
        (-0.000_01, 8, "0.0000"),
        (123_456.0, 4, "1e5"),
    ] {
        assert_eq!(theme.number(v, width), format!("{want:>width$}"), "{v} in {width}");
    }
}

#[test]
fn the_end_of_a_scale_is_zero_only_if_it_is() {
    let wanted =
        [(0.0, "0.00"), (0.5, "0.50"), (-2.4e-7, "-2e-7"), (0.004, "4e-3"), (12.34, "12.34")];
    for (v, want) in wanted {
        assert_eq!(Theme::default().scale_end(v), want);
    }
}

#[test]
fn figures_have_about_three_digits() {
    let theme = Theme::default();
    let wanted = [(15.834, "15.8"), (0.005_79, "0.0058"), (-0.5, "-0.50"), (1234.0, "1234")];
    for (v, want) in wanted {
        assert_eq!(theme.figure(v, 7).trim(), want);
    }
    assert_eq!(theme.percent(0.9757), " 97.6%");
    assert_eq!(theme.percent(0.000_1), " <0.1%");
    assert_eq!(theme.percent(0.0), "  0.0%");
}

#[test]
fn without_colour_a_sign_is_still_visible() {
    let theme = Theme::new(Depth::None, Glyphs::Unicode);
    assert_eq!(theme.sequential(0.5), None);
    assert_ne!(theme.shade(0.8), theme.shade(-0.8));
    assert_eq!(theme.shade(0.0), ' ');
}

#[test]
fn bars_fill_in_eighths() {
    let theme = Theme::default();
    assert_eq!(theme.bar(0.5, 3), "█▌");
    assert_eq!(theme.bar(2.0, 2), "██");
    assert_eq!(Theme::new(Depth::True, Glyphs::Ascii).bar(0.5, 4), "##");
}

fn rgb_of(colour: Color) -> Rgb {
    rgb(colour).unwrap_or_default()
}

fn contrast(a: Rgb, b: Rgb) -> f32 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Schemes with colours, each with the minimum contrast of its text and of its dim text.
const COLOURED: [(Scheme, f32, f32); 3] =
    [(Scheme::Dark, 4.5, 3.0), (Scheme::Light, 4.5, 3.0), (Scheme::HighContrast, 7.0, 7.0)];

const DEPTHS: [Depth; 2] = [Depth::Indexed, Depth::True];

#[test]
fn text_is_legible_on_every_cell_of_every_ramp() {
    for (scheme, least, _) in COLOURED {
        for depth in DEPTHS {
            let theme = Theme::new(depth, Glyphs::Unicode).with(scheme);
            for i in -100_i16..=100 {
                let x = f32::from(i) / 100.0;
                for ground in [theme.sequential(x), theme.diverging(x)].into_iter().flatten() {
                    let ink = theme.on(ground).fg.map_or((0, 0, 0), rgb_of);
                    let got = contrast(ink, rgb_of(ground));
                    assert!(got >= least, "{scheme:?} {depth:?} at {x}: {got} on {ground:?}");
                }
            }
        }
    }
}

#[test]
fn accents_and_dim_text_are_legible_on_the_background() {
    for (scheme, least, least_dim) in COLOURED {
        let Palette { background, text, accent, dim, wrong, right, panes, .. } = scheme.palette();
        for depth in DEPTHS {
            let theme = Theme::new(depth, Glyphs::Unicode).with(scheme);
            let shown = |ink: &Ink| rgb_of(theme.colour(ink.rgb));
            let got = |ink: &Ink| contrast(shown(ink), background.rgb);
            for ink in [text, accent, wrong, right].into_iter().chain(panes) {
                assert!(got(ink) >= least, "{scheme:?} {depth:?}: {ink:?} has {}", got(ink));
            }
            assert!(got(dim) >= least_dim, "{scheme:?} {depth:?}: dim has {}", got(dim));
        }
    }
}

#[test]
fn sequential_ramps_are_monotonic_in_luminance() {
    for (scheme, ..) in COLOURED {
        let palette = scheme.palette();
        let is_rising = scheme != Scheme::Light;
        let colour_at = |i: u8| {
            if palette.is_stepped {
                palette.sequential[usize::from(i) / 20]
            } else {
                interpolated(&palette.sequential, f32::from(i) / 100.0)
            }
        };
        let at_stops: Vec<f32> = (0..=5).map(|i| luminance(colour_at(i * 20))).collect();
        let sixteen: Vec<f32> = palette.sequential_sixteen.map(|c| luminance(rgb_of(c))).to_vec();
        let in_hundredths: Vec<f32> = (0..=100).map(|i| luminance(colour_at(i))).collect();
        let rises = |w: &[f32]| if is_rising { w[0] < w[1] } else { w[0] > w[1] };
        let never_falls = |w: &[f32]| !(if is_rising { w[0] > w[1] } else { w[0] < w[1] });
        assert!(at_stops.windows(2).all(rises), "{scheme:?}: {at_stops:?}");
        assert!(in_hundredths.windows(2).all(never_falls), "{scheme:?}: {in_hundredths:?}");
        assert!(sixteen.windows(2).all(never_falls), "{scheme:?}: {sixteen:?}");
    }
}

#[test]
fn mono_has_no_colour_at_any_depth() {
    let theme = Theme::default().with(Scheme::Mono);
    assert_eq!((theme.sequential(0.5), theme.diverging(-0.5)), (None, None));
    for style in [theme.accent(), theme.dim(), theme.incorrect(), theme.correct(), theme.pane(1)] {
        assert_eq!((style.fg, style.bg), (None, None));
    }
    assert!(!theme.paints_background());
}

#[test]
fn the_background_is_painted_where_the_terminals_does_not_suit() {
    let paints = |scheme, background| {
        Theme { background, ..Theme::default().with(scheme) }.paints_background()
    };
    assert!(!paints(Scheme::Dark, None) && !paints(Scheme::Dark, Some(Background::Dark)));
    assert!(paints(Scheme::Dark, Some(Background::Light)));
    assert!(paints(Scheme::Light, None) && !paints(Scheme::Light, Some(Background::Light)));
    assert!(paints(Scheme::HighContrast, Some(Background::Dark)));
    let plain = Theme { scheme: Scheme::Light, ..Theme::new(Depth::None, Glyphs::Ascii) };
    assert!(!plain.paints_background());
}

#[test]
fn bars_contrast_with_the_background() {
    for (scheme, ..) in COLOURED {
        for depth in DEPTHS {
            let theme = Theme::new(depth, Glyphs::Unicode).with(scheme);
            for i in 0..=20_u8 {
                let bar = theme.ink(f32::from(i) / 20.0).fg.map_or((0, 0, 0), rgb_of);
                let got = contrast(bar, scheme.palette().background.rgb);
                assert!(got >= 3.0, "{scheme:?} {depth:?} at {i}: {got}");
            }
        }
    }
}
