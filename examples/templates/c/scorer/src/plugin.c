#include "tribunal.h"

TRIBUNAL_PLUGIN("example-plugin", "0.1.0", "Counts the words of an answer.");

static int64_t max_words = 200;

void configure(tribunal_config *config) {
    tribunal_integer(config, "max_words", &max_words, 1, 1000000);
}

static int64_t count_words(tribunal_text text) {
    int64_t words = 0;
    bool is_inside = false;
    for (size_t at = 0; at < text.len; at++) {
        bool is_word = !tribunal_is_white(text.ptr[at]);
        words += is_word && !is_inside;
        is_inside = is_word;
    }
    return words;
}

bool evaluate(const tribunal_interaction *interaction, tribunal_scores *scores, tribunal_failure *failure) {
    if (interaction->output.len == 0) return true;
    int64_t words = 0;
    tribunal_texts answer = tribunal_output_texts(interaction);
    while (tribunal_next_text(&answer)) words += count_words(answer.text);

    tribunal_add(scores, {.name = TEXT("words"), .value = tribunal_number_value((double)words)});
    tribunal_add(scores, {
        .name = TEXT("within_limit"),
        .value = tribunal_boolean_value(words <= max_words),
        .explanation = tribunal_because("%" PRId64 " words, at most %" PRId64 " are wanted", words, max_words),
    });
    return true;
}
