//! The plugin's own ways: line items, what can't be priced, the operator's prices, hostile input.

use pricing::Pricing;
use pricing::config::Config;
use tribunal_sdk::{AttributeValue, Call, Cost, Plugin, PricingAdapter, Timing, UnitCount, Usage};

/// 2026-03-13T00:00:00Z.
const MARCH_13: u64 = 20_525 * 86_400 * 1_000_000_000;

fn plugin(config: &str) -> Pricing {
    let config: Config = serde_json::from_str(config).expect("a config");
    Pricing::configure(config).expect("a valid config")
}

fn call(provider: &str, model: &str, usage: Option<Usage>) -> Call {
    Call {
        id: "1".to_owned(),
        project: "default".to_owned(),
        operation: "chat".to_owned(),
        provider: provider.to_owned(),
        model: model.to_owned(),
        requested_model: None,
        started_at: MARCH_13,
        timing: Timing { duration: None, time_to_first_token: None },
        usage,
        parameters: vec![],
        finish_reasons: vec![],
        error: None,
        attributes: vec![],
    }
}

/// Input, output, read from cache, written to cache, reasoning, and other units.
fn usage(own: [u64; 5], other: &[(&str, u64)]) -> Usage {
    let [input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens] = own;
    let other = other.iter().map(|(name, count)| UnitCount { name: (*name).to_owned(), count: *count }).collect();
    Usage { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, other }
}

/// A cost as one text: `amount list | name quantity*unit-price=amount … ! what has no price`.
fn shown(cost: &Cost) -> String {
    let items: Vec<String> = cost
        .items
        .iter()
        .map(|item| format!("{} {}*{}={}", item.name, item.quantity, item.unit_price, item.amount))
        .collect();
    let unpriced = cost.attributes.iter().map(|attribute| match &attribute.value {
        AttributeValue::Text(text) => format!(" ! {}: {text}", attribute.key),
        other => panic!("{other:?}"),
    });
    let unpriced: String = unpriced.collect();
    format!("{} {} {} | {}{unpriced}", cost.amount, cost.currency, cost.price_list, items.join(", "))
}

fn check(config: &str, call: &Call, expect: Option<&str>) {
    let cost = plugin(config).evaluate(call).expect("no failure");
    assert_eq!(cost.as_ref().map(shown).as_deref(), expect, "{} {}", call.provider, call.model);
}

#[test]
fn items_follow_the_buckets() {
    check(
        "{}",
        &call("openai", "gpt-4.1-2025-04-14", Some(usage([1000, 50, 200, 0, 7], &[]))),
        Some(
            "2556000 USD genai-prices 2026-07-25 / openai / gpt-4.1 | input_tokens 1000*2000000000=2000000, \
             cache_read_tokens 200*500000000=100000, output_tokens 50*8000000000=400000, \
             reasoning_tokens 7*8000000000=56000",
        ),
    );
    // There is no price for reading audio from a cache, nor one for the cache: it is audio.
    check(
        "{}",
        &call(
            "openai",
            "gpt-audio",
            Some(usage([0; 5], &[("cache_audio_read_tokens", 10), ("input_image_tokens", 2)])),
        ),
        Some(
            "325000 USD genai-prices 2026-07-25 / openai / gpt-audio | \
             cache_audio_read_tokens 10*32000000000=320000, input_image_tokens 2*2500000000=5000",
        ),
    );
    // A call is a request, unless the application counted them.
    check(
        "{}",
        &call("perplexity", "sonar", Some(usage([0; 5], &[]))),
        Some("12000000 USD genai-prices 2026-07-25 / perplexity / sonar | requests 1*12000000000000=12000000"),
    );
    check(
        "{}",
        &call("perplexity", "sonar", Some(usage([0; 5], &[("requests", 3)]))),
        Some("36000000 USD genai-prices 2026-07-25 / perplexity / sonar | requests 3*12000000000000=36000000"),
    );
    // A model of a fallback stands in that provider's list.
    check(
        "{}",
        &call("azure.ai.openai", "gpt-4.1", Some(usage([1, 0, 0, 0, 0], &[]))),
        Some("2000 USD genai-prices 2026-07-25 / openai / gpt-4.1 | input_tokens 1*2000000000=2000"),
    );
}

#[test]
fn rounds_the_exact_sum_once() {
    // Two items of half a billionth each: each is rounded to 0, their sum is 1.
    let config = r#"{"overrides": [{"provider": "p", "model": "m", "input": "0.0005", "output": "0.0005"}]}"#;
    check(
        config,
        &call("p", "m", Some(usage([1, 1, 0, 0, 0], &[]))),
        Some("1 USD overrides / p / m | input_tokens 1*500000=0, output_tokens 1*500000=0"),
    );
    // And half to even: 2.5 is 2, 3.5 is 4.
    let check_input = |input: u64, amount: u64| {
        let cost = plugin(config).evaluate(&call("p", "m", Some(usage([input, 0, 0, 0, 0], &[])))).expect("no failure");
        assert_eq!(cost.map(|cost| cost.amount), Some(amount));
    };
    check_input(5, 2);
    check_input(7, 4);
}

#[test]
fn unknown_is_not_free() {
    let some = || Some(usage([10, 10, 0, 0, 0], &[]));
    check("{}", &call("openai", "no-such-model", some()), None);
    check("{}", &call("my-gateway", "gpt-4.1", some()), None);
    check("{}", &call("ollama", "deepseek-chat", some()), None);
    check("{}", &call("openai", "gpt-4.1", None), None);
    check(
        "{}",
        &call("openrouter", "qwen3-8b:free", some()),
        Some("0 USD genai-prices 2026-07-25 / openrouter / qwen3-8b:free | "),
    );
}

#[test]
fn names_what_has_no_price() {
    check(
        "{}",
        &call(
            "openai",
            "text-embedding-3-small",
            Some(usage([100, 5, 0, 0, 0], &[("web_searches", 1), ("images", 0)])),
        ),
        Some(
            "2000 USD genai-prices 2026-07-25 / openai / text-embedding-3-small | input_tokens 100*20000000=2000 \
             ! unpriced: output_tokens, web_searches",
        ),
    );
}

#[test]
fn tells_the_provider_from_the_model_where_asked() {
    let gateway = |provider| call(provider, "claude-sonnet-4-0", Some(usage([1, 0, 0, 0, 0], &[])));
    let expect =
        Some("3000 USD genai-prices 2026-07-25 / anthropic / claude-sonnet-4-0 | input_tokens 1*3000000000=3000");
    check("{}", &gateway("my-gateway"), None);
    check(r#"{"match_by_model": true}"#, &gateway("my-gateway"), expect);
    check("{}", &gateway("unknown"), expect);
}

#[test]
fn the_operators_prices_win() {
    let config = r#"{"overrides": [
        {"provider": "azure", "model": "GPT-4.1", "input": 1.1, "output": "4.4", "cache_read": 0.275},
        {"provider": "azure", "model": "gpt-4.1", "input": 1, "output": 4, "from": "2026-03-13"},
        {"provider": "azure", "model": "gpt-4.1-2025-04-14", "input": 0, "from": "2026-03-14"},
        {"provider": "in-house", "model": "llama", "input": 0.1, "output": 0.1}
    ]}"#;
    let check_at = |provider, model, at, expect| {
        let mut call = call(provider, model, Some(usage([10, 0, 10, 0, 0], &[])));
        call.started_at = at;
        check(config, &call, expect);
    };
    let (before, after) = (MARCH_13 - 1, MARCH_13 + 86_400_000_000_000);
    let first =
        "13750 USD overrides / azure / GPT-4.1 | input_tokens 10*1100000000=11000, cache_read_tokens 10*275000000=2750";
    let second = "20000 USD overrides 2026-03-13 / azure / gpt-4.1 | input_tokens 10*1000000000=10000, cache_read_tokens 10*1000000000=10000";
    let third =
        "0 USD overrides 2026-03-14 / azure / gpt-4.1-2025-04-14 | input_tokens 10*0=0, cache_read_tokens 10*0=0";
    let house =
        "2000 USD overrides / in-house / llama | input_tokens 10*100000000=1000, cache_read_tokens 10*100000000=1000";
    check_at("azure", "gpt-4.1", before, Some(first));
    check_at("azure.ai.openai", "Gpt-4.1", MARCH_13, Some(second));
    // By the list's name for the model, until there is a price for its own.
    check_at("azure", "gpt-4.1-2025-04-14", MARCH_13, Some(second));
    check_at("azure", "gpt-4.1-2025-04-14", after, Some(third));
    check_at("In-House", "llama", MARCH_13, Some(house));
    check_at("in-house", "llama-2", MARCH_13, None);
}

#[test]
fn refuses_a_bad_config() {
    let refused = |config: &str, expect: &str| {
        let config: Result<Config, _> = serde_json::from_str(config).map_err(|error| error.to_string());
        let problem = config.and_then(Pricing::configure).expect_err("a refusal");
        assert!(problem.contains(expect), "{problem:?} should name {expect:?}");
    };
    let one = |inside: &str| format!(r#"{{"overrides": [{{"provider": "p", "model": "m"{inside}}}]}}"#);
    refused(r#"{"override": []}"#, "unknown field `override`");
    refused(r#"{"match_by_model": 1}"#, "expected a boolean");
    refused(r#"{"overrides": [{"model": "m", "input": 1}]}"#, "missing field `provider`");
    refused(r#"{"overrides": [{"provider": " ", "model": "m", "input": 1}]}"#, "overrides[0]: provider and model");
    refused(&one(""), "overrides[0]: expected a price for input");
    refused(&one(r#", "output": 1, "cache_read": 1"#), "overrides[0]: cache_read and cache_write");
    refused(&one(r#", "input": 1, "discount": 1"#), "unknown field `discount`");
    refused(&one(r#", "input": 1, "from": "2026-02-30""#), "overrides[0]: from");
    for price in ["-1", r#""-1""#, "1000001", "1e300", "0.0000000001", r#""""#, r#""1,5""#, r#""free""#, "true", "[]"] {
        refused(&one(&format!(r#", "input": {price}"#)), "a price in dollars for a million tokens");
    }
    refused(
        r#"{"overrides": [{"provider": "x_ai", "model": "M", "input": 1}, {"provider": "xai", "model": "m", "input": 2}]}"#,
        "overrides[1]: there is one",
    );
}

#[test]
fn survives_hostile_input() {
    let plugin = plugin(r#"{"match_by_model": true, "overrides": [{"provider": "p", "model": "m", "input": 1}]}"#);
    let texts =
        ["", "\0", "/", "\u{212a}imi-k2", "\u{130}", "\u{1f600}\u{301}", "-20", "-2025121\u{e9}", "x-20251211-"];
    let counts = [0, 1, u64::MAX];
    for provider in texts.iter().chain(&["openai", "litellm", "aws", "\u{2028}openrouter\u{2028}"]) {
        for model in texts.iter().chain(&["gpt-4.1", "openai/gpt-4.1", "anthropic.claude-opus-4-20250514-v1:0"]) {
            for count in counts {
                let usage = usage([count; 5], &[("", count), ("requests", count), ("input_audio_tokens", count)]);
                // The largest counts cost more than the contract can say, unless the model is unknown or free.
                if let Err(failure) = plugin.evaluate(&call(provider, model, Some(usage))) {
                    assert_eq!((failure.code.as_str(), count), ("invalid-input", u64::MAX));
                }
            }
        }
    }
    let million = "a-20251211".repeat(100_000);
    for (provider, model) in [("openai", &*million), ("aws", &million), ("litellm", &million), (&million, "gpt-4.1")] {
        let cost = plugin.evaluate(&call(provider, model, Some(usage([1; 5], &[(&million, 1)])))).expect("no failure");
        assert_eq!(cost.is_some(), model == "gpt-4.1", "only the short name is a model's");
    }
    check(
        "{}",
        &call("moonshotai", "\u{212a}imi-k2.5", Some(usage([0; 5], &[]))),
        Some("0 USD genai-prices 2026-07-25 / moonshotai / kimi-k2.5 | "),
    );
}
