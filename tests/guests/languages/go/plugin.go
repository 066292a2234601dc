package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"judge/tribunal"
)

const schema = `{"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}`

var config = struct {
	Model string `json:"model"`
}{"judge"}

func init() {
	tribunal.Scorer(tribunal.About{
		Name:    "judge",
		Version: "0.1.0",
		Summary: "Scores with what a model answers.",
	}, &config, evaluate)
}

func evaluate(interaction *tribunal.Interaction) ([]tribunal.Score, error) {
	for place := range interaction.OutputTexts() {
		return judge(place.Text)
	}
	return nil, nil
}

func judge(text string) ([]tribunal.Score, error) {
	var scores []tribunal.Score

	plain := tribunal.Prompt{Messages: []tribunal.PromptMessage{tribunal.User(text)}}
	_, err := tribunal.Complete("nobody", plain)
	if failure, ok := errors.AsType[tribunal.Failure](err); ok {
		scores = append(scores,
			tribunal.Score{Name: "caught", Value: failure.Code, Explanation: failure.Message},
			tribunal.Score{Name: "may_pass", Value: failure.Transient},
		)
	}

	free, err := tribunal.Complete(config.Model, plain)
	if err != nil {
		return nil, err
	}
	scores = append(scores, tribunal.Score{Name: "free", Value: free.Text, Explanation: about(free)})

	answer, err := tribunal.Complete(config.Model, tribunal.Prompt{
		Messages:    []tribunal.PromptMessage{tribunal.System("How helpful is this answer, from 1 to 5?"), tribunal.User(text)},
		Schema:      schema,
		MaxTokens:   20,
		Temperature: new(0.0),
		Seed:        new(uint32(7)),
		TopLogprobs: 2,
	})
	if err != nil {
		return nil, fmt.Errorf("is it helpful: %w", err)
	}
	var judged struct{ Score float64 }
	if err := json.Unmarshal([]byte(answer.Text), &judged); err != nil {
		return nil, err
	}
	scores = append(scores, tribunal.Score{Name: "helpful", Value: judged.Score, Explanation: about(answer)})
	for _, first := range answer.FirstToken {
		scores = append(scores, tribunal.Score{Name: "first", Value: first.Logprob, Explanation: first.Token})
	}

	vectors, err := tribunal.Embed(config.Model, []string{text, "Grüße, 🐈"})
	if err != nil {
		return nil, err
	}
	likeness := 0.0
	for at, one := range vectors[0] {
		likeness += float64(one) * float64(vectors[1][at])
	}
	return append(scores, tribunal.Score{Name: "likeness", Value: likeness}), nil
}

func about(answer tribunal.Completion) string {
	reason, given, made := "none", uint64(0), uint64(0)
	if answer.FinishReason != nil {
		reason = *answer.FinishReason
	}
	if answer.InputTokens != nil {
		given, made = *answer.InputTokens, *answer.OutputTokens
	}
	return fmt.Sprintf("%s: %s, %d and %d tokens", answer.Model, reason, given, made)
}

func main() {}
