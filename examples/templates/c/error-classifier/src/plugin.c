#include "tribunal.h"

#include <strings.h>

TRIBUNAL_PLUGIN("example-plugin", "0.1.0", "Finds words that stand twice.");

static tribunal_words allowed = {(tribunal_text[]){TEXT("had"), TEXT("that")}, 2};

void configure(tribunal_config *config) {
    tribunal_word_list(config, "allowed", &allowed, "a-z");
}

enum { MOST = 50 };

typedef struct {
    size_t start, end;
    bool is_plain;
} word;

static bool next_word(tribunal_text text, size_t at, word *found) {
    while (at < text.len && tribunal_is_white(text.ptr[at])) at++;
    *found = (word){at, at, true};
    for (; found->end < text.len && !tribunal_is_white(text.ptr[found->end]); found->end++) {
        found->is_plain &= tribunal_is_letter(text.ptr[found->end]);
    }
    return found->start < found->end;
}

static bool is_twice(tribunal_text text, word first, word second) {
    size_t len = first.end - first.start;
    const char *bytes = (const char *)text.ptr;
    return first.is_plain && second.is_plain && second.end - second.start == len &&
           strncasecmp(bytes + first.start, bytes + second.start, len) == 0;
}

static bool is_allowed(tribunal_text lower) {
    for (size_t at = 0; at < allowed.len; at++) {
        if (tribunal_equal(allowed.items[at], lower)) return true;
    }
    return false;
}

bool evaluate(const tribunal_interaction *interaction, tribunal_findings *findings, tribunal_failure *failure) {
    tribunal_texts answer = tribunal_output_texts(interaction);
    while (tribunal_next_text(&answer)) {
        word first = {0}, second;
        for (; next_word(answer.text, first.end, &second) && findings->len < MOST; first = second) {
            if (first.start == first.end || !is_twice(answer.text, first, second)) continue;
            tribunal_text lower = tribunal_lowercase(tribunal_slice(answer.text, first.start, first.end));
            if (is_allowed(lower)) continue;
            tribunal_add(findings, {
                .category = TEXT("grammatical"),
                .code = TEXT("doubled-word"),
                .severity = TRIBUNAL_SEVERITY_LOW,
                .confidence = 0.8,
                .span = tribunal_span(&answer, first.start, second.end),
                .explanation = tribunal_because("\"%.*s\" stands twice", TEXT_ARGUMENTS(lower)),
            });
        }
    }
    return true;
}
