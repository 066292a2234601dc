//! Turns the price list into static tables, so that the plugin parses nothing when it runs.

#[path = "../src/date.rs"]
mod date;
#[path = "../src/decimal.rs"]
mod decimal;
mod list;
mod prices;
mod rules;
#[path = "../src/unit.rs"]
#[allow(dead_code, reason = "the build needs the units, not what is counted in them")]
mod unit;

use std::collections::BTreeMap;
use std::fmt::Write;

use list::Provider;
use prices::Prices;
use rules::{Rule, rules};

const LIST: &str = "data/genai_prices.json";

fn main() {
    println!("cargo::rerun-if-changed={LIST}");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/unit.rs");
    let json = std::fs::read_to_string(LIST).expect("the price list");
    let providers: Vec<Provider> = serde_json::from_str(&json).expect("a price list of a known form");
    let source = Tables::new(&providers).source();
    let path = std::path::Path::new(&std::env::var_os("OUT_DIR").expect("cargo's OUT_DIR")).join("tables.rs");
    std::fs::write(path, source).expect("a file in OUT_DIR");
}

/// The tables as source text, and what they refer to.
#[derive(Default)]
struct Tables {
    text: Text,
    prices: Prices,
    providers: String,
    models: String,
    changes: String,
    provider_tests: String,
    model_tests: String,
}

impl Tables {
    fn new(providers: &[Provider]) -> Self {
        let mut tables = Self { text: Text::of(providers), ..Self::default() };
        let mut first_model = 0;
        for (at, provider) in providers.iter().enumerate() {
            tables.provider(provider, providers, first_model);
            first_model += provider.models.len();
            let matches = provider.provider_match.iter().flat_map(rules);
            let tests: String = matches.map(|rule| tables.text.tests(&rule, at)).collect();
            tables.provider_tests += &tests;
            let matches = provider.model_match.iter().flat_map(rules);
            let tests: String = matches.map(|rule| tables.text.tests(&rule, at)).collect();
            tables.model_tests += &tests;
        }
        tables
    }

    /// A provider's row: the names that are matched whole, sorted for a search, and the tests for the other rules.
    fn provider(&mut self, provider: &Provider, all: &[Provider], first_model: usize) {
        let mut names = BTreeMap::new();
        let mut tests = String::new();
        for (model, at) in provider.models.iter().zip(first_model..) {
            for rule in rules(&model.matches) {
                if let [test] = rule.as_slice()
                    && test.kind == "Equals"
                {
                    names.entry((test.text.len(), test.text.clone())).or_insert(at);
                } else {
                    tests += &self.text.tests(&rule, at);
                }
            }
            self.model(model, at);
        }
        let names: String = names
            .iter()
            .map(|((_, name), model)| format!("Name {{ text: {}, model: {model} }},", self.text.folded(name)))
            .collect();
        let fallbacks: Vec<usize> = provider
            .fallback_model_providers
            .iter()
            .map(|id| all.iter().position(|other| other.id == *id).expect("a fallback that is a provider"))
            .collect();
        writeln!(
            self.providers,
            "Provider {{ id: {:?}, names: &[{names}], tests: &[{tests}], fallbacks: &{fallbacks:?} }},",
            provider.id
        )
        .expect("a String takes all");
    }

    fn model(&mut self, model: &list::Model, at: usize) {
        let (first, later) = model.prices.split_first().expect("a model has prices");
        let set = self.prices.set(first);
        self.models += &format!("Model {{ id: {}, set: {set} }},", self.text.id(&model.id));
        // The last one that holds wins, so the last comes first here; the first holds where no other does.
        for period in later.iter().rev() {
            let set = self.prices.set(period);
            let when = prices::when(&period.constraint).expect("a constraint on every set but the first");
            self.changes += &format!("Change {{ model: {at}, set: {set}, when: {when} }},");
        }
    }

    fn source(self) -> String {
        let Self { text, prices, providers, models, changes, provider_tests, model_tests } = self;
        let mut first_row = 0usize;
        let (mut rows, mut sets) = (String::new(), String::from("0,"));
        for set in &prices.sets {
            for row in set {
                rows += &format!("Row {{ unit: Unit({}), above: {}, price: {} }},", row.unit, row.above, row.price);
                first_row += 1;
            }
            sets += &format!("{first_row},");
        }
        let Prices { amounts, thresholds, .. } = prices;
        format!(
            "static TEXT: &str = {:?};\n\
             static PROVIDERS: &[Provider] = &[{providers}];\n\
             static MODELS: &[Model] = &[{models}];\n\
             static CHANGES: &[Change] = &[{changes}];\n\
             static BY_PROVIDER: &[Test] = &[{provider_tests}];\n\
             static BY_MODEL: &[Test] = &[{model_tests}];\n\
             static SETS: &[u16] = &[{sets}];\n\
             static ROWS: &[Row] = &[{rows}];\n\
             static AMOUNTS: &[u64] = &{amounts:?};\n\
             static THRESHOLDS: &[u64] = &{thresholds:?};\n",
            text.all
        )
    }
}

/// All texts of the tables in one: a text that stands within another takes no room of its own. Texts that names are
/// compared with stand there in any case, ids in their own.
#[derive(Default)]
struct Text {
    all: String,
    lower: String,
}

impl Text {
    fn of(providers: &[Provider]) -> Self {
        let mut texts: Vec<(String, bool)> = Vec::new();
        let mut keep = |rules: Vec<Rule>| texts.extend(rules.into_iter().flatten().map(|test| (test.text, false)));
        for provider in providers {
            keep(provider.provider_match.iter().flat_map(rules).collect());
            keep(provider.model_match.iter().flat_map(rules).collect());
            provider.models.iter().for_each(|model| keep(rules(&model.matches)));
        }
        texts.extend(providers.iter().flat_map(|provider| &provider.models).map(|model| (model.id.clone(), true)));
        // Longest first, and ids before what may stand in them.
        texts.sort_by_key(|(text, is_id)| (std::cmp::Reverse(text.len()), !is_id, text.clone()));
        let mut kept = Self::default();
        for (text, is_id) in texts {
            let among = if is_id { &kept.all } else { &kept.lower };
            if !among.contains(&text) {
                kept.all += &text;
                kept.lower += &text.to_lowercase();
            }
        }
        assert!(kept.all.is_ascii(), "text beyond ASCII: teach `lower` in src/lookup.rs");
        assert!(u16::try_from(kept.all.len()).is_ok(), "more text than a Slice reaches: widen it in src/table.rs");
        kept
    }

    /// Where an id stands.
    fn id(&self, id: &str) -> String {
        slice(&self.all, id)
    }

    /// Where a text in lower case stands, whatever the case there.
    fn folded(&self, text: &str) -> String {
        slice(&self.lower, text)
    }

    fn tests(&self, rule: &Rule, owner: usize) -> String {
        let test = |(at, test): (usize, &rules::Test)| {
            format!(
                "Test {{ kind: Kind::{}, digits: {}, and: {}, text: {}, owner: {owner} }},",
                test.kind,
                test.digits,
                at + 1 < rule.len(),
                self.folded(&test.text)
            )
        };
        rule.iter().enumerate().map(test).collect()
    }
}

fn slice(all: &str, text: &str) -> String {
    let at = all.find(text).expect("a text that was kept");
    format!("Slice {{ at: {at}, len: {} }}", text.len())
}
