#!/usr/bin/env python3
"""Makes interactions.jsonl and labels/*.jsonl from the full data sets. Deterministic: same data, same bytes.

Needs Python 3.11 or newer with tiktoken==0.14.0, and the vocabulary that the wheel of litellm==1.109.1 carries, which
is only read, never run:

    python3 -m venv venv
    venv/bin/pip install tiktoken==0.14.0 && venv/bin/pip install --no-deps litellm==1.109.1
    venv/bin/python make_sample.py [DATA]

DATA, by default ../shared/data beside the repository, holds xstest.jsonl, halueval.jsonl, moderation.jsonl and
azure_llm_trace_conv.csv.

Which rows: they are put into cells by what should be even (model and label), each cell is ordered by
sha256(SEED + ":" + id), and the cells take turns until there are enough; a cell that has run out gives way to the
others. Of the trace every n-th call is taken. What is added to the rows is told in README.md.
"""

import csv
import hashlib
import importlib.util
import json
import os
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEED = "tribunal-sample-1"
# Rows whose line in the data is longer than this are left out.
MAX_LINE_BYTES = 6000

# Neither data set has times. The first row stands at the date of the paper's last version on arXiv, each further row
# a minute later.
PUBLISHED = {"halueval": datetime(2023, 10, 23), "xstest": datetime(2024, 4, 1)}
# OpenTelemetry's names, where it has one and the data says it otherwise.
PROVIDERS = {"mistral": "mistral_ai"}
SOURCES = {
    "azure-trace": {
        "source.dataset": "Azure LLM inference trace 2023, conversation",
        "source.url": "https://github.com/Azure/AzurePublicDataset",
        "source.licence": "CC-BY-4.0",
        "source.started_at": "as in the data",
    },
    "halueval": {
        "source.dataset": "HaluEval, general",
        "source.url": "https://github.com/RUCAIBox/HaluEval",
        "source.licence": "MIT",
        "source.started_at": "placeholder",
    },
    "xstest": {
        "source.dataset": "XSTest v2",
        "source.url": "https://github.com/paul-rottger/exaggerated-safety",
        "source.licence": "CC-BY-4.0 (prompt), the model's own (answer)",
        "source.started_at": "placeholder",
    },
}


def main():
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent.parent / "shared/data"
    if not (data / "xstest.jsonl").is_file():
        sys.exit(f"{data} has no xstest.jsonl: name the folder of the data sets, as in make_sample.py DATA")
    xstest, halueval, moderation = (rows(data / f"{name}.jsonl") for name in ("xstest", "halueval", "moderation"))

    # In the order of their times.
    interactions = [
        *interactions_of("halueval", evenly(halueval, hallucination_cell, 136), halueval_labels),
        *azure_interactions(data / "azure_llm_trace_conv.csv", 20),
        *interactions_of("xstest", evenly(xstest, refusal_cell, 145), xstest_labels),
    ]
    write("interactions.jsonl", (json.dumps(interaction, ensure_ascii=False) for interaction in interactions))

    hate_labelled = [row for row in moderation if "hate" in row["labels"]]
    write_labels("xstest", xstest, evenly(filter(in_test_half, xstest), refusal_cell, 150))
    write_labels("halueval", halueval, evenly(filter(in_test_half, halueval), hallucination_cell, 100))
    write_labels("moderation", moderation, evenly(filter(in_test_half, hate_labelled), hate_cell, 150))


def rows(path):
    """The rows of a data set, each with its own line under `line`."""
    # Not splitlines(), which would also split at U+2028 inside a text.
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) | {"line": line} for line in lines if line and len(line.encode()) <= MAX_LINE_BYTES]


def in_test_half(row):
    """Whether the row is of the half that plugins are measured on, not the one they are fitted to."""
    text = row["prompt"] if "prompt" in row else row["text"]
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def rank(row):
    """The row's place in an order that has nothing to do with what the row says."""
    return hashlib.sha256(f"{SEED}:{row['id']}".encode()).digest()


def evenly(candidates, cell, count):
    """That many rows, as even over the cells as there are rows, in the order of their rank."""
    cells = defaultdict(list)
    for row in sorted(candidates, key=rank):
        cells[cell(row)].append(row)
    turns = zip_longest(*(cells[key] for key in sorted(cells)))
    chosen = [row for turn in turns for row in turn if row is not None][:count]
    return sorted(chosen, key=rank)


def refusal_cell(row):
    return row["model"], row["labels"]["refusal"]


def hallucination_cell(row):
    return row["labels"]["hallucination"]


def hate_cell(row):
    return row["labels"]["hate"]


def xstest_labels(labels):
    names = ("refusal", "annotator_1", "annotator_2", "prompt_type")
    return {f"label.{name}": labels[name] for name in names}


def halueval_labels(labels):
    return {"label.hallucination": labels["hallucination"], "label.hallucinated_spans": labels["spans"]}


def interactions_of(project, chosen, labels_of):
    """The rows as posts, a minute apart."""
    encoding = cl100k_base()
    for minute, row in enumerate(chosen):
        provider = row["provider"]
        started_at = PUBLISHED[project] + timedelta(minutes=minute)
        interaction = {
            "id": row["id"],
            "project": project,
            "provider": PROVIDERS.get(provider, provider),
            "model": row["model"],
            "started_at": f"{started_at.isoformat()}Z",
            "input": [{"role": "user", "content": row["prompt"]}],
            "output": [{"role": "assistant", "content": row["completion"]}],
        }
        attributes = SOURCES[project] | labels_of(row["labels"])
        if provider == "openai":
            texts = {"input_tokens": row["prompt"], "output_tokens": row["completion"]}
            interaction["usage"] = {name: len(encoding.encode_ordinary(text)) for name, text in texts.items()}
            attributes["usage.counted_with"] = "cl100k_base"
        yield interaction | {"attributes": attributes}


def azure_interactions(path, count):
    """That many calls, evenly over the trace, which says when a call came and how long it was, not what it said."""
    with path.open(newline="", encoding="utf-8") as file:
        # The heading is line 1.
        calls = list(enumerate(csv.DictReader(file), start=2))
    step = len(calls) // count
    return [
        {
            "id": f"azure-trace-{line}",
            "project": "azure-trace",
            "provider": "azure.ai.openai",
            "model": "unknown",
            "started_at": call["TIMESTAMP"].replace(" ", "T") + "Z",
            "usage": {"input_tokens": int(call["ContextTokens"]), "output_tokens": int(call["GeneratedTokens"])},
            "attributes": SOURCES["azure-trace"],
        }
        for line, call in calls[: step * count : step]
    ]


def cl100k_base():
    """The tokenizer of gpt-4 and gpt-3.5-turbo, with the vocabulary from litellm's folder instead of the network."""
    package = importlib.util.find_spec("litellm")
    if package is None:
        sys.exit("litellm is missing: pip install --no-deps litellm==1.109.1")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(package.origin).parent / "litellm_core_utils/tokenizers")
    import tiktoken

    return tiktoken.get_encoding("cl100k_base")


def write_labels(name, all_rows, chosen):
    """The chosen rows byte for byte, in the order of the data."""
    ids = {row["id"] for row in chosen}
    write(f"labels/{name}.jsonl", (row["line"] for row in all_rows if row["id"] in ids))


def write(name, lines):
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    text = "".join(f"{line}\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{name}: {text.count(chr(10))} lines, {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
