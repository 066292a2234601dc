import re
from dataclasses import dataclass

from tribunal import Interaction, Score, option, scorer

WORD = re.compile(r"[^ \t\n\r\f]+")


@dataclass
class Config:
    max_words: int = option(200, minimum=1, maximum=1_000_000, description="How many words an answer may have.")


@scorer(name="example-plugin", version="0.1.0", summary="Counts the words of an answer.", config=Config)
def count_words(interaction: Interaction, config: Config) -> list[Score]:
    if not interaction.output:
        return []
    words = sum(len(WORD.findall(text)) for text in interaction.output_texts())
    return [
        Score("words", words),
        Score("within_limit", words <= config.max_words, f"{words} words, at most {config.max_words} are wanted"),
    ]
