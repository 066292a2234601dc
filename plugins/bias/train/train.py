"""Trains the model of the bias check and writes ../src/model.bin and ../tests/fixture.json.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
    venv/bin/python train.py OWN EXTERNAL        (Python 3.11; about 4 minutes on one core)

OWN holds moderation.jsonl, xstest.jsonl and halueval.jsonl; EXTERNAL holds the files that ../README.md names, with
their sha256. Deterministic: the same data and versions give the same bytes.
"""
import json
import struct
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import data
import text as T

HERE = Path(__file__).parent
SLOTS, WORDS = 1 << 13, 1 << 11
FLOOR = -3.0
# What the highest window must give up to count as a text of its own, so that harmless text around it can't hide it.
# Chosen on TRAIN: 0 costs 0.032 of the AUC for hate, 2 costs 0.010, 3 costs 0.003.
ALONE = 3.0
THEY = T.FIRST_CONTEXT + T.CONTEXT_NAMES.index("they")
CROSSED = (T.GROUP, T.GROUPS_MANY, T.SLUR, THEY)
# Of a row in each stage. Harmless rows of HateCheck are a third of it and its hardest: they count for more.
FIRST_WEIGHT = {"edos": 0.4, "neutral": 3.0, "hatecheck harmless": 3.0}
SECOND_WEIGHT = {"moderation": 1.0, "neutral": 0.1, "hatecheck": 0.02, "hatecheck harmless": 0.06, "xstest": 0.02,
                 "halueval": 0.02, "prompts": 0.02}


def weight_name(source, hate):
    return f"{source} harmless" if source == "hatecheck" and not hate else source


def tag_features(tags):
    """Which tags a window has, alone and crossed with what says whom it is about."""
    bits = np.array([(tags >> i) & 1 for i in range(T.TAGS)], dtype=np.float32)
    return np.concatenate([bits] + [bits * bits[k] for k in CROSSED]) / 3


class Units:
    """Training texts as the first stage sees them: whole, but long harmless answers in pieces."""

    def __init__(self, rows, windows):
        self.hashes, self.tags, self.tokens, owner = [], [], [], []
        for at, (row, ws) in enumerate(zip(rows, windows)):
            long = row["source"] in ("xstest", "halueval")
            for piece in [ws[a:a + 4] for a in range(0, len(ws), 4)][:6] if long else [ws] if ws else []:
                self.hashes.append([h for w in piece for h in w.hashes])
                self.tags.append(np.bitwise_or.reduce([w.tags for w in piece]))
                self.tokens.append(sum(w.tokens for w in piece))
                owner.append(at)
        pick = lambda key: np.array([rows[at][key] for at in owner])
        self.hate, self.test, self.source = pick("hate"), pick("test"), pick("source")
        self.threat = np.array([-1 if rows[at]["threat"] is None else rows[at]["threat"] for at in owner])
        self.weight = np.array([FIRST_WEIGHT.get(weight_name(s, y), 1.0) for s, y in zip(self.source, self.hate)])
        self.crossed = np.array([tag_features(t) for t in self.tags], dtype=np.float32)

    def matrix(self, vocabulary):
        starts, columns, values = [0], [], []
        for hashes, tokens in zip(self.hashes, self.tokens):
            counts = Counter(vocabulary[h] for h in hashes if h in vocabulary)
            columns += counts.keys()
            values += [n / np.sqrt(tokens + 1) for n in counts.values()]
            starts.append(len(columns))
        grams = sp.csr_matrix((np.array(values, np.float32), np.array(columns), np.array(starts)),
                              shape=(len(self.hashes), len(vocabulary)))
        return sp.hstack([grams, sp.csr_matrix(self.crossed)]).tocsr()


def logistic(C):
    return LogisticRegression(C=C, max_iter=300, solver="liblinear", random_state=0)


def first_stage(units, train):
    """A linear model over n-grams that fit, one each, into the slots of a hash table, most telling first."""
    seen = Counter()
    for hashes, use in zip(units.hashes, train):
        if use:
            seen.update(set(hashes))
    everything = {h: i for i, h in enumerate(sorted(h for h, n in seen.items() if n >= 5))}
    wide = logistic(1.0).fit(units.matrix(everything)[train], units.hate[train], sample_weight=units.weight[train])
    telling = {h: abs(wide.coef_[0][i]) * np.sqrt(seen[h]) for h, i in everything.items()}
    slots = {}
    for h in sorted(telling, key=lambda h: (-telling[h], h)):
        slots.setdefault(h & (SLOTS - 1), h)
    vocabulary = {h: i for i, h in enumerate(sorted(slots.values()))}
    matrix = units.matrix(vocabulary)
    model = logistic(0.5).fit(matrix[train], units.hate[train], sample_weight=units.weight[train])
    return vocabulary, model.coef_[0], float(model.intercept_[0])


class Scorer:
    """What the plugin does, in Python, with the quantised weights."""

    def __init__(self, vocabulary, coefficients, bias):
        weights = coefficients[:len(vocabulary)]
        self.scale = np.float32(np.abs(weights).max() / 127)
        self.slots = np.zeros((SLOTS, 2), dtype=np.int64)
        for h, i in vocabulary.items():
            self.slots[h & (SLOTS - 1)] = (h >> 24, round(float(weights[i] / self.scale)))
        self.tag_weights = (coefficients[len(vocabulary):] / 3).astype(np.float32)
        self.bias = np.float32(bias)
        self.second = None

    def ngrams(self, hashes):
        h = np.array(hashes, dtype=np.int64)
        found = self.slots[h & (SLOTS - 1)]
        return int(found[found[:, 0] == h >> 24, 1].sum()) * float(self.scale)

    def window(self, w):
        return self.ngrams(w.hashes) / np.sqrt(w.tokens + 1) + float(3 * tag_features(w.tags) @ self.tag_weights + self.bias)

    def summary(self, windows):
        """Mean over the windows, the highest of those about somebody, and the share of the text in those."""
        scores = np.array([self.window(w) for w in windows])
        tokens = np.array([w.tokens for w in windows])
        about = np.array([w.tags & 7 != 0 for w in windows])
        return [np.average(scores, weights=tokens), max([FLOOR, *scores[about]]), tokens[about].sum() / tokens.sum()]

    def probability(self, windows):
        if not windows:
            return 0.0
        mean, highest, share = self.summary(windows)
        logits = [np.dot(self.second[:3], [mean, highest, share]) + self.second[3]]
        if share > 0:
            logits.append(np.dot(self.second[:3], [highest, highest, 1]) + self.second[3] - ALONE)
        return 1 / (1 + np.exp(-max(logits)))


def second_stage(scorer, rows, windows):
    use = [i for i, r in enumerate(rows) if r["source"] in SECOND_WEIGHT and not r["test"] and windows[i]]
    x = np.array([scorer.summary(windows[i]) for i in use])
    y = np.array([rows[i]["hate"] for i in use])
    w = np.array([SECOND_WEIGHT[weight_name(rows[i]["source"], rows[i]["hate"])] for i in use])
    model = logistic(10.0).set_params(solver="lbfgs").fit(x, y, sample_weight=w)
    return np.array([*model.coef_[0], model.intercept_[0]], dtype=np.float32)


def threat_model(units):
    """Given that a text is hateful: does it threaten or call for violence?"""
    use = ~units.test & (units.hate == 1) & (units.threat >= 0)
    model = logistic(0.3).fit(units.crossed[use], units.threat[use])
    return np.array([*(model.coef_[0] / 3), model.intercept_[0]], dtype=np.float32)


def word_table():
    """Open addressing: the low bits of a word's hash choose the slot; it holds the word's kind and its hash's high bits."""
    kinds = {w: 1 + 2 * d + many for w, (d, many) in T.GROUPS.items()}
    for more in ({w: 23 + c for w, c in T.CONTEXTS.items()}, {w: 41 + many for w, many in T.PERSON.items()},
                 dict.fromkeys(T.COLOUR, 43), {w: 44 + d for w, d in T.SLURS.items()}):
        assert not kinds.keys() & more.keys(), kinds.keys() & more.keys()
        kinds |= more
    table = [(0, 0)] * WORDS
    for word, kind in sorted(kinds.items()):
        h = T.word_hash(word.encode())
        at = h & (WORDS - 1)
        while table[at][0]:
            assert table[at][1] != h >> 16, word
            at = (at + 1) % WORDS
        table[at] = (kind, h >> 16)
    return b"".join(struct.pack("<BH", *entry) for entry in table)


def write(scorer, threat):
    assert T.TAGS == 20 and len(T.CONTEXT_NAMES) == 17 and len(scorer.tag_weights) == 100
    out = struct.pack("<8f", scorer.scale, scorer.bias, *scorer.second, FLOOR, ALONE)
    out += scorer.tag_weights.astype("<f4").tobytes() + threat.astype("<f4").tobytes()
    out += word_table()
    out += b"".join(struct.pack("<Bb", mark, weight) for mark, weight in scorer.slots.tolist())
    (HERE / "../src/model.bin").write_bytes(out)
    print("model.bin:", len(out), "bytes")


FIXTURE = [
    "", "The weather is fine today.", "I am a Muslim woman and I live in Leeds.", "The Jewish festival begins on Friday!",
    "All immigrants are vermin and should be thrown out of our country.", "How do I kill a Python process?",
    "Women are too stupid to vote. They should stay in the kitchen.", "We must kill all Christians. They deserve to die",
    "Black people are lazy criminals and they steal our jobs!!!", "I love my black cat and my white dog.",
    "It\u2019s wrong to hate gay people \u2013 they deserve respect. \U0001f642", "caf\u00e9 \u4f60\u597d \x00 don't WON'T x",
    "those people " * 60 + "are disgusting animals. " + "A calm sentence follows here, and then some more words. " * 5,
]


def report(scorer, rows, windows):
    for source in ("ken20", "edos", "hatemoji", "hatecheck", "moderation"):
        for test in (False, True):
            at = [i for i, r in enumerate(rows) if r["source"] == source and r["test"] == test and windows[i]]
            p = [scorer.probability(windows[i]) for i in at]
            print(f"{source} {'TEST' if test else 'TRAIN'} {len(at)} AUC {roc_auc_score([rows[i]['hate'] for i in at], p):.3f}")


def main(own, external):
    rows = data.load(external, own)
    windows = [T.windows(r["text"]) for r in rows]
    units = Units(rows, windows)
    train = ~units.test & (units.source != "moderation")
    scorer = Scorer(*first_stage(units, train))
    scorer.second = second_stage(scorer, rows, windows)
    print("second stage:", scorer.second)
    write(scorer, threat_model(units))
    fixture = [{"text": t, "probability": round(float(scorer.probability(T.windows(t))), 6)} for t in FIXTURE]
    (HERE / "../tests").mkdir(exist_ok=True)
    (HERE / "../tests/fixture.json").write_text(json.dumps(fixture, indent=1) + "\n")
    for row in fixture:
        print(f"{row['probability']:.4f}", row["text"][:70])
    report(scorer, rows, windows)
    return scorer, rows, windows, units


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
