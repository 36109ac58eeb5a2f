//! Exponential and semi-implicit methods: the order, for real, imaginary and complex symbols, on host arrays and tensors.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::field::{Assembled, SemiLinear};
use flowmap_solvers::fourier::HostDiagonal;
use flowmap_solvers::solve::{SolveOptions, solve};
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::etdrk::{Etdrk1, Etdrk2, Etdrk3, Etdrk4};
use flowmap_solvers::stepper::explicit_rk::{DOPRI8, ExplicitRk};
use flowmap_solvers::stepper::imex::{Cnab2, Sbdf2};
use ndarray::{Array1, array};
use num_complex::Complex64;

/// `dyᵢ/dt = Lᵢ yᵢ + sin(t) y̅ᵢ y_{i+1} + cos(2t)`: nonlinear, not autonomous, not analytic.
#[derive(Clone)]
struct Coupled(Vec<Complex64>);

impl SemiLinear<Array1<Complex64>> for Coupled {
    type Diagonal = HostDiagonal;
    fn symbol(&self) -> Vec<Complex64> {
        self.0.clone()
    }
    fn diagonal(&self, eigenvalues: Vec<Complex64>) -> HostDiagonal {
        HostDiagonal::new(eigenvalues)
    }
    fn apply(&mut self, terms: &[(&HostDiagonal, &Array1<Complex64>)], out: &mut Array1<Complex64>) {
        let terms: Vec<_> = terms.iter().map(|(d, y)| (*d, y.as_slice().unwrap())).collect();
        HostDiagonal::apply(&terms, out.as_slice_mut().unwrap());
    }
    fn nonlinear(&mut self, t: f64, y: &Array1<Complex64>, out: &mut Array1<Complex64>) {
        let n = y.len();
        for i in 0..n {
            out[i] = y[i].conj() * y[(i + 1) % n] * t.sin() + (2.0 * t).cos();
        }
    }
}

fn start() -> Array1<Complex64> {
    array![Complex64::new(0.7, 0.2), Complex64::new(-0.3, 0.5), Complex64::new(0.1, -0.9)]
}

fn end<S: Stepper<Array1<Complex64>>>(mut stepper: S, control: Control) -> Array1<Complex64> {
    solve(&mut stepper, &start(), &mut SolveOptions::new(0.0, 1.5, control)).ys.pop().unwrap()
}

type Make = fn(Coupled) -> Box<dyn Stepper<Array1<Complex64>>>;

#[test]
fn every_method_converges_with_its_order() {
    let methods: [(&str, usize, Make); 6] = [
        ("etdrk1", 1, |f| Box::new(Etdrk1::new(f, &start()))),
        ("etdrk2", 2, |f| Box::new(Etdrk2::new(f, &start()))),
        ("etdrk3", 3, |f| Box::new(Etdrk3::new(f, &start()))),
        ("etdrk4", 4, |f| Box::new(Etdrk4::new(f, &start()))),
        ("cnab2", 2, |f| Box::new(Cnab2::new(f, &start()))),
        ("sbdf2", 2, |f| Box::new(Sbdf2::new(f, &start()))),
    ];
    let symbols = [
        ("real", [Complex64::new(-4.0, 0.0), Complex64::new(-1.0, 0.0), Complex64::new(0.5, 0.0)]),
        ("imaginary", [Complex64::new(0.0, 6.0), Complex64::new(0.0, -3.0), Complex64::new(0.0, 1.0)]),
        ("complex", [Complex64::new(-1.0, 4.0), Complex64::new(-0.2, -3.0), Complex64::ZERO]),
    ];
    for (kind, symbol) in symbols {
        let field = Coupled(symbol.to_vec());
        let reference = ExplicitRk::new(&DOPRI8, Assembled::new(field.clone(), &start()), &start());
        let reference = end(reference, Control::adaptive(1e-14, 1e-14));
        for (name, order, make) in methods {
            let error = |dt: f64| {
                let difference = &end(make(field.clone()), Control::Fixed { dt }) - &reference;
                difference.iter().map(|d| d.norm_sqr()).sum::<f64>().sqrt()
            };
            let (coarse, fine) = (error(1.5 / 256.0), error(1.5 / 512.0));
            let measured = (coarse / fine).log2();
            assert!(
                (measured - order as f64).abs() < 0.2,
                "{name}, {kind}: {measured} ({coarse:e}, {fine:e})"
            );
            assert_eq!(make(field.clone()).order(), order);
        }
    }
}

#[test]
fn the_linear_part_is_exact_at_any_step() {
    #[derive(Clone)]
    struct Linear(Coupled);
    impl SemiLinear<Array1<Complex64>> for Linear {
        type Diagonal = HostDiagonal;
        fn symbol(&self) -> Vec<Complex64> {
            self.0.symbol()
        }
        fn diagonal(&self, eigenvalues: Vec<Complex64>) -> HostDiagonal {
            self.0.diagonal(eigenvalues)
        }
        fn apply(&mut self, terms: &[(&HostDiagonal, &Array1<Complex64>)], out: &mut Array1<Complex64>) {
            self.0.apply(terms, out);
        }
        fn nonlinear(&mut self, _t: f64, _y: &Array1<Complex64>, out: &mut Array1<Complex64>) {
            out.fill(Complex64::ZERO);
        }
    }
    let symbol = vec![Complex64::new(-400.0, 0.0), Complex64::new(0.0, 900.0), Complex64::new(-1.0, 30.0)];
    let y = end(Etdrk4::new(Linear(Coupled(symbol.clone())), &start()), Control::Fixed { dt: 0.5 });
    for ((y, y0), l) in y.iter().zip(&start()).zip(&symbol) {
        assert!((y - y0 * (l * 1.5).exp()).norm() < 1e-12);
    }
}

#[test]
fn coefficients_are_built_once_per_step_size() {
    let mut stepper = Etdrk4::new(Coupled(vec![Complex64::ONE; 3]), &start());
    let mut options = SolveOptions::new(0.0, 1.05, Control::Fixed { dt: 0.1 });
    let stats = solve(&mut stepper, &start(), &mut options).stats;
    assert_eq!((stats.accepted, stats.work.evaluations, stats.work.preparations), (11, 44, 2));
}
