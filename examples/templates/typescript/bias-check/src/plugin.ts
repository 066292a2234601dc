import { type BiasFinding, defineBiasCheck, mapOf, outputTexts, text } from "../tribunal.js";

const LETTERS = /[A-Za-z]+/g;
const BUILT_IN = {
  chairman: "chair",
  fireman: "firefighter",
  mankind: "humankind",
  manpower: "workforce",
  policeman: "police officer",
  salesman: "salesperson",
  stewardess: "flight attendant",
};

export const { describe, configure, biasCheck } = defineBiasCheck({
  name: "example-plugin",
  version: "0.1.0",
  summary: "Finds words for people that name a gender.",
  config: {
    terms: mapOf(text(), { default: {}, keys: "[a-z]+", description: "More terms, each with what to say in its place." }),
  },

  prepare: ({ terms }) => new Map([...Object.entries(BUILT_IN), ...terms]),

  evaluate(interaction, terms) {
    const findings: BiasFinding[] = [];
    for (const text of outputTexts(interaction)) {
      for (const run of text.text.matchAll(LETTERS)) {
        const word = run[0].toLowerCase();
        const alternative = terms.get(word);
        if (alternative === undefined) continue;
        findings.push({
          dimension: "gender",
          severity: "low",
          confidence: 0.6,
          span: text.spanOf(run),
          explanation: `"${word}" names a gender; "${alternative}" does not`,
        });
        if (findings.length === 50) return findings;
      }
    }
    return findings;
  },
});
