//! Says what an attribute of the interaction holds, in all four kinds: `scores` by name, `findings` as category, code,
//! severity and confidence, `bias` without the code, `cost` as currency and billionths, or `fail` with a message.

use tribunal_sdk::{
    BiasCheck, BiasFinding, Call, Cost, ErrorClassifier, Failure, Finding, Interaction, Json, Plugin, PricingAdapter,
    Score, Scorer, Severity, attribute,
};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The attribute.
    voice: String,
}

struct Parrot(Config);

impl Plugin for Parrot {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        Ok(Self(config))
    }
}

impl Parrot {
    fn told(&self, call: &Call) -> Result<Json, Failure> {
        let told = attribute(&call.attributes, &self.0.voice).and_then(|value| value.json()).unwrap_or_default();
        match told["fail"].as_str() {
            Some(message) => Err(Failure::new("told-to", message)),
            None => Ok(told),
        }
    }
}

fn items<'a>(told: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    told[key].as_array().into_iter().flatten()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_default()
}

fn severity(json: &Json) -> Severity {
    match text(json) {
        "critical" => Severity::Critical,
        "high" => Severity::High,
        "medium" => Severity::Medium,
        "low" => Severity::Low,
        _ => Severity::Info,
    }
}

impl Scorer for Parrot {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        let told = self.told(&interaction.call)?;
        let scores = told["scores"].as_object().into_iter().flatten();
        let score = |(name, value): (&String, &Json)| match value {
            Json::Bool(value) => Score::boolean(name, *value),
            Json::String(value) => Score::label(name, value),
            value => Score::number(name, value.as_f64().unwrap_or(f64::NAN)),
        };
        Ok(scores.map(score).collect())
    }
}

impl ErrorClassifier for Parrot {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Finding>, Failure> {
        let told = self.told(&interaction.call)?;
        let finding = |of: &Json| {
            let finding = Finding::new(text(&of[0]), text(&of[1]), severity(&of[2]));
            finding.confidence(of[3].as_f64().unwrap_or(1.0))
        };
        Ok(items(&told, "findings").map(finding).collect())
    }
}

impl BiasCheck for Parrot {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<BiasFinding>, Failure> {
        let told = self.told(&interaction.call)?;
        let finding =
            |of: &Json| BiasFinding::new(text(&of[0]), severity(&of[1])).confidence(of[2].as_f64().unwrap_or(1.0));
        Ok(items(&told, "bias").map(finding).collect())
    }
}

impl PricingAdapter for Parrot {
    fn evaluate(&self, call: &Call) -> Result<Option<Cost>, Failure> {
        let told = self.told(call)?;
        Ok(told["cost"][1].as_u64().map(|amount| Cost {
            currency: text(&told["cost"][0]).to_owned(),
            amount,
            items: Vec::new(),
            price_list: "as told".to_owned(),
            attributes: Vec::new(),
        }))
    }
}

tribunal_sdk::export!(Parrot: Scorer, ErrorClassifier, BiasCheck, PricingAdapter);
