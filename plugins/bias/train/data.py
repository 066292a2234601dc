"""Reads the labelled data into rows; knows nothing of features."""
import csv
import hashlib
import json
import random
from pathlib import Path

HERE = Path(__file__).parent
csv.field_size_limit(10**8)


def is_test(text):
    """The split of the whole project: the first byte of sha256 of the prompt or text is odd."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def table(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def row(source, text, hate, test, threat=None):
    """`threat` is none where the source does not say."""
    return dict(source=source, text=text, hate=hate, test=test, threat=threat)


def load(external: Path, own: Path):
    out = []
    seen = set()
    for r in table(external / "ken20_test.csv"):
        seen.add(r["text"])
        out.append(row("ken20", r["text"], int(r["label"]), True))
    for name in [f"ken20_{i}.csv" for i in range(1, 11)] + ["ken20_dev.csv"]:
        for r in table(external / name):
            if r["text"] not in seen:
                seen.add(r["text"])
                out.append(row("ken20", r["text"], int(r["label"]), False))
    for r in table(external / "edos.csv"):
        hate = int(r["label_sexist"] == "sexist")
        out.append(row("edos", r["text"], hate, r["split"] == "test", int(r["label_category"][:1] == "1")))
    for split in ("train", "validation", "test"):
        for r in table(external / f"hatemoji_{split}.csv"):
            out.append(row("hatemoji", r["text"], int(r["label_gold"]), split == "test", int("threat" in r["type"])))
    moderation = lines(own / "moderation.jsonl")
    # A few texts of the moderation set are HateCheck's: the templates of those in its TEST half are kept out.
    tested = {r["text"].strip() for r in moderation if is_test(r["text"])}
    cases = table(external / "hatecheck.csv")
    templates = {r["templ_id"] for r in cases if r["test_case"].strip() in tested}
    for r in cases:
        hate = int(r["label_gold"] == "hateful")
        test = is_test(r["templ_id"]) or r["templ_id"] in templates
        out.append(row("hatecheck", r["test_case"], hate, test, int(r["functionality"].startswith("threat"))))
    rng = random.Random(0)
    for r in table(external / "templates.csv"):
        if rng.random() < 0.04:
            out.append(row("templates", r["phrase"], int(r["toxicity"] == "toxic"), is_test(r["phrase"])))
    for r in moderation:
        hate = r["labels"].get("hate")
        if hate is not None:
            violent = r["labels"].get("hate_threatening") or r["labels"].get("violence")
            out.append(row("moderation", r["text"], int(hate), is_test(r["text"]), int(bool(hate and violent))))
    for name in ("xstest", "halueval"):
        for r in lines(own / f"{name}.jsonl"):
            out.append(row(name, r["completion"], 0, is_test(r["prompt"]), 0))
            # The prompts of XSTest that are named "contrast" are the unsafe ones.
            if not r["labels"].get("prompt_type", "").startswith("contrast") and r["prompt"] not in seen:
                seen.add(r["prompt"])
                out.append(row("prompts", r["prompt"], 0, is_test(r["prompt"]), 0))
    for template in (HERE / "neutral.txt").read_text().splitlines():
        text = template.replace("{s}", "Jewish").replace("{p}", "Muslims")
        out.append(row("neutral", text, 0, False, 0))
    return out
