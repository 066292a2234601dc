import { definePricingAdapter, Failure, text, whole } from "../tribunal.js";

// Prices are in billionths of the currency for one million tokens.
const LIMIT = 1_000_000_000_000;

export const { describe, configure, pricingAdapter } = definePricingAdapter({
  name: "example-plugin",
  version: "0.1.0",
  summary: "Prices tokens by a fixed list.",
  config: {
    currency: text({ default: "USD", pattern: "[A-Z]{3}", description: "The currency's three letters." }),
    input_price: whole({ default: 150_000_000, minimum: 0, maximum: LIMIT, description: "For a million tokens given." }),
    output_price: whole({ default: 600_000_000, minimum: 0, maximum: LIMIT, description: "For a million tokens answered." }),
  },

  evaluate({ usage }, { currency, input_price, output_price }) {
    if (usage === null) return null;
    const given = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
    const answered = usage.outputTokens + usage.reasoningTokens;
    if (Math.max(given, answered) > LIMIT) throw new Failure("invalid-input", "more than 10^12 tokens");
    return {
      currency,
      items: [
        { name: "input_tokens", quantity: given, unitPrice: input_price },
        { name: "output_tokens", quantity: answered, unitPrice: output_price },
      ],
      priceList: "example-plugin 0.1.0",
    };
  },
});
