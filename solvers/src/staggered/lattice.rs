//! Values on a lattice, read between its points.

/// What is read beyond the last points of a lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Zero.
    Zero,
    /// The value of the nearest point.
    Nearest,
}

/// Points with a spacing of one; places are in cells from the corner of the rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lattice {
    /// Points of each axis.
    pub shape: [usize; 2],
    /// The place of the first.
    pub first: [f64; 2],
    /// What lies beyond them.
    pub beyond: Beyond,
}

impl Lattice {
    /// All points.
    pub fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The places of all points, in storage order.
    pub fn places(&self) -> impl Iterator<Item = [f64; 2]> + '_ {
        let [x, y] = self.first;
        (0..self.shape[0]).flat_map(move |i| (0..self.shape[1]).map(move |j| [x + i as f64, y + j as f64]))
    }

    /// Bilinear interpolation at a place: an average of the four values around it.
    pub fn linear(&self, values: &[f64], place: [f64; 2]) -> f64 {
        let ([i, j], [s, t]) = self.split(place);
        let [a, b, c, d] = self.around(values, i, j);
        (1.0 - s) * ((1.0 - t) * a + t * b) + s * ((1.0 - t) * c + t * d)
    }

    /// Bicubic interpolation (Catmull and Rom) at a place, not beyond the four values around it, so that no new extremum appears.
    ///
    /// R. Bermejo and A. Staniforth, Mon. Weather Rev. 120 (1992) 2622.
    pub fn cubic(&self, values: &[f64], place: [f64; 2]) -> f64 {
        let ([i, j], [s, t]) = self.split(place);
        let (along, across) = (catmull_rom(s), catmull_rom(t));
        let row = |k: isize| -> f64 {
            (0..4)
                .map(|l| {
                    across[l as usize] * self.value(values, i.saturating_add(k - 1), j.saturating_add(l - 1))
                })
                .sum()
        };
        let value = (0..4).map(|k| along[k as usize] * row(k)).sum::<f64>();
        self.limited(values, place, value)
    }

    /// `value`, not beyond the four values around a place.
    pub fn limited(&self, values: &[f64], place: [f64; 2], value: f64) -> f64 {
        let ([i, j], _) = self.split(place);
        let around = self.around(values, i, j);
        let low = around.iter().copied().fold(f64::INFINITY, f64::min);
        let high = around.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // What is no number is not made one.
        if value.is_nan() { value } else { value.max(low).min(high) }
    }

    /// The point before a place, and how far behind it the place is.
    fn split(&self, place: [f64; 2]) -> ([isize; 2], [f64; 2]) {
        let at = [0, 1].map(|a| place[a] - self.first[a]);
        let before = at.map(f64::floor);
        (before.map(|b| b as isize), [at[0] - before[0], at[1] - before[1]])
    }

    fn around(&self, values: &[f64], i: isize, j: isize) -> [f64; 4] {
        let [nx, ny] = self.shape;
        if i >= 0 && j >= 0 && (i as usize) + 1 < nx && (j as usize) + 1 < ny {
            let at = i as usize * ny + j as usize;
            return [values[at], values[at + 1], values[at + ny], values[at + ny + 1]];
        }
        [(0, 0), (0, 1), (1, 0), (1, 1)]
            .map(|(k, l)| self.value(values, i.saturating_add(k), j.saturating_add(l)))
    }

    fn value(&self, values: &[f64], i: isize, j: isize) -> f64 {
        let [nx, ny] = self.shape.map(|n| n as isize);
        let inside = (0..nx).contains(&i) && (0..ny).contains(&j);
        if !inside && self.beyond == Beyond::Zero {
            return 0.0;
        }
        values[(i.clamp(0, nx - 1) * ny + j.clamp(0, ny - 1)) as usize]
    }
}

/// The weights of four values at `s` between the middle two.
fn catmull_rom(s: f64) -> [f64; 4] {
    [
        0.5 * s * (s * (2.0 - s) - 1.0),
        0.5 * (s * s * (3.0 * s - 5.0) + 2.0),
        0.5 * s * (s * (4.0 - 3.0 * s) + 1.0),
        0.5 * s * s * (s - 1.0),
    ]
}
