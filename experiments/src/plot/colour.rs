//! Colours that survive print and colour blindness.

use plotters::style::RGBColor;

/// How values become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// Dark to light.
    Sequential,
    /// Blue, white, red around zero.
    Diverging,
}

/// Levels of a palette: enough for the eye, few enough that equal neighbours merge.
const LEVELS: usize = 96;

const SEQUENTIAL: [(u8, u8, u8); 7] = [
    (68, 1, 84),
    (70, 50, 127),
    (54, 92, 141),
    (39, 127, 142),
    (31, 161, 135),
    (109, 205, 89),
    (253, 231, 37),
];
const DIVERGING: [(u8, u8, u8); 7] = [
    (33, 74, 140),
    (83, 132, 190),
    (166, 196, 224),
    (247, 247, 247),
    (242, 176, 150),
    (207, 96, 82),
    (143, 22, 46),
];

/// The colours of lines: those of Okabe and Ito.
const LINES: [(u8, u8, u8); 7] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (120, 120, 120),
    (230, 159, 0),
    (86, 180, 233),
];

impl Palette {
    /// The level of a value in a range, or none for what is not finite.
    pub(super) fn level(self, value: f64, (low, high): (f64, f64)) -> Option<usize> {
        let s = ((value - low) / (high - low)).clamp(0.0, 1.0);
        value.is_finite().then(|| (s * (LEVELS - 1) as f64).round() as usize)
    }

    /// The colour of a level; what is not finite is grey.
    pub(super) fn colour(self, level: Option<usize>) -> RGBColor {
        let Some(level) = level else { return RGBColor(190, 190, 190) };
        let stops = match self {
            Self::Sequential => SEQUENTIAL,
            Self::Diverging => DIVERGING,
        };
        let s = level as f64 / (LEVELS - 1) as f64 * (stops.len() - 1) as f64;
        let i = (s as usize).min(stops.len() - 2);
        let mix =
            |a: u8, b: u8| (f64::from(a) + (s - i as f64) * (f64::from(b) - f64::from(a))).round() as u8;
        let (a, b) = (stops[i], stops[i + 1]);
        RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
    }

    /// The range in which values are shown: symmetric for a diverging palette.
    pub(crate) fn range(self, values: impl Iterator<Item = f64>) -> (f64, f64) {
        let (low, high) = super::range(values);
        match self {
            Self::Sequential => (low, high),
            Self::Diverging => {
                let top = low.abs().max(high.abs());
                (-top, top)
            }
        }
    }
}

/// The colour of the n-th line.
pub(super) fn line(n: usize) -> RGBColor {
    let (r, g, b) = LINES[n % LINES.len()];
    RGBColor(r, g, b)
}
