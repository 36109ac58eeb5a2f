//! The linear regions of a piecewise-linear map, and those that a trajectory visits.

use std::collections::HashMap;

use nalgebra::{DMatrix, DVector, DVectorView};
use ndarray::Array1;

use super::PiecewiseLinearMap;

/// Bit of a unit whose `W₂ z + h₂` is positive.
pub(super) const ACTIVE: u8 = 1;
/// Bit of a unit of a clipped map whose `W₂ z` is positive.
pub(super) const CLIPPED: u8 = 2;

/// Which of its pieces every hidden unit is on: what identifies a linear region.
///
/// The slopes alone do not: a clipped unit has slope zero below both of its kinks and above both, with different
/// offsets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(pub(super) Vec<u8>);

/// The regions along a trajectory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionSequence {
    /// The distinct regions in the order of their first visit.
    pub regions: Vec<Region>,
    /// For every state the index of its region: the trajectory's symbolic sequence.
    pub symbols: Vec<usize>,
}

impl PiecewiseLinearMap {
    /// The linear region of a state. A kink itself belongs to the piece below it.
    pub fn linear_region(&self, z: &[f64]) -> Region {
        let u = &self.w2 * DVectorView::from_slice(z, z.len());
        let piece = |(u, h2): (&f64, &f64)| {
            let active = if u + h2 > 0.0 { ACTIVE } else { 0 };
            active | if self.clipped && *u > 0.0 { CLIPPED } else { 0 }
        };
        Region(u.iter().zip(&self.h2).map(piece).collect())
    }

    /// `J` and `b` of the affine map `z' = J z + b` that this map is in a region.
    pub fn affine(&self, region: &Region) -> (DMatrix<f64>, DVector<f64>) {
        let (mut j, mut b) = (self.a.clone(), self.h1.clone());
        for (h, piece) in region.0.iter().enumerate() {
            let active = f64::from(piece & ACTIVE);
            let slope = active - f64::from((piece & CLIPPED) / CLIPPED);
            if slope != 0.0 {
                for (mut column, w2) in j.column_iter_mut().zip(self.w2.row(h).iter()) {
                    column.axpy(slope * w2, &self.w1.column(h), 1.0);
                }
            }
            if active != 0.0 {
                b.axpy(self.h2[h], &self.w1.column(h), 1.0);
            }
        }
        (j, b)
    }

    /// The linear regions that states lie in, in order.
    pub fn region_sequence(&self, states: &[Array1<f64>]) -> RegionSequence {
        let mut index: HashMap<Region, usize> = HashMap::new();
        let mut regions = Vec::new();
        let symbols = states
            .iter()
            .map(|z| {
                let region = self.linear_region(&z.to_vec());
                *index.entry(region).or_insert_with_key(|region| {
                    regions.push(region.clone());
                    regions.len() - 1
                })
            })
            .collect();
        RegionSequence { regions, symbols }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_maps::{clipped_line, four_quadrants};
    use super::*;

    #[test]
    fn the_affine_map_is_the_map() {
        for map in [clipped_line(1.0, -1.0), four_quadrants()] {
            for k in 0..50 {
                let z: Vec<f64> =
                    (0..map.latent()).map(|i| 3.0 * (1.3 * f64::from(k) + i as f64).sin()).collect();
                let mut next = vec![0.0; z.len()];
                map.next(&z, &mut next);
                let (j, b) = map.affine(&map.linear_region(&z));
                let affine = j * DVector::from(z) + b;
                assert!((affine - DVector::from(next)).amax() < 1e-14);
            }
        }
    }

    #[test]
    fn a_sequence_by_hand() {
        // Kinks at −1 and 0; the two outer pieces have the same slope.
        let states = [-2.0, -0.5, 3.0, 2.0, -5.0].map(|z| Array1::from(vec![z]));
        let found = clipped_line(1.0, -1.0).region_sequence(&states);
        assert_eq!(found.symbols, [0, 1, 2, 2, 0]);
        assert_eq!(found.regions, [Region(vec![0]), Region(vec![ACTIVE]), Region(vec![ACTIVE | CLIPPED])]);
    }
}
