// The code behind tribunal.d.ts: turns what an author gives back into the contract's shapes, reads configs, and ends a
// call with a text where nobody caught an error.

import host from "tribunal:plugin/abort@0.1.0";
import operator from "tribunal:plugin/log@0.1.0";

export class Failure extends Error {
  constructor(code, message, transient = false) {
    super(message);
    this.code = code;
    this.transient = transient;
  }
}

// Texts and spans.

class Text {
  #unit = 0;
  #byte = 0;

  constructor(text, role, source, message, part) {
    this.text = text;
    this.role = role;
    this.source = source;
    this.message = message;
    this.part = part;
  }

  span(start, end) {
    const { text, source, message, part } = this;
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start < end && end <= text.length)) {
      throw new RangeError(`no span: ${start} to ${end} of a text of ${text.length} units`);
    }
    return { source, message, part, start: this.#bytesTo(start), end: this.#bytesTo(end) };
  }

  spanOf(match) {
    return this.span(match.index, match.index + match[0].length);
  }

  // Bytes of UTF-8 before a UTF-16 index. Goes on from the last one asked for.
  #bytesTo(index) {
    if (index < this.#unit) this.#unit = this.#byte = 0;
    let byte = this.#byte;
    for (let unit = this.#unit; unit < index; unit++) {
      const code = this.text.charCodeAt(unit);
      if (code < 0x80) byte += 1;
      else if (code < 0x800) byte += 2;
      else if (code < 0xd800 || code > 0xdfff) byte += 3;
      else if (code > 0xdbff) byte += 4;
      else if (unit + 1 === index) throw new RangeError(`no span: ${index} is inside of a character`);
    }
    this.#unit = index;
    return (this.#byte = byte);
  }
}

function texts(source, messages) {
  const found = [];
  messages.forEach(({ role, parts }, message) => {
    parts.forEach((part, at) => {
      if (part.tag === "text") found.push(new Text(part.val, role, source, message, at));
    });
  });
  return found;
}

export const inputTexts = (interaction) => texts("input", interaction.input);
export const outputTexts = (interaction) => texts("output", interaction.output);
export const answer = (interaction) => outputTexts(interaction).map(({ text }) => text).join("\n");

export function attribute(attributes, key) {
  const value = attributes.find((each) => each.key === key)?.value;
  return value?.tag === "json" ? JSON.parse(value.val) : value?.val;
}

// The config.

const anchored = (pattern) => (pattern.includes("|") ? `^(?:${pattern})$` : `^${pattern}$`);

class Option {
  constructor(schema, noun, about, read) {
    const { default: given, description } = about;
    this.schema = { ...schema };
    if (description !== undefined) this.schema.description = description;
    if (given !== undefined) this.schema.default = given;
    this.noun = noun;
    this.read = read;
  }
}

const refused = Symbol("refused");

function option(schema, noun, about, fits, made = (value) => value) {
  return new Option(schema, noun, about, (value) => (fits(value) ? made(value) : refused));
}

function numeric(type, noun, about, fits) {
  const { minimum, maximum } = about;
  const schema = { type };
  if (minimum !== undefined) schema.minimum = minimum;
  if (maximum !== undefined) schema.maximum = maximum;
  const low = minimum ?? -Infinity;
  const high = maximum ?? Infinity;
  const range =
    minimum !== undefined && maximum !== undefined ? ` from ${minimum} to ${maximum}`
    : minimum !== undefined ? ` of at least ${minimum}`
    : maximum !== undefined ? ` of at most ${maximum}`
    : "";
  return option(schema, noun + range, about, (value) => fits(value) && low <= value && value <= high);
}

export const whole = (about = {}) => numeric("integer", "a whole number", about, Number.isInteger);
export const number = (about = {}) => numeric("number", "a number", about, Number.isFinite);
export const boolean = (about = {}) =>
  option({ type: "boolean" }, "true or false", about, (value) => typeof value === "boolean");

export function text(about = {}) {
  const { pattern } = about;
  if (pattern === undefined) return option({ type: "string" }, "a text", about, (value) => typeof value === "string");
  const whole = new RegExp(anchored(pattern), "u");
  const schema = { type: "string", pattern: anchored(pattern) };
  return option(schema, `a text matching ${pattern}`, about, (value) => typeof value === "string" && whole.test(value));
}

export const oneOf = (words, about = {}) =>
  option({ enum: words }, `one of ${words.map((word) => JSON.stringify(word)).join(", ")}`, about, (value) =>
    words.includes(value),
  );

export const listOf = (items, about = {}) =>
  new Option({ type: "array", items: items.schema }, `a list, each item ${items.noun}`, about, (value) => {
    if (!Array.isArray(value)) return refused;
    const read = value.map(items.read);
    return read.includes(refused) ? refused : read;
  });

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export function mapOf(values, about = {}) {
  const { keys } = about;
  const schema = { type: "object", additionalProperties: values.schema };
  if (keys !== undefined) schema.propertyNames = { pattern: anchored(keys) };
  const whole = keys === undefined ? undefined : new RegExp(anchored(keys), "u");
  const noun = `an object, ${keys === undefined ? "" : `each key matching ${keys}, `}each value ${values.noun}`;
  return new Option(schema, noun, about, (value) => {
    if (!isObject(value)) return refused;
    const read = new Map();
    for (const [key, each] of Object.entries(value)) {
      const made = values.read(each);
      if (made === refused || (whole && !whole.test(key))) return refused;
      read.set(key, made);
    }
    return read;
  });
}

function readConfig(options, json) {
  const given = JSON.parse(json);
  if (!isObject(given)) throw "the config must be an object";
  for (const key of Object.keys(given)) {
    if (!options.has(key)) {
      const known = [...options.keys()].map((each) => JSON.stringify(each));
      const there = known.length === 0 ? "there are no keys" : `there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}`;
      throw `unknown key ${JSON.stringify(key)}; ${there}`;
    }
  }
  const config = {};
  for (const [key, option] of options) {
    const value = Object.hasOwn(given, key) ? given[key] : option.schema.default;
    if (value === undefined) throw `${JSON.stringify(key)} is missing`;
    config[key] = option.read(value);
    if (config[key] === refused) throw `${JSON.stringify(key)} must be ${option.noun}`;
  }
  return config;
}

// From what an author gives to the contract's shapes. The runtime ends the call without a word where a shape is wrong, so
// everything is looked at. `models.js` does so too.

export function need(condition, what, value) {
  if (!condition) throw new TypeError(`${what}, not ${typeof value === "string" ? JSON.stringify(value) : String(value)}`);
  return value;
}

export const aText = (value, what) => need(typeof value === "string", `${what} must be a text`, value).toWellFormed();
export const aNumber = (value, what) => need(typeof value === "number", `${what} must be a number`, value);
const orNull = (value, what) => (value === undefined || value === null ? null : aText(value, what));
export const aCount = (value, what, limit) =>
  need(Number.isInteger(value) && 0 <= value && value <= limit, `${what} must be a whole number up to ${limit}`, value);

const severities = ["info", "low", "medium", "high", "critical"];

function aSpan(span) {
  if (span === undefined || span === null) return null;
  const { source, message, part, start, end } = need(isObject(span), "a span must be made by `Text.span`", span);
  need(source === "input" || source === "output", "a span's source must be input or output", source);
  for (const each of [message, part, start, end]) aCount(each, "a span's number", 0xffff_ffff);
  return { source, message, part, start, end };
}

function theAttributes(attributes) {
  return Object.entries(attributes ?? {}).map(([name, value]) => {
    const key = name.toWellFormed();
    const what = `the attribute ${JSON.stringify(key)}`;
    switch (typeof value) {
      case "string": return { key, value: { tag: "text", val: value.toWellFormed() } };
      case "boolean": return { key, value: { tag: "boolean", val: value } };
      case "number": return { key, value: { tag: Number.isSafeInteger(value) ? "integer" : "number", val: value } };
      default:
        need(typeof value === "object" && value !== null, `${what} must be a text, number, boolean, list or object`, value);
        return { key, value: { tag: "json", val: JSON.stringify(value) } };
    }
  });
}

function theScore({ name, value, explanation, attributes }) {
  const tag = { number: "number", boolean: "boolean", string: "label" }[typeof value];
  need(tag !== undefined, "a score's value must be a number, a boolean or a label", value);
  return {
    name: aText(name, "a score's name"),
    value: { tag, val: tag === "label" ? value.toWellFormed() : value },
    explanation: orNull(explanation, "an explanation"),
    attributes: theAttributes(attributes),
  };
}

const theRest = ({ severity, confidence = 1, span, explanation, attributes }) => ({
  severity: need(severities.includes(severity), `a severity must be one of ${severities.join(", ")}`, severity),
  confidence: aNumber(confidence, "a confidence"),
  span: aSpan(span),
  explanation: orNull(explanation, "an explanation"),
  attributes: theAttributes(attributes),
});

const theFinding = (finding) => ({
  category: aText(finding.category, "a category"),
  code: aText(finding.code, "a code"),
  ...theRest(finding),
});

const theBias = (finding) => ({ dimension: aText(finding.dimension, "a dimension"), ...theRest(finding) });

const listed = (the) => (made) =>
  need(Array.isArray(made), "the plugin must give back a list", made).map((each) =>
    the(need(isObject(each), "the list must hold objects", each)),
  );

// A millionth, rounded half to even. The runtime passes on numbers only, so what no number holds is refused.
function millionth(exact) {
  let amount = exact / 1_000_000n;
  const rest = exact % 1_000_000n;
  if (rest > 500_000n || (rest === 500_000n && amount % 2n === 1n)) amount += 1n;
  if (BigInt(Number(amount)) !== amount) {
    throw new Failure("unsupported", `JavaScript cannot give back an amount of ${amount} billionths exactly`);
  }
  return Number(amount);
}

function theCost(cost) {
  if (cost === null || cost === undefined) return null;
  let exact = 0n;
  const items = need(Array.isArray(cost.items), "a cost's items must be a list", cost.items).map((item) => {
    const quantity = aCount(item.quantity, "a quantity", Number.MAX_SAFE_INTEGER);
    const unitPrice = aCount(item.unitPrice, "a price", Number.MAX_SAFE_INTEGER);
    const each = BigInt(quantity) * BigInt(unitPrice);
    exact += each;
    return { name: aText(item.name, "a name"), quantity, unitPrice, amount: millionth(each) };
  });
  return {
    currency: aText(cost.currency, "a currency"),
    amount: millionth(exact),
    items,
    priceList: aText(cost.priceList, "a price list"),
    attributes: theAttributes(cost.attributes),
  };
}

// The plugin.

function told(error) {
  if (!(error instanceof Error)) return `uncaught: ${shown(error)}`;
  const frames = (error.stack ?? "").split("\n").filter((frame) => !/\/(tribunal|models)\.js:/.test(frame));
  return `${error.name}: ${error.message}\n${frames.join("\n")}`.trimEnd();
}

function guarded(body) {
  try {
    return body();
  } catch (error) {
    host.abort(told(error).toWellFormed());
  }
}

function define(kind, shape, { name, version, summary, config = {}, prepare, evaluate }) {
  const options = new Map(Object.entries(config));
  const properties = Object.fromEntries([...options].map(([key, { schema }]) => [key, schema]));
  const required = [...options].filter(([, { schema }]) => schema.default === undefined).map(([key]) => key);
  const description = {
    name,
    version,
    summary,
    configSchema: JSON.stringify({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties,
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    }),
    attributes: [],
  };
  let state;

  return {
    describe: () => description,
    configure(json) {
      let refusal;
      guarded(() => {
        try {
          const read = readConfig(options, json);
          state = prepare ? prepare(read) : read;
        } catch (error) {
          if (typeof error !== "string" && !(error instanceof Failure)) throw error;
          refusal = typeof error === "string" ? error : error.message;
        }
      });
      if (refusal !== undefined) throw refusal.toWellFormed();
    },
    [kind]: {
      evaluate(given) {
        let failure;
        const made = guarded(() => {
          try {
            return shape(evaluate(given, state));
          } catch (error) {
            if (!(error instanceof Failure)) throw error;
            failure = {
              code: String(error.code).toWellFormed(),
              message: String(error.message).toWellFormed(),
              transient: Boolean(error.transient),
            };
          }
        });
        if (failure !== undefined) throw failure;
        return made;
      },
    },
  };
}

export const defineScorer = (plugin) => define("scorer", listed(theScore), plugin);
export const defineErrorClassifier = (plugin) => define("errorClassifier", listed(theFinding), plugin);
export const defineBiasCheck = (plugin) => define("biasCheck", listed(theBias), plugin);
export const definePricingAdapter = (plugin) => define("pricingAdapter", theCost, plugin);

// The log.

const line = (level) => (...values) => operator.log(level, values.map(shown).join(" ").toWellFormed());

function shown(value) {
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

export const log = Object.fromEntries(["trace", "debug", "info", "warn", "error"].map((level) => [level, line(level)]));
globalThis.console = { ...log, log: log.info };
