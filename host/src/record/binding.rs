//! A plugin as the operator loads it. Immutable: any change makes another binding with another digest.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::digest::digest;
use super::{ByteSize, Deadline, Filter, InteractionId, Name};

digest! {
    /// The sha256 of a plugin's file.
    ComponentDigest
}

digest! {
    /// The sha256 of everything that decides what a binding judges and how.
    BindingDigest
}

digest! {
    /// The sha256 of the JSON text that a plugin is configured with.
    ConfigDigest
}

/// What a plugin can judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Gives scores.
    Scorer,
    /// Finds errors.
    ErrorClassifier,
    /// Finds bias.
    BiasCheck,
    /// Says what a call cost.
    PricingAdapter,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Scorer, Self::ErrorClassifier, Self::BiasCheck, Self::PricingAdapter];

    /// The kind by the name of its WIT interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scorer => "scorer",
            Self::ErrorClassifier => "error-classifier",
            Self::BiasCheck => "bias-check",
            Self::PricingAdapter => "pricing-adapter",
        }
    }

    /// Their names, for a line of text.
    pub fn list(kinds: &[Self]) -> String {
        kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// What a binding stays within: at load its file and its preparation, later every call. A limit always has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The largest file that is read.
    #[schema(value_type = String, example = "64MiB")]
    pub size: ByteSize,
    /// The longest that preparing the file may take by the clock: taking it apart, compiling it, its `describe` and
    /// `configure`, the snapshot.
    #[schema(value_type = String, example = "60s")]
    pub load_deadline: Deadline,
    /// The most memory that the process which prepares the file may take.
    #[schema(value_type = String, example = "1GiB")]
    pub load_memory: ByteSize,
    /// The longest a call may take by the clock, time in host calls included.
    #[schema(value_type = String, example = "500ms")]
    pub deadline: Deadline,
    /// All memories and tables of one call together.
    #[schema(value_type = String, example = "64MiB")]
    pub memory: ByteSize,
    /// All that one call gives back, as stored.
    #[schema(value_type = String, example = "256KiB")]
    pub output: ByteSize,
    /// How many verdicts one call may give.
    pub verdicts: usize,
    /// How many log lines of one call are kept, where together they have at most 32 KiB.
    pub log_lines: usize,
    /// How often one interaction is tried, the first time included, where a failure may pass.
    pub attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size: ByteSize(64 << 20),
            load_deadline: Deadline::from_millis(60_000),
            load_memory: ByteSize(1 << 30),
            deadline: Deadline::from_millis(500),
            memory: ByteSize(64 << 20),
            output: ByteSize(256 << 10),
            verdicts: 256,
            log_lines: 32,
            attempts: 5,
        }
    }
}

/// The share of interactions that a binding judges, from 0 to 1, chosen by a hash of the interaction's id: the
/// same interactions on every machine and at every time, and a larger share holds all of a smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "f64")]
pub struct Sample(f64);

/// A share outside 0 to 1.
#[derive(Debug, thiserror::Error)]
#[error("expected a share from 0 to 1")]
pub struct SampleError;

impl TryFrom<f64> for Sample {
    type Error = SampleError;

    fn try_from(share: f64) -> Result<Self, SampleError> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(SampleError) }
    }
}

impl Sample {
    /// Every interaction.
    pub const ALL: Self = Self(1.0);

    /// Whether the interaction is in the sample.
    pub fn takes(self, id: &InteractionId) -> bool {
        if self == Self::ALL {
            return true;
        }
        let digest = Sha256::digest(id.as_str().as_bytes());
        let (head, _) = digest.split_at(8);
        let place = u64::from_be_bytes(head.try_into().expect("eight bytes"));
        // Both sides are multiples of 2^-53 below 1, so that the comparison is exact.
        ((place >> 11) as f64) / ((1u64 << 53) as f64) < self.0
    }
}

/// Where in the log a new binding starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// At the first interaction.
    Beginning,
    /// Behind the last interaction recorded when it was loaded.
    Latest,
}

/// A plugin as the operator loads it.
#[derive(Debug)]
pub struct Binding {
    /// The operator's name for it.
    pub name: Name,
    /// The plugin's file.
    pub component: ComponentDigest,
    /// Handed to the plugin's `configure`: JSON text with sorted keys.
    pub config: String,
    /// The interactions it judges; all where there is none.
    pub filter: Option<Filter>,
    /// The share of those that pass the filter.
    pub sample: Sample,
    /// What every call stays within.
    pub limits: Limits,
    /// The host imports that the operator grants, sorted.
    pub capabilities: Vec<String>,
    /// The models that it may ask, sorted by alias.
    pub models: Vec<GrantedModel>,
}

/// A model that a binding may ask, as far as it decides what is answered: where the operator puts another model under the
/// alias, the binding is another one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedModel {
    /// The operator's name for it.
    pub alias: Name,
    /// Who answers: `openai`, `anthropic`, `cohere` or `local`.
    pub provider: String,
    /// Which model, as the provider names it.
    pub model: String,
}

impl Binding {
    /// The digest over all of it.
    pub fn digest(&self) -> BindingDigest {
        BindingDigest::of(self.definition().to_string().as_bytes())
    }

    /// All of it as JSON, as stored and as digested.
    pub fn definition(&self) -> serde_json::Value {
        let mut definition = serde_json::json!({
            "name": self.name,
            "component": self.component,
            "config": self.config,
            "filter": self.filter.as_ref().map(Filter::source),
            "sample": self.sample,
            "limits": self.limits,
            "capabilities": self.capabilities,
        });
        // Bindings without models keep the digest that they had before there were any.
        if !self.models.is_empty() {
            definition["models"] = serde_json::json!(self.models);
        }
        definition
    }

    /// The digest of its config.
    pub fn config_digest(&self) -> ConfigDigest {
        ConfigDigest::of(self.config.as_bytes())
    }

    /// Digest of what decides the configured instance: the component, its config, what it may import, and its memory,
    /// since a guest may make do with less where it gets no more. Bindings that differ only in the rest share a
    /// snapshot. Randomness during `configure` comes from it, so what it is made of never changes.
    pub fn instance_digest(&self) -> [u8; 32] {
        let memory = self.limits.memory.0;
        let text = serde_json::json!([self.component, self.config, self.capabilities, memory]).to_string();
        Sha256::digest(text.as_bytes()).into()
    }

    /// Digest of that and of the limits that it is prepared under: what was prepared under wide ones says nothing of
    /// whether it stays within narrow ones.
    pub fn preparation_digest(&self) -> [u8; 32] {
        let Limits { load_deadline, load_memory, .. } = self.limits;
        let text = serde_json::json!([self.instance_digest(), load_deadline, load_memory]).to_string();
        Sha256::digest(text.as_bytes()).into()
    }
}
