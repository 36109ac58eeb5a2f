//! Fused operations: the kernels against the composed form in higher precision, gradients against differences.

#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Device, Tensor, TensorData};
use flowmap_models::fused::gelu;

/// Values and gradient of the sum of `gelu` over `x`, in `dtype`.
fn gelu_at(x: &[f64], dtype: DType) -> (Vec<f64>, Vec<f64>) {
    let device = Device::flex().autodiff();
    let x = Tensor::<1>::from_data(TensorData::from(x), (&device, dtype)).require_grad();
    let y = gelu(x.clone());
    let gradients = y.clone().sum().backward();
    let read = |t: Tensor<1>| t.into_data().convert::<f64>().try_to_vec::<f64>().unwrap();
    (read(y.inner()), read(x.grad(&gradients).unwrap()))
}

#[test]
fn gelu_is_exact_in_both_precisions_and_so_is_its_gradient() {
    let x: Vec<f64> = (-900..=900).map(|i| f64::from(i as f32 * 0.01)).collect();
    let (values, slopes) = gelu_at(&x, DType::F32);
    let (fine, fine_slopes) = gelu_at(&x, DType::F64);
    for i in 0..x.len() {
        let scale = x[i].abs().max(1.0);
        assert!((values[i] - fine[i]).abs() < 2e-7 * scale, "x = {}: {} and {}", x[i], values[i], fine[i]);
        assert!(
            (slopes[i] - fine_slopes[i]).abs() < 4e-7,
            "x = {}: {} and {}",
            x[i],
            slopes[i],
            fine_slopes[i]
        );
    }
    let h = 1e-5;
    let shifted = |h: f64| gelu_at(&x.iter().map(|x| x + h).collect::<Vec<_>>(), DType::F64).0;
    for ((up, down), slope) in shifted(h).iter().zip(&shifted(-h)).zip(&fine_slopes) {
        assert!(((up - down) / (2.0 * h) - slope).abs() < 1e-9);
    }
    // x Φ(x) by tables of the normal distribution.
    for (x, y) in [(1.0, 0.841_344_746_068_543), (-2.0, -0.045_500_263_896_358), (0.0, 0.0)] {
        assert!((gelu_at(&[x], DType::F64).0[0] - y).abs() < 1e-14);
    }
}

#[test]
fn gelu_has_limits_and_passes_what_is_not_a_number() {
    let (values, slopes) = gelu_at(&[-40.0, 40.0, -1e30, 1e30, f64::NAN, f64::INFINITY], DType::F32);
    assert_eq!(&values[..4], &[-0.0, 40.0, -0.0, 1e30_f32.into()]);
    assert_eq!(&slopes[..4], &[0.0, 1.0, 0.0, 1.0]);
    assert!(values[4].is_nan() && values[5] == f64::INFINITY);
}

#[test]
fn a_view_is_read_in_its_own_order() {
    let device = Device::flex();
    let x = Tensor::<2>::from_data(TensorData::from([[0.1_f32, 0.2, 0.3], [1.1, 1.2, 1.3]]), &device);
    let there = gelu(x.clone().swap_dims(0, 1)).swap_dims(0, 1);
    assert_eq!(there.into_data(), gelu(x).into_data());
}
