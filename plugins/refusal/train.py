#!/usr/bin/env python3
"""Trains src/model.rs and prints how good it is. Deterministic.

Needs Python 3.11 or newer with scikit-learn==1.9.1 and numpy==2.4.6, and cargo, which runs the plugin's own
feature extraction (examples/features.rs), so that training and judging can't differ.

    python3 train.py DATA

DATA holds xstest.jsonl (labelled answers of three models; XSTest, Roettger et al., NAACL 2024) and halueval.jsonl
(ChatGPT's answers; RUCAIBox/HaluEval), one object a line with `prompt`, `completion` and, in the first,
`labels.refusal` and `model`. A row belongs to the TEST half when the first byte of sha256(prompt) is odd. Only the
other half is trained on, together with all of examples.txt. HaluEval has no labels for refusal: those of
halueval_labels.txt were made by reading, and its other training rows without any phrase of refusal or apology count as
answered, with a small weight.
"""

import hashlib
import json
import pathlib
import subprocess
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).parent
KINDS = ["none", "partial", "full"]
LABELS = {"1_full_compliance": 0, "3_partial_refusal": 1, "2_full_refusal": 2}
# Chosen by cross-validation over the training half, grouped by prompt.
STRENGTH = 0.5
MADE_UP_WEIGHT = 3.0
HALUEVAL_WEIGHT = 0.5


def is_test(prompt):
    return hashlib.sha256(prompt.encode()).digest()[0] % 2 == 1


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def made_up():
    for line in (HERE / "examples.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            kind, prompt, completion = line.split(" | ", 2)
            yield {"prompt": prompt, "completion": completion.replace("\\n", "\n"), "kind": KINDS.index(kind)}


def read_by_hand():
    lines = (HERE / "halueval_labels.txt").read_text().splitlines()
    return {line.split()[1]: KINDS.index(line.split()[0]) for line in lines if not line.startswith("#")}


def features(rows):
    """The features' names, and a row of zeros and ones for each answer."""
    lines = "".join(json.dumps({key: row[key] for key in ("prompt", "completion")}) + "\n" for row in rows)
    command = ["cargo", "run", "--quiet", "--release", "--package", "refusal", "--example", "features"]
    out = subprocess.run(command, cwd=HERE, input=lines, capture_output=True, text=True, check=True).stdout
    names, *seen = out.split("\n")[: len(rows) + 1]
    matrix = np.zeros((len(rows), len(names.split())))
    for row, line in zip(matrix, seen):
        row[[int(at) for at in line.split()]] = 1
    return names.split(), matrix


def train(labelled, unlabelled):
    names, known = features(labelled)
    _, examples = features(list(made_up()))
    by_hand = read_by_hand()
    hand_read = [row for row in unlabelled if row["id"] in by_hand]
    _, read = features(hand_read)
    _, answered = features([row for row in unlabelled if row["id"] not in by_hand])
    signs = [at for at, name in enumerate(names) if name.split(":")[-1] in ("cannot", "no-access", "opinion", "apology")]
    answered = answered[answered[:, signs].sum(axis=1) == 0]
    parts = [
        (known, [LABELS[row["labels"]["refusal"]] for row in labelled], 1.0),
        (examples, [row["kind"] for row in made_up()], MADE_UP_WEIGHT),
        (read, [by_hand[row["id"]] for row in hand_read], 1.0),
        (answered, [0] * len(answered), HALUEVAL_WEIGHT),
    ]
    weights = np.concatenate([np.full(len(matrix), weight) for matrix, _, weight in parts])
    matrix = np.vstack([matrix for matrix, _, _ in parts])
    labels = np.concatenate([labels for _, labels, _ in parts])
    model = LogisticRegression(C=STRENGTH, max_iter=10_000, tol=1e-8).fit(matrix, labels, sample_weight=weights)
    return names, np.round(model.intercept_, 2), np.round(model.coef_, 2)


def write(names, intercept, weights):
    def triple(values):
        return "[" + ", ".join(f"{value + 0.0:.2f}" for value in values) + "]"

    lines = "".join(f"    {triple(values)}, // {name}\n" for name, values in zip(names, weights.T))
    (HERE / "src/model.rs").write_text(
        "//! The model's weights; made by `train.py`, not by hand. Knows nothing of how features are found.\n\n"
        "/// What speaks for none, partial and full before anything was seen.\n"
        f"pub(crate) const START: [f32; 3] = {triple(intercept)};\n\n"
        "/// What each feature adds for none, partial and full.\n"
        "#[rustfmt::skip]\n"
        f"pub(crate) static WEIGHTS: [[f32; 3]; {len(names)}] = [\n{lines}];\n"
    )


def report(title, rows, intercept, weights):
    _, matrix = features(rows)
    scores = np.exp(matrix @ weights.T + intercept)
    chances = scores / scores.sum(axis=1, keepdims=True)
    judged = np.where(chances[:, 2] >= 0.5, 2, np.where(chances[:, 0] < 0.5, 1, 0))
    labels = np.array([LABELS[row["labels"]["refusal"]] for row in rows])
    hits = ((judged == 2) & (labels == 2)).sum()
    precision, recall = hits / max(1, (judged == 2).sum()), hits / max(1, (labels == 2).sum())
    print(f"{title}: {len(rows)} rows, precision {precision:.3f}, recall {recall:.3f},"
          f" F1 {2 * precision * recall / (precision + recall):.3f}")
    for at, kind in enumerate(KINDS):
        print(f"    {kind:8}", *(f"{((labels == at) & (judged == to)).sum():5}" for to in range(3)))


def main():
    data = pathlib.Path(sys.argv[1])
    xstest, halueval = rows_of(data / "xstest.jsonl"), rows_of(data / "halueval.jsonl")
    labelled = [row for row in xstest if not is_test(row["prompt"])]
    names, intercept, weights = train(labelled, [row for row in halueval if not is_test(row["prompt"])])
    write(names, intercept, weights)
    report("TRAIN", labelled, intercept, weights)
    test = [row for row in xstest if is_test(row["prompt"])]
    report("TEST", test, intercept, weights)
    for model in sorted({row["model"] for row in test}):
        report("TEST " + model, [row for row in test if row["model"] == model], intercept, weights)


main()
