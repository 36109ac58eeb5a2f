//! Fields on half and on twice as many points.

use burn::module::Module;
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, Tensor};

use crate::fused::Edge;

/// The mean of every two points of an axis that is halved; an axis of one point stays.
pub fn halve(u: Tensor<4>) -> Tensor<4> {
    let [_, _, nx, ny] = u.dims();
    let window = [nx, ny].map(|n| if n > 1 { 2 } else { 1 });
    avg_pool2d(u, AvgPoolOptions::new(window).with_stride(window))
}

/// Bicubic interpolation (a = −0.75) to twice as many points, the old ones at the middle of cells; an axis of one point stays.
///
/// R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE TASSP 29, 1981.
#[derive(Module, Debug)]
pub struct Doubling {
    /// `[1, 1, 2x, x]`, if that axis has more than one point.
    rows: Option<Tensor<4>>,
    /// `[y, 2y]`.
    columns: Tensor<2>,
}

impl Doubling {
    /// From `size` points.
    pub fn init(size: [usize; 2], edges: [Edge; 2], device: &Device) -> Self {
        let [nx, ny] = size;
        let matrix = |points, edge| Tensor::<1>::from_floats(&weights(points, edge)[..], device);
        let rows = (nx > 1).then(|| matrix(nx, edges[0]).reshape([1, 1, 2 * nx, nx]));
        Self { rows, columns: matrix(ny, edges[1]).reshape([2 * ny, ny]).transpose() }
    }

    /// `[batch, channel, x, y]` to `[batch, channel, 2x, 2y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let [batch, channels, nx, ny] = u.dims();
        let wide = u.reshape([batch * channels * nx, ny]).matmul(self.columns.clone());
        let wide = wide.reshape([batch, channels, nx, 2 * ny]);
        match &self.rows {
            Some(rows) => rows.clone().matmul(wide),
            None => wide,
        }
    }
}

/// The matrix `[2n, n]` of an axis.
fn weights(points: usize, edge: Edge) -> Vec<f32> {
    const A: f64 = -0.75;
    let kernel = |x: f64| {
        let x = x.abs();
        if x <= 1.0 {
            ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
        } else if x < 2.0 {
            ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A
        } else {
            0.0
        }
    };
    let n = points as isize;
    let mut matrix = vec![0.0_f32; 2 * points * points];
    for i in 0..2 * points {
        let at = (i as f64 + 0.5) / 2.0 - 0.5;
        let first = at.floor() as isize - 1;
        for j in first..first + 4 {
            // Beyond an edge that is not periodic the last point is repeated.
            let source = match edge {
                Edge::Periodic => j.rem_euclid(n),
                Edge::Zeros => j.clamp(0, n - 1),
            };
            matrix[i * points + source as usize] += kernel(at - j as f64) as f32;
        }
    }
    matrix
}
