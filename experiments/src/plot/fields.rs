//! Snapshots of fields on two axes.

use ndarray::Array2;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::space_time::{draw_bar, draw_image};
use super::{FONT, Figure, Palette, text};

/// A snapshot.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The title.
    pub title: String,
    /// `[x, y]`.
    pub values: Array2<f64>,
}

/// Snapshots in a row (or rows of four) with a common colour bar.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The title of the figure.
    pub title: String,
    /// The points of the first axis.
    pub x: Vec<f64>,
    /// The points of the second axis.
    pub y: Vec<f64>,
    /// The snapshots.
    pub frames: Vec<Frame>,
    /// The colours.
    pub palette: Palette,
    /// The range shown; that of the values if absent.
    pub range: Option<(f64, f64)>,
}

const COLUMNS: usize = 4;

impl Fields {
    fn grid(&self) -> (usize, usize) {
        let n = self.frames.len().max(1);
        (n.div_ceil(COLUMNS), n.min(COLUMNS))
    }
}

impl Figure for Fields {
    fn size(&self) -> (u32, u32) {
        let (rows, columns) = self.grid();
        (90 + 290 * columns as u32, 40 + 290 * rows as u32)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<(), String> {
        let root = root.titled(&self.title, (FONT, 20)).map_err(text)?;
        let values = self.frames.iter().flat_map(|f| f.values.iter().copied());
        let range = self.range.unwrap_or_else(|| self.palette.range(values));
        let (images, bar) = root.split_horizontally(root.dim_in_pixel().0 as i32 - 82);
        for (frame, area) in self.frames.iter().zip(images.split_evenly(self.grid())) {
            // The first axis runs to the right.
            let values = frame.values.t().to_owned();
            draw_image(&area, &frame.title, ("x", "y"), &self.x, &self.y, &values, self.palette, range)?;
        }
        draw_bar(&bar, self.palette, range)
    }
}
