//! The convolution of fields: against its definition, its gradients against their definition.

#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Device, Tensor, TensorData};
use flowmap_models::fused::{Edge, Stencil, convolve};

/// A case: batch, channels in and out, points, taps, what lies beyond the edges, dilation.
type Case = (usize, [usize; 2], [usize; 2], [usize; 2], [Edge; 2], usize);

const P: Edge = Edge::Periodic;
const Z: Edge = Edge::Zeros;

const CASES: [Case; 12] = [
    (2, [3, 5], [8, 8], [3, 3], [P, P], 1),
    (2, [3, 7], [16, 40], [3, 3], [Z, Z], 1),
    (1, [13, 6], [33, 70], [3, 3], [P, Z], 1),
    (2, [4, 64], [20, 66], [3, 3], [Z, P], 2),
    (3, [1, 1], [1, 50], [1, 3], [P, P], 1),
    (20, [6, 34], [1, 160], [1, 3], [P, P], 4),
    (2, [5, 4], [4, 4], [3, 3], [P, P], 4),
    (2, [2, 3], [4, 6], [3, 5], [P, Z], 3),
    (4, [70, 9], [1, 64], [1, 1], [P, P], 1),
    (2, [300, 40], [6, 6], [3, 3], [Z, Z], 1),
    (1, [2, 11], [64, 64], [5, 5], [P, P], 1),
    (1, [8, 17], [24, 128], [3, 3], [Z, Z], 8),
];

fn wave(count: usize, step: f64) -> Vec<f64> {
    (0..count).map(|i| (step * (i + 1) as f64).sin()).collect()
}

/// Where a tap reads, if it lies in the field.
fn source(i: usize, tap: usize, taps: usize, points: usize, edge: Edge, dilation: usize) -> Option<usize> {
    let at = i as isize + dilation as isize * (tap as isize - (taps / 2) as isize);
    match edge {
        Edge::Periodic => Some(at.rem_euclid(points as isize) as usize),
        Edge::Zeros => usize::try_from(at).ok().filter(|i| *i < points),
    }
}

/// Values and gradients by the definition: with `g` the gradient of the result.
fn defined(case: &Case, u: &[f64], w: &[f64], c: &[f64], g: &[f64]) -> [Vec<f64>; 4] {
    let (batch, [input, output], [nx, ny], [p, q], edges, d) = *case;
    let (mut v, mut du) = (vec![0.0; batch * output * nx * ny], vec![0.0; u.len()]);
    let (mut dw, mut dc) = (vec![0.0; w.len()], vec![0.0; c.len()]);
    for b in 0..batch {
        for o in 0..output {
            for i in 0..nx {
                for j in 0..ny {
                    let at = ((b * output + o) * nx + i) * ny + j;
                    v[at] += c[o];
                    dc[o] += g[at];
                    for k in 0..input {
                        for tap in 0..p * q {
                            let row = source(i, tap / q, p, nx, edges[0], d);
                            let column = source(j, tap % q, q, ny, edges[1], d);
                            let (Some(x), Some(y)) = (row, column) else { continue };
                            let from = ((b * input + k) * nx + x) * ny + y;
                            let weight = (o * input + k) * p * q + tap;
                            v[at] += w[weight] * u[from];
                            du[from] += w[weight] * g[at];
                            dw[weight] += u[from] * g[at];
                        }
                    }
                }
            }
        }
    }
    [v, du, dw, dc]
}

fn found(case: &Case, u: &[f64], w: &[f64], c: &[f64], g: &[f64], dtype: DType) -> [Vec<f64>; 4] {
    let (batch, [input, output], [nx, ny], [p, q], edges, dilation) = *case;
    let device = Device::flex().autodiff();
    let of = |values: &[f64], shape: [usize; 4]| {
        Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), (&device, dtype))
    };
    let u = of(u, [batch, input, nx, ny]).require_grad();
    let w = of(w, [output, input, p, q]).require_grad();
    let c = Tensor::<1>::from_data(TensorData::new(c.to_vec(), [output]), (&device, dtype)).require_grad();
    let v = convolve(u.clone(), w.clone(), c.clone(), Stencil { edges, dilation });
    let gradients = (v.clone() * of(g, v.dims())).sum().backward();
    let read = |t: Tensor<4>| t.into_data().convert::<f64>().try_to_vec::<f64>().unwrap();
    let [du, dw] = [&u, &w].map(|t| read(t.grad(&gradients).unwrap()));
    let dc = c.grad(&gradients).unwrap().into_data().convert::<f64>().try_to_vec::<f64>().unwrap();
    [read(v.inner()), du, dw, dc]
}

#[test]
fn it_is_its_definition_and_so_are_its_gradients() {
    for case in &CASES {
        let (batch, [input, output], [nx, ny], [p, q], _, _) = *case;
        let u = wave(batch * input * nx * ny, 0.37);
        let w = wave(output * input * p * q, 0.71);
        let c = wave(output, 1.3);
        let g = wave(batch * output * nx * ny, 0.53);
        let exact = defined(case, &u, &w, &c, &g);
        for (dtype, tolerance) in [(DType::F64, 1e-13), (DType::F32, 2e-5)] {
            for (what, (a, b)) in found(case, &u, &w, &c, &g, dtype).iter().zip(&exact).enumerate() {
                let size = b.iter().map(|v| v * v).sum::<f64>().sqrt();
                let off = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                assert_eq!(a.len(), b.len());
                assert!(
                    off < tolerance * size.max(1.0),
                    "{case:?} {dtype:?}, result {what}: {off} of {size}"
                );
            }
        }
    }
}
