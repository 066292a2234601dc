/**
 * Asking models, by the operator's alias. Only a project whose `plugin.toml` lists the capability `models` can import this.
 *
 * Where there is no answer, a `Failure` is thrown; one that nobody catches is known to the host for its own.
 */

import type { Open } from "./tribunal.js";

/** One message of a prompt. */
export interface PromptMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** What a language model is asked. What is not set is left to the provider. */
export interface Prompt {
  /** At least one, oldest first. */
  messages: PromptMessage[];
  /** A JSON Schema. The answer is JSON that satisfies it, or there is none. */
  schema?: object;
  maxTokens?: number;
  /** From 0 to 2. */
  temperature?: number;
  /** The host gives the same answer to the same prompt: where several are wanted, give each a seed. */
  seed?: number;
  /** How many of the likeliest first tokens are wanted, at most 20. */
  topLogprobs?: number;
}

/** What a language model answered. */
export interface Completion {
  /** JSON where there was a schema. */
  text: string;
  /** The model that answered, as its provider names it. */
  model: string;
  finishReason: Open<"stop" | "length" | "content-filter"> | null;
  inputTokens: number | null;
  outputTokens: number | null;
  /** The likeliest first tokens, likeliest first, with the natural logarithms of their probabilities. */
  firstToken: { token: string; logprob: number }[];
}

/** Asks a language model. */
export function complete(alias: string, prompt: Prompt): Completion;

/** A vector for each text, in their order, each as long as 1: the likeness of two is the sum of their products. */
export function embed(alias: string, texts: string[]): number[][];
