//! Operators that are diagonal in Fourier space, on host arrays.

use num_complex::Complex64;

/// The eigenvalues of an operator; real ones are kept as such, which halves the arithmetic.
#[derive(Clone, Debug)]
pub enum HostDiagonal {
    /// All eigenvalues are real.
    Real(Vec<f64>),
    /// Some are not.
    Complex(Vec<Complex64>),
}

impl HostDiagonal {
    /// From eigenvalues.
    pub fn new(eigenvalues: Vec<Complex64>) -> Self {
        if eigenvalues.iter().all(|z| z.im == 0.0) {
            Self::Real(eigenvalues.into_iter().map(|z| z.re).collect())
        } else {
            Self::Complex(eigenvalues)
        }
    }

    /// Writes `Σᵢ Dᵢ yᵢ` into `out`, two terms a pass.
    pub fn apply(terms: &[(&Self, &[Complex64])], out: &mut [Complex64]) {
        let mut first = true;
        for pair in terms.chunks(2) {
            match (pair, first) {
                ([(Self::Real(d), y), (Self::Real(e), z)], true) => {
                    for ((((o, d), y), e), z) in out.iter_mut().zip(d).zip(*y).zip(e).zip(*z) {
                        *o = y * d + z * e;
                    }
                }
                ([(Self::Real(d), y), (Self::Real(e), z)], false) => {
                    for ((((o, d), y), e), z) in out.iter_mut().zip(d).zip(*y).zip(e).zip(*z) {
                        *o += y * d + z * e;
                    }
                }
                ([(Self::Complex(d), y), (Self::Complex(e), z)], true) => {
                    for ((((o, d), y), e), z) in out.iter_mut().zip(d).zip(*y).zip(e).zip(*z) {
                        *o = y * d + z * e;
                    }
                }
                ([(Self::Complex(d), y), (Self::Complex(e), z)], false) => {
                    for ((((o, d), y), e), z) in out.iter_mut().zip(d).zip(*y).zip(e).zip(*z) {
                        *o += y * d + z * e;
                    }
                }
                (pair, first) => {
                    if first {
                        out.fill(Complex64::ZERO);
                    }
                    pair.iter().for_each(|(d, y)| d.add_to(y, out));
                }
            }
            first = false;
        }
        if terms.is_empty() {
            out.fill(Complex64::ZERO);
        }
    }

    fn add_to(&self, y: &[Complex64], out: &mut [Complex64]) {
        match self {
            Self::Real(d) => out.iter_mut().zip(d).zip(y).for_each(|((o, d), y)| *o += y * d),
            Self::Complex(d) => out.iter_mut().zip(d).zip(y).for_each(|((o, d), y)| *o += y * d),
        }
    }
}
