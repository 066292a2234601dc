import { defineErrorClassifier, type Finding, listOf, outputTexts, text } from "../tribunal.js";

const WORD = /[^ \t\n\r\f]+/g;
const LETTERS = /^[A-Za-z]+$/;

export const { describe, configure, errorClassifier } = defineErrorClassifier({
  name: "example-plugin",
  version: "0.1.0",
  summary: "Finds words that stand twice.",
  config: {
    allowed: listOf(text({ pattern: "[a-z]+" }), { default: ["had", "that"], description: "Words that may stand twice." }),
  },

  evaluate(interaction, { allowed }) {
    const findings: Finding[] = [];
    for (const text of outputTexts(interaction)) {
      let last = "";
      let start = 0;
      for (const { 0: run, index } of text.text.matchAll(WORD)) {
        const word = LETTERS.test(run) ? run.toLowerCase() : "";
        if (word !== "" && word === last && !allowed.includes(word)) {
          findings.push({
            category: "grammatical",
            code: "doubled-word",
            severity: "low",
            confidence: 0.8,
            span: text.span(start, index + run.length),
            explanation: `"${word}" stands twice`,
          });
          if (findings.length === 50) return findings;
        }
        last = word;
        start = index;
      }
    }
    return findings;
  },
});
