"""Reads a Grafana dashboard with Grafana's own types and its queries with Prometheus's grammar, and prints what metrics
and labels they name, as JSON. Usage: dashboard.py FILE"""

import json
import re
import sys

import promql_parser as promql
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def selectors(expression):
    """Every metric that an expression reads, with the labels that are asked for."""
    if isinstance(expression, promql.VectorSelector):
        yield expression
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        if isinstance(child := getattr(expression, part, None), promql.Expr):
            yield from selectors(child)
    for child in getattr(expression, "args", None) or []:
        yield from selectors(child)


def metrics(query):
    query = query.replace("$__rate_interval", "1m").replace("$__range", "1h")
    query = re.sub(r"\$\{?\w+(:\w+)?\}?", ".*", query)
    found = list(selectors(promql.parse(query)))
    assert found, f"no metric in {query}"
    return [{"name": one.name, "labels": sorted(m.name for m in one.matchers.matchers)} for one in found]


# So that the options of each sort of panel are known too.
register_default_plugins()
written = json.load(open(sys.argv[1]))
# What Grafana's types do not know is lost on the way there and back.
known = json.loads(json.dumps(Dashboard.from_json(written), default=lambda value: value.to_json()))


def lost(one, other, path):
    """Where the second lacks what the first has."""
    if isinstance(one, dict):
        for key, value in one.items():
            if not isinstance(other, dict) or key not in other:
                yield f"{path}.{key}"
            else:
                yield from lost(value, other[key], f"{path}.{key}")
    elif isinstance(one, list):
        for at, value in enumerate(one):
            yield from lost(value, other[at], f"{path}[{at}]")
    elif one != other:
        yield f"{path}: {one!r} is {other!r}"


unknown = list(lost(written, known, "dashboard"))
assert not unknown, f"Grafana's types have no place for {unknown}"
assert any(one["type"] == "datasource" and one["name"] == "datasource" for one in written["templating"]["list"])

queries = []
rows = []
ids = [panel["id"] for panel in written["panels"]]
assert len(ids) == len(set(ids)), "two panels have one id"
for panel in written["panels"]:
    if panel["type"] == "row":
        rows.append(panel["title"])
        continue
    assert panel["datasource"] == SOURCE, panel["title"]
    for target in panel["targets"]:
        queries.append({"panel": panel["title"], "metrics": metrics(target["expr"])})
for variable in written["templating"]["list"]:
    if variable["type"] == "query":
        name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
        queries.append({"panel": f"variable {variable['name']}", "metrics": [{"name": name, "labels": [label]}]})
json.dump({"rows": rows, "queries": queries}, sys.stdout)
