//! Compares the plugin with the Python package genai-prices, over cases that `check.py` wrote.
//!
//! By default over a sample; `TRIBUNAL_PRICING_CASES` names a file with more.

use std::time::Instant;

use pricing::Pricing;
use serde_json::Value;
use tribunal_sdk::{Call, Cost, Plugin, PricingAdapter, Timing, UnitCount, Usage};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases.jsonl");

struct Case {
    call: Call,
    /// None where the package knows no price.
    amount: Option<u64>,
    currency: String,
}

fn case(line: &str) -> Case {
    let json: Value = serde_json::from_str(line).expect("a line of JSON");
    let (call, expected) = (&json["call"], &json["expected"]);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let count = |name: &str| call["usage"][name].as_u64().unwrap_or_default();
    let other = call["usage"]["other"].as_object().into_iter().flatten();
    let other = other.map(|(name, count)| UnitCount { name: name.clone(), count: count.as_u64().expect("a count") });
    Case {
        call: Call {
            id: "1".to_owned(),
            project: "default".to_owned(),
            operation: "chat".to_owned(),
            provider: text(&call["provider"]),
            model: text(&call["model"]),
            requested_model: None,
            started_at: nanoseconds(&text(&call["started_at"])),
            timing: Timing { duration: None, time_to_first_token: None },
            usage: Some(Usage {
                input_tokens: count("input_tokens"),
                output_tokens: count("output_tokens"),
                cache_read_tokens: count("cache_read_tokens"),
                cache_write_tokens: count("cache_write_tokens"),
                reasoning_tokens: count("reasoning_tokens"),
                other: other.collect(),
            }),
            parameters: vec![],
            finish_reasons: vec![],
            error: None,
            attributes: vec![],
        },
        amount: expected["amount"].as_str().map(|amount| amount.parse().expect("an integer")),
        currency: text(&expected["currency"]),
    }
}

/// Of a time as `check.py` writes it, `2026-03-13T00:00:00.000Z`.
fn nanoseconds(time: &str) -> u64 {
    let number = |range: std::ops::Range<usize>| time[range].parse::<u64>().expect("digits");
    assert_eq!((time.len(), &time[19..20], &time[23..]), (24, ".", "Z"), "{time:?}");
    // Days since 1970 by counting from 0000-03-01, so that a leap day is a year's last.
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    let seconds = ((days * 24 + number(11..13)) * 60 + number(14..16)) * 60 + number(17..19);
    (seconds * 1000 + number(20..23)) * 1_000_000
}

/// What the contract says of every cost: the items make the sum, and each is rounded for itself.
fn check_sum(cost: &Cost) {
    let product = |item: &tribunal_sdk::CostItem| u128::from(item.quantity) * u128::from(item.unit_price);
    let half_even = |exact: u128| {
        let (whole, rest) = (exact / 1_000_000, exact % 1_000_000);
        whole + u128::from(rest > 500_000 || (rest == 500_000 && whole % 2 == 1))
    };
    assert_eq!(u128::from(cost.amount), half_even(cost.items.iter().map(product).sum()), "{cost:?}");
    for item in &cost.items {
        assert_eq!(u128::from(item.amount), half_even(product(item)), "{item:?}");
    }
}

#[test]
fn agrees_with_the_package() {
    let path = std::env::var("TRIBUNAL_PRICING_CASES").unwrap_or_else(|_| SAMPLE.to_owned());
    let lines = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let cases: Vec<Case> = lines.lines().map(case).collect();
    let plugin = Pricing::configure(Default::default()).expect("an empty config");

    let mut disagreements = Vec::new();
    for case in &cases {
        let cost = plugin.evaluate(&case.call).expect("no failure");
        cost.iter().for_each(check_sum);
        let got = cost.as_ref().map(|cost| cost.amount);
        if got != case.amount || cost.is_some_and(|cost| cost.currency != case.currency) {
            disagreements.push(format!("{:?}: {got:?}, expected {:?}", case.call, case.amount));
        }
    }
    assert!(!cases.is_empty(), "{path} has no case");
    assert!(
        disagreements.is_empty(),
        "{} of {}:\n{}",
        disagreements.len(),
        cases.len(),
        disagreements[..disagreements.len().min(20)].join("\n")
    );

    let start = Instant::now();
    for case in &cases {
        std::hint::black_box(plugin.evaluate(std::hint::black_box(&case.call)).expect("no failure"));
    }
    println!(
        "{} cases agree; {:?} a call",
        cases.len(),
        start.elapsed() / u32::try_from(cases.len()).expect("a count")
    );
}
