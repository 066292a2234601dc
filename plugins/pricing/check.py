#!/usr/bin/env python3
"""Makes calls with the price that the Python package genai-prices gives them, for checking the plugin against it.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python check.py --out cases.jsonl          # all cases
    TRIBUNAL_PRICING_CASES=$PWD/cases.jsonl cargo test -p pricing

A line is {"call": {...}, "expected": {"amount": "<billionths of the currency>" | null, "currency": "USD"}}; the call
has the fields of a posted interaction. The package reads the same file as the plugin, data/genai_prices.json. The cases
are random but the same at every run with the same seed.
"""

import argparse
import json
import random
import re
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from pathlib import Path

from genai_prices import Usage, data_snapshot, types, units
from genai_prices.decompose import is_descendant_or_self

HERE = Path(__file__).resolve().parent
LIST = json.loads((HERE / "data/genai_prices.json").read_text())
REGISTRY = units._get_registry()

# OpenTelemetry's names for providers and whose price list the plugin takes for them. Only those that the package does
# not know, or takes for another provider, are translated before the package is asked.
OPENTELEMETRY = {
    "openai": None, "anthropic": None, "cohere": None, "deepseek": None, "groq": None, "perplexity": None,
    "mistral_ai": None, "aws.bedrock": None, "gcp.gemini": None, "gcp.vertex_ai": None, "ibm.watsonx.ai": None,
    "gcp.gen_ai": "google", "x_ai": "x-ai", "azure.ai.openai": "azure", "azure.ai.inference": "azure",
    "az.ai.openai": "azure", "az.ai.inference": "azure",
}
# Where no provider is named the package is given none, and goes by the model's name.
UNSTATED = ["unknown", "_OTHER"]

# The plugin's contract knows these buckets by name; the others come as usage.other, by the package's names.
BUCKETS = {
    "input_tokens": "input_tokens", "output_tokens": "output_tokens", "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens", "reasoning_tokens": "output_reasoning_tokens",
}
OTHERS = [key for key in REGISTRY.units if key.endswith("_tokens") and key not in BUCKETS]


def rounded_to_billionths(price):
    """A price as the contract can hold it: a whole number of billionths for a million units."""
    if isinstance(price, types.TieredPrices):
        tiers = [types.Tier(tier.start, rounded_to_billionths(tier.price)) for tier in price.tiers]
        return types.TieredPrices(rounded_to_billionths(price.base), tiers)
    return price.quantize(Decimal("1e-9"), ROUND_HALF_EVEN)


def snapshot(rounded):
    """The package's view of the list."""
    providers = types._providers_from_raw(LIST)
    if rounded:
        for model in (model for provider in providers for model in provider.models):
            periods = model.prices if isinstance(model.prices, list) else [model]
            for prices in (period.prices for period in periods):
                for key, price in vars(prices).items():
                    object.__setattr__(prices, key, rounded_to_billionths(price))
    return data_snapshot.DataSnapshot(providers, from_auto_update=False)


def package_usage(usage):
    """The package counts a bucket in every unit that spans it; the contract counts it once."""
    counted = Counter({BUCKETS[name]: count for name, count in usage.items() if name in BUCKETS})
    counted.update({name: count for name, count in usage.get("other", {}).items() if name in REGISTRY.units})
    spanned = lambda unit: [key for key in counted if is_descendant_or_self(unit, REGISTRY.units[key])]
    return Usage(**{
        key: sum(counted[part] for part in spanned(unit)) for key, unit in REGISTRY.units.items() if key != "requests"
    })


def provider_id(call):
    """The provider as the package is told it."""
    return None if call["provider"] in UNSTATED else OPENTELEMETRY.get(call["provider"]) or call["provider"]


def expected(prices, call):
    """What the package says: billionths of a dollar, or None where it finds no model."""
    usage, at = package_usage(call["usage"]), datetime.fromisoformat(call["started_at"])
    try:
        provider, model = prices.find_provider_model(call["model"], None, provider_id(call), None)
    except LookupError:
        return None
    with localcontext(Context(prec=80)):
        total = model.calc_price(usage, provider, genai_request_timestamp=at).total_price
        return int((total * 10**9).quantize(Decimal(1), ROUND_HALF_EVEN))


def witnesses(clause):
    """Names that fit the clause, and names that just don't."""
    (kind, value), = clause.items()
    if kind == "or":
        return [name for part in value for name in witnesses(part)]
    if kind == "and":
        # The parts side by side, in both orders, with what has to stand at an end put there.
        names = [(next(iter(part)), witnesses(part)[0]) for part in value]
        order = {"starts_with": 0, "ends_with": 2}
        names.sort(key=lambda name: order.get(name[0], 1))
        texts = [name for _, name in names]
        return ["-".join(texts), "".join(texts), "-".join(reversed(texts)), texts[0]]
    if kind == "regex":
        plain = re.sub(r"\(\?:(\w+)[^)]*\)", r"\1", value.strip("^$"))
        plain = re.sub(r"\[(\w)\w*\]", r"\1", plain).replace(r"\.", ".")
        some = plain.replace(r"\d{8}", "20260719").replace(r"\d", "7")
        return [some, some + "0", some[:-1], "x" + some, some + "-x"]
    around = {
        "equals": [value, value.upper(), value + "x", value[:-1]],
        "starts_with": [value, value + "-20260101", value.upper() + ":x", "x" + value],
        "ends_with": [value, "a/" + value, value + "x"],
        "contains": [value, "a/" + value + "-b", value.title(), value.replace("-", "_")],
    }
    return around[kind]


class Cases:
    """Calls, made from one source of randomness."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.calls = []

    def add(self, provider, model, usage=None, at=None):
        if 0 < len(model.encode()) <= 256 and 0 < len(provider.encode()) <= 256:
            at = at or datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=self.random.randrange(100_000_000))
            at = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            self.calls.append({"provider": provider, "model": model, "started_at": at, "usage": usage or self.usage()})

    def count(self):
        """Mostly as counts are, sometimes nothing, rarely very many."""
        return self.random.choice([0, 1, self.random.randrange(1000), int(10 ** self.random.uniform(0, 6)),
                                   int(10 ** self.random.uniform(0, 11)) if self.random.random() < 0.1 else 17])

    def usage(self):
        usage = {name: self.count() for name in BUCKETS if self.random.random() < 0.7}
        other = {name: self.count() for name in ["input_audio_tokens", "cache_audio_read_tokens", "output_audio_tokens"]
                 if self.random.random() < 0.2}
        if self.random.random() < 0.1:
            other[self.random.choice(OTHERS)] = self.count()
        if self.random.random() < 0.03:
            other[self.random.choice(["web_searches", "frobnications"])] = self.count()
        return usage | ({"other": other} if other else {})

    def split(self, total):
        """Usage with so much input, in random parts."""
        cuts = sorted(self.random.randrange(total + 1) for _ in range(3))
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, total])]
        names = ["input_tokens", "cache_read_tokens", "cache_write_tokens"]
        return dict(zip(names, parts)) | {"output_tokens": self.count(), "other": {"input_audio_tokens": parts[3]}}

    def names(self):
        """Every model by its id, by what its clauses say, and by names that are nearly right."""
        for provider in LIST:
            for model in provider["models"]:
                names = [model["id"], *witnesses(model["match"])]
                names += [name.replace(date, date.replace("-", ""))
                          for name in names for date in re.findall(r"\d{4}-\d\d-\d\d", name)]
                for name in [*dict.fromkeys(names), *names[:2]]:
                    self.add(provider["id"], name)
                self.add("litellm", f"{provider['id']}/{model['id']}")
                if self.random.random() < 0.3:
                    self.add(self.random.choice(UNSTATED), model["id"])

    def providers(self):
        """Every provider by other names, with models of its own, of its fallbacks and of others."""
        models = [(provider["id"], model["id"]) for provider in LIST for model in provider["models"]]
        known = {provider["id"] for provider in LIST}
        names = [name for provider in LIST for name in [provider["id"].upper(), f" {provider['id']}\u00a0",
                 *(witnesses(provider["provider_match"]) if "provider_match" in provider else [])]]
        for name in [*names, *OPENTELEMETRY, *UNSTATED, "litellm", "LiteLLM", "my-own-gateway", "ollama", "İstanbul"]:
            for _ in range(12):
                self.add(name, self.random.choice(models)[1])
            target = OPENTELEMETRY.get(name) or (name if name in known else None)
            for _, model in self.random.sample([m for m in models if m[0] == (target or m[0])], 4):
                self.add(name, model)
        for provider in LIST:
            for model in witnesses(provider["model_match"]) if "model_match" in provider else []:
                for name in [*UNSTATED, "litellm", "somebody"]:
                    self.add(name, model)
            for fallback in provider.get("fallback_model_providers", []):
                for model in next(other for other in LIST if other["id"] == fallback)["models"]:
                    self.add(provider["id"], model["id"])
        for model in ["", "/", "-", "gpt", "nothing-like-it", "\u0130", "x" * 256, "\u00e9t\u00e9", "gpt-4o-2024-13-45",
                      "gpt-4o-20240230", "gpt-4o-20240806", "gpt-4o-20240806-20240807", "litellm/gpt-4o"]:
            for provider in ["openai", "litellm", "unknown", "nobody"]:
                self.add(provider, model)

    def tiers_and_times(self):
        """One below, at and above each threshold; one second before, at and after each change of price."""
        for provider in LIST:
            for model in provider["models"]:
                periods = model["prices"] if isinstance(model["prices"], list) else [{"prices": model["prices"]}]
                name = next(name for name in [model["id"], *witnesses(model["match"])])
                starts = {tier["start"] for period in periods for price in period["prices"].values()
                          if isinstance(price, dict) for tier in price["tiers"]}
                times = [None, *self.times(periods)]
                for total in [total for start in starts for total in (start - 1, start, start + 1)]:
                    for at in times:
                        self.add(provider["id"], name, self.split(total), at)
                for at in times[1:]:
                    for _ in range(5):
                        self.add(provider["id"], name, None, at)

    def times(self, periods):
        around = [timedelta(seconds=-1), timedelta(milliseconds=-1), timedelta(0), timedelta(seconds=1)]
        for constraint in (period["constraint"] for period in periods if "constraint" in period):
            if "start_date" in constraint:
                moments = [datetime.fromisoformat(constraint["start_date"]).replace(tzinfo=timezone.utc)]
            else:
                times = [constraint["start_time"], constraint["end_time"]]
                moments = [datetime.fromisoformat(f"2026-02-0{day}T{time}") for day in (1, 2) for time in times]
                moments += [datetime(2026, 2, 3, tzinfo=timezone.utc)]
            yield from (moment + delta for moment in moments for delta in around)

    def units(self):
        """Every unit for itself, with models that have prices for audio, requests, both or neither."""
        models = [("openai", "gpt-realtime"), ("google", "gemini-2.5-flash"), ("aws", "amazon.nova-sonic-v1:0"),
                  ("perplexity", "sonar"), ("openai", "text-embedding-3-small"), ("openai", "gpt-4o-audio-preview"),
                  ("anthropic", "claude-sonnet-4-5"), ("openrouter", "qwen3-8b:free"), ("openai", "o3")]
        for provider, model in models:
            self.add(provider, model, {"input_tokens": 0})
            for name in BUCKETS:
                self.add(provider, model, {name: 12_345})
            for name in OTHERS:
                self.add(provider, model, {"input_tokens": 7, "other": {name: 12_345}})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the file for the cases")
    parser.add_argument("--sample", type=int, default=0, help="keep only so many cases, spread over all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    cases = Cases(options.seed)
    cases.names()
    cases.providers()
    cases.tiers_and_times()
    cases.units()
    calls = cases.calls
    if options.sample:
        calls = [calls[at * len(calls) // options.sample] for at in range(options.sample)]

    rounded, as_written = snapshot(rounded=True), snapshot(rounded=False)
    seen, models = Counter(), set()
    with options.out.open("w") as out:
        for call in calls:
            amount = expected(rounded, call)
            seen["priced" if amount else "free or nothing used" if amount == 0 else "no price"] += 1
            seen["differ by the rounding of the list's prices"] += amount != expected(as_written, call)
            if amount is not None:
                models.add(id(rounded.find_provider_model(call["model"], None, provider_id(call), None)[1]))
            line = {"call": call, "expected": {"amount": None if amount is None else str(amount), "currency": "USD"}}
            out.write(json.dumps(line) + "\n")
    listed = sum(len(provider["models"]) for provider in LIST)
    print(f"{len(calls)} cases, {len(models)} of {listed} models: {dict(seen)}", file=sys.stderr)


if __name__ == "__main__":
    main()
