//! Pairs of states: positions and momenta, a state and its adjoint.

use super::State;

impl<A: State, B: State> State for (A, B) {
    fn zeros_like(&self) -> Self {
        (self.0.zeros_like(), self.1.zeros_like())
    }

    fn assign(&mut self, x: &Self) {
        self.0.assign(&x.0);
        self.1.assign(&x.1);
    }

    fn scale(&mut self, a: f64) {
        self.0.scale(a);
        self.1.scale(a);
    }

    fn axpy(&mut self, a: f64, x: &Self) {
        self.0.axpy(a, &x.0);
        self.1.axpy(a, &x.1);
    }

    /// The root mean square of the two parts' norms.
    fn error_norm(error: &Self, y0: &Self, y1: &Self, atol: f64, rtol: f64) -> f64 {
        let a = A::error_norm(&error.0, &y0.0, &y1.0, atol, rtol);
        let b = B::error_norm(&error.1, &y0.1, &y1.1, atol, rtol);
        ((a * a + b * b) / 2.0).sqrt()
    }

    fn rms(&self) -> f64 {
        let (a, b) = (self.0.rms(), self.1.rms());
        ((a * a + b * b) / 2.0).sqrt()
    }

    fn is_finite(&self) -> bool {
        self.0.is_finite() && self.1.is_finite()
    }

    fn same_shape(&self, other: &Self) -> bool {
        self.0.same_shape(&other.0) && self.1.same_shape(&other.1)
    }

    fn write_entries(&self, out: &mut Vec<f64>) {
        self.0.write_entries(out);
        self.1.write_entries(out);
    }

    fn read_entries(&mut self, entries: &mut &[f64]) -> bool {
        let mut first = self.0.clone();
        let read = first.read_entries(entries) && self.1.read_entries(entries);
        if read {
            self.0 = first;
        }
        read
    }

    fn dot(&self, other: &Self) -> f64 {
        self.0.dot(&other.0) + self.1.dot(&other.1)
    }

    fn bytes(&self) -> usize {
        self.0.bytes() + self.1.bytes()
    }
}
