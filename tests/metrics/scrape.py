"""Reads /metrics as Prometheus does, strictly, and prints its samples as JSON. Usage: scrape.py URL"""

import json
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

with urllib.request.urlopen(sys.argv[1]) as answer:
    content_type = answer.headers["content-type"]
    text = answer.read().decode()
assert content_type.startswith("application/openmetrics-text; version=1.0.0"), content_type

samples = []
seen = set()
for family in text_string_to_metric_families(text):
    assert family.documentation, f"{family.name} has no help"
    for sample in family.samples:
        key = (sample.name, *sorted(sample.labels.items()))
        assert key not in seen, f"twice: {key}"
        seen.add(key)
        samples.append({"name": sample.name, "type": family.type, "labels": sample.labels, "value": sample.value})
json.dump(samples, sys.stdout)
