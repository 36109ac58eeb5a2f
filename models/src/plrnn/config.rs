//! Which piecewise-linear network: `[model.plrnn]`.

use flowmap_solvers::issue::{Check, Issue, Validate};
use serde::{Deserialize, Serialize};

/// A piecewise-linear recurrent network `z_{t+1} = F(z_t)`, `x_t = g(z_t)`.
///
/// Inputs `s`, where a series has some, drive it: `z_{t+1} = F(z_t) + C s_{t+1}`.
///
/// Every variant is a map `A z + W₁ [relu(W₂ z + h₂) − c·relu(W₂ z)] + h₁`; it states which of these are learned.
///
/// F. Hess et al., "Generalized Teacher Forcing for Learning Chaotic Dynamics", ICML 2023.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlrnnConfig {
    /// The form of `F`.
    pub variant: Variant,
    /// Entries `M` of the state.
    pub latent: usize,
    /// Hidden units `H` of the shallow variants.
    pub hidden: usize,
    /// Bases of the dendritic variant.
    pub bases: usize,
    /// Entries of the state that the almost-linear variant rectifies.
    pub piecewise_units: usize,
    /// The form of `g`.
    pub observation: Observation,
    /// Entries of the state, the first, that an affine observation reads and that are forced; the others remember. Zero
    /// takes all.
    pub observed: usize,
}

/// A form of the map; `A` is diagonal in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// `A z + W relu(z) + h₁` (D. Durstewitz, PLoS Comput. Biol. 2017).
    Standard,
    /// `A z + W relu(z − mean z) + h₁` (M. Brenner et al., ICML 2022).
    MeanCentred,
    /// `A z + W Σ_b α_b relu(z − h_b) + h₁` (M. Brenner et al., ICML 2022).
    Dendritic,
    /// `A z + W₁ relu(W₂ z + h₂) + h₁`.
    Shallow,
    /// `A z + W₁ [relu(W₂ z + h₂) − relu(W₂ z)] + h₁`: orbits are bounded where `max |A| < 1`.
    ClippedShallow,
    /// `A z + W Φ(z) + h₁` where `Φ` rectifies the last few entries only (M. Brenner et al., NeurIPS 2024).
    AlmostLinear,
}

/// What of a state is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// Its first entries.
    Identity,
    /// `B z + b`, learned, of all entries or the first few.
    Affine,
}

impl Default for PlrnnConfig {
    fn default() -> Self {
        Self {
            variant: Variant::Shallow,
            latent: 3,
            hidden: 50,
            bases: 20,
            piecewise_units: 2,
            observation: Observation::Identity,
            observed: 0,
        }
    }
}

impl PlrnnConfig {
    /// Units of the hidden layer, for a state of `latent` entries.
    pub(super) fn units(&self) -> usize {
        match self.variant {
            Variant::Standard | Variant::MeanCentred => self.latent,
            Variant::Dendritic => self.bases * self.latent,
            Variant::Shallow | Variant::ClippedShallow => self.hidden,
            Variant::AlmostLinear => self.piecewise_units,
        }
    }

    /// Entries of the state that are observed, and pulled towards the data.
    pub(super) fn forced(&self, channels: usize) -> usize {
        match (self.observation, self.observed) {
            (Observation::Identity, _) => channels,
            (Observation::Affine, 0) => self.latent,
            (Observation::Affine, observed) => observed,
        }
    }

    /// Whether the network can observe a series of so many channels.
    ///
    /// # Errors
    /// If the observation is the identity and the state has fewer entries than the series channels.
    pub fn fits(&self, channels: usize) -> Result<(), Issue> {
        if self.observation == Observation::Affine || self.latent >= channels {
            return Ok(());
        }
        let message =
            format!("a state of {} entries cannot hold {channels} channels as they are", self.latent);
        let hint = format!("raise latent to {channels} or more, or take observation = \"affine\"");
        Err(Issue::new("model.plrnn.latent", message).hint(hint))
    }
}

impl Validate for PlrnnConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("latent", self.latent, 1, 1024);
        check.within("hidden", self.hidden, 1, 65_536);
        check.within("bases", self.bases, 1, 1024);
        check.at_least("piecewise_units", self.piecewise_units, 1);
        check.require(
            self.variant != Variant::AlmostLinear || self.piecewise_units <= self.latent,
            "piecewise_units",
            format!("{} of {} entries", self.piecewise_units, self.latent),
            "rectify at most as many entries as the state has",
        );
        check.within("observed", self.observed, 0, self.latent);
        check.require(
            self.observed == 0 || self.observation == Observation::Affine,
            "observed",
            "the identity observes as many entries as the series has channels",
            "leave it out, or take observation = \"affine\"",
        );
    }
}
