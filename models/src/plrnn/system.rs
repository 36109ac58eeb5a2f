//! A trained network as a dynamical system in `f64`.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, ArrayView2};

use super::PiecewiseLinearMap;
use crate::state_space::StateSpaceModel;

/// A piecewise-linear map with its observation and its inputs.
#[derive(Clone, Debug)]
pub struct PlrnnSystem {
    map: PiecewiseLinearMap,
    channels: usize,
    /// `L` of `z = [ẑ; L ẑ]`.
    lift: Option<DMatrix<f64>>,
    /// `B`, `b`, `B⁺`.
    affine: Option<(DMatrix<f64>, DVector<f64>, DMatrix<f64>)>,
    /// `C`.
    drive: Option<DMatrix<f64>>,
}

impl PlrnnSystem {
    pub(super) fn new(
        map: PiecewiseLinearMap,
        channels: usize,
        lift: Option<DMatrix<f64>>,
        affine: Option<(DMatrix<f64>, DVector<f64>, DMatrix<f64>)>,
        drive: Option<DMatrix<f64>>,
    ) -> Self {
        Self { map, channels, lift, affine, drive }
    }

    /// The map of the state, without inputs.
    pub fn map(&self) -> &PiecewiseLinearMap {
        &self.map
    }

    /// `ẑ`, the entries of the state that a sample determines.
    fn signal(&self, x: &[f64]) -> DVector<f64> {
        let x = DVector::from_column_slice(x);
        match &self.affine {
            Some((_, offset, inverse)) => inverse * (x - offset),
            None => x,
        }
    }

    /// The state that a sample starts from: `[ẑ; L ẑ]` with `ẑ = x`, or `B⁺(x − b)`.
    pub fn start(&self, x: &[f64]) -> Vec<f64> {
        let signal = self.signal(x);
        match &self.lift {
            Some(lift) => signal.iter().chain((lift * &signal).iter()).copied().collect(),
            None => signal.data.into(),
        }
    }
}

impl StateSpaceModel for PlrnnSystem {
    fn state_size(&self) -> usize {
        self.map.latent()
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn inputs(&self) -> usize {
        self.drive.as_ref().map_or(0, DMatrix::ncols)
    }

    fn filter(&self, series: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut states = Array2::zeros((series.nrows(), self.state_size()));
        for (x, mut z) in series.rows().into_iter().zip(states.rows_mut()) {
            let start = self.start(&x.iter().take(self.channels).copied().collect::<Vec<_>>());
            z.iter_mut().zip(start).for_each(|(z, v)| *z = v);
        }
        states
    }

    fn observe(&self, z: &[f64], x: &mut [f64]) {
        match &self.affine {
            Some((b, offset, _)) => {
                for (i, x) in x.iter_mut().enumerate() {
                    *x = offset[i] + b.row(i).iter().zip(z).map(|(b, z)| b * z).sum::<f64>();
                }
            }
            None => x.copy_from_slice(&z[..x.len()]),
        }
    }

    fn next(&self, z: &[f64], next: &mut [f64]) {
        self.map.next(z, next);
    }

    fn driven(&self, z: &[f64], s: &[f64], next: &mut [f64]) {
        self.map.next(z, next);
        if let Some(drive) = &self.drive {
            for (i, next) in next.iter_mut().enumerate() {
                *next += drive.row(i).iter().zip(s).map(|(c, s)| c * s).sum::<f64>();
            }
        }
    }

    fn correct(&self, z: &mut [f64], x: &[f64], gain: f64) -> bool {
        z.iter_mut().zip(&self.signal(x)).for_each(|(z, signal)| *z += gain * (signal - *z));
        true
    }

    fn jacobian(&self, z: &[f64], j: &mut DMatrix<f64>) {
        self.map.jacobian(z, j);
    }
}
