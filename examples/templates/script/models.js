// The code behind models.d.ts. What it imports is there only where plugin.toml lists the capability `models`.

import host from "tribunal:plugin/models@0.1.0";
import { aCount, aNumber, aText, Failure, need } from "./tribunal.js";

const given = (value, shape, ...about) => (value === undefined || value === null ? null : shape(value, ...about));
const count = (value, what) => given(value, aCount, what, 0xffff_ffff);

function ask(question) {
  try {
    return question();
  } catch (error) {
    if (error.payload === undefined) throw error;
    const { code, message, transient } = error.payload;
    throw new Failure(code, message, transient);
  }
}

export function complete(alias, { messages, schema, maxTokens, temperature, seed, topLogprobs }) {
  const prompt = {
    messages: need(Array.isArray(messages), "a prompt's messages must be a list", messages).map((message) => ({
      role: aText(message.role, "a message's role"),
      content: aText(message.content, "a message's content"),
    })),
    schema: given(schema, JSON.stringify),
    maxTokens: count(maxTokens, "maxTokens"),
    temperature: given(temperature, aNumber, "a temperature"),
    seed: count(seed, "a seed"),
    topLogprobs: count(topLogprobs, "topLogprobs") ?? 0,
  };
  return ask(() => host.complete(aText(alias, "an alias"), prompt));
}

export function embed(alias, texts) {
  const list = need(Array.isArray(texts), "texts must be a list", texts).map((text) => aText(text, "a text"));
  return ask(() => host.embed(aText(alias, "an alias"), list));
}
