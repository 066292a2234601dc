//! One criterion: what it is in words, and which verdicts there are; knows nothing of what is judged.

use std::fmt::Write;

use tribunal_sdk::Json;

/// A criterion.
#[derive(Debug)]
pub(crate) struct Criterion {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) verdicts: Verdicts,
}

/// Which verdicts a judge may give.
#[derive(Debug)]
pub(crate) enum Verdicts {
    /// A whole number, with what some of them mean, in their order.
    Scale { min: i32, max: i32, anchors: Vec<(i32, String)> },
    /// One of these.
    Labels(Vec<String>),
    /// Which of two answers is better.
    Better,
}

/// The verdicts on two answers.
pub(crate) const BETTER: [&str; 3] = ["A", "B", "tie"];

impl Criterion {
    /// The criterion as the judge is told it.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("{}: {}\n", self.name, self.description);
        match &self.verdicts {
            Verdicts::Scale { min, max, anchors } => {
                let _ = write!(words, "The verdict is a whole number from {min} to {max}.");
                for (at, meaning) in anchors {
                    let _ = write!(words, "\n{at} means: {meaning}");
                }
            }
            Verdicts::Labels(labels) => {
                let _ = write!(words, "The verdict is one of: {}.", labels.join(", "));
            }
            Verdicts::Better => {
                words.push_str(
                    "The verdict is A where answer A is better, B where answer B is, and tie where neither is.",
                );
            }
        }
        words
    }

    /// What an answer has to look like. A model writes the keys in the order of the schema, and a schema goes to it with its
    /// keys sorted: `reasoning` comes before `verdict`, so that the verdict can follow from it.
    pub(crate) fn schema(&self, longest_reasoning: Option<usize>) -> Json {
        let verdicts: Vec<Json> = match &self.verdicts {
            Verdicts::Scale { min, max, .. } => (*min..=*max).map(Json::from).collect(),
            Verdicts::Labels(labels) => labels.iter().map(|label| Json::from(label.as_str())).collect(),
            Verdicts::Better => BETTER.into_iter().map(Json::from).collect(),
        };
        let kind = if matches!(self.verdicts, Verdicts::Scale { .. }) { "integer" } else { "string" };
        let mut reasoning = serde_json::json!({"type": "string"});
        if let Some(longest) = longest_reasoning {
            reasoning["maxLength"] = longest.into();
        }
        serde_json::json!({
            "type": "object",
            "properties": {"reasoning": reasoning, "verdict": {"type": kind, "enum": verdicts}},
            "required": ["reasoning", "verdict"],
            "additionalProperties": false,
        })
    }

    /// The names of the scores that it gives.
    pub(crate) fn score_names(&self, samples: u32) -> Vec<String> {
        let second = match self.verdicts {
            Verdicts::Scale { .. } => self.spread(),
            Verdicts::Labels(_) | Verdicts::Better => self.agreement(),
        };
        let mut names = vec![self.name.clone()];
        names.extend((samples > 1).then_some(second));
        names
    }

    /// The name of the score that says how far samples lie apart.
    pub(crate) fn spread(&self) -> String {
        format!("{}_spread", self.name)
    }

    /// The name of the score that says which share of the samples agrees.
    pub(crate) fn agreement(&self) -> String {
        format!("{}_agreement", self.name)
    }
}
