#include "tribunal.h"

TRIBUNAL_PLUGIN("judge", "0.1.0", "Scores with what a model answers.");

static const tribunal_text schema =
    TEXT("{\"type\": \"object\", \"required\": [\"score\"], \"properties\": {\"score\": {\"type\": \"integer\"}}}");

static tribunal_text model = TEXT("judge");

void configure(tribunal_config *config) {
    tribunal_word(config, "model", &model, NULL, 0);
}

static tribunal_optional_text about(const tribunal_completion *answer) {
    tribunal_text reason = answer->finish_reason.is_some ? answer->finish_reason.val : TEXT("none");
    return tribunal_because("%.*s: %.*s, %" PRIu64 " and %" PRIu64 " tokens", TEXT_ARGUMENTS(answer->model),
        TEXT_ARGUMENTS(reason), answer->input_tokens.is_some ? answer->input_tokens.val : 0,
        answer->output_tokens.is_some ? answer->output_tokens.val : 0);
}

bool evaluate(const tribunal_interaction *interaction, tribunal_scores *scores, tribunal_failure *failure) {
    tribunal_texts texts = tribunal_output_texts(interaction);
    if (!tribunal_next_text(&texts)) return true;

    tribunal_completion free;
    tribunal_prompt plain = {};
    tribunal_add(&plain.messages, {TEXT("user"), texts.text});
    if (!tribunal_complete(TEXT("nobody"), &plain, &free, failure)) {
        tribunal_add(scores, {
            .name = TEXT("caught"),
            .value = tribunal_label_value(failure->code),
            .explanation = {true, failure->message},
        });
        tribunal_add(scores, {.name = TEXT("may_pass"), .value = tribunal_boolean_value(failure->transient)});
    }

    if (!tribunal_complete(model, &plain, &free, failure)) return false;
    tribunal_add(scores, {.name = TEXT("free"), .value = tribunal_label_value(free.text), .explanation = about(&free)});

    tribunal_prompt prompt = {
        .schema = {true, schema},
        .max_tokens = {true, 20},
        .temperature = {true, 0},
        .seed = {true, 7},
        .top_logprobs = 2,
    };
    tribunal_add(&prompt.messages, {TEXT("system"), TEXT("How helpful is this answer, from 1 to 5?")});
    tribunal_add(&prompt.messages, {TEXT("user"), texts.text});
    tribunal_completion answer;
    if (!tribunal_complete(model, &prompt, &answer, failure)) return false;
    tribunal_json json;
    tribunal_json_read(answer.text.ptr, answer.text.len, &json);
    double score = tribunal_member(&json, "score")->number;
    tribunal_add(
        scores, {.name = TEXT("helpful"), .value = tribunal_number_value(score), .explanation = about(&answer)});
    for (size_t at = 0; at < answer.first_token.len; at++) {
        tribunal_add(scores, {
            .name = TEXT("first"),
            .value = tribunal_number_value(answer.first_token.ptr[at].logprob),
            .explanation = {true, answer.first_token.ptr[at].token},
        });
    }

    tribunal_text pair[] = {texts.text, TEXT("Grüße, 🐈")};
    tribunal_vectors vectors;
    if (!tribunal_embed(model, (tribunal_text_list){pair, 2}, &vectors, failure)) return false;
    double likeness = 0;
    for (size_t at = 0; at < vectors.ptr[0].len; at++) {
        likeness += (double)vectors.ptr[0].ptr[at] * vectors.ptr[1].ptr[at];
    }
    tribunal_add(scores, {.name = TEXT("likeness"), .value = tribunal_number_value(likeness)});
    return true;
}
