package main

import (
	"fmt"

	"example-plugin/tribunal"
)

var config = struct {
	MaxWords int `json:"max_words" min:"1" max:"1000000"`
}{200}

func init() {
	tribunal.Scorer(tribunal.About{
		Name:    "example-plugin",
		Version: "0.1.0",
		Summary: "Counts the words of an answer.",
	}, &config, evaluate)
}

func evaluate(interaction *tribunal.Interaction) ([]tribunal.Score, error) {
	if len(interaction.Output) == 0 {
		return nil, nil
	}
	words := 0
	for place := range interaction.OutputTexts() {
		words += countWords(place.Text)
	}
	return []tribunal.Score{
		{Name: "words", Value: float64(words)},
		{
			Name:        "within_limit",
			Value:       words <= config.MaxWords,
			Explanation: fmt.Sprintf("%d words, at most %d are wanted", words, config.MaxWords),
		},
	}, nil
}

func countWords(text string) int {
	words, isInside := 0, false
	for at := range len(text) {
		isWord := !tribunal.IsWhite(text[at])
		if isWord && !isInside {
			words++
		}
		isInside = isWord
	}
	return words
}

func main() {}
