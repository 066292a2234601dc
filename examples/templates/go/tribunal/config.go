package tribunal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// A key of the config: a field of the plugin's struct and its tags.
type key struct {
	name    string
	value   reflect.Value
	letters string
	length  int
	min     string
	max     string
}

func optionsOf(config any) []key {
	if config == nil {
		return nil
	}
	of := reflect.ValueOf(config).Elem()
	var options []key
	for at := range of.NumField() {
		field := of.Type().Field(at)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		length, _ := strconv.Atoi(field.Tag.Get("len"))
		tag := field.Tag.Get
		options = append(options, key{name, of.Field(at), tag("letters"), length, tag("min"), tag("max")})
	}
	return options
}

func readConfig(text []byte, config any) error {
	var given map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&given); err != nil {
		return fmt.Errorf("the config is no JSON object: %w", err)
	}
	var known []string
	for _, option := range optionsOf(config) {
		known = append(known, strconv.Quote(option.name))
		value, ok := given[option.name]
		delete(given, option.name)
		if ok && !option.read(value) {
			return fmt.Errorf("%q must be %s", option.name, option.wanted())
		}
	}
	var unknown []string
	for key := range given {
		unknown = append(unknown, key)
	}
	sort.Strings(unknown)
	if len(unknown) > 0 {
		return fmt.Errorf("unknown key %q; there %s", unknown[0], there(known))
	}
	if plugin, ok := config.(interface{ Configure() error }); ok {
		return plugin.Configure()
	}
	return nil
}

func there(known []string) string {
	switch len(known) {
	case 0:
		return "are none"
	case 1:
		return "is " + known[0]
	}
	return "are " + strings.Join(known, ", ")
}

func (k key) read(given any) bool {
	switch target := k.value.Addr().Interface().(type) {
	case *[]string:
		items, ok := given.([]any)
		texts := make([]string, 0, len(items))
		for _, item := range items {
			text, isText := item.(string)
			ok = ok && isText && k.fits(text)
			texts = append(texts, text)
		}
		if ok {
			*target = texts
		}
		return ok
	case *map[string]string:
		items, ok := given.(map[string]any)
		texts := make(map[string]string, len(items))
		for key, item := range items {
			text, isText := item.(string)
			ok = ok && isText && k.fits(key)
			texts[key] = text
		}
		if ok {
			*target = texts
		}
		return ok
	case *bool:
		flag, ok := given.(bool)
		if ok {
			*target = flag
		}
		return ok
	case *string:
		text, ok := given.(string)
		ok = ok && k.fits(text) && (k.length == 0 || len(text) == k.length)
		if ok {
			*target = text
		}
		return ok
	}
	number, ok := given.(json.Number)
	return ok && k.readNumber(number)
}

func (k key) readNumber(number json.Number) bool {
	if !k.value.CanInt() && !k.value.CanUint() {
		float, err := number.Float64()
		if err != nil || !k.isWithin(float) {
			return false
		}
		k.value.SetFloat(float)
		return true
	}
	whole, err := number.Int64()
	if err != nil {
		// 2e2 and 200.0 are whole numbers too, as JSON Schema has it.
		float, err := number.Float64()
		if err != nil || math.Abs(float) > 1<<53 || math.Trunc(float) != float {
			return false
		}
		whole = int64(float)
	}
	if k.min != "" && whole < mustInt(k.min) || k.max != "" && whole > mustInt(k.max) {
		return false
	}
	if k.value.CanUint() {
		if whole < 0 || k.value.OverflowUint(uint64(whole)) {
			return false
		}
		k.value.SetUint(uint64(whole))
		return true
	}
	if k.value.OverflowInt(whole) {
		return false
	}
	k.value.SetInt(whole)
	return true
}

func (k key) isWithin(number float64) bool {
	return (k.min == "" || number >= mustFloat(k.min)) && (k.max == "" || number <= mustFloat(k.max))
}

func mustInt(text string) int64 {
	whole, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return whole
}

func mustFloat(text string) float64 {
	float, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return float
}

// Whether the text is made of the option's letters, of which "a-z" is a range.
func (k key) fits(text string) bool {
	if k.letters == "" {
		return true
	}
	for at := range len(text) {
		if !isAmong(text[at], k.letters) {
			return false
		}
	}
	return text != ""
}

func isAmong(b byte, letters string) bool {
	for at := 0; at < len(letters); at++ {
		first := letters[at]
		if at+2 < len(letters) && letters[at+1] == '-' {
			at += 2
		}
		if b >= first && b <= letters[at] {
			return true
		}
	}
	return false
}

func (k key) wanted() string {
	characters := ""
	if k.letters != "" {
		characters = " of characters " + k.letters
	}
	switch k.value.Kind() {
	case reflect.Slice:
		return "a list of texts" + characters
	case reflect.Map:
		return "an object from texts" + characters + " to texts"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		if k.length > 0 {
			characters += fmt.Sprintf(" %d long", k.length)
		}
		return "a text" + characters
	}
	number := "a number"
	if k.value.CanInt() || k.value.CanUint() {
		number = "a whole number"
	}
	if k.min != "" {
		number += " from " + k.min
	}
	if k.max != "" {
		number += " to " + k.max
	}
	return number
}

func schemaOf(config any) string {
	properties := map[string]any{}
	for _, option := range optionsOf(config) {
		properties[option.name] = option.schema()
	}
	schema, err := json.Marshal(map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"type":                 "object",
		"properties":           properties,
		"additionalProperties": false,
	})
	if err != nil {
		panic(err)
	}
	return string(schema)
}

func (k key) schema() map[string]any {
	schema := map[string]any{"default": k.value.Interface()}
	text := map[string]any{"type": "string"}
	if k.letters != "" {
		text["pattern"] = "^[" + k.letters + "]+$"
	}
	switch k.value.Kind() {
	case reflect.Slice:
		schema["type"], schema["items"] = "array", text
		if k.value.IsNil() {
			schema["default"] = []string{}
		}
	case reflect.Map:
		schema["type"], schema["additionalProperties"] = "object", map[string]any{"type": "string"}
		if k.letters != "" {
			schema["propertyNames"] = map[string]any{"pattern": text["pattern"]}
		}
		if k.value.IsNil() {
			schema["default"] = map[string]string{}
		}
	case reflect.Bool:
		schema["type"] = "boolean"
	case reflect.String:
		for key, value := range text {
			schema[key] = value
		}
		if k.length > 0 {
			schema["minLength"], schema["maxLength"] = k.length, k.length
		}
	default:
		schema["type"] = "number"
		if k.value.CanInt() || k.value.CanUint() {
			schema["type"] = "integer"
		}
		if k.min != "" {
			schema["minimum"] = json.Number(k.min)
		}
		if k.max != "" {
			schema["maximum"] = json.Number(k.max)
		}
	}
	return schema
}
