/**
 * Tribunal for plugins in JavaScript and TypeScript: what a plugin is given and what it gives back. `tribunal.js` is the
 * code behind it. Both belong to the template and need no change.
 *
 * Whole numbers of 64 bits come as JavaScript's numbers, which are exact up to 2^53.
 */

// What a plugin is given.

/** The value of an attribute. `json` is an array or object as JSON text. */
export type AttributeValue =
  | { tag: "text"; val: string }
  | { tag: "integer"; val: number }
  | { tag: "number"; val: number }
  | { tag: "boolean"; val: boolean }
  | { tag: "json"; val: string };

/** A named value beyond the fields of the contract. `attribute` finds one by its key. */
export interface Attribute {
  key: string;
  value: AttributeValue;
}

/**
 * What the call used. The buckets are disjoint: all input is `inputTokens + cacheReadTokens + cacheWriteTokens`, all
 * output is `outputTokens + reasoningTokens`.
 */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  reasoningTokens: number;
  /** Anything else that was counted, such as `input_audio_tokens`. */
  other: { name: string; count: number }[];
}

/** How long the call took, in milliseconds. */
export interface Timing {
  duration: number | null;
  timeToFirstToken: number | null;
}

/** A word of a list that is open: others may come. */
export type Open<Known extends string> = Known | (string & {});

/** Why the call failed. */
export interface CallError {
  kind: Open<
    | "timeout" | "rate-limit" | "quota" | "authentication" | "permission" | "not-found" | "invalid-request"
    | "context-length" | "content-filter" | "overloaded" | "server" | "network" | "cancelled"
  >;
  message: string;
  /** The provider's HTTP status. */
  status: number | null;
}

/** A tool that the model asked to be called. `arguments` is JSON text. */
export interface ToolCall {
  id: string | null;
  name: string;
  arguments: string;
}

/** What a tool answered: plain text, or JSON text where the tool gave an object or array. */
export interface ToolResult {
  id: string | null;
  content: string;
}

/** One piece of a message. `other` is of another kind, such as an image; its `json` is the whole part as JSON text. */
export type Part =
  | { tag: "text"; val: string }
  | { tag: "reasoning"; val: string }
  | { tag: "tool-call"; val: ToolCall }
  | { tag: "tool-result"; val: ToolResult }
  | { tag: "other"; val: { kind: string; json: string } };

/** One message of the conversation. */
export interface Message {
  role: Open<"system" | "developer" | "user" | "assistant" | "tool">;
  parts: Part[];
  attributes: Attribute[];
}

/** A document that the application gave the model to answer from. */
export interface Document {
  id: string | null;
  text: string;
  attributes: Attribute[];
}

/** The call to the model: who was asked, when, and what it took. It holds no message. */
export interface Call {
  id: string;
  project: string;
  operation: Open<
    "chat" | "text-completion" | "embeddings" | "generate-content" | "invoke-agent" | "execute-tool"
  >;
  provider: string;
  /** The model that answered. */
  model: string;
  /** The model that was asked for, where it differs from `model`. */
  requestedModel: string | null;
  /** Nanoseconds since 1970-01-01T00:00:00Z, rounded to some hundreds of them. */
  startedAt: number;
  timing: Timing;
  /** Null where the provider reported none. */
  usage: Usage | null;
  /** The request's parameters: `temperature`, `max_tokens`, `response_format`, … */
  parameters: Attribute[];
  /** One for each choice. */
  finishReasons: Open<"stop" | "length" | "tool-calls" | "content-filter" | "error">[];
  error: CallError | null;
  attributes: Attribute[];
}

/** One call to a model with all that was said. */
export interface Interaction {
  call: Call;
  /** What the model was given, oldest first, the system message included. */
  input: Message[];
  /** What the model answered, one message for each choice. Empty where the call failed. */
  output: Message[];
  /** The documents the answer should rest on. */
  context: Document[];
  /** The answer that was hoped for, where one is known. */
  reference: string | null;
  prompt: { name: string; version: string | null } | null;
  session: string | null;
  user: string | null;
}

/** One text of an interaction and where it stands. */
export interface Text {
  readonly text: string;
  readonly role: string;
  readonly source: "input" | "output";
  readonly message: number;
  readonly part: number;
  /** The span of `text.slice(start, end)`: UTF-16 indices are turned into the bytes of UTF-8 that a span counts. */
  span(start: number, end: number): Span;
  /** The span of what a regular expression matched. */
  spanOf(match: RegExpExecArray): Span;
}

/** The texts that the model was given, oldest first; no reasoning, no tool calls. */
export function inputTexts(interaction: Interaction): Text[];

/** The texts that the model answered; no reasoning, no tool calls. */
export function outputTexts(interaction: Interaction): Text[];

/** The whole answer as one text, its parts joined by line feeds. */
export function answer(interaction: Interaction): string;

/** The value of the attribute of that key, JSON parsed; undefined where there is none. */
export function attribute(attributes: Attribute[], key: string): any;

// What a plugin gives back.

/** A stretch of one text. `start` and `end` count bytes of UTF-8; `Text.span` makes it. */
export interface Span {
  source: "input" | "output";
  message: number;
  part: number;
  start: number;
  end: number;
}

/** How bad a finding is. `info` asks for nothing; `critical` asks for somebody now. */
export type Severity = "info" | "low" | "medium" | "high" | "critical";

/** Attributes by their keys. A list or object becomes JSON. */
export type NewAttributes = Record<string, string | number | boolean | object>;

/** One named judgement: a finite number, a boolean, or one of a small set of words. */
export interface Score {
  /** Unique within one evaluation. */
  name: string;
  value: number | boolean | string;
  /** Why, in a sentence for the reviewer. */
  explanation?: string;
  attributes?: NewAttributes;
}

/** One error. */
export interface Finding {
  category: Open<
    | "semantic" | "grammatical" | "inappropriate" | "out-of-scope" | "provider" | "truncated" | "format" | "empty"
    | "repetition"
  >;
  /** The rule within the category. */
  code: string;
  severity: Severity;
  /** From 0 to 1; 1 unless set. */
  confidence?: number;
  span?: Span;
  /** Why, in a sentence for the reviewer. */
  explanation?: string;
  attributes?: NewAttributes;
}

/** One bias. */
export interface BiasFinding {
  dimension: Open<
    | "gender" | "race-ethnicity" | "religion" | "nationality" | "age" | "disability" | "sexual-orientation"
    | "socioeconomic" | "political" | "appearance" | "unspecified"
  >;
  severity: Severity;
  /** From 0 to 1; 1 unless set. */
  confidence?: number;
  span?: Span;
  /** Why, in a sentence for the reviewer. */
  explanation?: string;
  attributes?: NewAttributes;
}

/** One line of a cost. */
export interface CostItem {
  name: string;
  quantity: number;
  /** Billionths of the currency for one million units. */
  unitPrice: number;
}

/**
 * What a call cost. Its amounts are made of the items, exactly. An amount above 2^53 billionths that no number of
 * JavaScript holds ends the evaluation with a failure `unsupported`.
 */
export interface Cost {
  /** ISO 4217, three capital letters. */
  currency: string;
  items: CostItem[];
  /** Which prices were used, with their date. */
  priceList: string;
  attributes?: NewAttributes;
}

/** Throw it where an evaluation gives no verdict. `transient` asks for another try later. */
export class Failure extends Error {
  constructor(code: Open<"unsupported" | "invalid-input" | "internal">, message: string, transient?: boolean);
  readonly code: string;
  readonly transient: boolean;
}

// The config.

/** A key of the config. */
export interface Option<T> {
  /** Its JSON Schema. */
  readonly schema: object;
  /** What it must be, in a sentence. */
  readonly noun: string;
  read(value: unknown): T;
}

interface About<T> {
  /** A key without a default has to be there. */
  default?: T;
  description?: string;
}

/** A whole number. */
export function whole(about?: About<number> & { minimum?: number; maximum?: number }): Option<number>;
/** A number. */
export function number(about?: About<number> & { minimum?: number; maximum?: number }): Option<number>;
/** True or false. */
export function boolean(about?: About<boolean>): Option<boolean>;
/** A text. `pattern` is for the whole of it. */
export function text(about?: About<string> & { pattern?: string }): Option<string>;
/** One of a few words. */
export function oneOf<const T extends string>(words: readonly T[], about?: About<T>): Option<T>;
/** A list. */
export function listOf<T>(items: Option<T>, about?: About<T[]>): Option<T[]>;
/** An object as a map. `keys` is a pattern for the whole of each key. */
export function mapOf<T>(
  values: Option<T>,
  about?: About<Record<string, T>> & { keys?: string },
): Option<Map<string, T>>;

type Options = Record<string, Option<any>>;
type Values<O extends Options> = { readonly [Key in keyof O]: O[Key] extends Option<infer T> ? T : never };

// The plugin.

interface Plugin<O extends Options, State, Given, Made> {
  /** 1 to 256 bytes of `a-z`, `0-9`, `-`, `_`, `.` and `/`. */
  name: string;
  /** A semantic version. */
  version: string;
  /** One sentence for a list of plugins. */
  summary: string;
  /** The keys of the operator's config. */
  config?: O;
  /** Makes of the config what `evaluate` is given. A `Failure` that it throws refuses the config with its message. */
  prepare?(config: Values<O>): State;
  evaluate(given: Given, state: State): Made;
}

interface Base {
  describe(): object;
  configure(json: string): void;
}

interface Kind {
  evaluate(given: any): any;
}

/** A plugin that scores. An empty list says that there is nothing to score. */
export function defineScorer<O extends Options = {}, State = Values<O>>(
  plugin: Plugin<O, State, Interaction, Score[]>,
): Base & { scorer: Kind };

/** A plugin that finds errors. An empty list says that there is none. */
export function defineErrorClassifier<O extends Options = {}, State = Values<O>>(
  plugin: Plugin<O, State, Interaction, Finding[]>,
): Base & { errorClassifier: Kind };

/** A plugin that finds bias. An empty list says that there is none. */
export function defineBiasCheck<O extends Options = {}, State = Values<O>>(
  plugin: Plugin<O, State, Interaction, BiasFinding[]>,
): Base & { biasCheck: Kind };

/** A plugin that prices a call. Null says that the price is not known, which is not the same as a cost of 0. */
export function definePricingAdapter<O extends Options = {}, State = Values<O>>(
  plugin: Plugin<O, State, Call, Cost | null>,
): Base & { pricingAdapter: Kind };

/** Lines for the operator, kept with the evaluation that wrote them. */
export const log: Record<"trace" | "debug" | "info" | "warn" | "error", (message: unknown) => void>;

declare global {
  /** Writes to `log`. `console.log` writes lines of `info`. */
  const console: Record<"log" | "trace" | "debug" | "info" | "warn" | "error", (...values: unknown[]) => void>;
}
