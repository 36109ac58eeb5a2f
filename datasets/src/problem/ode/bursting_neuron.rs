//! A neuron that fires in bursts.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{OdeProblem, fill, names};

/// Reversal potentials of leak, sodium, potassium and synapse (mV).
const REVERSAL: [f64; 4] = [-80.0, 60.0, -90.0, 0.0];
/// Conductances of leak, sodium, potassium and the slow potassium current (mS).
const CONDUCTANCE: [f64; 4] = [8.0, 20.0, 10.0, 25.0];
/// Membrane capacitance (µF).
const CAPACITANCE: f64 = 6.0;
/// Half-activation potentials and slopes of `m∞`, `n∞`, `h∞` (mV).
const ACTIVATION: [(f64, f64); 3] = [(-20.0, 15.0), (-25.0, 5.0), (-15.0, 5.0)];
/// Relaxation times of `n` and `h` (ms).
const RELAXATION: [f64; 2] = [1.0, 200.0];

/// `C V' = −g_L(V − E_L) − g_Na m∞(V)(V − E_Na) − g_K n(V − E_K) − g_M h(V − E_K) − g_NMDA s(V)(V − E_NMDA)`,
/// `n' = (n∞(V) − n)/τₙ`, `h' = (h∞(V) − h)/τₕ`; `s(V) = 1/(1 + 0.33 e^(−V/16))` is the magnesium block of the synapse,
/// `m∞`, `n∞`, `h∞` are logistic functions of `(V − V½)/k`. Time in milliseconds, `V` in millivolts.
///
/// Persistent sodium (instantaneous) and potassium make the spikes, the slow M-current ends the bursts, and the NMDA
/// current chooses between bursting, chaos and spiking.
///
/// D. Durstewitz, Neural Networks 22 (2009) 1189-1200; the parameters are those of D. Schmidt, G. Koppe, Z. Monfared,
/// M. Beutelspacher, D. Durstewitz, ICLR 2021 (arXiv:1910.03471).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BurstingNeuron {
    /// Conductance of the synapses `g_NMDA` (mS).
    pub nmda: f64,
}

impl Default for BurstingNeuron {
    fn default() -> Self {
        Self { nmda: 10.2 }
    }
}

/// `1/(1 + e^(−x))` and its slope.
fn logistic(x: f64) -> (f64, f64) {
    let s = 1.0 / (1.0 + (-x).exp());
    (s, s * (1.0 - s))
}

/// `m∞`, `n∞`, `h∞` at `v`, each with its slope.
fn activation(v: f64) -> [(f64, f64); 3] {
    ACTIVATION.map(|(half, k)| {
        let (s, slope) = logistic((v - half) / k);
        (s, slope / k)
    })
}

/// The open fraction of the synapse and its slope.
fn unblocked(v: f64) -> (f64, f64) {
    let (s, slope) = logistic(0.0625 * v - 0.33_f64.ln());
    (s, 0.0625 * slope)
}

impl Validate for BurstingNeuron {
    fn validate(&self, mut check: Check<'_>) {
        check.non_negative("nmda", self.nmda);
    }
}

impl OdeProblem for BurstingNeuron {
    fn name(&self) -> &'static str {
        "bursting_neuron"
    }

    fn equation(&self) -> &'static str {
        "C V' = −g_L(V − E_L) − g_Na m∞(V)(V − E_Na) − (g_K n + g_M h)(V − E_K) − g_NMDA s(V) V, \
         n' = (n∞(V) − n)/τₙ, h' = (h∞(V) − h)/τₕ"
    }

    fn variables(&self) -> Vec<String> {
        names(&["V", "n", "h"])
    }

    fn rhs(&self, _t: f64, y: &[f64], dy: &mut [f64]) {
        let [(m_inf, _), (n_inf, _), (h_inf, _)] = activation(y[0]);
        let [leak, sodium, potassium, slow] = CONDUCTANCE;
        let [e_leak, e_sodium, e_potassium, e_nmda] = REVERSAL;
        let v = y[0];
        let current = leak * (v - e_leak)
            + sodium * m_inf * (v - e_sodium)
            + (potassium * y[1] + slow * y[2]) * (v - e_potassium)
            + self.nmda * unblocked(v).0 * (v - e_nmda);
        dy[0] = -current / CAPACITANCE;
        dy[1] = (n_inf - y[1]) / RELAXATION[0];
        dy[2] = (h_inf - y[2]) / RELAXATION[1];
    }

    fn jacobian(&self, _t: f64, y: &[f64], j: &mut DMatrix<f64>) {
        let [(m_inf, m_slope), (_, n_slope), (_, h_slope)] = activation(y[0]);
        let [leak, sodium, potassium, slow] = CONDUCTANCE;
        let [_, e_sodium, e_potassium, e_nmda] = REVERSAL;
        let v = y[0];
        let (s, s_slope) = unblocked(v);
        let membrane = leak
            + sodium * (m_inf + m_slope * (v - e_sodium))
            + potassium * y[1]
            + slow * y[2]
            + self.nmda * (s + s_slope * (v - e_nmda));
        let drive = (v - e_potassium) / CAPACITANCE;
        fill(
            j,
            &[
                &[-membrane / CAPACITANCE, -potassium * drive, -slow * drive],
                &[n_slope / RELAXATION[0], -1.0 / RELAXATION[0], 0.0],
                &[h_slope / RELAXATION[1], 0.0, -1.0 / RELAXATION[1]],
            ],
        );
    }

    fn initial(&self) -> Vec<f64> {
        vec![-60.0, 0.0, 0.0]
    }
}
