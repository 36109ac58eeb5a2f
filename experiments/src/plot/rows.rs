//! Rows of snapshots, each row with its own colours.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::space_time::{draw_bar, draw_image};
use super::{FONT, Figure, Frame, Palette, text};

/// Snapshots with a common colour bar.
#[derive(Clone, Debug)]
pub struct Row {
    /// From left to right.
    pub frames: Vec<Frame>,
    /// The colours.
    pub palette: Palette,
    /// The range shown.
    pub range: (f64, f64),
}

/// Rows of snapshots of fields on two axes.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The title of the figure.
    pub title: String,
    /// The points of the first axis.
    pub x: Vec<f64>,
    /// The points of the second axis.
    pub y: Vec<f64>,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// Pixels of a snapshot with its axes, and of a colour bar.
const SIDE: u32 = 270;
const BAR: i32 = 82;

impl Figure for Rows {
    fn size(&self) -> (u32, u32) {
        let columns = self.rows.iter().map(|r| r.frames.len()).max().unwrap_or(1).max(1);
        (BAR as u32 + SIDE * columns as u32, 40 + SIDE * self.rows.len().max(1) as u32)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<(), String> {
        let root = root.titled(&self.title, (FONT, 20)).map_err(text)?;
        for (row, area) in self.rows.iter().zip(root.split_evenly((self.rows.len().max(1), 1))) {
            let (images, bar) = area.split_horizontally(area.dim_in_pixel().0 as i32 - BAR);
            for (frame, area) in row.frames.iter().zip(images.split_evenly((1, row.frames.len().max(1)))) {
                // The first axis runs to the right.
                let values = frame.values.t().to_owned();
                let labels = ("x", "y");
                draw_image(&area, &frame.title, labels, &self.x, &self.y, &values, row.palette, row.range)?;
            }
            draw_bar(&bar, row.palette, row.range)?;
        }
        Ok(())
    }
}
