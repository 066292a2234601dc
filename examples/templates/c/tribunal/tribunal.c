// The plugin's exports, and what `tribunal.h` declares.
#include "tribunal.h"

void *tribunal_allocate(size_t size) {
    return memset(tribunal_take(size), 0, size);
}

void *tribunal_grow(void *items, size_t len, size_t size) {
    // There is room for the next power of two.
    if (len & (len - 1)) return items;
    if (len > SIZE_MAX / 4 / size) tribunal_panic("out of memory");
    void *grown = tribunal_take((len ? 2 * len : 1) * size);
    return len ? memcpy(grown, items, len * size) : grown;
}

// ---- Texts

static tribunal_text text_of(const char *string) {
    return (tribunal_text){(uint8_t *)string, strlen(string)};
}

static tribunal_text format_text(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0) return TEXT("");
    char *bytes = tribunal_take((size_t)len + 1);
    vsnprintf(bytes, (size_t)len + 1, format, arguments);
    return (tribunal_text){(uint8_t *)bytes, (size_t)len};
}

tribunal_text tribunal_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tribunal_text text = format_text(format, arguments);
    va_end(arguments);
    return text;
}

tribunal_optional_text tribunal_because(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tribunal_text text = format_text(format, arguments);
    va_end(arguments);
    return (tribunal_optional_text){true, text};
}

bool tribunal_fail(tribunal_failure *failure, const char *code, const char *message, ...) {
    va_list arguments;
    va_start(arguments, message);
    *failure = (tribunal_failure){text_of(code), format_text(message, arguments), false};
    va_end(arguments);
    return false;
}

void tribunal_log(tribunal_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tribunal_text text = format_text(format, arguments);
    va_end(arguments);
    tribunal_plugin_log_log((tribunal_plugin_log_level_t)level, &text);
}

tribunal_text tribunal_lowercase(tribunal_text text) {
    uint8_t *lower = tribunal_take(text.len);
    for (size_t at = 0; at < text.len; at++) {
        lower[at] = text.ptr[at] >= 'A' && text.ptr[at] <= 'Z' ? text.ptr[at] | 0x20 : text.ptr[at];
    }
    return (tribunal_text){lower, text.len};
}

bool tribunal_next_text(tribunal_texts *texts) {
    for (; texts->message < texts->messages.len; texts->message++, texts->next = 0) {
        const tribunal_message *message = &texts->messages.ptr[texts->message];
        while (texts->next < message->parts.len) {
            const tribunal_part *part = &message->parts.ptr[texts->next++];
            if (part->tag != TRIBUNAL_PLUGIN_TYPES_PART_TEXT) continue;
            texts->part = texts->next - 1;
            texts->text = part->val.text;
            return true;
        }
    }
    return false;
}

tribunal_optional_span tribunal_span(const tribunal_texts *texts, size_t start, size_t end_) {
    assert(start < end_ && end_ <= texts->text.len);
    return (tribunal_optional_span){
        true, {texts->source, texts->message, texts->part, (uint32_t)start, (uint32_t)end_}};
}

// ---- Errors nobody caught

// Out of memory it still works: the message has room of its own.
static _Noreturn void end_call(const char *format, va_list arguments) {
    static char message[1024];
    int len = vsnprintf(message, sizeof message, format, arguments);
    if (len < 0) len = 0;
    tribunal_text text = {(uint8_t *)message, (size_t)len < sizeof message ? (size_t)len : sizeof message - 1};
    // A cut in the middle of a character would be no UTF-8.
    while ((size_t)len >= sizeof message && text.len && (text.ptr[text.len] & 0xC0) == 0x80) text.len--;
    tribunal_abort(message, text.len);
}

void tribunal_panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    end_call(format, arguments);
}

_Noreturn void tribunal_assert_failed(const char *condition, const char *file, int line, const char *function) {
    tribunal_panic("%s:%d: %s: `%s` does not hold", file, line, function, condition);
}

// ---- Exports

static tribunal_text text_of_buffer(tribunal_buffer buffer) {
    return (tribunal_text){(uint8_t *)buffer.ptr, buffer.len};
}

void TRIBUNAL_EXPORT(describe)(tribunal_plugin_types_description_t *description) {
    *description = (tribunal_plugin_types_description_t){
        .name = text_of(tribunal_about[0]),
        .version = text_of(tribunal_about[1]),
        .summary = text_of(tribunal_about[2]),
        .config_schema = {true, text_of_buffer(tribunal_config_schema(configure))},
    };
    tribunal_call_is_over();
}

bool TRIBUNAL_EXPORT(configure)(tribunal_text *json, tribunal_text *error) {
    *error = text_of_buffer(tribunal_config_read(json->ptr, json->len, configure));
    tribunal_call_is_over();
    return error->len == 0;
}

#if __has_include("scorer_judge.h")
bool exports_tribunal_plugin_scorer_evaluate(
    tribunal_interaction *interaction, tribunal_scores *verdict, tribunal_failure *failure) {
#elif __has_include("error_classifier_judge.h")
bool exports_tribunal_plugin_error_classifier_evaluate(
    tribunal_interaction *interaction, tribunal_findings *verdict, tribunal_failure *failure) {
#elif __has_include("bias_check_judge.h")
bool exports_tribunal_plugin_bias_check_evaluate(
    tribunal_interaction *interaction, tribunal_bias_findings *verdict, tribunal_failure *failure) {
#else
bool exports_tribunal_plugin_pricing_adapter_evaluate(
    tribunal_call *interaction, tribunal_optional_cost *verdict, tribunal_failure *failure) {
#endif
    memset(verdict, 0, sizeof *verdict);
    memset(failure, 0, sizeof *failure);
    bool is_judged = evaluate(interaction, verdict, failure);
    tribunal_call_is_over();
    return is_judged;
}
