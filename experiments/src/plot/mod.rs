//! Figures: pure functions from arrays to an SVG and a PNG. The font is inside the binary.

mod animation;
mod colour;
mod fields;
mod lines;
mod panels;
mod rows;
mod space_time;
mod ticks;

pub use animation::animate;
pub use colour::Palette;
pub use fields::{Fields, Frame};
pub use lines::{Axes, Line, Lines, Style};
pub use panels::Panels;
pub use rows::{Row, Rows};
pub use space_time::{Panel, SpaceTime};

use std::path::Path;
use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::error::Error;

const FONT: &str = "sans-serif";

/// A figure that can be drawn on any backend.
pub trait Figure {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);
    /// Draws.
    ///
    /// # Errors
    /// What the backend says.
    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<(), String>;
}

/// Writes `STEM.svg` and `STEM.png`.
///
/// # Errors
/// If a figure cannot be drawn or written.
pub fn save(figure: &impl Figure, stem: &Path) -> Result<(), Error> {
    font();
    let fail = |e: String| Error::Plot(format!("{}: {e}", stem.display()));
    let (width, height) = figure.size();
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        paint(figure, &root).map_err(fail)?;
    }
    crate::run_dir::write_atomically(&stem.with_extension("svg"), svg.as_bytes())?;
    let path = stem.with_extension("png");
    let root = BitMapBackend::new(&path, (width, height)).into_drawing_area();
    paint(figure, &root).map_err(fail)
}

/// The pixels of a figure in a frame of the given size, red, green and blue.
fn bitmap(figure: &impl Figure, (width, height): (u32, u32)) -> Result<Vec<u8>, String> {
    font();
    let mut pixels = vec![0; 3 * width as usize * height as usize];
    let root = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
    paint(figure, &root)?;
    drop(root);
    Ok(pixels)
}

/// Makes the font known.
fn font() {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        let font = include_bytes!("../../assets/DejaVuSans.ttf");
        [FontStyle::Normal, FontStyle::Bold].into_iter().all(|s| register_font(FONT, s, font).is_ok())
    });
}

fn paint<DB: DrawingBackend>(figure: &impl Figure, root: &DrawingArea<DB, Shift>) -> Result<(), String> {
    root.fill(&WHITE).map_err(text)?;
    figure.draw(root)?;
    root.present().map_err(text)
}

/// An error of a backend as text.
fn text(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// A number for an axis: short, in powers of ten where it is far from one, and with as many digits as make it another
/// one than the next, `step` away.
fn number(x: f64, step: f64) -> String {
    // A tick that is zero but for rounding is zero.
    if x.abs() <= 1e-9 * step || x == 0.0 {
        return "0".into();
    }
    let magnitude = x.abs().log10();
    let decimals = if step > 0.0 { -(step.log10() + 1e-9).floor() } else { f64::NEG_INFINITY };
    let short = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if !(-3.0..5.0).contains(&magnitude) {
        let digits = (magnitude.floor() + decimals).clamp(1.0, 12.0) as usize;
        let text = format!("{x:.digits$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", short(mantissa));
    }
    let digits = (2.0 - magnitude.floor()).max(decimals).clamp(0.0, 12.0) as usize;
    short(&format!("{x:.digits$}"))
}

/// The range of the finite values, widened where it is empty.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        (0.0, 1.0)
    } else if high - low <= 1e-12 * low.abs().max(high.abs()) {
        let pad = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
        (low - pad, high + pad)
    } else {
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_short() {
        let shown: Vec<_> = [0.0, 1.0, 0.25, -3.0, 128.0, 1e-3, 2e-5, 1e6, 0.05]
            .iter()
            .map(|x| super::number(*x, 0.0))
            .collect();
        assert_eq!(shown, ["0", "1", "0.25", "-3", "128", "0.001", "2e-5", "1e6", "0.05"]);
    }

    #[test]
    fn ranges_are_never_empty() {
        assert_eq!(super::range([f64::NAN].into_iter()), (0.0, 1.0));
        assert_eq!(super::range([0.0, 0.0].into_iter()), (-1.0, 1.0));
        assert_eq!(super::range([1.0, f64::INFINITY, 3.0].into_iter()), (1.0, 3.0));
    }
}
