package main

import (
	"math/bits"

	"example-plugin/tribunal"
)

const most = 1_000_000_000_000

var config = struct {
	Currency    string `json:"currency" letters:"A-Z" len:"3"`
	InputPrice  uint64 `json:"input_price" min:"0" max:"1000000000000"`
	OutputPrice uint64 `json:"output_price" min:"0" max:"1000000000000"`
}{"USD", 150_000_000, 600_000_000}

func init() {
	tribunal.PricingAdapter(tribunal.About{
		Name:    "example-plugin",
		Version: "0.1.0",
		Summary: "Prices tokens by a fixed list.",
	}, &config, evaluate)
}

func evaluate(call *tribunal.Call) (*tribunal.Cost, error) {
	usage := call.Usage
	if usage == nil {
		return nil, nil
	}
	input, isInputMore := sum(usage.InputTokens, usage.CacheReadTokens, usage.CacheWriteTokens)
	output, isOutputMore := sum(usage.OutputTokens, usage.ReasoningTokens)
	if isInputMore || isOutputMore {
		return nil, tribunal.Failure{Code: "invalid-input", Message: "more than 10^12 tokens"}
	}
	return &tribunal.Cost{
		Currency: config.Currency,
		Amount:   price(input, config.InputPrice, output, config.OutputPrice),
		Items: []tribunal.CostItem{
			item("input_tokens", input, config.InputPrice),
			item("output_tokens", output, config.OutputPrice),
		},
		PriceList: "example-plugin 0.1.0",
	}, nil
}

func sum(buckets ...uint64) (tokens uint64, isMore bool) {
	for _, bucket := range buckets {
		if bucket > most || tokens+bucket > most {
			return 0, true
		}
		tokens += bucket
	}
	return tokens, false
}

func item(name string, quantity, unitPrice uint64) tribunal.CostItem {
	return tribunal.CostItem{
		Name:      name,
		Quantity:  quantity,
		UnitPrice: unitPrice,
		Amount:    price(quantity, unitPrice, 0, 0),
	}
}

// The exact sum of both products in millionths, rounded half to even.
func price(quantityA, priceA, quantityB, priceB uint64) uint64 {
	highA, lowA := bits.Mul64(quantityA, priceA)
	highB, lowB := bits.Mul64(quantityB, priceB)
	low, carry := bits.Add64(lowA, lowB, 0)
	high, _ := bits.Add64(highA, highB, carry)
	whole, rest := bits.Div64(high, low, 1_000_000)
	if rest > 500_000 || rest == 500_000 && whole%2 == 1 {
		whole++
	}
	return whole
}

func main() {}
