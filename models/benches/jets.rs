//! Steps of a physics-informed network of 5 × 64 tanh on 2000 points of Burgers' equation, in `f64`: one of Adam, and one of
//! Gauss-Newton with a given damping (Jacobian of every sample, `JJᵀ + λ`, Cholesky). With `FLOWMAP_PEERS=python`, an
//! interpreter that has JAX, nested automatic differentiation and `jax.experimental.jet` do the same in the same run, and the
//! ratios are printed; all must find the same loss.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::process::Command;
use std::time::Instant;

use flowmap_models::gauss_newton::{Adam, LevenbergMarquardt, Memory, Optimiser, Solve, cost};
use flowmap_models::pinn::{Domain, Equation, Frame, PinnConfig, Profile, Window};
use ndarray::Array2;

const POINTS: usize = 2000;
/// The damping, as the peers have it.
const DAMPING: f64 = 1e-3;

fn main() {
    let config = PinnConfig { width: 64, depth: 5, ..PinnConfig::default() };
    let equation = Equation { self_advection: 1.0, diffusivity: 0.01, ..Equation::default() };
    let domain = Domain { origin: 0.0, length: 2.0, start: 0.0, duration: 1.0 };
    let start = Profile::new(|x| {
        let k = std::f64::consts::PI;
        let (s, c) = (k * x).sin_cos();
        [s, k * c, -k * k * s, -k.powi(3) * c, k.powi(4) * s]
    });
    let window = Window::new(&config, Frame::Eulerian, &equation, domain, start);
    let theta: Vec<f64> = (0..window.parameters()).map(|i| 0.2 * (0.7 * (i + 1) as f64).sin()).collect();
    let points = Array2::from_shape_fn((POINTS, 2), |(i, axis)| {
        let step = [0.754_877_666_246_693, 0.569_840_290_998_053][axis];
        [2.0, 1.0][axis] * ((i + 1) as f64 * step).fract()
    });
    let collocation = window.collocation(points);
    let check = cost(&window.on(&collocation), &theta);
    let time = |optimiser: &Optimiser, repeats: usize| {
        let mut seconds: Vec<f64> = (0..=repeats)
            .map(|_| {
                let (mut theta, mut memory) = (theta.clone(), Memory::default());
                // One trial with the damping of the peers.
                memory.scalars = match optimiser {
                    Optimiser::LevenbergMarquardt(_) => vec![DAMPING, 2.0],
                    _ => Vec::new(),
                };
                let started = Instant::now();
                optimiser.step(&window.on(&collocation), &mut theta, &mut memory).unwrap();
                started.elapsed().as_secs_f64()
            })
            .skip(1)
            .collect();
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    };
    let adam = time(&Optimiser::Adam(Adam::default()), 50);
    let dual = LevenbergMarquardt {
        attempts: 1,
        solve: Solve::Dual,
        geodesic: false,
        ..LevenbergMarquardt::default()
    };
    let gauss_newton = time(&Optimiser::LevenbergMarquardt(dual), 5);
    println!(
        "flowmap            Adam {:.2} ms, Gauss-Newton {:.1} ms, loss {check:.6}",
        1e3 * adam,
        1e3 * gauss_newton
    );
    let Ok(python) = std::env::var("FLOWMAP_PEERS") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/jets.py");
    let output = Command::new(python).arg(script).output().expect("the peers' interpreter runs");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let field = |key: &str| {
            let rest = &line[line.find(&format!("\"{key}\""))? + key.len() + 3..];
            Some(rest.split([',', '}']).next()?.trim().trim_matches('"').to_owned())
        };
        let number = |key: &str| field(key).and_then(|v| v.parse::<f64>().ok());
        let (Some(peer), Some(other)) = (field("peer"), number("check")) else { continue };
        assert!((other / check - 1.0).abs() < 1e-9, "{peer} finds the loss {other}, not {check}");
        for (name, key, own) in [("Adam", "adam", adam), ("Gauss-Newton", "gauss_newton", gauss_newton)] {
            let Some(s) = number(key) else { continue };
            println!("{peer:<18} {name} {:.2} ms, {:.1} times as long as Flowmap", 1e3 * s, s / own);
        }
    }
}
