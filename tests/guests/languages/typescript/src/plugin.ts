import * as models from "../models.js";
import { defineScorer, Failure, outputTexts, type Score, text } from "../tribunal.js";

const SCHEMA = { type: "object", required: ["score"], properties: { score: { type: "integer" } } };

export const { describe, configure, scorer } = defineScorer({
  name: "judge",
  version: "0.1.0",
  summary: "Scores with what a model answers.",
  config: { model: text({ default: "judge" }) },

  evaluate(interaction, { model }) {
    const [said] = outputTexts(interaction);
    if (said === undefined) return [];
    const scores: Score[] = [];
    const plain: models.Prompt = { messages: [{ role: "user", content: said.text }] };

    try {
      models.complete("nobody", plain);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      scores.push({ name: "caught", value: error.code, explanation: error.message });
      scores.push({ name: "may_pass", value: error.transient });
    }

    const free = models.complete(model, plain);
    scores.push({ name: "free", value: free.text, explanation: about(free) });

    const answer = models.complete(model, {
      messages: [
        { role: "system", content: "How helpful is this answer, from 1 to 5?" },
        { role: "user", content: said.text },
      ],
      schema: SCHEMA,
      maxTokens: 20,
      temperature: 0,
      seed: 7,
      topLogprobs: 2,
    });
    const { score } = JSON.parse(answer.text) as { score: number };
    scores.push({ name: "helpful", value: score, explanation: about(answer) });
    for (const { token, logprob } of answer.firstToken) {
      scores.push({ name: "first", value: logprob, explanation: token });
    }

    const [one = [], other = []] = models.embed(model, [said.text, "Grüße, 🐈"]);
    const likeness = one.reduce((sum, value, at) => sum + value * Number(other[at]), 0);
    scores.push({ name: "likeness", value: likeness });
    return scores;
  },
});

function about({ model, finishReason, inputTokens, outputTokens }: models.Completion) {
  return `${model}: ${finishReason ?? "none"}, ${inputTokens ?? 0} and ${outputTokens ?? 0} tokens`;
}
