package main

import (
	"fmt"
	"slices"
	"strings"

	"example-plugin/tribunal"
)

const most = 50

var config = struct {
	Allowed []string `json:"allowed" letters:"a-z"`
}{[]string{"had", "that"}}

func init() {
	tribunal.ErrorClassifier(tribunal.About{
		Name:    "example-plugin",
		Version: "0.1.0",
		Summary: "Finds words that stand twice.",
	}, &config, evaluate)
}

func evaluate(interaction *tribunal.Interaction) ([]tribunal.Finding, error) {
	var findings []tribunal.Finding
	for place := range interaction.OutputTexts() {
		start, end := nextWord(place.Text, 0)
		for end < len(place.Text) && len(findings) < most {
			first, firstStart := place.Text[start:end], start
			start, end = nextWord(place.Text, end)
			if !isTwice(first, place.Text[start:end]) {
				continue
			}
			word := strings.ToLower(first)
			if slices.Contains(config.Allowed, word) {
				continue
			}
			findings = append(findings, tribunal.Finding{
				Category:    "grammatical",
				Code:        "doubled-word",
				Severity:    tribunal.Low,
				Confidence:  0.8,
				Span:        place.Span(firstStart, end),
				Explanation: fmt.Sprintf(`"%s" stands twice`, word),
			})
		}
	}
	return findings, nil
}

func nextWord(text string, from int) (start, end int) {
	for start = from; start < len(text) && tribunal.IsWhite(text[start]); start++ {
	}
	for end = start; end < len(text) && !tribunal.IsWhite(text[end]); end++ {
	}
	return start, end
}

func isTwice(first, second string) bool {
	if len(first) != len(second) {
		return false
	}
	for at := range len(first) {
		if !tribunal.IsLetter(first[at]) || !tribunal.IsLetter(second[at]) || first[at]|0x20 != second[at]|0x20 {
			return false
		}
	}
	return first != ""
}

func main() {}
