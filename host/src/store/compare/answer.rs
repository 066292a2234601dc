//! What a comparison tells.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::record::{Time, Verdict, VerdictKind};

/// Two bindings on the interactions that both judged.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Comparison {
    /// One side.
    pub a: ComparedBinding,
    /// The other side.
    pub b: ComparedBinding,
    /// How many interactions both judged.
    pub both: u64,
    /// What came of those: `succeeded`, or the reason of a failure.
    pub outcomes: Categories,
    /// How many of those both succeeded on. What follows on verdicts is about them.
    pub compared: u64,
    /// By form and name.
    pub verdicts: Vec<ComparedVerdict>,
    /// How often a verdict was given under a name beyond the first 200, which are not compared.
    pub left_out: u64,
    /// Those that differ most, the newest first among those that differ as much.
    pub interactions: Vec<DifferingInteraction>,
}

/// One side of a comparison.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ComparedBinding {
    /// The binding's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// The binding's digest.
    pub binding: String,
    /// Whether it is a shadow.
    pub shadow: bool,
    /// How many interactions it judged.
    pub judged: u64,
}

/// A verdict of one form and name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ComparedVerdict {
    /// What sort of judgement it is.
    pub kind: VerdictKind,
    /// The score's name, the finding's category, the bias finding's dimension, or `cost`.
    pub name: String,
    /// Of a score: `number`, `boolean` or `label`. A name that is used for several is compared in each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<&'static str>,
    /// Of a cost. Amounts of different currencies are not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Who gave it.
    pub given: Given,
    /// How the numbers differ, where both gave it: values, confidences of findings (the highest of an interaction), or
    /// amounts in units of the currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// Which answers meet, where both gave it: labels, or `true` and `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<Categories>,
    /// Findings that both gave with the same severity (the worst of an interaction).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_severity: Option<u64>,
    /// Findings by code, the most frequent first; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<ComparedCode>,
    /// The sums of the amounts where both gave a cost, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
}

/// On how many interactions each side gave something.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Given {
    /// Both gave it.
    pub both: u64,
    /// Only a did.
    pub only_a: u64,
    /// Only b did.
    pub only_b: u64,
    /// Neither did.
    pub neither: u64,
    /// The share on which both or neither did.
    pub agreement: f64,
    /// Cohen's kappa of that; none where chance alone would agree always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kappa: Option<f64>,
}

/// A finding of one category and code.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ComparedCode {
    /// The code.
    pub code: String,
    /// Who gave it.
    pub given: Given,
}

/// How two numbers differ over the interactions for which both sides gave one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Numbers {
    /// How many are equal.
    pub equal: u64,
    /// The share of those.
    pub equal_share: f64,
    /// The mean of b − a; none where it is beyond the range of doubles, as the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// The mean of |b − a|.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_absolute: Option<f64>,
    /// Half of the |b − a| are at most this. As the next two a difference that occurs, at most 1/128 too large.
    pub p50: f64,
    /// 90 of 100 are at most this.
    pub p90: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The largest |b − a|.
    pub max: f64,
    /// Pearson's correlation; none where one side is constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<f64>,
    /// The b − a that are not zero. The width of the bins is a power of two, and there are at most 16.
    pub histogram: Vec<HistogramBin>,
}

/// One bin of a histogram.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HistogramBin {
    /// Its lower edge, which is in it.
    pub from: f64,
    /// Its upper edge, which is not.
    pub to: f64,
    /// How many differences.
    pub count: u64,
}

/// How two answers out of a few meet.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Categories {
    /// How many are equal.
    pub equal: u64,
    /// The share of those; none where there are none at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equal_share: Option<f64>,
    /// Cohen's kappa; none where chance alone would agree always, or where something is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kappa: Option<f64>,
    /// Which answer of a met which of b, the most frequent first; at most 100.
    pub pairs: Vec<CategoryPair>,
    /// How many more there are.
    pub left_out: u64,
}

/// How often one answer met another.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CategoryPair {
    /// What a said.
    pub a: String,
    /// What b said.
    pub b: String,
    /// On how many interactions.
    pub count: u64,
}

/// Sums of amounts, in billionths of the currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Totals {
    /// Of a.
    pub a_billionths: u64,
    /// Of b.
    pub b_billionths: u64,
}

/// An interaction on which the two differ.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DifferingInteraction {
    /// Its id.
    pub id: String,
    /// When its call was started.
    pub started_at: Time,
    /// How far the two are apart: the sum over what either said, each from 0 to 1. Another outcome counts 1, and so does each
    /// score, cost and code of a finding that one side gave alone, each other label and each other truth. Numbers count
    /// their difference, as a share of the larger where that is above 1; costs the share always; findings that both gave a
    /// quarter for each step of severity, or the difference of confidence where that is more.
    pub difference: f64,
    /// What one side said.
    pub a: SaidOf,
    /// What the other side said.
    pub b: SaidOf,
}

/// What one side said of an interaction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SaidOf {
    /// `succeeded`, or the reason of the failure.
    pub outcome: String,
    /// What exactly failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The verdicts.
    #[schema(value_type = Vec<Verdict>)]
    pub verdicts: Vec<Box<RawValue>>,
}
