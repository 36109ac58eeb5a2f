//! Fields on one axis over time, side by side.

use ndarray::Array2;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::{FONT, Figure, Palette, number, text};

/// One image.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The title.
    pub title: String,
    /// `[time, x]`.
    pub values: Array2<f64>,
    /// The colours.
    pub palette: Palette,
    /// The range shown; that of the values if absent.
    pub range: Option<(f64, f64)>,
}

/// Space-time images with colour bars: `x` to the right, `t` upward.
#[derive(Clone, Debug)]
pub struct SpaceTime {
    /// The title of the figure.
    pub title: String,
    /// The points.
    pub x: Vec<f64>,
    /// The times.
    pub t: Vec<f64>,
    /// The images.
    pub panels: Vec<Panel>,
}

/// Cells of an image along each axis, at most.
const CELLS: usize = 240;

impl Figure for SpaceTime {
    fn size(&self) -> (u32, u32) {
        (40 + 380 * self.panels.len().max(1) as u32, 420)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<(), String> {
        let root = root.titled(&self.title, (FONT, 20)).map_err(text)?;
        for (panel, area) in self.panels.iter().zip(root.split_evenly((1, self.panels.len().max(1)))) {
            let (image, bar) = area.split_horizontally(area.dim_in_pixel().0 as i32 - 78);
            let range = panel.range.unwrap_or_else(|| panel.palette.range(panel.values.iter().copied()));
            draw_image(
                &image,
                &panel.title,
                ("x", "t"),
                &self.x,
                &self.t,
                &panel.values,
                panel.palette,
                range,
            )?;
            draw_bar(&bar, panel.palette, range)?;
        }
        Ok(())
    }
}

/// Draws `[vertical, horizontal]` values as an image with axes.
pub(super) fn draw_image<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    title: &str,
    labels: (&str, &str),
    x: &[f64],
    y: &[f64],
    values: &Array2<f64>,
    palette: Palette,
    range: (f64, f64),
) -> Result<(), String> {
    let edge = |points: &[f64]| {
        let first = points.first().copied().unwrap_or(0.0);
        let step = if points.len() > 1 { points[1] - points[0] } else { 1.0 };
        first..first + step * points.len().max(1) as f64
    };
    let (span_x, span_y) = (edge(x), edge(y));
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 16))
        .margin(6)
        .x_label_area_size(38)
        .y_label_area_size(48)
        .build_cartesian_2d(span_x.clone(), span_y.clone())
        .map_err(text)?;
    let (rows, columns) = values.dim();
    let (cells_y, cells_x) = (rows.min(CELLS), columns.min(CELLS));
    let place = |i: usize, cells: usize, span: &std::ops::Range<f64>| {
        span.start + (span.end - span.start) * i as f64 / cells as f64
    };
    let mut rectangles = Vec::new();
    for j in 0..cells_y {
        let row = values.row(j * rows / cells_y);
        let level = |i: usize| palette.level(row[i * columns / cells_x], range);
        let mut start = 0;
        for i in 1..=cells_x {
            // Equal neighbours are one rectangle.
            if i == cells_x || level(i) != level(start) {
                let corner = (place(start, cells_x, &span_x), place(j, cells_y, &span_y));
                let opposite = (place(i, cells_x, &span_x), place(j + 1, cells_y, &span_y));
                rectangles.push(Rectangle::new([corner, opposite], palette.colour(level(start)).filled()));
                start = i;
            }
        }
    }
    chart.draw_series(rectangles).map_err(text)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc(labels.0)
        .y_desc(labels.1)
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|v| number(*v, (span_x.end - span_x.start) / 10.0))
        .y_label_formatter(&|v| number(*v, (span_y.end - span_y.start) / 10.0))
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 15))
        .draw()
        .map_err(text)
}

/// Draws a colour bar with its range.
pub(super) fn draw_bar<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    palette: Palette,
    range: (f64, f64),
) -> Result<(), String> {
    let mut chart = ChartBuilder::on(area)
        .margin_top(34)
        .margin_bottom(44)
        .margin_right(4)
        .set_label_area_size(LabelAreaPosition::Right, 52)
        .build_cartesian_2d(0.0..1.0, range.0..range.1)
        .map_err(text)?;
    let step = (range.1 - range.0) / 96.0;
    let cells = (0..96).map(|i| {
        let low = range.0 + step * f64::from(i);
        let colour = palette.colour(palette.level(low + 0.5 * step, range));
        Rectangle::new([(0.0, low), (1.0, low + step)], colour.filled())
    });
    chart.draw_series(cells).map_err(text)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .disable_x_axis()
        .y_labels(7)
        .y_label_formatter(&|v| number(*v, (range.1 - range.0) / 10.0))
        .label_style((FONT, 12))
        .draw()
        .map_err(text)
}
