//! Classifiers of series: the neural controlled equation against the solvers' own, gradients, and what all learn.

#![allow(clippy::unwrap_used)]

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use flowmap_models::classifier::{
    FittedClassifier, GatedClassifierConfig, LogSignatureClassifierConfig, NearestClassifierConfig,
    SeriesClassifier, SeriesSpec,
};
use flowmap_models::neural_de::neural_cde::{Control, LogOdeConfig, Method, NeuralCde, NeuralCdeConfig};
use flowmap_models::seeded;
use flowmap_solvers::control_path::{ControlPath, Samples};
use ndarray::{Array2, array};

const SPEC: SeriesSpec = SeriesSpec { channels: 2, classes: 2, span: 4.0 };

fn device() -> Device {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let mut device = Device::flex();
    ONCE.call_once(|| device.configure(FloatDType::F64).unwrap());
    device
}

/// Series of different lengths; one with gaps.
fn series() -> Vec<Samples> {
    let values = array![[0.3, -0.1], [f64::NAN, 0.5], [1.0, f64::NAN], [0.2, -0.8]];
    let other = array![[0.0, 0.4], [0.9, 0.7], [-0.3, 1.1]];
    let fine = Array2::from_shape_fn((7, 2), |(i, c)| ((i * (c + 2)) as f64).sin());
    vec![
        Samples::new(&[0.0, 1.0, 1.7, 4.0], values.view()).unwrap(),
        Samples::new(&[0.5, 0.9, 3.0], other.view()).unwrap(),
        Samples::new(&[0.0, 0.2, 1.0, 1.1, 2.4, 3.0, 3.9], fine.view()).unwrap(),
    ]
}

fn model(control: Control, method: Method, device: &Device) -> NeuralCde {
    let config = NeuralCdeConfig { hidden: 3, width: 5, layers: 2, control, method, log_ode: None };
    seeded(device, 3, || config.init(&SPEC, device))
}

/// The same network with windows of so many pieces.
fn windowed(pieces: usize, depth: usize, device: &Device) -> NeuralCde {
    let log_ode = Some(LogOdeConfig { pieces, depth });
    let (control, method) = (Control::Linear, Method::Rk4);
    let config = NeuralCdeConfig { hidden: 3, width: 5, layers: 2, control, method, log_ode };
    seeded(device, 3, || config.init(&SPEC, device))
}

fn read<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap()
}

fn near(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance)
}

#[test]
fn rows_of_a_batch_do_not_see_each_other_and_wait_at_their_ends() {
    let device = device();
    let models = [
        model(Control::Hermite, Method::Rk4, &device),
        model(Control::Linear, Method::Rk4, &device),
        windowed(2, 2, &device),
    ];
    for model in models {
        let all = read(model.logits(&series(), &device).unwrap());
        for (i, one) in series().iter().enumerate() {
            let alone = read(model.logits(std::slice::from_ref(one), &device).unwrap());
            assert!(near(&all[2 * i..2 * i + 2], &alone, 1e-6), "{alone:?} {all:?}");
        }
    }
}

/// The path with every piece cut into `parts`, each the same polynomial.
fn refined(path: &ControlPath, parts: usize) -> Samples {
    let knots = path.knots();
    let ends = knots
        .windows(2)
        .flat_map(|k| (0..parts).map(move |i| k[0] + (k[1] - k[0]) * i as f64 / parts as f64));
    let times: Vec<f64> = ends.chain([knots[knots.len() - 1]]).collect();
    let mut values = Array2::zeros((times.len(), path.channels()));
    for (t, mut row) in times.iter().zip(values.rows_mut()) {
        path.value(*t, row.as_slice_mut().unwrap());
    }
    // The time is a channel already.
    Samples::new(&times.iter().map(|t| t * SPEC.span).collect::<Vec<_>>(), values.slice(ndarray::s![.., 1..]))
        .unwrap()
}

#[test]
fn methods_converge_with_their_orders_on_a_straight_control() {
    let device = device();
    for (method, stated) in [(Method::Midpoint, 2.0), (Method::Rk4, 4.0)] {
        let model = model(Control::Linear, method, &device);
        let path = model.control(&series()[0]).unwrap();
        let end = |parts| read(model.logits(&[refined(&path, parts)], &device).unwrap());
        let exact = end(96);
        let error = |parts| (end(parts)[0] - exact[0]).abs();
        let order = (error(3) / error(6)).log2();
        assert!((order - stated).abs() < 0.4, "{method:?}: {order}");
    }
}

#[test]
fn windows_of_depth_two_see_areas_and_converge_with_order_four() {
    let device = device();
    let n = 96;
    let times: Vec<f64> = (0..=n).map(|i| SPEC.span * f64::from(i) / f64::from(n)).collect();
    let values = Array2::from_shape_fn((times.len(), 2), |(i, c)| {
        let t = times[i] / SPEC.span;
        if c == 0 { 2.0 * (5.0 * t).sin() } else { 2.0 * (4.0 * t).cos() + t * t }
    });
    let path = [Samples::new(&times, values.view()).unwrap()];
    let end = |model: NeuralCde| read(model.logits(&path, &device).unwrap());
    let exact = end(model(Control::Linear, Method::Rk4, &device));
    // A window of one piece is the piece.
    assert!(near(&end(windowed(1, 2, &device)), &exact, 1e-5));
    let error = |pieces: usize, depth: usize| {
        end(windowed(pieces, depth, &device)).iter().zip(&exact).map(|(a, b)| (a - b).abs()).sum::<f64>()
    };
    let (coarse, fine) = (error(16, 2), error(8, 2));
    assert!((error(16, 1) / error(8, 1)).log2() < 2.6, "{} {}", error(16, 1), error(8, 1));
    assert!((coarse / fine).log2() > 3.2, "{coarse} {fine}");
    assert!(coarse < 0.2 * error(16, 1), "{coarse} {}", error(16, 1));
}

#[test]
fn a_rectilinear_model_sees_a_sample_when_it_is_there() {
    let device = device();
    let model = model(Control::Rectilinear, Method::Midpoint, &device);
    let states = |last: f64| {
        let values = array![[0.3, -0.1], [0.5, 0.5], [last, 0.2]];
        let samples = Samples::new(&[0.0, 1.0, 2.0], values.view()).unwrap();
        let states = model.states(&[model.control(&samples).unwrap()], &device);
        states.into_iter().map(read).collect::<Vec<_>>()
    };
    let (a, b) = (states(1.0), states(-1.0));
    assert_eq!(a.len(), 5);
    assert_eq!(a[..4], b[..4]);
    assert!(!near(&a[4], &b[4], 1e-3));
}

struct Shift {
    /// The parameter and the entry to be moved, and by how much.
    at: (usize, usize, f64),
    seen: usize,
}

impl ModuleMapper for Shift {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let here = self.seen == self.at.0;
        self.seen += 1;
        if !here {
            return param;
        }
        let (dims, device) = (param.dims(), param.val().device());
        let mut values = read(param.val());
        values[self.at.1] += self.at.2;
        param.map(|_| Tensor::from_data(TensorData::new(values, dims), &device).require_grad())
    }
}

#[test]
fn gradients_are_those_of_differences() {
    let device = device().autodiff();
    for model in [model(Control::Hermite, Method::Midpoint, &device), windowed(2, 2, &device)] {
        check_gradients(&model, &device);
    }
}

fn check_gradients(model: &NeuralCde, device: &Device) {
    struct Collect<'a>(&'a GradientsParams, Vec<Vec<f64>>);
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.push(read(self.0.get::<D>(param.id).unwrap()));
        }
    }
    let loss = |model: &NeuralCde| model.logits(&series(), device).unwrap().sin().sum();
    let gradients = GradientsParams::from_grads(loss(model).backward(), model);
    let mut all = Collect(&gradients, Vec::new());
    model.visit(&mut all);
    assert_eq!(all.1.len(), 10);
    for (p, gradient) in all.1.iter().enumerate() {
        let entry = gradient.len() / 2;
        let e = 1e-5;
        let moved = |d: f64| read(loss(&model.clone().map(&mut Shift { at: (p, entry, d), seen: 0 })))[0];
        let difference = (moved(e) - moved(-e)) / (2.0 * e);
        assert!((gradient[entry] - difference).abs() < 1e-6, "{p}: {} {difference}", gradient[entry]);
    }
}

/// Circles that turn one way or the other.
fn circles(count: usize, from: f64) -> (Vec<Samples>, Vec<usize>) {
    let one = |i: usize| {
        let sense = if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        let phase = 2.4 * i as f64 + from;
        let times: Vec<f64> =
            (0..20 - i % 3).map(|k| 0.2 * k as f64 + 0.05 * ((k * i) as f64).sin()).collect();
        let angle = |t: f64| phase + sense * 2.0 * t;
        let values = Array2::from_shape_fn((times.len(), 2), |(k, c)| {
            if c == 0 { angle(times[k]).cos() } else { angle(times[k]).sin() }
        });
        (Samples::new(&times, values.view()).unwrap(), i % 2)
    };
    (0..count).map(one).unzip()
}

#[test]
fn fitted_classifiers_tell_the_sense_of_turning() {
    let (train, labels) = circles(60, 0.0);
    let (test, truth) = circles(30, 0.7);
    let nearest = NearestClassifierConfig::default().fit(&train, &labels, &SPEC).unwrap();
    let logistic = LogSignatureClassifierConfig::default().fit(&train, &labels, &SPEC).unwrap();
    let models: [&dyn FittedClassifier; 2] = [&nearest, &logistic];
    for model in models {
        let right = test.iter().zip(&truth).filter(|(s, c)| model.class(s).unwrap() == **c).count();
        assert_eq!(right, 30);
    }
}

#[test]
fn a_gated_network_sees_gaps_and_series_of_any_length() {
    let device = device();
    let model = seeded(&device, 1, || GatedClassifierConfig { units: 4 }.init(&SPEC, &device));
    let full: Vec<Samples> = circles(3, 0.1).0;
    let all = read(model.logits(&full, &device).unwrap());
    for (i, one) in full.iter().enumerate() {
        let alone = read(model.logits(std::slice::from_ref(one), &device).unwrap());
        assert!(near(&all[2 * i..2 * i + 2], &alone, 1e-12), "{i}");
    }
    let slower =
        Samples::new(&full[0].times().iter().map(|t| 2.0 * t).collect::<Vec<_>>(), full[0].values()).unwrap();
    assert!(!near(&read(model.logits(&[slower], &device).unwrap()), &all[..2], 1e-6));
    assert_eq!(model.classify(&full, &device).unwrap().len(), 3);
}
