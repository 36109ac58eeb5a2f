//! Several pairs of axes in one figure.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{FONT, Figure, Lines, text};

/// Pairs of axes in rows.
#[derive(Clone, Debug, Default)]
pub struct Panels {
    /// The title of the figure.
    pub title: String,
    /// Panels in a row.
    pub columns: usize,
    /// The panels, row by row; each has its own title.
    pub panels: Vec<Lines>,
}

impl Panels {
    fn grid(&self) -> (usize, usize) {
        let columns = self.columns.max(1);
        (self.panels.len().max(1).div_ceil(columns), columns)
    }
}

impl Figure for Panels {
    fn size(&self) -> (u32, u32) {
        let (rows, columns) = self.grid();
        let (width, height) = self
            .panels
            .iter()
            .map(Figure::size)
            .fold((1, 1), |(w, h), (width, height)| (w.max(width), h.max(height)));
        // Panels without a legend are shown smaller: they stand side by side.
        (columns as u32 * width * 3 / 4, 40 + rows as u32 * height * 9 / 10)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<(), String> {
        let root = root.titled(&self.title, (FONT, 22)).map_err(text)?;
        for (panel, area) in self.panels.iter().zip(root.split_evenly(self.grid())) {
            panel.draw(&area)?;
        }
        Ok(())
    }
}
