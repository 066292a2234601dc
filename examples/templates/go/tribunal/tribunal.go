// Package tribunal is what a plugin in Go is written with: what it is given, what it gives back, and how it is
// registered.
package tribunal

import (
	"fmt"
	"iter"
	"strings"
)

// About says what the plugin is. Summary is one sentence.
type About struct {
	Name, Version, Summary string
}

// Scorer registers a plugin that scores, in an init function. No scores say that there is nothing to score.
//
// The config is a pointer to a struct that holds the defaults. Its fields are integers, floats, booleans, strings, or a
// []string or map[string]string, with the tag json for the name and these for limits: min and max of a number;
// letters, such as "a-z" or "A-Za-z0-9", of which a string, the strings of a list and the keys of a map are made; len
// of a string in bytes. Where it has a method Configure() error, that is called once when it was read. Every call
// starts from what is there then.
func Scorer(about About, config any, evaluate func(*Interaction) ([]Score, error)) {
	register(about, config, func(given uint32) uint32 {
		scores, err := evaluate(interactionAt(given))
		return judged(list[rawScore]{}, err, func() list[rawScore] { return lowerList(scores, lowerScore) })
	})
}

// ErrorClassifier registers a plugin that finds errors. See Scorer for the config.
func ErrorClassifier(about About, config any, evaluate func(*Interaction) ([]Finding, error)) {
	register(about, config, func(given uint32) uint32 {
		findings, err := evaluate(interactionAt(given))
		return judged(list[rawFinding]{}, err, func() list[rawFinding] { return lowerList(findings, lowerFinding) })
	})
}

// BiasCheck registers a plugin that finds bias. See Scorer for the config.
func BiasCheck(about About, config any, evaluate func(*Interaction) ([]BiasFinding, error)) {
	register(about, config, func(given uint32) uint32 {
		findings, err := evaluate(interactionAt(given))
		lower := func() list[rawBiasFinding] { return lowerList(findings, lowerBiasFinding) }
		return judged(list[rawBiasFinding]{}, err, lower)
	})
}

// PricingAdapter registers a plugin that prices. No cost says that the price is not known. See Scorer for the config.
func PricingAdapter(about About, config any, evaluate func(*Call) (*Cost, error)) {
	register(about, config, func(given uint32) uint32 {
		cost, err := evaluate(callAt(given))
		return judged(option[rawCost]{}, err, func() option[rawCost] { return lowerCost(cost) })
	})
}

// Interaction is one call to a model with all that was said. It and its strings live until the call is over.
type Interaction struct {
	Call
	// Input is what the model was given, oldest first.
	Input []Message
	// Output is what the model answered, one message for each choice. Empty where the call failed.
	Output    []Message
	Context   []Document
	Reference *string
	Prompt    *PromptVersion
	Session   *string
	User      *string
}

// Call says who was asked, when, and what it took.
type Call struct {
	ID, Project, Operation, Provider, Model string
	// RequestedModel is the model that was asked for, where it differs.
	RequestedModel *string
	// StartedAt is in nanoseconds since 1970.
	StartedAt uint64
	// Duration and TimeToFirstToken are in milliseconds.
	Duration, TimeToFirstToken *float64
	Usage                      *Usage
	Parameters                 []Attribute
	FinishReasons              []string
	Error                      *CallError
	CallAttributes             []Attribute
}

// Usage counts tokens in buckets that are disjoint.
type Usage struct {
	InputTokens, OutputTokens, CacheReadTokens, CacheWriteTokens, ReasoningTokens uint64
	Other                                                                         []UnitCount
}

type UnitCount struct {
	Name  string
	Count uint64
}

// CallError says why the call failed. Status is the provider's HTTP status.
type CallError struct {
	Kind, Message string
	Status        *uint16
}

type Message struct {
	Role       string
	Parts      []Part
	Attributes []Attribute
}

type Document struct {
	ID         *string
	Text       string
	Attributes []Attribute
}

type PromptVersion struct {
	Name    string
	Version *string
}

// Part is a Text, Reasoning, ToolCall, ToolResult or OtherPart.
type Part interface{ isPart() }

type Text string

type Reasoning string

// ToolCall has its arguments as JSON.
type ToolCall struct {
	ID              *string
	Name, Arguments string
}

type ToolResult struct {
	ID      *string
	Content string
}

// OtherPart is of a kind that this version does not know, as JSON.
type OtherPart struct {
	Kind, JSON string
}

func (Text) isPart()       {}
func (Reasoning) isPart()  {}
func (ToolCall) isPart()   {}
func (ToolResult) isPart() {}
func (OtherPart) isPart()  {}

// Attribute has a value that is a string, int64, float64, bool or JSON.
type Attribute struct {
	Key   string
	Value any
}

// JSON is an array or object as JSON text.
type JSON string

// Source is where a text stands.
type Source uint8

const (
	Input Source = iota
	Output
)

// Place is one text of an interaction and where it stands.
type Place struct {
	Text          string
	Source        Source
	Message, Part int
}

// Span gives the bytes start to end, without the last, of the place's text.
func (p Place) Span(start, end int) *Span {
	if start < 0 || start >= end || end > len(p.Text) {
		panic(fmt.Sprintf("a span of %d to %d in a text of %d bytes", start, end, len(p.Text)))
	}
	return &Span{p.Source, uint32(p.Message), uint32(p.Part), uint32(start), uint32(end)}
}

// InputTexts are the parts of the input that are texts, in order; no reasoning, no tool calls.
func (i *Interaction) InputTexts() iter.Seq[Place] { return texts(Input, i.Input) }

// OutputTexts are the parts of the output that are texts, in order; no reasoning, no tool calls.
func (i *Interaction) OutputTexts() iter.Seq[Place] { return texts(Output, i.Output) }

func texts(source Source, messages []Message) iter.Seq[Place] {
	return func(yield func(Place) bool) {
		for m, message := range messages {
			for p, part := range message.Parts {
				if text, ok := part.(Text); ok && !yield(Place{string(text), source, m, p}) {
					return
				}
			}
		}
	}
}

// IsWhite holds for space, tab, line feed, carriage return and form feed.
func IsWhite(b byte) bool { return strings.IndexByte(" \t\n\r\f", b) >= 0 }

// IsLetter holds for A to Z and a to z.
func IsLetter(b byte) bool { return (b|0x20)-'a' < 26 }

type Span struct {
	Source                    Source
	Message, Part, Start, End uint32
}

// Severity says how bad a finding is.
type Severity uint8

const (
	Info Severity = iota
	Low
	Medium
	High
	Critical
)

// Score is one named judgement. Its value is a float64, a bool, or a string that is a label.
type Score struct {
	Name        string
	Value       any
	Explanation string
	Attributes  []Attribute
}

// Finding is one error. An empty explanation is none.
type Finding struct {
	Category, Code string
	Severity       Severity
	Confidence     float64
	Span           *Span
	Explanation    string
	Attributes     []Attribute
}

// BiasFinding is one bias. An empty explanation is none.
type BiasFinding struct {
	Dimension   string
	Severity    Severity
	Confidence  float64
	Span        *Span
	Explanation string
	Attributes  []Attribute
}

// Cost has its amounts in billionths of the currency.
type Cost struct {
	Currency   string
	Amount     uint64
	Items      []CostItem
	PriceList  string
	Attributes []Attribute
}

type CostItem struct {
	Name                        string
	Quantity, UnitPrice, Amount uint64
}

// Failure is an error that says why there is no verdict. Any other error is stored with the code internal.
type Failure struct {
	Code, Message string
	// Transient says that trying again later may help.
	Transient bool
}

func (f Failure) Error() string { return f.Code + ": " + f.Message }
