// What a plugin in C is written with. A plugin defines `configure` and `evaluate` and says TRIBUNAL_PLUGIN once.
//
// What `evaluate` is given and what `tribunal_…` allocates lives until the call is over; nobody frees it. What
// `configure` reads stays: every call starts from the plugin as `configure` left it.
#pragma once

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bindings.h"

typedef TRIBUNAL_WORLD(option_string_t) tribunal_optional_text; // is_some, val

typedef tribunal_plugin_types_interaction_t tribunal_interaction;
typedef tribunal_plugin_types_call_t tribunal_call;
typedef tribunal_plugin_types_usage_t tribunal_usage;
typedef tribunal_plugin_types_message_t tribunal_message;
typedef tribunal_plugin_types_part_t tribunal_part;
typedef tribunal_plugin_types_document_t tribunal_document;
typedef tribunal_plugin_types_attribute_t tribunal_attribute;
typedef tribunal_plugin_types_attribute_value_t tribunal_attribute_value;
typedef tribunal_plugin_types_score_value_t tribunal_score_value;
typedef tribunal_plugin_types_score_t tribunal_score;
typedef tribunal_plugin_types_finding_t tribunal_finding;
typedef tribunal_plugin_types_bias_finding_t tribunal_bias_finding;
typedef tribunal_plugin_types_option_span_t tribunal_optional_span;
typedef tribunal_plugin_types_cost_item_t tribunal_cost_item;
typedef tribunal_plugin_types_list_cost_item_t tribunal_cost_items;
typedef tribunal_plugin_types_cost_t tribunal_cost;
typedef tribunal_plugin_types_failure_t tribunal_failure;

typedef tribunal_plugin_models_prompt_t tribunal_prompt;
typedef tribunal_plugin_models_completion_t tribunal_completion;
typedef TRIBUNAL_WORLD(list_string_t) tribunal_text_list;
typedef TRIBUNAL_WORLD(list_list_f32_t) tribunal_vectors;

enum {
    TRIBUNAL_SEVERITY_INFO,
    TRIBUNAL_SEVERITY_LOW,
    TRIBUNAL_SEVERITY_MEDIUM,
    TRIBUNAL_SEVERITY_HIGH,
    TRIBUNAL_SEVERITY_CRITICAL,
};

typedef enum {
    TRIBUNAL_TRACE,
    TRIBUNAL_DEBUG,
    TRIBUNAL_INFO,
    TRIBUNAL_WARN,
    TRIBUNAL_ERROR,
} tribunal_level;

// Ends the call, which is stored as failed with this message. `assert` and `abort` come here too.
__attribute__((format(printf, 1, 2), noreturn))
void tribunal_panic(const char *format, ...);

#include "config.h"

// ---- What a plugin defines

// Name, version and one sentence.
#define TRIBUNAL_PLUGIN(name, version, summary) \
    const char *const tribunal_about[3] = {name, version, summary}
extern const char *const tribunal_about[3];

// Asks the config for its keys: tribunal_integer, tribunal_number, tribunal_boolean_option, tribunal_word,
// tribunal_word_list, tribunal_text_map; tribunal_refuse where a value will not do. It runs once more for the config's
// schema, whose defaults are what the variables hold at first.
void configure(tribunal_config *config);

// True where there is a verdict; tribunal_fail where there is none.
#if __has_include("scorer_judge.h")
bool evaluate(const tribunal_interaction *interaction, tribunal_scores *scores, tribunal_failure *failure);
#elif __has_include("error_classifier_judge.h")
bool evaluate(const tribunal_interaction *interaction, tribunal_findings *findings, tribunal_failure *failure);
#elif __has_include("bias_check_judge.h")
bool evaluate(const tribunal_interaction *interaction, tribunal_bias_findings *findings, tribunal_failure *failure);
#else
bool evaluate(const tribunal_call *call, tribunal_optional_cost *cost, tribunal_failure *failure);
#endif

// ---- Texts

#define TEXT(literal) ((tribunal_text){(uint8_t *)("" literal), sizeof(literal) - 1})

// For "%.*s".
#define TEXT_ARGUMENTS(text) (int)(text).len, (const char *)(text).ptr

static inline tribunal_text tribunal_slice(tribunal_text text, size_t start, size_t end) {
    assert(start <= end && end <= text.len);
    return (tribunal_text){text.ptr + start, end - start};
}

static inline bool tribunal_equal(tribunal_text left, tribunal_text right) {
    return left.len == right.len && (left.len == 0 || memcmp(left.ptr, right.ptr, left.len) == 0);
}

// The bytes A to Z and a to z, whatever the language.
static inline bool tribunal_is_letter(uint8_t byte) {
    return (uint8_t)((byte | 0x20) - 'a') < 26;
}

// Space, tab, line feed, carriage return and form feed.
static inline bool tribunal_is_white(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

// A copy with A to Z made small.
tribunal_text tribunal_lowercase(tribunal_text text);

__attribute__((format(printf, 1, 2)))
tribunal_text tribunal_format(const char *format, ...);

__attribute__((format(printf, 1, 2)))
tribunal_optional_text tribunal_because(const char *format, ...);

// ---- Reading an interaction

// One text part after the other: `while (tribunal_next_text(&answer)) … answer.text …`
typedef struct {
    tribunal_text text;
    uint32_t message, part;
    uint8_t source;
    tribunal_plugin_types_list_message_t messages;
    uint32_t next;
} tribunal_texts;

static inline tribunal_texts tribunal_input_texts(const tribunal_interaction *interaction) {
    return (tribunal_texts){.source = TRIBUNAL_PLUGIN_TYPES_TEXT_SOURCE_INPUT, .messages = interaction->input};
}

static inline tribunal_texts tribunal_output_texts(const tribunal_interaction *interaction) {
    return (tribunal_texts){.source = TRIBUNAL_PLUGIN_TYPES_TEXT_SOURCE_OUTPUT, .messages = interaction->output};
}

bool tribunal_next_text(tribunal_texts *texts);

// Bytes `start` to `end`, without the last, of the text that stands in `texts`.
tribunal_optional_span tribunal_span(const tribunal_texts *texts, size_t start, size_t end);

// ---- Verdicts

static inline tribunal_score_value tribunal_number_value(double number) {
    return (tribunal_score_value){.tag = TRIBUNAL_PLUGIN_TYPES_SCORE_VALUE_NUMBER, .val.number = number};
}

static inline tribunal_score_value tribunal_boolean_value(bool boolean) {
    return (tribunal_score_value){.tag = TRIBUNAL_PLUGIN_TYPES_SCORE_VALUE_BOOLEAN, .val.boolean = boolean};
}

static inline tribunal_score_value tribunal_label_value(tribunal_text label) {
    return (tribunal_score_value){.tag = TRIBUNAL_PLUGIN_TYPES_SCORE_VALUE_LABEL, .val.label = label};
}

// Memory for this call, set to zero.
void *tribunal_allocate(size_t size);

void *tribunal_grow(void *items, size_t len, size_t size);

// Adds an item to a list (ptr, len) of scores, findings, attributes, cost items or a prompt's messages.
#define tribunal_add(list, ...) \
    ((list)->ptr = tribunal_grow((list)->ptr, (list)->len, sizeof *(list)->ptr), \
        (list)->ptr[(list)->len++] = (__typeof__(*(list)->ptr))__VA_ARGS__)

// `return tribunal_fail(failure, "invalid-input", "…");`
__attribute__((format(printf, 3, 4)))
bool tribunal_fail(tribunal_failure *failure, const char *code, const char *message, ...);

// ---- What the host offers

// A line for the operator.
__attribute__((format(printf, 2, 3)))
void tribunal_log(tribunal_level level, const char *format, ...);

// Models, for a plugin whose plugin.toml lists the capability `models`, by the operator's alias. False where there is no
// answer; `if (!tribunal_complete(…, failure)) return false;` hands the failure on, which the host knows for its own.
static inline bool tribunal_complete(
    tribunal_text alias, const tribunal_prompt *prompt, tribunal_completion *completion, tribunal_failure *failure) {
    return tribunal_plugin_models_complete(&alias, (tribunal_prompt *)prompt, completion, failure);
}

// A vector for each text, in their order, each as long as 1: the likeness of two is the sum of their products.
static inline bool tribunal_embed(
    tribunal_text alias, tribunal_text_list texts, tribunal_vectors *vectors, tribunal_failure *failure) {
    return tribunal_plugin_models_embed(&alias, &texts, vectors, failure);
}
