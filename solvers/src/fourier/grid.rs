//! A periodic grid, its wavenumbers and its plans.

use std::f64::consts::TAU;
use std::sync::Arc;

use num_complex::Complex64;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use super::FourierTransform;

/// Why a grid cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GridError {
    /// Not one to three axes, or not a length for each.
    #[error("a grid has one to three axes and a length for each, not {points} and {lengths}")]
    Axes {
        /// Axes given.
        points: usize,
        /// Lengths given.
        lengths: usize,
    },
    /// An odd or too small number of points.
    #[error("{points} points on axis {axis}: the number must be even and at least 4")]
    Points {
        /// The axis.
        axis: usize,
        /// The number given.
        points: usize,
    },
    /// A length that is not positive and finite.
    #[error("length {length} of axis {axis} is not a positive number")]
    Length {
        /// The axis.
        axis: usize,
        /// The length given.
        length: f64,
    },
}

/// Whether the fields on a grid are real (half a spectrum is kept) or complex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridKind {
    /// Real fields; the last axis of the spectrum has `n/2 + 1` modes.
    Real,
    /// Complex fields.
    Complex,
}

pub(super) struct Plans {
    pub(super) forward: Vec<Arc<dyn Fft<f64>>>,
    pub(super) inverse: Vec<Arc<dyn Fft<f64>>>,
    pub(super) real_forward: Arc<dyn RealToComplex<f64>>,
    pub(super) real_inverse: Arc<dyn ComplexToReal<f64>>,
}

/// A uniform periodic grid with `shape[a]` points on an axis of length `lengths[a]`, without a duplicate end point.
///
/// Fields lie in C order. The spectrum of a real field has the shape `[n₀, …, n_last/2 + 1]`; full axes hold the
/// frequencies `0, 1, …, n/2−1, −n/2, …, −1`. The plans are made once and shared by clones.
#[derive(Clone)]
pub struct FourierGrid {
    shape: Vec<usize>,
    lengths: Vec<f64>,
    origin: Vec<f64>,
    kind: GridKind,
    pub(super) plans: Arc<Plans>,
}

impl std::fmt::Debug for FourierGrid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FourierGrid")
            .field("shape", &self.shape)
            .field("lengths", &self.lengths)
            .field("origin", &self.origin)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl FourierGrid {
    /// A grid for real fields.
    ///
    /// # Errors
    /// If a number of points is odd or below four, a length is not positive, or there are not one to three axes.
    pub fn new(shape: &[usize], lengths: &[f64]) -> Result<Self, GridError> {
        Self::with_kind(shape, lengths, GridKind::Real)
    }

    /// A grid for complex fields.
    ///
    /// # Errors
    /// As [`FourierGrid::new`].
    pub fn complex(shape: &[usize], lengths: &[f64]) -> Result<Self, GridError> {
        Self::with_kind(shape, lengths, GridKind::Complex)
    }

    fn with_kind(shape: &[usize], lengths: &[f64], kind: GridKind) -> Result<Self, GridError> {
        if shape.is_empty() || shape.len() > 3 || shape.len() != lengths.len() {
            return Err(GridError::Axes { points: shape.len(), lengths: lengths.len() });
        }
        for (axis, &points) in shape.iter().enumerate() {
            if points < 4 || points % 2 != 0 {
                return Err(GridError::Points { axis, points });
            }
        }
        for (axis, &length) in lengths.iter().enumerate() {
            if !(length > 0.0 && length.is_finite()) {
                return Err(GridError::Length { axis, length });
            }
        }
        let (mut planner, mut real) = (FftPlanner::new(), RealFftPlanner::new());
        let last = shape[shape.len() - 1];
        let plans = Plans {
            forward: shape.iter().map(|&n| planner.plan_fft_forward(n)).collect(),
            inverse: shape.iter().map(|&n| planner.plan_fft_inverse(n)).collect(),
            real_forward: real.plan_fft_forward(last),
            real_inverse: real.plan_fft_inverse(last),
        };
        Ok(Self {
            shape: shape.to_vec(),
            lengths: lengths.to_vec(),
            origin: vec![0.0; shape.len()],
            kind,
            plans: Arc::new(plans),
        })
    }

    /// The same grid with its first point elsewhere than at zero. Missing axes keep zero.
    #[must_use]
    pub fn with_origin(mut self, origin: &[f64]) -> Self {
        for (a, b) in self.origin.iter_mut().zip(origin) {
            *a = *b;
        }
        self
    }

    /// Points on each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of axes.
    pub fn axes(&self) -> usize {
        self.shape.len()
    }

    /// The length of each axis.
    pub fn lengths(&self) -> &[f64] {
        &self.lengths
    }

    /// The first point of each axis.
    pub fn origin(&self) -> &[f64] {
        &self.origin
    }

    /// Real or complex fields.
    pub fn kind(&self) -> GridKind {
        self.kind
    }

    /// The number of points.
    pub fn points(&self) -> usize {
        self.shape.iter().product()
    }

    /// Modes on each axis.
    pub fn spectral_shape(&self) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if self.kind == GridKind::Real
            && let Some(last) = shape.last_mut()
        {
            *last = *last / 2 + 1;
        }
        shape
    }

    /// The number of modes.
    pub fn modes(&self) -> usize {
        self.spectral_shape().iter().product()
    }

    /// The spacing of an axis.
    pub fn spacing(&self, axis: usize) -> f64 {
        self.lengths[axis] / self.shape[axis] as f64
    }

    /// The volume of a cell: the weight of a point in an integral.
    pub fn cell(&self) -> f64 {
        (0..self.axes()).map(|a| self.spacing(a)).product()
    }

    /// The points of an axis.
    pub fn coordinates(&self, axis: usize) -> Vec<f64> {
        (0..self.shape[axis]).map(|i| self.origin[axis] + i as f64 * self.spacing(axis)).collect()
    }

    /// `f` at every point, in storage order; `f` is given the point's coordinates.
    pub fn sample(&self, mut f: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
        let coordinates: Vec<_> = (0..self.axes()).map(|a| self.coordinates(a)).collect();
        let mut x = vec![0.0; self.axes()];
        (0..self.points())
            .map(|flat| {
                let mut rest = flat;
                for a in (0..self.axes()).rev() {
                    x[a] = coordinates[a][rest % self.shape[a]];
                    rest /= self.shape[a];
                }
                f(&x)
            })
            .collect()
    }

    /// The integer frequency on `axis` of every mode, in storage order. The Nyquist frequency is `−n/2` on a full
    /// axis and `n/2` on the halved one.
    pub fn frequencies(&self, axis: usize) -> Vec<i64> {
        let shape = self.spectral_shape();
        let inner: usize = shape[axis + 1..].iter().product();
        let n = self.shape[axis] as i64;
        let halved = self.kind == GridKind::Real && axis + 1 == self.axes();
        (0..self.modes())
            .map(|flat| {
                let i = (flat / inner % shape[axis]) as i64;
                if !halved && i >= n / 2 { i - n } else { i }
            })
            .collect()
    }

    /// The wavenumber `k = 2π m / length` on `axis` of every mode.
    pub fn wavenumbers(&self, axis: usize) -> Vec<f64> {
        let unit = TAU / self.lengths[axis];
        self.frequencies(axis).into_iter().map(|m| m as f64 * unit).collect()
    }

    /// The symbol `(ik)^order` of a derivative along `axis`; zero at the Nyquist mode where `order` is odd, since
    /// the odd derivative of `cos(πx/h)` vanishes at every point.
    pub fn derivative(&self, axis: usize, order: u32) -> Vec<Complex64> {
        let nyquist = self.shape[axis] as i64 / 2;
        let unit = TAU / self.lengths[axis];
        self.frequencies(axis)
            .into_iter()
            .map(|m| {
                if order % 2 == 1 && m.abs() == nyquist {
                    Complex64::ZERO
                } else {
                    Complex64::new(0.0, m as f64 * unit).powu(order)
                }
            })
            .collect()
    }

    /// The symbol `−|k|²` of the Laplacian.
    pub fn laplacian(&self) -> Vec<f64> {
        let mut symbol = vec![0.0; self.modes()];
        for axis in 0..self.axes() {
            for (s, k) in symbol.iter_mut().zip(self.wavenumbers(axis)) {
                *s -= k * k;
            }
        }
        symbol
    }

    /// Which modes the two-thirds rule keeps: `3|m| < n` on every axis. A product of two fields so truncated has
    /// no aliasing error in the modes kept.
    pub fn dealias_mask(&self) -> Vec<bool> {
        let mut mask = vec![true; self.modes()];
        for axis in 0..self.axes() {
            let n = self.shape[axis] as i64;
            for (keep, m) in mask.iter_mut().zip(self.frequencies(axis)) {
                *keep &= 3 * m.abs() < n;
            }
        }
        mask
    }

    /// How many modes of the last axis the two-thirds rule keeps, counted from zero on a halved axis.
    pub fn kept_last(&self) -> usize {
        self.shape.last().map_or(0, |n| (n - 1) / 3 + 1)
    }

    /// A transform with scratch space of its own.
    pub fn transform(&self) -> FourierTransform {
        FourierTransform::new(self.clone())
    }
}
