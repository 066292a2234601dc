// @ts-check
import { defineScorer, outputTexts, whole } from "./tribunal.js";

const WORD = /[^ \t\n\r\f]+/g;

export const { describe, configure, scorer } = defineScorer({
  name: "example-plugin",
  version: "0.1.0",
  summary: "Counts the words of an answer.",
  config: {
    max_words: whole({ default: 200, minimum: 1, maximum: 1_000_000, description: "How many words an answer may have." }),
  },

  evaluate(interaction, { max_words }) {
    if (interaction.output.length === 0) return [];
    let words = 0;
    for (const { text } of outputTexts(interaction)) words += text.match(WORD)?.length ?? 0;
    return [
      { name: "words", value: words },
      {
        name: "within_limit",
        value: words <= max_words,
        explanation: `${words} words, at most ${max_words} are wanted`,
      },
    ];
  },
});
