import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

from tribunal import Finding, Interaction, Severity, Text, error_classifier, option

WORD = re.compile(r"[^ \t\n\r\f]+")


@dataclass
class Config:
    allowed: list[str] = option(["had", "that"], pattern="[a-z]+", description="Words that may stand twice.")


@error_classifier(name="example-plugin", version="0.1.0", summary="Finds words that stand twice.", config=Config)
def doubled_words(interaction: Interaction, config: Config) -> list[Finding]:
    found = (finding for text in interaction.output_texts() for finding in doubled(text, config))
    return list(islice(found, 50))


def doubled(text: Text, config: Config) -> Iterator[Finding]:
    for first, second in pairwise(WORD.finditer(text)):
        both, word = first[0] + second[0], first[0].lower()
        if both.isascii() and both.isalpha() and word == second[0].lower() and word not in config.allowed:
            yield Finding(
                category="grammatical",
                code="doubled-word",
                severity=Severity.LOW,
                confidence=0.8,
                span=text.span(first.start(), second.end()),
                explanation=f'"{word}" stands twice',
            )
