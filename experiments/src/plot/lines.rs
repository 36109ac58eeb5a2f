//! Curves with bands, on linear or logarithmic axes.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::colour::line as colour;
use super::ticks::{Axis, Ticks};
use super::{FONT, Figure, range, text};

/// Points from which on a curve counts as long.
const LONG: usize = 1500;

/// Pixels for the numbers of the vertical axis at least, or for its names.
const NUMBERS: u32 = 66;
const NAMES: u32 = 196;

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// A line.
    #[default]
    Solid,
    /// A thin line, for paths with sharp turns.
    Thin,
    /// A broken line, for what is not learned.
    Dashed,
    /// Points alone.
    Points,
    /// A thin grey line, for what is in the background.
    Faint,
}

/// A curve.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Its name in the legend; nameless curves have none.
    pub label: String,
    /// Abscissae.
    pub x: Vec<f64>,
    /// Ordinates.
    pub y: Vec<f64>,
    /// Lower and upper edge of a band.
    pub band: Option<(Vec<f64>, Vec<f64>)>,
    /// How it is drawn.
    pub style: Style,
}

/// What the axes mean.
#[derive(Clone, Debug, Default)]
pub struct Axes {
    /// The title.
    pub title: String,
    /// The horizontal axis.
    pub x: String,
    /// The vertical axis.
    pub y: String,
    /// Whether the horizontal axis is logarithmic.
    pub log_x: bool,
    /// Whether the vertical axis is logarithmic.
    pub log_y: bool,
    /// The ranges of both axes instead of those of the curves; what lies outside is not drawn.
    pub window: Option<[(f64, f64); 2]>,
    /// Whether the panel is a square, for a plane.
    pub square: bool,
    /// What the ordinates 1, 2, … are called, the first at the top; without names they are numbers.
    pub names: Vec<String>,
}

/// Curves in one pair of axes, the legend to the right.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// The axes.
    pub axes: Axes,
    /// The curves.
    pub lines: Vec<Line>,
}

impl Lines {
    /// Pixels of the legend, as wide as its longest name needs.
    fn legend(&self) -> u32 {
        match self.lines.iter().map(|l| l.label.chars().count()).max().unwrap_or(0) {
            0 => 0,
            longest => 210.max(52 + 8 * longest as u32),
        }
    }
}

impl Figure for Lines {
    fn size(&self) -> (u32, u32) {
        let names = if self.axes.names.is_empty() { 0 } else { NAMES - NUMBERS };
        (if self.axes.square { 480 } else { 660 } + self.legend() + names, 420)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<(), String> {
        let named: Vec<_> = self.lines.iter().enumerate().filter(|(_, l)| !l.label.is_empty()).collect();
        let root = root.titled(&self.axes.title, (FONT, 20)).map_err(text)?;
        let width = root.dim_in_pixel().0 as i32;
        let (plot, legend) = root.split_horizontally(width - self.legend() as i32);
        // Logarithms are taken here, so that one linear chart serves both kinds of axes.
        let (log_x, log_y) = (self.axes.log_x, self.axes.log_y);
        let map = |log: bool, v: f64| if log { if v > 0.0 { v.log10() } else { f64::NAN } } else { v };
        let xs = self.lines.iter().flat_map(|l| l.x.iter().map(|x| map(log_x, *x)));
        let ys = self.lines.iter().flat_map(|l| {
            let band = l.band.iter().flat_map(|(a, b)| a.iter().chain(b));
            l.y.iter().chain(band).map(|y| map(log_y, *y))
        });
        let names = &self.axes.names;
        let [(x0, x1), (mut y0, mut y1)] = self.axes.window.unwrap_or_else(|| [range(xs), range(ys)]);
        if !names.is_empty() {
            (y0, y1) = (0.5, names.len() as f64 + 0.5);
        }
        let inside = |(x, y): &(f64, f64)| {
            let window = self.axes.window.is_none() || ((x0..=x1).contains(x) && (y0..=y1).contains(y));
            window && x.is_finite() && y.is_finite()
        };
        // Points at the edge of the axes would be cut.
        let scattered = self.lines.iter().all(|l| l.style == Style::Points);
        let pad_x = if scattered { 0.04 * (x1 - x0) } else { 0.0 };
        let pad_y = if names.is_empty() { 0.04 * (y1 - y0) } else { 0.0 };
        let (x0, x1, y0, y1) = (x0 - pad_x, x1 + pad_x, y0 - pad_y, y1 + pad_y);
        let counts = scattered && self.lines.iter().flat_map(|l| &l.x).all(|x| x.fract() == 0.0);
        let ticks_x = if log_x { Ticks::logarithmic(x0, x1) } else { Ticks::linear(x0, x1, counts) };
        let ticks_y = match (names.len(), log_y) {
            (0, true) => Ticks::logarithmic(y0, y1),
            (0, false) => Ticks::linear(y0, y1, false),
            (n, _) => Ticks::each(n),
        };
        let name = |v: &f64| match names.get((*v as usize).wrapping_sub(1)) {
            Some(name) => name.clone(),
            None => ticks_y.label(*v),
        };
        let longest = ticks_y.at.iter().map(|v| ticks_y.label(*v).len()).max().unwrap_or(0);
        let down = !names.is_empty();
        let (bottom, top) = if down { (y1, y0) } else { (y0, y1) };
        let mut chart = ChartBuilder::on(&plot)
            .margin(10)
            // The last number of the horizontal axis stands half beyond it.
            .margin_right(20)
            .x_label_area_size(44)
            .y_label_area_size(if down { NAMES } else { NUMBERS.max(8 * longest as u32 + 28) })
            .build_cartesian_2d(Axis::new(x0..x1, &ticks_x), Axis::new(bottom..top, &ticks_y))
            .map_err(text)?;
        chart
            .configure_mesh()
            .x_desc(&self.axes.x)
            .y_desc(&self.axes.y)
            .x_label_formatter(&|v| ticks_x.label(*v))
            .y_label_formatter(&name)
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .label_style((FONT, 13))
            .axis_desc_style((FONT, 15))
            .draw()
            .map_err(text)?;
        for (n, line) in self.lines.iter().enumerate() {
            if let Some((low, high)) = &line.band {
                let edge = |values: &[f64]| -> Vec<(f64, f64)> {
                    let points = line.x.iter().zip(values).map(|(x, y)| (map(log_x, *x), map(log_y, *y)));
                    points.filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
                };
                let mut outline = edge(low);
                outline.extend(edge(high).into_iter().rev());
                if outline.len() > 3 {
                    let area = std::iter::once(Polygon::new(outline, colour(n).mix(0.18)));
                    chart.draw_series(area).map_err(text)?;
                }
            }
        }
        for (n, line) in self.lines.iter().enumerate() {
            // Long curves are thin, so that an attractor does not become a blot.
            let thin = line.x.len() > LONG || line.style == Style::Thin;
            let style = colour(n).stroke_width(if thin { 1 } else { 2 });
            let points = line.x.iter().zip(&line.y).map(|(x, y)| (map(log_x, *x), map(log_y, *y)));
            // What is not finite, or outside, breaks the curve.
            let points: Vec<_> = points.collect();
            for piece in points.split(|p| !inside(p)).filter(|p| !p.is_empty()) {
                let piece = piece.iter().copied();
                match line.style {
                    Style::Solid | Style::Thin => {
                        chart.draw_series(LineSeries::new(piece, style)).map_err(text)?
                    }
                    Style::Dashed => {
                        chart.draw_series(DashedLineSeries::new(piece, 7, 5, style)).map_err(text)?
                    }
                    Style::Faint => chart
                        .draw_series(LineSeries::new(piece, RGBColor(170, 170, 170).stroke_width(1)))
                        .map_err(text)?,
                    Style::Points => {
                        let radius = if line.x.len() > 100 { 2 } else { 4 };
                        chart
                            .draw_series(piece.map(|p| Circle::new(p, radius, colour(n).filled())))
                            .map_err(text)?
                    }
                };
            }
        }
        for (row, (n, line)) in named.iter().enumerate() {
            let y = 24 + 22 * row as i32;
            let style = colour(*n).stroke_width(3);
            let (from, to) = (6, 34);
            if line.style == Style::Points {
                legend.draw(&Circle::new(((from + to) / 2, y), 4, colour(*n).filled())).map_err(text)?;
            } else if line.style == Style::Dashed {
                for x in [from, from + 11, from + 22] {
                    legend.draw(&PathElement::new(vec![(x, y), (x + 6, y)], style)).map_err(text)?;
                }
            } else {
                legend.draw(&PathElement::new(vec![(from, y), (to, y)], style)).map_err(text)?;
            }
            legend.draw(&Text::new(line.label.clone(), (42, y - 7), (FONT, 14))).map_err(text)?;
        }
        Ok(())
    }
}
