//! Opinions at random, and the figures of a comparison reckoned from the lists, all of it in memory and by the formulas of
//! textbooks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tribunal_tests::{Server, pages};

/// A small generator, the same at every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// What a parrot is told to say: all kinds, often the same, sometimes nothing or a failure.
    pub(crate) fn opinion(&mut self) -> Value {
        if self.below(12) == 0 {
            return json!({"fail": "no"});
        }
        let mut scores = json!({"quality": self.below(5) as f64 / 4.0 + self.below(3) as f64 / 1000.0});
        if self.below(3) > 0 {
            scores["brief"] = (self.below(2) == 0).into();
            scores["tone"] = self.pick(&["kind", "cold", "rude"]).into();
        }
        // One name in two forms.
        scores["mixed"] = if self.below(2) == 0 { json!(self.below(2000)) } else { json!("much") };
        let mut findings = Vec::new();
        for (category, code) in
            [("grammar", "typo"), ("grammar", "agreement"), ("grammar", "typo"), ("provider", "cut")]
        {
            if self.below(3) == 0 {
                findings.push(json!([category, code, self.pick(&["low", "high"]), self.below(4) as f64 / 3.0]));
            }
        }
        let bias =
            if self.below(4) == 0 { json!([["gender", self.pick(&["info", "critical"]), 0.5]]) } else { json!([]) };
        let mut opinion = json!({"scores": scores, "findings": findings, "bias": bias});
        if self.below(5) > 0 {
            opinion["cost"] = json!([self.pick(&["USD", "USD", "EUR"]), self.below(3) * 1_234_567_891]);
        }
        opinion
    }
}

/// What is compared under one name: the kind, the form or currency, the name.
type Key = (String, String, String);
/// The verdicts of one side, by interaction.
type Said = BTreeMap<String, Vec<Value>>;

/// One side as the lists have it: outcomes and verdicts by interaction.
struct Side {
    outcomes: BTreeMap<String, String>,
    said: Said,
}

impl Side {
    fn read(server: &Server, digest: &str, narrowed: &str) -> Self {
        let mut outcomes = BTreeMap::new();
        for outcome in ["succeeded", "guest-error"] {
            // A succeeded one without a verdict is found without asking for an outcome only.
            for item in pages(server, &format!("/v1/interactions?binding={digest}&outcome={outcome}{narrowed}")) {
                outcomes.insert(item["id"].as_str().unwrap().to_owned(), outcome.to_owned());
            }
        }
        let judged = pages(server, &format!("/v1/interactions?binding={digest}{narrowed}"));
        assert_eq!(judged.len(), outcomes.len());
        let mut said = Said::new();
        for item in pages(server, &format!("/v1/verdicts?binding={digest}{narrowed}")) {
            said.entry(item["interaction"].as_str().unwrap().to_owned()).or_default().push(item["verdict"].clone());
        }
        Self { outcomes, said }
    }

    fn verdicts(&self, id: &str, key: &Key) -> Vec<&Value> {
        self.said.get(id).into_iter().flatten().filter(|verdict| key_of(verdict) == *key).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn key_of(verdict: &Value) -> Key {
    let form = match &verdict["value"] {
        Value::Number(_) if verdict["kind"] == "cost" => text(&verdict["cost"]["currency"]),
        Value::Number(_) => "number".to_owned(),
        Value::Bool(_) => "boolean".to_owned(),
        Value::String(_) => "label".to_owned(),
        _ => String::new(),
    };
    (text(&verdict["kind"]), form, text(&verdict["name"]))
}

fn close(got: &Value, expected: Option<f64>, what: &str) {
    let is_close = match (got.as_f64(), expected) {
        (Some(got), Some(expected)) => (got - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        (None, None) => true,
        _ => false,
    };
    assert!(is_close, "{what}: got {got}, reckoned {expected:?}");
}

/// Cohen's kappa of a list of pairs.
fn kappa<T: Ord>(pairs: &[(T, T)]) -> Option<f64> {
    let total = pairs.len() as f64;
    let answers: BTreeSet<&T> = pairs.iter().flat_map(|(a, b)| [a, b]).collect();
    let observed = pairs.iter().filter(|(a, b)| a == b).count() as f64 / total;
    let share = |of: &dyn Fn(&(T, T)) -> bool| pairs.iter().filter(|pair| of(pair)).count() as f64 / total;
    let chance: f64 = answers.iter().map(|answer| share(&|(a, _)| a == *answer) * share(&|(_, b)| b == *answer)).sum();
    (total > 0.0 && chance < 1.0).then(|| (observed - chance) / (1.0 - chance))
}

/// Checks every figure of the comparison.
pub(crate) fn reckon(server: &Server, narrowed: &str, comparison: &Value) {
    let side = |letter: &str| Side::read(server, comparison[letter]["binding"].as_str().unwrap(), narrowed);
    let (a, b) = (side("a"), side("b"));
    assert_eq!(comparison["a"]["judged"], a.outcomes.len(), "{narrowed}");
    assert_eq!(comparison["b"]["judged"], b.outcomes.len(), "{narrowed}");
    let both: Vec<&String> = a.outcomes.keys().filter(|id| b.outcomes.contains_key(*id)).collect();
    assert_eq!(comparison["both"], both.len());
    let outcomes: Vec<_> = both.iter().map(|id| (a.outcomes[*id].clone(), b.outcomes[*id].clone())).collect();
    check_categories(&comparison["outcomes"], &outcomes, "outcomes");
    let succeeded = |id: &&String| a.outcomes[*id] == "succeeded" && b.outcomes[*id] == "succeeded";
    let compared: Vec<&String> = both.iter().copied().filter(succeeded).collect();
    assert_eq!(comparison["compared"], compared.len());
    assert_eq!(comparison["left_out"], 0);

    let told = |side: &Side| {
        compared.iter().filter_map(|id| side.said.get(*id)).flatten().map(key_of).collect::<BTreeSet<_>>()
    };
    let mut keys = told(&a);
    keys.extend(told(&b));
    assert!(narrowed.contains("skip") || !keys.is_empty());
    let verdicts = comparison["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), keys.len(), "{keys:?}");
    for key in &keys {
        let form = |verdict: &&Value| {
            text(if verdict["kind"] == "cost" { &verdict["currency"] } else { &verdict["value"] }) == key.1
        };
        let verdict = verdicts.iter().filter(form).find(|item| item["kind"] == *key.0 && item["name"] == *key.2);
        let pairs: Vec<_> = compared.iter().map(|id| (a.verdicts(id, key), b.verdicts(id, key))).collect();
        check_verdict(verdict.unwrap_or_else(|| panic!("{key:?} is missing")), key, &pairs);
    }
    check_interactions(comparison, &a, &b, &both);
}

fn check_categories(got: &Value, pairs: &[(String, String)], what: &str) {
    assert_eq!(got["equal"], pairs.iter().filter(|(a, b)| a == b).count(), "{what}");
    close(&got["kappa"], kappa(pairs), what);
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    pairs.iter().for_each(|pair| *counts.entry(pair.clone()).or_default() += 1);
    let listed = got["pairs"].as_array().unwrap().iter();
    let listed: BTreeMap<_, _> =
        listed.map(|pair| ((text(&pair["a"]), text(&pair["b"])), pair["count"].as_u64().unwrap())).collect();
    assert_eq!(listed, counts, "{what}");
}

fn check_given(got: &Value, pairs: &[(bool, bool)], what: &str) {
    for (field, wanted) in
        [("both", (true, true)), ("only_a", (true, false)), ("only_b", (false, true)), ("neither", (false, false))]
    {
        assert_eq!(got[field], pairs.iter().filter(|pair| **pair == wanted).count(), "{what}: {field}");
    }
    let equal = pairs.iter().filter(|(a, b)| a == b).count();
    close(&got["agreement"], Some(equal as f64 / pairs.len() as f64), what);
    close(&got["kappa"], kappa(pairs), what);
}

fn number(verdict: &Value) -> f64 {
    verdict["value"].as_f64().or(verdict["confidence"].as_f64()).unwrap()
}

fn highest(verdicts: &[&Value]) -> f64 {
    verdicts.iter().map(|verdict| number(verdict)).fold(f64::MIN, f64::max)
}

fn severity(verdicts: &[&Value]) -> usize {
    let steps = ["info", "low", "medium", "high", "critical"];
    verdicts.iter().map(|verdict| steps.iter().position(|step| verdict["severity"] == *step).unwrap()).max().unwrap()
}

fn check_verdict(got: &Value, key: &Key, pairs: &[(Vec<&Value>, Vec<&Value>)]) {
    let what = format!("{key:?}");
    let given: Vec<_> = pairs.iter().map(|(a, b)| (!a.is_empty(), !b.is_empty())).collect();
    check_given(&got["given"], &given, &what);
    let both: Vec<_> = pairs.iter().filter(|(a, b)| !a.is_empty() && !b.is_empty()).collect();
    if key.1 == "label" || key.1 == "boolean" {
        let answers: Vec<_> =
            both.iter().map(|(a, b)| (a[0]["value"].to_string(), b[0]["value"].to_string())).collect();
        let bare = |(a, b): &(String, String)| (a.trim_matches('"').to_owned(), b.trim_matches('"').to_owned());
        check_categories(&got["categories"], &answers.iter().map(bare).collect::<Vec<_>>(), &what);
    } else if !both.is_empty() {
        check_numbers(&got["numbers"], &both.iter().map(|(a, b)| (highest(a), highest(b))).collect::<Vec<_>>(), &what);
    }
    if key.0.ends_with("finding") {
        assert_eq!(got["same_severity"], both.iter().filter(|(a, b)| severity(a) == severity(b)).count(), "{what}");
        let all = pairs.iter().flat_map(|(a, b)| a.iter().chain(b));
        let codes: BTreeSet<String> =
            all.map(|verdict| text(&verdict["label"])).filter(|code| !code.is_empty()).collect();
        let listed = got["codes"].as_array().map_or(&[][..], Vec::as_slice);
        assert_eq!(listed.len(), codes.len(), "{what}");
        for code in listed {
            let has = |verdicts: &[&Value]| verdicts.iter().any(|verdict| verdict["label"] == code["code"]);
            let given: Vec<_> = pairs.iter().map(|(a, b)| (has(a), has(b))).collect();
            check_given(&code["given"], &given, &format!("{what} {code}"));
        }
    }
    if key.0 == "cost" {
        let amount = |verdict: &Value| verdict["cost"]["amount_billionths"].as_u64().unwrap();
        let total_a: u64 = both.iter().map(|(a, _)| amount(a[0])).sum();
        let total_b: u64 = both.iter().map(|(_, b)| amount(b[0])).sum();
        assert_eq!(got["totals"], json!({"a_billionths": total_a, "b_billionths": total_b}), "{what}");
    }
}

fn check_numbers(got: &Value, pairs: &[(f64, f64)], what: &str) {
    let count = pairs.len() as f64;
    let equal = pairs.iter().filter(|(a, b)| a == b).count();
    assert_eq!(got["equal"], equal, "{what}");
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    close(&got["mean"], Some(differences.iter().sum::<f64>() / count), what);
    let mut sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    close(&got["mean_absolute"], Some(sizes.iter().sum::<f64>() / count), what);
    sizes.sort_by(f64::total_cmp);
    for (field, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
        let exact = sizes[((share * count).ceil() as usize).max(1) - 1];
        let got = got[field].as_f64().unwrap();
        assert!(got >= exact && got <= exact * (1.0 + 1.0 / 128.0), "{what} {field}: {got} for {exact}");
    }
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
    let (mean_a, mean_b) = (mean(&|pair| pair.0), mean(&|pair| pair.1));
    let spread_a = mean(&|pair| (pair.0 - mean_a).powi(2)).sqrt();
    let spread_b = mean(&|pair| (pair.1 - mean_b).powi(2)).sqrt();
    let together = mean(&|pair| (pair.0 - mean_a) * (pair.1 - mean_b));
    let is_defined = pairs.iter().any(|pair| pair.0 != pairs[0].0) && pairs.iter().any(|pair| pair.1 != pairs[0].1);
    close(&got["correlation"], is_defined.then(|| together / spread_a / spread_b), what);
    let histogram = got["histogram"].as_array().unwrap();
    assert!(histogram.len() <= 16, "{what}");
    for bin in histogram {
        let inside = |value: &&f64| {
            **value != 0.0 && **value >= bin["from"].as_f64().unwrap() && **value < bin["to"].as_f64().unwrap()
        };
        assert_eq!(bin["count"], differences.iter().filter(inside).count(), "{what}: {bin}");
    }
    let binned: u64 = histogram.iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
    assert_eq!(binned as usize + equal, pairs.len(), "{what}");
}

/// The interactions that differ most are those of which the other lists say different things, with what they say.
fn check_interactions(comparison: &Value, a: &Side, b: &Side, both: &[&String]) {
    let listed = comparison["interactions"].as_array().unwrap();
    let differs = |id: &&&String| a.outcomes[**id] != b.outcomes[**id] || without_spans(a, id) != without_spans(b, id);
    assert_eq!(listed.len(), both.iter().filter(differs).count().min(100));
    let order: Vec<_> =
        listed.iter().map(|item| (item["difference"].as_f64().unwrap(), text(&item["started_at"]))).collect();
    assert!(order.is_sorted_by(|one, next| one.0 > next.0 || one.0 == next.0 && one.1 >= next.1), "{order:?}");
    for item in listed {
        let id = text(&item["id"]);
        for (side, letter) in [(a, "a"), (b, "b")] {
            assert_eq!(item[letter]["outcome"], side.outcomes[&id].as_str());
            let mut said = side.said.get(&id).cloned().unwrap_or_default();
            // The list of verdicts has the last of an interaction first.
            said.reverse();
            assert_eq!(item[letter]["verdicts"], json!(said), "{id}");
        }
    }
}

/// What is compared of what one side said: explanations and the like do not count, nor does a second finding of a code.
fn without_spans(side: &Side, id: &str) -> BTreeMap<(Key, String), (Value, String, usize, u64)> {
    let mut said = BTreeMap::new();
    for verdict in side.said.get(id).into_iter().flatten() {
        let code = if text(&verdict["kind"]).ends_with("finding") { text(&verdict["label"]) } else { String::new() };
        let worst = if verdict["severity"].is_null() { 0 } else { severity(&[verdict]) };
        let sure = verdict["confidence"].as_f64().map_or(0, |confidence| (confidence * 1e6) as u64);
        let entry =
            said.entry((key_of(verdict), code)).or_insert((verdict["value"].clone(), text(&verdict["label"]), 0, 0));
        entry.2 = worst.max(entry.2);
        entry.3 = sure.max(entry.3);
    }
    said
}
