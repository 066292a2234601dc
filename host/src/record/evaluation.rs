//! One binding applied to one interaction, and what came of it.

use serde::{Deserialize, Serialize};

use super::{ByteSize, ModelCall, ModelFailureKind, Seq, Time, Verdict};

/// One binding applied to one interaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The interaction's place in the log.
    pub seq: Seq,
    /// When the interaction's call was started: what lists are ordered by.
    pub started_at: Time,
    /// What came of it.
    pub outcome: Outcome,
    /// Wall-clock microseconds of the call, rounded, instantiation included.
    pub duration_us: u32,
    /// The most that its memories and tables took; not stored.
    pub peak_memory: ByteSize,
    /// About what its verdicts, its failure and its logs take; not stored.
    pub size: ByteSize,
    /// Ticks of the deadline's clock, 2 ms each, that passed during it.
    pub epochs: u32,
    /// How often it was tried, at least once.
    pub attempts: u32,
    /// When it is tried again, where it is.
    pub retry_at: Option<Time>,
    /// What the plugin logged, up to the binding's limit.
    pub logs: Vec<LogLine>,
    /// The calls to models that it made, in their order.
    pub model_calls: Vec<ModelCall>,
}

/// One line that a plugin logged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct LogLine {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The line, cut at 4 KiB.
    pub message: String,
}

/// What came of an evaluation. A plugin that fails is data.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The plugin answered; it may have found nothing to say.
    Succeeded(Vec<Verdict>),
    /// The plugin did not answer.
    Failed(Failure),
}

impl Outcome {
    /// The failure, where it is one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Succeeded(_) => None,
            Self::Failed(failure) => Some(failure),
        }
    }

    /// The sort of failure, where it is one.
    pub fn reason(&self) -> Option<Reason> {
        self.failure().map(|failure| failure.reason)
    }

    /// The verdicts as they are stored: JSON, or nothing where there are none. The same verdicts are the same bytes.
    pub fn verdicts_json(&self) -> Option<String> {
        match self {
            Self::Succeeded(verdicts) if !verdicts.is_empty() => {
                Some(serde_json::to_string(verdicts).expect("verdicts, which are plain data"))
            }
            Self::Succeeded(_) | Self::Failed(_) => None,
        }
    }
}

/// The longest text that is kept of what a plugin says about a failure or in a log line, in bytes.
const MAX_TEXT: usize = 4 << 10;

/// A text that a plugin has a say in, cut at 4 KiB.
pub fn short(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        // What was cut off would stay until it is written.
        text.shrink_to_fit();
    }
    text
}

/// Why an evaluation gave no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The sort of failure.
    pub reason: Reason,
    /// What exactly, for the operator, cut at 4 KiB.
    pub message: String,
    /// Whether trying again later may help.
    pub transient: bool,
    /// Before when it does not, where that is known.
    pub again_at: Option<Time>,
}

impl Failure {
    /// A failure of that sort, which trying again would not mend.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: short(message.into()), transient: false, again_at: None }
    }
}

impl From<ModelFailureKind> for Reason {
    fn from(kind: ModelFailureKind) -> Self {
        match kind {
            ModelFailureKind::ModelUnavailable => Self::ModelUnavailable,
            ModelFailureKind::ModelRefused => Self::ModelRefused,
            ModelFailureKind::ModelAnswer => Self::ModelAnswer,
            ModelFailureKind::UnknownModel => Self::UnknownModel,
            ModelFailureKind::BudgetSpent => Self::BudgetSpent,
        }
    }
}

/// The sorts of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It ran longer than the binding's `deadline`.
    Deadline,
    /// It wanted more memory than the binding's `memory`.
    OutOfMemory,
    /// It recursed too deeply.
    StackOverflow,
    /// It executed `unreachable`, read out of bounds, divided by zero, asked the host for what it does not give, or the
    /// like.
    Trap,
    /// It said itself that it failed, panicked, or exited.
    GuestError,
    /// It answered, or handed to the host, what the contract does not allow.
    InvalidOutput,
    /// It answered more than the binding's limits allow.
    OutputTooLarge,
    /// A model that it asked cannot be reached, fails, or takes no more for now.
    ModelUnavailable,
    /// The provider of a model does not take what it asked.
    ModelRefused,
    /// A model answered, and not with what was asked for.
    ModelAnswer,
    /// It asked a model that the binding does not grant.
    UnknownModel,
    /// The budget of a model or of the binding is spent.
    BudgetSpent,
}

impl Reason {
    /// All reasons, in the order of their stored codes.
    pub const ALL: [Self; 12] = [
        Self::Deadline,
        Self::OutOfMemory,
        Self::StackOverflow,
        Self::Trap,
        Self::GuestError,
        Self::InvalidOutput,
        Self::OutputTooLarge,
        Self::ModelUnavailable,
        Self::ModelRefused,
        Self::ModelAnswer,
        Self::UnknownModel,
        Self::BudgetSpent,
    ];

    /// The reason as users read and write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::OutOfMemory => "out-of-memory",
            Self::StackOverflow => "stack-overflow",
            Self::Trap => "trap",
            Self::GuestError => "guest-error",
            Self::InvalidOutput => "invalid-output",
            Self::OutputTooLarge => "output-too-large",
            Self::ModelUnavailable => "model-unavailable",
            Self::ModelRefused => "model-refused",
            Self::ModelAnswer => "model-answer",
            Self::UnknownModel => "unknown-model",
            Self::BudgetSpent => "budget-spent",
        }
    }

    /// Whether it is for want of a model's answer, whatever the plugin makes of that.
    pub fn is_of_models(self) -> bool {
        matches!(
            self,
            Self::ModelUnavailable | Self::ModelRefused | Self::ModelAnswer | Self::UnknownModel | Self::BudgetSpent
        )
    }

    /// The reason of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}
