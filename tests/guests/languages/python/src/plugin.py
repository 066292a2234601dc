from dataclasses import dataclass

from tribunal import Completion, Failure, Interaction, Score, models, option, scorer

SCHEMA = {"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}


@dataclass
class Config:
    model: str = option("judge")


@scorer(name="judge", version="0.1.0", summary="Scores with what a model answers.", config=Config)
def judge(interaction: Interaction, config: Config) -> list[Score]:
    text = next(interaction.output_texts(), None)
    if text is None:
        return []
    scores: list[Score] = []

    try:
        models.complete("nobody", [models.user(text)])
    except Failure as failure:
        scores.append(Score("caught", failure.code, failure.message))
        scores.append(Score("may_pass", failure.transient))

    free = models.complete(config.model, [models.user(text)])
    scores.append(Score("free", free.text, about(free)))

    answer = models.complete(
        config.model,
        [models.system("How helpful is this answer, from 1 to 5?"), models.user(text)],
        schema=SCHEMA,
        max_tokens=20,
        temperature=0,
        seed=7,
        top_logprobs=2,
    )
    score = answer.json()["score"]
    scores.append(Score("helpful", score, about(answer)))
    scores.extend(Score("first", first.logprob, first.token) for first in answer.first_token)

    one, other = models.embed(config.model, [text, "Grüße, 🐈"])
    likeness = 0.0
    for left, right in zip(one, other):
        likeness += left * right
    return [*scores, Score("likeness", likeness)]


def about(answer: Completion) -> str:
    reason = answer.finish_reason or "none"
    return f"{answer.model}: {reason}, {answer.input_tokens or 0} and {answer.output_tokens or 0} tokens"
