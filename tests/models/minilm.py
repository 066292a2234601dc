"""Writes minilm.jsonl: what sentence-transformers gives for texts of all kinds, for tests of embeddings in the host.

    python minilm.py FOLDER-OF-all-MiniLM-L6-v2 minilm.jsonl

Each text is encoded alone, so that nothing is padded. The first line says which versions made it.
"""

import hashlib
import json
import platform
import sys
from pathlib import Path

import sentence_transformers
import tokenizers
import torch
import transformers

LONG = "The committee read the report for a second time, and found {} errors in the annex on tariffs. "
TEXTS = [
    "hi",
    "How do I reset my password? I no longer have access to the e-mail address I signed up with.",
    "".join(LONG.format(n) for n in range(30)),
    "",
    " \t\r\n  ",
    "nul\0bell\x07del\x7fnel\x85zero\u200bwidth\ufeffbom\ufffdreplaced line\u2028separator\u00a0space",
    "Où est la gare ? Wo ist der Bahnhof? 駅はどこですか。 地铁站在哪里? Где вокзал? أين المحطة؟ स्टेशन कहाँ है?",
    "Ship it 🚀🚀 👩‍👩‍👧‍👦 🇨🇭 ❤️ done ✅",
    "ATTENTION: DO NOT SHARE YOUR PIN CODE WITH ANYONE",
    'fn main() { let x: Vec<u8> = vec![0x1F; 16]; println!("{:?}", x.iter().map(|b| b ^ 0xff)); } // O(n²)',
    "Crème brûlée, naïve façade, Ångström, İstanbul, straße, ﬁne, e\u0301tude, Việt Nam",
    "a" * 99 + " " + "b" * 100 + " " + "c" * 101 + " https://example.com/a?b=c&d=%20#e [SEP] [MASK] ##ing",
    "don't—stop… “quoted” ‘text’ $5.00 €3,50 50% a+b=c <b>x</b> ~`^|",
]


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    header = {
        "model": "all-MiniLM-L6-v2",
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "sentence-transformers": sentence_transformers.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    with out.open("w", encoding="utf-8") as file:
        print(json.dumps(header), file=file)
        for text in TEXTS:
            vector = model.encode([text], normalize_embeddings=True)[0]
            numbers = ",".join(f"{number:.7g}" for number in vector)
            print(f'{{"text":{json.dumps(text)},"vector":[{numbers}]}}', file=file)


main()
