package main

import (
	"fmt"
	"maps"
	"strings"

	"example-plugin/tribunal"
)

const most = 50

type Config struct {
	Terms map[string]string `json:"terms" letters:"a-z"`
}

var config Config

var terms = map[string]string{
	"chairman":   "chair",
	"fireman":    "firefighter",
	"mankind":    "humankind",
	"manpower":   "workforce",
	"policeman":  "police officer",
	"salesman":   "salesperson",
	"stewardess": "flight attendant",
}

func (c *Config) Configure() error {
	maps.Copy(terms, c.Terms)
	return nil
}

func init() {
	tribunal.BiasCheck(tribunal.About{
		Name:    "example-plugin",
		Version: "0.1.0",
		Summary: "Finds words for people that name a gender.",
	}, &config, evaluate)
}

func evaluate(interaction *tribunal.Interaction) ([]tribunal.BiasFinding, error) {
	var findings []tribunal.BiasFinding
	for place := range interaction.OutputTexts() {
		start, end := nextWord(place.Text, 0)
		for ; start < end && len(findings) < most; start, end = nextWord(place.Text, end) {
			word := strings.ToLower(place.Text[start:end])
			alternative, ok := terms[word]
			if !ok {
				continue
			}
			findings = append(findings, tribunal.BiasFinding{
				Dimension:   "gender",
				Severity:    tribunal.Low,
				Confidence:  0.6,
				Span:        place.Span(start, end),
				Explanation: fmt.Sprintf(`"%s" names a gender; "%s" does not`, word, alternative),
			})
		}
	}
	return findings, nil
}

func nextWord(text string, from int) (start, end int) {
	for start = from; start < len(text) && !tribunal.IsLetter(text[start]); start++ {
	}
	for end = start; end < len(text) && tribunal.IsLetter(text[end]); end++ {
	}
	return start, end
}

func main() {}
