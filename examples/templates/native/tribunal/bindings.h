// Takes up the generated bindings of the plugin's kind, and gives them names that all kinds share.
// C and C++ share this file.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// bindings/ holds those of one kind.
#if __has_include("scorer_judge.h")
#include "scorer_judge.h"
#define TRIBUNAL_WORLD(name) scorer_judge_##name
#define TRIBUNAL_EXPORT(name) exports_scorer_judge_##name
typedef exports_tribunal_plugin_scorer_list_score_t tribunal_scores;
#elif __has_include("error_classifier_judge.h")
#include "error_classifier_judge.h"
#define TRIBUNAL_WORLD(name) error_classifier_judge_##name
#define TRIBUNAL_EXPORT(name) exports_error_classifier_judge_##name
typedef exports_tribunal_plugin_error_classifier_list_finding_t tribunal_findings;
#elif __has_include("bias_check_judge.h")
#include "bias_check_judge.h"
#define TRIBUNAL_WORLD(name) bias_check_judge_##name
#define TRIBUNAL_EXPORT(name) exports_bias_check_judge_##name
typedef exports_tribunal_plugin_bias_check_list_bias_finding_t tribunal_bias_findings;
#elif __has_include("pricing_adapter_judge.h")
#include "pricing_adapter_judge.h"
#define TRIBUNAL_WORLD(name) pricing_adapter_judge_##name
#define TRIBUNAL_EXPORT(name) exports_pricing_adapter_judge_##name
typedef exports_tribunal_plugin_pricing_adapter_option_cost_t tribunal_optional_cost;
#else
#error "There are no bindings yet: `tribunal plugin build` makes them."
#endif

typedef TRIBUNAL_WORLD(string_t) tribunal_text; // ptr, len; no zero at its end

// Memory that lives until the call is over.
void *tribunal_take(size_t size);

// Says that what is taken from now on belongs to the next call.
void tribunal_call_is_over(void);

// Ends the call, which is stored as failed with this message.
#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
void tribunal_abort(const char *message, size_t len);

#ifdef __cplusplus
}
#endif
