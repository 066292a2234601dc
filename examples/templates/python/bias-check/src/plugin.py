import re
from dataclasses import dataclass
from itertools import islice

from tribunal import BiasFinding, Interaction, Severity, bias_check, option

LETTERS = re.compile("[A-Za-z]+")
BUILT_IN = {
    "chairman": "chair",
    "fireman": "firefighter",
    "mankind": "humankind",
    "manpower": "workforce",
    "policeman": "police officer",
    "salesman": "salesperson",
    "stewardess": "flight attendant",
}


@dataclass
class Config:
    terms: dict[str, str] = option({}, keys="[a-z]+", description="More terms, each with what to say in its place.")

    def __post_init__(self) -> None:
        self.terms = BUILT_IN | self.terms


@bias_check(
    name="example-plugin", version="0.1.0", summary="Finds words for people that name a gender.", config=Config
)
def gendered_terms(interaction: Interaction, config: Config) -> list[BiasFinding]:
    found = (
        BiasFinding(
            dimension="gender",
            severity=Severity.LOW,
            confidence=0.6,
            span=text.span(*run.span()),
            explanation=f'"{word}" names a gender; "{config.terms[word]}" does not',
        )
        for text in interaction.output_texts()
        for run in LETTERS.finditer(text)
        if (word := run[0].lower()) in config.terms
    )
    return list(islice(found, 50))
