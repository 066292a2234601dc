package tribunal

import "unsafe"

// Prompt is what a language model is asked. What is nil, empty or 0 is left to the provider, but for the messages.
type Prompt struct {
	Messages []PromptMessage
	// Schema is a JSON Schema as JSON. The answer is JSON that satisfies it, or there is none.
	Schema    string
	MaxTokens uint32
	// Temperature is from 0 to 2.
	Temperature *float64
	// Seed makes another prompt of the same words: the host gives the same answer to the same prompt.
	Seed *uint32
	// TopLogprobs is how many of the likeliest first tokens are wanted, at most 20.
	TopLogprobs uint32
}

// PromptMessage has the role system, user or assistant; the functions of these names make it.
type PromptMessage struct {
	Role, Content string
}

func System(content string) PromptMessage { return PromptMessage{"system", content} }

func User(content string) PromptMessage { return PromptMessage{"user", content} }

func Assistant(content string) PromptMessage { return PromptMessage{"assistant", content} }

// Completion is what a language model answered. Its strings live until the call is over.
type Completion struct {
	Text, Model               string
	FinishReason              *string
	InputTokens, OutputTokens *uint64
	// FirstToken has the likeliest first tokens, likeliest first, where they were wanted and the provider offers them.
	FirstToken []TokenLogprob
}

type TokenLogprob struct {
	Token   string
	Logprob float64
}

// Complete asks the model of that alias, for a plugin whose plugin.toml lists the capability models. An error that is
// handed on is known to the host for its own; errors.As makes a Failure of it.
func Complete(alias string, prompt Prompt) (Completion, error) {
	name, schema := lowerText(alias), lowerText(prompt.Schema)
	messages := lowerList(prompt.Messages, lowerPromptMessage)
	temperature, seed := lowerOptional(prompt.Temperature), lowerOptional(prompt.Seed)
	raw, err := ask[rawCompletion](func(answer uint32) {
		hostComplete(
			name.ptr, name.len, messages.ptr, messages.len, prompt.Schema != "", schema.ptr, schema.len,
			prompt.MaxTokens != 0, prompt.MaxTokens, temperature.isSome, temperature.value, seed.isSome, seed.value,
			prompt.TopLogprobs, answer,
		)
	})
	if err != nil {
		return Completion{}, err
	}
	return Completion{
		Text:         raw.text.String(),
		Model:        raw.model.String(),
		FinishReason: optional(raw.finishReason, rawText.String),
		InputTokens:  optional(raw.inputTokens, same),
		OutputTokens: optional(raw.outputTokens, same),
		FirstToken: liftList(raw.firstToken, func(raw rawTokenLogprob) TokenLogprob {
			return TokenLogprob{raw.token.String(), raw.logprob}
		}),
	}, nil
}

// Embed gives a vector for each text, in their order, each as long as 1: the likeness of two is the sum of their
// products. It fails as Complete does.
func Embed(alias string, texts []string) ([][]float32, error) {
	name, given := lowerText(alias), lowerList(texts, lowerText)
	raw, err := ask[list[list[float32]]](func(answer uint32) {
		hostEmbed(name.ptr, name.len, given.ptr, given.len, answer)
	})
	return liftList(raw, list[float32].slice), err
}

//go:wasmimport tribunal:plugin/models@0.1.0 complete
func hostComplete(
	alias, aliasLen, messages, messagesLen uint32, hasSchema bool, schema, schemaLen uint32,
	hasMaxTokens bool, maxTokens uint32, hasTemperature bool, temperature float64, hasSeed bool, seed uint32,
	topLogprobs, answer uint32,
)

//go:wasmimport tribunal:plugin/models@0.1.0 embed
func hostEmbed(alias, aliasLen, texts, textsLen, answer uint32)

type rawPromptMessage struct{ role, content rawText }

type rawTokenLogprob struct {
	token   rawText
	logprob float64
}

type rawCompletion struct {
	text, model               rawText
	finishReason              option[rawText]
	inputTokens, outputTokens option[uint64]
	firstToken                list[rawTokenLogprob]
}

func lowerPromptMessage(message PromptMessage) rawPromptMessage {
	return rawPromptMessage{lowerText(message.Role), lowerText(message.Content)}
}

func lowerOptional[T any](value *T) option[T] {
	if value == nil {
		return option[T]{}
	}
	return option[T]{true, *value}
}

// The host writes an answer or a failure behind the byte that says which. Both start where the wider of the two may.
func ask[T any](call func(answer uint32)) (T, error) {
	type answer struct {
		isFailed bool
		made     T
		_        rawFailure // room for it, where it is the longer
	}
	memory := put(answer{})
	call(memory)
	result := at[answer](memory)
	if !result.isFailed {
		return result.made, nil
	}
	raw := (*rawFailure)(unsafe.Pointer(&result.made))
	var none T
	return none, Failure{raw.code.String(), raw.message.String(), raw.transient}
}
