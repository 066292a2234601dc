"""Tribunal for plugins in Python: what a plugin is given, what it gives back, and the decorator that exports it.

A plugin is one function under `scorer`, `error_classifier`, `bias_check` or `pricing_adapter`. This file belongs to the
template and needs no change. Outside of WebAssembly a plugin's function can be
called like any other, from a test on Python 3.10 or later.
"""

# pyright: basic

from __future__ import annotations

import copy
import dataclasses
import gc
import importlib
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, Literal, NoReturn, TypeVar, Union, cast, overload

__all__ = [
    "AttributeValue", "BiasFinding", "Call", "CallError", "Completion", "Cost", "CostItem", "Document", "Failure",
    "Finding", "Interaction", "Json", "Message", "OtherPart", "Part", "PromptMessage", "PromptVersion", "Reasoning",
    "Score", "Severity", "Span", "Text", "TextSource", "Timing", "TokenLogprob", "ToolCall", "ToolResult", "Usage",
    "bias_check", "error_classifier", "log", "models", "option", "pricing_adapter", "scorer",
]  # fmt: skip


# What a plugin is given.


@dataclass(frozen=True)
class Json:
    """An array or object as JSON text."""

    text: str

    def parse(self) -> Any:
        """The array or object."""
        return json.loads(self.text)

    @staticmethod
    def of(value: Any) -> Json:
        """The JSON text of a list or dict."""
        return Json(json.dumps(value, ensure_ascii=False))


AttributeValue = Union[str, int, float, bool, Json]
"""The value of an attribute."""


class TextSource(Enum):
    """Which side of the interaction a text stands in."""

    INPUT = 0
    OUTPUT = 1


@dataclass(frozen=True)
class Span:
    """A stretch of one text. `Text.span` makes it. `start` and `end` count bytes of the text in UTF-8."""

    source: TextSource
    message: int
    part: int
    start: int
    end: int


class _Located(str):
    role: str = ""
    """The role of the message it stands in, such as `assistant`."""
    source: TextSource = TextSource.OUTPUT
    message: int = 0
    """Index of its message in `input` or `output`."""
    part: int = 0
    """Index in the message's `parts`."""

    def span(self, start: int, end: int) -> Span:
        """The span of `self[start:end]`, for which indices of Python are turned into bytes of UTF-8."""
        if not 0 <= start < end <= len(self):
            raise ValueError(f"no span: {start} to {end} of a text of {len(self)} characters")
        if not self.isascii():
            before = len(self[:start].encode())
            start, end = before, before + len(self[start:end].encode())
        return Span(self.source, self.message, self.part, start, end)

    def whole(self) -> Span | None:
        """The span of the whole text, or none where it is empty."""
        return self.span(0, len(self)) if self else None


class Text(_Located):
    """A text part: a `str` that knows where in the interaction it stands."""


class Reasoning(_Located):
    """A reasoning part: a `str` that knows where in the interaction it stands."""


@dataclass
class ToolCall:
    """A tool that the model asked to be called. `arguments` is JSON text."""

    id: str | None
    name: str
    arguments: str


@dataclass
class ToolResult:
    """What a tool answered: plain text, or JSON text where the tool gave an object or array."""

    id: str | None
    content: str


@dataclass
class OtherPart:
    """A part of another kind, such as an image. `json` is the whole part as JSON text."""

    kind: str
    json: str


Part = Union[Text, Reasoning, ToolCall, ToolResult, OtherPart]
"""One piece of a message."""


@dataclass
class Message:
    """One message of the conversation. Roles are `system`, `developer`, `user`, `assistant`, `tool` or others."""

    role: str
    parts: list[Part]
    attributes: dict[str, AttributeValue] = field(default_factory=dict)


@dataclass
class Document:
    """A document that the application gave the model to answer from."""

    id: str | None
    text: str
    attributes: dict[str, AttributeValue] = field(default_factory=dict)


@dataclass
class PromptVersion:
    """The version of the prompt template that the input was made from."""

    name: str
    version: str | None = None


@dataclass
class Usage:
    """What the call used. The buckets are disjoint: all input is `input_tokens + cache_read_tokens +
    cache_write_tokens`, all output is `output_tokens + reasoning_tokens`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    other: dict[str, int] = field(default_factory=dict)
    """Anything else that was counted, such as `input_audio_tokens`."""


@dataclass
class Timing:
    """How long the call took, in milliseconds."""

    duration: float | None = None
    time_to_first_token: float | None = None


@dataclass
class CallError:
    """Why the call failed. Kinds are `timeout`, `rate-limit`, `quota`, `authentication`, `permission`, `not-found`,
    `invalid-request`, `context-length`, `content-filter`, `overloaded`, `server`, `network`, `cancelled` or others."""

    kind: str
    message: str
    status: int | None = None
    """The provider's HTTP status."""


@dataclass
class Call:
    """The call to the model: who was asked, when, and what it took. It holds no message."""

    id: str = "test"
    project: str = "test"
    operation: str = "chat"
    """`chat`, `text-completion`, `embeddings`, `generate-content`, `invoke-agent`, `execute-tool` or others."""
    provider: str = "test"
    model: str = "test"
    """The model that answered."""
    requested_model: str | None = None
    """The model that was asked for, where it differs from `model`."""
    started_at: int = 0
    """Nanoseconds since 1970-01-01T00:00:00Z."""
    timing: Timing = field(default_factory=Timing)
    usage: Usage | None = None
    """None where the provider reported none."""
    parameters: dict[str, AttributeValue] = field(default_factory=dict)
    """The request's parameters: `temperature`, `max_tokens`, `response_format`, …"""
    finish_reasons: list[str] = field(default_factory=list)
    """One for each choice: `stop`, `length`, `tool-calls`, `content-filter`, `error` or others."""
    error: CallError | None = None
    attributes: dict[str, AttributeValue] = field(default_factory=dict)


@dataclass
class Interaction:
    """One call to a model with all that was said."""

    call: Call = field(default_factory=Call)
    input: list[Message] = field(default_factory=list)
    """What the model was given, oldest first, the system message included."""
    output: list[Message] = field(default_factory=list)
    """What the model answered, one message for each choice. Empty where the call failed."""
    context: list[Document] = field(default_factory=list)
    """The documents the answer should rest on."""
    reference: str | None = None
    """The answer that was hoped for, where one is known."""
    prompt: PromptVersion | None = None
    session: str | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        for source, messages in ((TextSource.INPUT, self.input), (TextSource.OUTPUT, self.output)):
            for message_at, message in enumerate(messages):
                for part_at, part in enumerate(message.parts):
                    if isinstance(part, _Located):
                        part.role, part.source = message.role, source
                        part.message, part.part = message_at, part_at

    def input_texts(self) -> Iterator[Text]:
        """The texts that the model was given, oldest first; no reasoning, no tool calls."""
        return (part for message in self.input for part in message.parts if isinstance(part, Text))

    def output_texts(self) -> Iterator[Text]:
        """The texts that the model answered; no reasoning, no tool calls."""
        return (part for message in self.output for part in message.parts if isinstance(part, Text))

    def answer(self) -> str:
        """The whole answer as one text, its parts joined by line feeds."""
        return "\n".join(self.output_texts())


# What a plugin gives back.


class Severity(Enum):
    """How bad a finding is. `INFO` asks for nothing; `CRITICAL` asks for somebody now."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True)
class Score:
    """One named judgement. The value is a finite number, a boolean, or one of a small set of words. Names are unique
    within one evaluation; the explanation is a sentence for the reviewer."""

    name: str
    value: float | bool | str
    explanation: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _need(self, "name", str)
        _need(self, "value", int, float, str)
        _need(self, "explanation", str, None)
        _need(self, "attributes", Mapping)


@dataclass(frozen=True)
class Finding:
    """One error. Categories are `semantic`, `grammatical`, `inappropriate`, `out-of-scope`, `provider`, `truncated`,
    `format`, `empty`, `repetition` or others; the code is the rule within the category; the confidence is from 0 to 1."""

    category: str
    code: str
    severity: Severity
    confidence: float = 1.0
    span: Span | None = None
    explanation: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _need(self, "category", str)
        _need(self, "code", str)
        _need_finding(self)


@dataclass(frozen=True)
class BiasFinding:
    """One bias. Dimensions are `gender`, `race-ethnicity`, `religion`, `nationality`, `age`, `disability`,
    `sexual-orientation`, `socioeconomic`, `political`, `appearance`, `unspecified` or others; the confidence is from 0
    to 1."""

    dimension: str
    severity: Severity
    confidence: float = 1.0
    span: Span | None = None
    explanation: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _need(self, "dimension", str)
        _need_finding(self)


@dataclass(frozen=True)
class CostItem:
    """One line of a cost. The price is in billionths of the currency for one million units."""

    name: str
    quantity: int
    unit_price: int

    def __post_init__(self) -> None:
        _need(self, "name", str)
        _need_count(self, "quantity", self.quantity)
        _need_count(self, "unit_price", self.unit_price)
        _need_count(self, "amount", self.amount)

    @property
    def amount(self) -> int:
        """Billionths of the currency, rounded half to even."""
        return _millionth(self.quantity * self.unit_price)


@dataclass(frozen=True)
class Cost:
    """What a call cost, in a currency of ISO 4217. The price list says which prices were used."""

    currency: str
    items: Sequence[CostItem]
    price_list: str
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _need(self, "currency", str)
        _need(self, "items", list, tuple)
        _need(self, "price_list", str)
        _need(self, "attributes", Mapping)
        _need_count(self, "amount", self.amount)

    @property
    def amount(self) -> int:
        """Billionths of the currency: the exact sum of the items, rounded once, half to even."""
        return _millionth(sum(item.quantity * item.unit_price for item in self.items))


class Failure(Exception):
    """Raise it where an evaluation gives no verdict. Codes are `unsupported`, `invalid-input`, `internal` or others;
    `transient` asks for another try later."""

    def __init__(self, code: str, message: str, transient: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.transient = transient
        _need(self, "code", str)
        _need(self, "message", str)
        _need(self, "transient", bool)


def _need(owner: object, name: str, *kinds: type | None) -> None:
    value = getattr(owner, name)
    if not any(value is None if kind is None else isinstance(value, kind) for kind in kinds):
        raise TypeError(f"{type(owner).__name__}.{name} is of the wrong type {type(value).__name__}")
    if isinstance(value, str) and not value.isascii():
        value.encode()


def _need_finding(finding: Finding | BiasFinding) -> None:
    _need(finding, "severity", Severity)
    _need(finding, "confidence", int, float)
    _need(finding, "span", Span, None)
    _need(finding, "explanation", str, None)
    _need(finding, "attributes", Mapping)


def _need_count(owner: object, name: str, value: int, bits: int = 64) -> None:
    if not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise ValueError(f"{type(owner).__name__}.{name} is no whole number of {bits} bits: {value!r}")


def _millionth(exact: int) -> int:
    whole, rest = divmod(exact, 1_000_000)
    return whole + (rest > 500_000 or (rest == 500_000 and whole % 2))


# The config.

T = TypeVar("T")


def option(
    default: T,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    pattern: str | None = None,
    keys: str | None = None,
    description: str | None = None,
) -> T:
    """A field of a config's dataclass with rules for its values.

    `minimum` and `maximum` bound numbers; `pattern` is a regular expression for a text as a whole; in a list or dict the
    rules hold for every value; `keys` is a regular expression for a dict's keys.
    """
    rules = {"minimum": minimum, "maximum": maximum, "pattern": pattern, "keys": keys, "description": description}
    made: Any = field(default_factory=lambda: copy.deepcopy(default), metadata={"rules": rules, "default": default})
    return cast(T, made)


class _Kind:
    """What values of a config's field may be: its JSON Schema, its name in a sentence, and how it is read."""

    def __init__(self, hint: Any, rules: Mapping[str, Any]) -> None:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        self.hint, self.rules = origin or hint, rules
        self.items: _Kind | None = None
        self.schema: dict[str, Any]
        self.noun: str
        if origin is list:
            self.items = _Kind(arguments[0], rules)
            self.schema = {"type": "array", "items": self.items.schema}
            self.noun = f"a list, each item {self.items.noun}"
        elif origin is dict and arguments[0] is str:
            self.items = _Kind(arguments[1], {**rules, "keys": None})
            self.schema = {"type": "object", "additionalProperties": self.items.schema}
            matching = ""
            if keys := rules.get("keys"):
                self.schema["propertyNames"] = {"pattern": _anchored(keys)}
                matching = f"each key matching {keys}, "
            self.noun = f"an object, {matching}each value {self.items.noun}"
        elif origin is Literal:
            self.schema = {"enum": list(arguments)}
            self.noun = "one of " + ", ".join(map(_quoted, arguments))
        elif hint is bool:
            self.schema, self.noun = {"type": "boolean"}, "true or false"
        elif hint is int or hint is float:
            low, high = rules.get("minimum"), rules.get("maximum")
            self.schema = {"type": "integer" if hint is int else "number"}
            self.schema |= {name: rules[name] for name in ("minimum", "maximum") if rules.get(name) is not None}
            self.noun = "a whole number" if hint is int else "a number"
            if low is not None:
                self.noun += f" from {low} to {high}" if high is not None else f" of at least {low}"
            elif high is not None:
                self.noun += f" of at most {high}"
        elif hint is str:
            self.schema, self.noun = {"type": "string"}, "a text"
            if pattern := rules.get("pattern"):
                self.schema["pattern"] = _anchored(pattern)
                self.noun += f" matching {pattern}"
        else:
            raise TypeError(f"a config cannot hold {hint}: take bool, int, float, str, Literal, list or dict")

    def read(self, given: Any) -> Any:
        """The value, or a `ValueError` without a text."""
        value = _whole(given) if self.hint is int else given
        if not self._fits(value):
            raise ValueError
        if self.items is None:
            return value
        read = self.items.read
        return [read(each) for each in value] if self.hint is list else {key: read(value[key]) for key in value}

    def _fits(self, value: Any) -> bool:
        if self.hint is Literal:
            return value in self.schema["enum"]
        if self.hint is int or self.hint is float:
            low, high = self.rules.get("minimum"), self.rules.get("maximum")
            number = type(value) is int or (type(value) is float and self.hint is float)
            return number and (low is None or value >= low) and (high is None or value <= high)
        if not isinstance(value, self.hint):
            return False
        pattern = self.rules.get("pattern") if self.hint is str else None
        keys = self.rules.get("keys") if self.hint is dict else None
        return (not pattern or re.fullmatch(pattern, value) is not None) and (
            not keys or all(re.fullmatch(keys, key) for key in value)
        )


class _Config:
    """A config's dataclass: its JSON Schema, and how the operator's config becomes an instance."""

    def __init__(self, made: type | None) -> None:
        self.made = made
        self.kinds: dict[str, _Kind] = {}
        self.required: list[str] = []
        properties: dict[str, Any] = {}
        hints = typing.get_type_hints(made) if made else {}
        for each in dataclasses.fields(made) if made else ():
            if not each.init:
                continue
            rules: Mapping[str, Any] = each.metadata.get("rules", {})
            kind = self.kinds[each.name] = _Kind(hints[each.name], rules)
            properties[each.name] = schema = dict(kind.schema)
            if rules.get("description"):
                schema["description"] = rules["description"]
            if "default" in each.metadata:
                schema["default"] = each.metadata["default"]
            elif each.default is not dataclasses.MISSING:
                schema["default"] = each.default
            elif each.default_factory is dataclasses.MISSING:
                self.required.append(each.name)
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        if self.required:
            schema["required"] = self.required
        self.schema = json.dumps(schema, ensure_ascii=False)

    def read(self, text: str) -> Any:
        """The instance; a `ValueError` names the key at fault."""
        given = json.loads(text)
        if not isinstance(given, dict):
            raise ValueError("the config must be an object")
        values: dict[str, Any] = {}
        for key, value in given.items():
            if key not in self.kinds:
                known = ", ".join(map(_quoted, self.kinds))
                there = "there are no keys" if not known else f"there {'is' if len(self.kinds) == 1 else 'are'} {known}"
                raise ValueError(f"unknown key {_quoted(key)}; {there}")
            try:
                values[key] = self.kinds[key].read(value)
            except ValueError:
                raise ValueError(f"{_quoted(key)} must be {self.kinds[key].noun}") from None
        for key in self.required:
            if key not in values:
                raise ValueError(f"{_quoted(key)} is missing")
        return self.made(**values) if self.made else None


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _quoted(text: object) -> str:
    return json.dumps(text, ensure_ascii=False)


def _anchored(pattern: str) -> str:
    return f"^(?:{pattern})$" if "|" in pattern else f"^{pattern}$"


# The log.

Level = Literal["trace", "debug", "info", "warn", "error"]


class Log:
    """Lines for the operator, kept with the evaluation that wrote them. `print` writes lines of `info`."""

    def trace(self, message: object) -> None:
        _write("trace", str(message))

    def debug(self, message: object) -> None:
        _write("debug", str(message))

    def info(self, message: object) -> None:
        _write("info", str(message))

    def warn(self, message: object) -> None:
        _write("warn", str(message))

    def error(self, message: object) -> None:
        _write("error", str(message))


log = Log()


def _write(level: Level, message: str) -> None:
    if _guest is None:
        print(f"{level}: {message}", file=sys.stderr)
    else:
        _guest.log(level, message.encode("utf-8", "replace").decode())


class _Lines:
    """What `print` writes to inside of WebAssembly, where writing to standard output would end the call."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, level: Level) -> None:
        self.level: Level = level
        self.rest = ""

    def write(self, text: str) -> int:
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            _write(self.level, line)
        return len(text)

    def flush(self) -> None:
        if self.rest:
            self.write("\n")

    def isatty(self) -> bool:
        return False


# The models.


@dataclass(frozen=True)
class PromptMessage:
    """One message of what a model is asked: `models.system`, `models.user` and `models.assistant` make it."""

    role: str
    content: str

    def __post_init__(self) -> None:
        _need(self, "role", str)
        _need(self, "content", str)


@dataclass(frozen=True)
class TokenLogprob:
    """A token that the answer could have begun with, and the natural logarithm of its probability."""

    token: str
    logprob: float


@dataclass(frozen=True)
class Completion:
    """What a language model answered."""

    text: str
    model: str
    """The model that answered, as its provider names it."""
    finish_reason: str | None
    """`stop`, `length`, `content-filter` or others."""
    input_tokens: int | None
    output_tokens: int | None
    first_token: list[TokenLogprob]
    """The likeliest first tokens, likeliest first, where they were wanted and the provider offers them."""

    def json(self) -> Any:
        """The answer where there was a schema."""
        return json.loads(self.text)


@dataclass(frozen=True)
class _Prompt:
    messages: list[PromptMessage]
    schema: str | None
    max_tokens: int | None
    temperature: float | None
    seed: int | None
    top_logprobs: int

    def __post_init__(self) -> None:
        if not all(isinstance(each, PromptMessage) for each in self.messages):
            raise TypeError("a prompt's messages are made by models.system, models.user and models.assistant")
        _need(self, "schema", str, None)
        for name in ("max_tokens", "seed", "top_logprobs"):
            if (value := getattr(self, name)) is not None:
                _need_count(self, name, value, 32)


class Models:
    """Models by the operator's alias, for a plugin whose plugin.toml lists the capability `models`. Where there is no
    answer they raise a `Failure`; one that nobody caught is known to the host for its own."""

    @staticmethod
    def system(content: str) -> PromptMessage:
        """What the model is to hold to."""
        return PromptMessage("system", content)

    @staticmethod
    def user(content: str) -> PromptMessage:
        """A question."""
        return PromptMessage("user", content)

    @staticmethod
    def assistant(content: str) -> PromptMessage:
        """An answer that the model is to take for its own."""
        return PromptMessage("assistant", content)

    def complete(
        self,
        alias: str,
        messages: Sequence[PromptMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        top_logprobs: int = 0,
    ) -> Completion:
        """Asks a language model. What is None is left to the provider.

        The answer is JSON that satisfies `schema` where there is one; `temperature` is from 0 to 2. The host gives the same
        answer to the same prompt: where several are wanted, give each a `seed`. Of the likeliest first tokens come
        `top_logprobs`, at most 20.
        """
        text = None if schema is None else json.dumps(schema, ensure_ascii=False)
        degree = None if temperature is None else float(temperature)
        prompt = _Prompt([*messages], text, max_tokens, degree, seed, top_logprobs)
        completion: Completion = self._ask("complete", alias, prompt)
        return completion

    def embed(self, alias: str, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text, in their order, each as long as 1: the likeness of two is the sum of their products."""
        vectors: list[list[float]] = self._ask("embed", alias, [self.user(text).content for text in texts])
        return vectors

    def _ask(self, function: str, alias: str, asked: Any) -> Any:
        if _guest is None:
            raise Failure("model-unavailable", f"{alias}: there is no host here", transient=True)
        return _guest.ask(function, str(alias), asked)


models = Models()


# The decorators.

Given = TypeVar("Given")
Made = TypeVar("Made")
C = TypeVar("C")


class Exporter(Generic[Given, Made]):
    """A decorator that makes a function the plugin."""

    def __init__(self, export: str, lower: Callable[[Any], Any]) -> None:
        self._export = export
        self._lower = lower

    @overload
    def __call__(
        self, *, name: str, version: str, summary: str
    ) -> Callable[[Callable[[Given], Made]], Callable[[Given], Made]]: ...

    @overload
    def __call__(
        self, *, name: str, version: str, summary: str, config: type[C]
    ) -> Callable[[Callable[[Given, C], Made]], Callable[[Given, C], Made]]: ...

    def __call__(self, *, name: str, version: str, summary: str, config: Any = None) -> Any:
        """Exports the function under that name. `config` is a dataclass of the operator's config, whose fields may be
        made by `option`; the function is given it as its second argument. What its `__post_init__` builds is there at
        every call, and a `ValueError` from there refuses the config. The schema is made from the dataclass."""
        reader = _Config(config)
        description = _Description(name, version, summary, reader.schema, [])

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            if _guest is not None:
                _guest.export(function, description, reader, self._export, self._lower)
            return function

        return decorate


def _lower_all(kind: type) -> Callable[[Any], list[Any]]:
    def lower(made: Any) -> list[Any]:
        if not isinstance(made, list) or not all(isinstance(each, kind) for each in made):
            raise TypeError(f"the plugin must give back a list of {kind.__name__}, not {made!r:.200}")
        return [_Lowered(each) for each in made]

    return lower


def _lower_cost(made: Any) -> Any:
    if made is None:
        return None
    if not isinstance(made, Cost) or not all(isinstance(each, CostItem) for each in made.items):
        raise TypeError(f"the plugin must give back a Cost or None, not {made!r:.200}")
    lowered = _Lowered(made)
    lowered.items = list(made.items)
    return lowered


scorer: Exporter[Interaction, list[Score]] = Exporter("Scorer", _lower_all(Score))
"""Makes a function the plugin that scores. An empty list says that there is nothing to score."""

error_classifier: Exporter[Interaction, list[Finding]] = Exporter("ErrorClassifier", _lower_all(Finding))
"""Makes a function the plugin that finds errors. An empty list says that there is none."""

bias_check: Exporter[Interaction, list[BiasFinding]] = Exporter("BiasCheck", _lower_all(BiasFinding))
"""Makes a function the plugin that finds bias. An empty list says that there is none."""

pricing_adapter: Exporter[Call, Union[Cost, None]] = Exporter("PricingAdapter", _lower_cost)
"""Makes a function the plugin that prices a call. None says that the price is not known, which is not a cost of 0."""


# How all of this meets componentize-py: the classes above take the place of those it generates, which it looks up
# after it has imported the plugin.


class _Description(typing.NamedTuple):
    name: str
    version: str
    summary: str
    config_schema: str | None
    attributes: list[Any]


class _Attribute(typing.NamedTuple):
    key: str
    value: Any


class _Case:
    """A case of a variant. Called, as when a value comes in, it is the plain value."""

    value: Any

    def __new__(cls, value: Any) -> Any:
        return value

    @classmethod
    def of(cls, value: Any) -> Any:
        case = object.__new__(cls)
        case.value = value
        return case


class _TextCase(_Case): ...


class _IntegerCase(_Case): ...


class _NumberCase(_Case): ...


class _BooleanCase(_Case): ...


class _LabelCase(_Case): ...


class _JsonCase(_Case):
    def __new__(cls, value: str) -> Any:
        return Json(value)


class _Lowered(types.SimpleNamespace):
    """A verdict in the shape that componentize-py takes."""

    def __init__(self, made: Any) -> None:
        super().__init__(**made.__dict__)
        if isinstance(made, Score):
            self.value = _lower_value(made.value, _LabelCase)
        elif isinstance(made, Cost):
            self.amount = made.amount
        self.attributes = [_Attribute(str(key), _lower_value(each, _TextCase)) for key, each in made.attributes.items()]


def _lower_value(value: AttributeValue, text: type[_Case]) -> Any:
    if isinstance(value, bool):
        return _BooleanCase.of(value)
    if isinstance(value, str):
        value.encode()
        return text.of(value)
    if isinstance(value, int) and text is _TextCase:
        if not -1 << 63 <= value < 1 << 63:
            raise ValueError(f"an attribute's whole number has more than 64 bits: {value}")
        return _IntegerCase.of(value)
    if isinstance(value, (int, float)):
        return _NumberCase.of(float(value))
    if isinstance(value, Json):
        return _JsonCase.of(value.text)
    raise TypeError(f"an attribute's value must be a text, a number, a boolean or Json, not {value!r:.200}")


def _usage(*buckets: Any) -> Usage:
    usage = Usage(*buckets)
    usage.other = dict(usage.other)
    return usage


def _call(*fields: Any) -> Call:
    call = Call(*fields)
    call.parameters, call.attributes = dict(call.parameters), dict(call.attributes)
    return call


class _Guest:
    """The other side of the imports, inside of WebAssembly."""

    def __init__(self) -> None:
        shapes: Any = importlib.import_module("wit_world.imports.types")
        self.abort: Callable[[str], NoReturn] = importlib.import_module("wit_world.imports.abort").abort
        self.log_module = importlib.import_module("wit_world.imports.log")
        self.models_module = self._models_module()
        self.err: type[Exception] = importlib.import_module("componentize_py_types").Err
        self.out, self.errors = _Lines("info"), _Lines("warn")
        for each in (
            ToolCall, ToolResult, OtherPart, PromptVersion, Timing, CallError, Interaction, TextSource, Severity, Span,
        ):  # fmt: skip
            setattr(shapes, each.__name__, each)
        shapes.Attribute = _Attribute
        shapes.UnitCount = lambda name, count: (name, count)
        shapes.Usage = _usage
        shapes.Message = lambda role, parts, attributes: Message(role, parts, dict(attributes))
        shapes.Document = lambda id, text, attributes: Document(id, text, dict(attributes))
        shapes.Call = _call
        shapes.Part_Text, shapes.Part_Reasoning = Text, Reasoning
        for name in ("ToolCall", "ToolResult", "Other"):
            setattr(shapes, f"Part_{name}", lambda part: part)
        for name, case in (
            ("Text", _TextCase), ("Integer", _IntegerCase), ("Number", _NumberCase), ("Boolean", _BooleanCase),
            ("Json", _JsonCase),
        ):  # fmt: skip
            setattr(shapes, f"AttributeValue_{name}", case)
        for name, case in (("Number", _NumberCase), ("Boolean", _BooleanCase), ("Label", _LabelCase)):
            setattr(shapes, f"ScoreValue_{name}", case)
        shapes.Failure = Failure

    @staticmethod
    def _models_module() -> Any:
        """None where the plugin does not list the capability."""
        try:
            module: Any = importlib.import_module("wit_world.imports.models")
        except ModuleNotFoundError:
            return None
        module.Completion, module.TokenLogprob = Completion, TokenLogprob
        return module

    def ask(self, function: str, alias: str, asked: Any) -> Any:
        if self.models_module is None:
            raise TypeError('capabilities in plugin.toml do not list "models"')
        try:
            return getattr(self.models_module, function)(alias, asked)
        except self.err as error:
            failure: Failure = cast(Any, error).value
            raise failure from None

    def log(self, level: Level, message: str) -> None:
        self.log_module.log(getattr(self.log_module.Level, level.upper()), message)

    def run(self, function: Callable[[], T]) -> T:
        """Runs what the host asked for; what nobody caught ends the call with its text."""
        sys.stdout, sys.stderr = cast(Any, self.out), cast(Any, self.errors)
        try:
            return function()
        except self.err:
            raise
        except BaseException as error:
            self.flush()
            self.abort(_told(error))
        finally:
            self.flush()

    def flush(self) -> None:
        self.out.flush()
        self.errors.flush()

    def export(
        self, function: Callable[..., Any], description: _Description, reader: _Config, export: str, lower: Callable[[Any], Any]
    ) -> None:
        """Puts the classes that componentize-py looks for into the function's module."""
        guest = self
        arguments: list[Any] = []

        def configure(text: str) -> None:
            try:
                arguments[:] = [reader.read(text)] if reader.made else reader.read(text) or []
            except ValueError as error:
                raise guest.err(str(error)) from None
            gc.collect()
            gc.freeze()

        def evaluate(given: Any) -> Any:
            try:
                return lower(function(given, *arguments))
            except Failure as failure:
                raise guest.err(failure) from None

        class WitWorld:
            def describe(self) -> _Description:
                return description

            def configure(self, json: str) -> None:
                guest.run(lambda: configure(json))

        class Kind:
            def evaluate(self, given: Any) -> Any:
                return guest.run(lambda: evaluate(given))

        module = sys.modules[function.__module__]
        if hasattr(module, "WitWorld"):
            raise TypeError("a module holds one plugin")
        setattr(module, "WitWorld", WitWorld)
        setattr(module, export, Kind)


def _told(error: BaseException) -> str:
    """The error and where it was raised. (`traceback` would read the source files, which ends the call.)"""
    text = f"{type(error).__name__}: {error}"
    frames: list[str] = []
    at = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        if code.co_filename != __file__ and not code.co_filename.startswith("<"):
            frames.append(f"{code.co_filename.rpartition('/')[2]}:{at.tb_lineno} in {code.co_name}")
        at = at.tb_next
    return "\n  at ".join([text, *reversed(frames[-8:])])


_guest: _Guest | None = _Guest() if sys.platform == "wasi" else None
