// Reads a plugin's config: a JSON reader, and options that check a key, keep its value and write its schema.
// C and C++ share this file. It wants `tribunal_text` (ptr, len) defined before it.
#pragma once

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Texts that grow

typedef struct {
    char *ptr;
    size_t len, room;
} tribunal_buffer;

static inline void *tribunal_or_abort(void *memory) {
    if (!memory) abort();
    return memory;
}

static inline void tribunal_put(tribunal_buffer *buffer, const char *bytes, size_t len) {
    if (len > SIZE_MAX / 4 - buffer->len) abort();
    if (buffer->len + len + 1 > buffer->room) {
        buffer->room = 2 * (buffer->len + len) + 64;
        buffer->ptr = (char *)tribunal_or_abort(realloc(buffer->ptr, buffer->room));
    }
    if (len) memcpy(buffer->ptr + buffer->len, bytes, len);
    buffer->len += len;
    buffer->ptr[buffer->len] = 0;
}

static inline void tribunal_put_string(tribunal_buffer *buffer, const char *string) {
    tribunal_put(buffer, string, strlen(string));
}

static inline void tribunal_put_formatted(tribunal_buffer *buffer, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0) return;
    char *bytes = (char *)tribunal_or_abort(malloc((size_t)len + 1));
    vsnprintf(bytes, (size_t)len + 1, format, arguments);
    tribunal_put(buffer, bytes, (size_t)len);
    free(bytes);
}

__attribute__((format(printf, 2, 3)))
static inline void tribunal_putf(tribunal_buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tribunal_put_formatted(buffer, format, arguments);
    va_end(arguments);
}

// As a JSON string, in quotes.
static inline void tribunal_put_json(tribunal_buffer *buffer, const void *text, size_t len) {
    const unsigned char *bytes = (const unsigned char *)text;
    tribunal_put(buffer, "\"", 1);
    for (size_t at = 0; at < len; at++) {
        if (bytes[at] == '"' || bytes[at] == '\\') tribunal_put(buffer, "\\", 1);
        if (bytes[at] < 0x20) tribunal_putf(buffer, "\\u%04x", bytes[at]);
        else tribunal_put(buffer, (const char *)bytes + at, 1);
    }
    tribunal_put(buffer, "\"", 1);
}

// ---- JSON

typedef enum {
    TRIBUNAL_JSON_NULL,
    TRIBUNAL_JSON_BOOLEAN,
    TRIBUNAL_JSON_NUMBER,
    TRIBUNAL_JSON_TEXT,
    TRIBUNAL_JSON_ARRAY,
    TRIBUNAL_JSON_OBJECT,
} tribunal_json_kind;

typedef struct tribunal_json tribunal_json;

struct tribunal_json {
    tribunal_json_kind kind;
    tribunal_text key; // in an object
    bool is_used; // an option asked for it
    bool boolean, is_whole;
    int64_t whole; // where is_whole
    double number;
    tribunal_text text;
    tribunal_json *items; // of an array or object
    size_t count, room;
};

typedef struct {
    const char *at, *end;
    int depth;
    const char *error;
} tribunal_json_reader;

enum { TRIBUNAL_JSON_DEPTH = 64 };

static inline bool tribunal_json_fail(tribunal_json_reader *reader, const char *error) {
    if (!reader->error) reader->error = error;
    return false;
}

static inline void tribunal_json_skip(tribunal_json_reader *reader) {
    while (reader->at < reader->end && memchr(" \t\n\r", *reader->at, 4)) reader->at++;
}

static inline bool tribunal_json_take(tribunal_json_reader *reader, char wanted) {
    if (reader->at == reader->end || *reader->at != wanted) return false;
    reader->at++;
    return true;
}

static inline bool tribunal_json_word(tribunal_json_reader *reader, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len)) {
        return tribunal_json_fail(reader, "an unknown word");
    }
    reader->at += len;
    return true;
}

static inline bool tribunal_json_hex(tribunal_json_reader *reader, uint32_t *value) {
    *value = 0;
    for (int digit = 0; digit < 4; digit++, reader->at++) {
        int c = reader->at < reader->end ? (unsigned char)*reader->at : 0;
        int lower = c | 0x20;
        if (c >= '0' && c <= '9') *value = *value * 16 + (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f') *value = *value * 16 + (uint32_t)(lower - 'a') + 10;
        else return tribunal_json_fail(reader, "a broken \\u");
    }
    return true;
}

static inline bool tribunal_json_escape(tribunal_json_reader *reader, tribunal_buffer *out) {
    char c = reader->at < reader->end ? *reader->at++ : 0;
    if (c != 'u') {
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *found = c ? strchr(from, c) : NULL;
        if (!found) return tribunal_json_fail(reader, "an unknown escape");
        tribunal_put(out, to + (found - from), 1);
        return true;
    }
    uint32_t code, low;
    if (!tribunal_json_hex(reader, &code)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
        if (!tribunal_json_take(reader, '\\') || !tribunal_json_take(reader, 'u')) {
            return tribunal_json_fail(reader, "half a surrogate pair");
        }
        if (!tribunal_json_hex(reader, &low)) return false;
        if (low < 0xDC00 || low > 0xDFFF) return tribunal_json_fail(reader, "half a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
        return tribunal_json_fail(reader, "half a surrogate pair");
    }
    char utf8[4];
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t left = len; left-- > 1; code >>= 6) utf8[left] = (char)(0x80 | (code & 0x3F));
    utf8[0] = (char)(first[len] | code);
    tribunal_put(out, utf8, len);
    return true;
}

static inline bool tribunal_json_string(tribunal_json_reader *reader, tribunal_text *text) {
    if (!tribunal_json_take(reader, '"')) return tribunal_json_fail(reader, "no string where one should be");
    tribunal_buffer out = {NULL, 0, 0};
    tribunal_put(&out, "", 0);
    for (;;) {
        if (reader->at == reader->end) return tribunal_json_fail(reader, "a string without an end");
        unsigned char c = (unsigned char)*reader->at++;
        if (c == '"') break;
        if (c < 0x20) return tribunal_json_fail(reader, "a control character in a string");
        if (c != '\\') tribunal_put(&out, reader->at - 1, 1);
        else if (!tribunal_json_escape(reader, &out)) return false;
    }
    text->ptr = (uint8_t *)out.ptr;
    text->len = out.len;
    return true;
}

static inline bool tribunal_json_digits(tribunal_json_reader *reader) {
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') reader->at++;
    return reader->at > start || tribunal_json_fail(reader, "a broken number");
}

static inline bool tribunal_json_number(tribunal_json_reader *reader, tribunal_json *value) {
    const char *start = reader->at;
    bool is_plain = true;
    value->kind = TRIBUNAL_JSON_NUMBER;
    if (reader->at == reader->end || !memchr("-0123456789", *reader->at, 11)) {
        return tribunal_json_fail(reader, "no value where one should be");
    }
    tribunal_json_take(reader, '-');
    if (!tribunal_json_take(reader, '0') && !tribunal_json_digits(reader)) return false;
    if (tribunal_json_take(reader, '.')) {
        is_plain = false;
        if (!tribunal_json_digits(reader)) return false;
    }
    if (tribunal_json_take(reader, 'e') || tribunal_json_take(reader, 'E')) {
        is_plain = false;
        if (!tribunal_json_take(reader, '+')) tribunal_json_take(reader, '-');
        if (!tribunal_json_digits(reader)) return false;
    }
    size_t len = (size_t)(reader->at - start);
    char *digits = (char *)tribunal_or_abort(malloc(len + 1));
    memcpy(digits, start, len);
    digits[len] = 0;
    errno = 0;
    value->whole = strtoll(digits, NULL, 10);
    value->is_whole = is_plain && errno == 0;
    value->number = strtod(digits, NULL);
    free(digits);
    if (!isfinite(value->number)) return tribunal_json_fail(reader, "a number that is too large");
    // 2e2 and 200.0 are whole numbers too, as JSON Schema has it.
    if (!is_plain && fabs(value->number) <= 9007199254740992.0 && trunc(value->number) == value->number) {
        value->whole = (int64_t)value->number;
        value->is_whole = true;
    }
    return true;
}

static inline bool tribunal_json_value(tribunal_json_reader *reader, tribunal_json *value);

static inline tribunal_json *tribunal_json_add(tribunal_json *list) {
    if (list->count == list->room) {
        if (list->room > SIZE_MAX / 4 / sizeof *list) abort();
        list->room = list->room ? 2 * list->room : 4;
        list->items = (tribunal_json *)tribunal_or_abort(realloc(list->items, list->room * sizeof *list));
    }
    tribunal_json *item = &list->items[list->count++];
    memset(item, 0, sizeof *item);
    return item;
}

static inline bool tribunal_json_list(tribunal_json_reader *reader, tribunal_json *value, char end) {
    reader->at++;
    if (++reader->depth > TRIBUNAL_JSON_DEPTH) return tribunal_json_fail(reader, "too many levels");
    tribunal_json_skip(reader);
    if (!tribunal_json_take(reader, end)) {
        do {
            tribunal_json *item = tribunal_json_add(value);
            if (end == '}') {
                tribunal_json_skip(reader);
                tribunal_text key = {NULL, 0};
                if (!tribunal_json_string(reader, &key)) return false;
                item->key = key;
                tribunal_json_skip(reader);
                if (!tribunal_json_take(reader, ':')) return tribunal_json_fail(reader, "no colon after a key");
            }
            if (!tribunal_json_value(reader, item)) return false;
        } while (tribunal_json_take(reader, ','));
        if (!tribunal_json_take(reader, end)) return tribunal_json_fail(reader, "a list without an end");
    }
    reader->depth--;
    return true;
}

// A value with the white space around it.
static inline bool tribunal_json_value(tribunal_json_reader *reader, tribunal_json *value) {
    tribunal_json_skip(reader);
    bool is_good;
    switch (reader->at < reader->end ? *reader->at : 0) {
    case '{':
        value->kind = TRIBUNAL_JSON_OBJECT;
        is_good = tribunal_json_list(reader, value, '}');
        break;
    case '[':
        value->kind = TRIBUNAL_JSON_ARRAY;
        is_good = tribunal_json_list(reader, value, ']');
        break;
    case '"':
        value->kind = TRIBUNAL_JSON_TEXT;
        is_good = tribunal_json_string(reader, &value->text);
        break;
    case 't':
    case 'f':
        value->kind = TRIBUNAL_JSON_BOOLEAN;
        value->boolean = *reader->at == 't';
        is_good = tribunal_json_word(reader, value->boolean ? "true" : "false");
        break;
    case 'n':
        is_good = tribunal_json_word(reader, "null");
        break;
    default:
        is_good = tribunal_json_number(reader, value);
    }
    tribunal_json_skip(reader);
    return is_good;
}

// None where all is well, or what is wrong. What is read is kept until the plugin ends.
static inline const char *tribunal_json_read(const void *text, size_t len, tribunal_json *value) {
    tribunal_json_reader reader = {(const char *)text, (const char *)text + len, 0, NULL};
    memset(value, 0, sizeof *value);
    if (!tribunal_json_value(&reader, value)) return reader.error;
    return reader.at == reader.end ? NULL : "something after its end";
}

static inline bool tribunal_is(tribunal_text text, const char *string) {
    return text.len == strlen(string) && !memcmp(text.ptr, string, text.len);
}

// The value of an object's key, or NULL.
static inline const tribunal_json *tribunal_member(const tribunal_json *object, const char *key) {
    for (size_t at = 0; object->kind == TRIBUNAL_JSON_OBJECT && at < object->count; at++) {
        if (tribunal_is(object->items[at].key, key)) return &object->items[at];
    }
    return NULL;
}

// ---- Options

typedef struct {
    tribunal_text *items;
    size_t len;
} tribunal_words;

typedef struct {
    tribunal_text key, value;
} tribunal_pair;

// Sorted by key.
typedef struct {
    tribunal_pair *items;
    size_t len;
} tribunal_pairs;

typedef struct {
    tribunal_json *json; // none while the schema is asked for
    tribunal_buffer schema, known, error;
    size_t keys;
} tribunal_config;

// Refuses the config. The first reason counts.
__attribute__((format(printf, 2, 3)))
static inline void tribunal_refuse(tribunal_config *config, const char *format, ...) {
    if (config->error.len) return;
    va_list arguments;
    va_start(arguments, format);
    tribunal_put_formatted(&config->error, format, arguments);
    va_end(arguments);
}

// The key's value where the config has one. It also takes the key up in the schema, up to its type.
static inline const tribunal_json *tribunal_option(tribunal_config *config, const char *key) {
    if (config->keys++) {
        tribunal_put_string(&config->schema, ",");
        tribunal_put_string(&config->known, ", ");
    }
    tribunal_put_json(&config->schema, key, strlen(key));
    tribunal_put_string(&config->schema, ":");
    tribunal_put_json(&config->known, key, strlen(key));
    const tribunal_json *found = NULL;
    for (size_t at = 0; config->json && at < config->json->count; at++) {
        if (!tribunal_is(config->json->items[at].key, key)) continue;
        if (found) tribunal_refuse(config, "\"%s\" stands twice", key);
        config->json->items[at].is_used = true;
        found = &config->json->items[at];
    }
    return found;
}

static inline void tribunal_integer(
    tribunal_config *config, const char *key, int64_t *value, int64_t least, int64_t most) {
    const tribunal_json *json = tribunal_option(config, key);
    tribunal_putf(&config->schema,
        "{\"type\":\"integer\",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64 ",\"default\":%" PRId64 "}", least, most,
        *value);
    if (!json) return;
    if (json->kind == TRIBUNAL_JSON_NUMBER && json->is_whole && json->whole >= least && json->whole <= most) {
        *value = json->whole;
        return;
    }
    tribunal_refuse(config, "\"%s\" must be a whole number from %" PRId64 " to %" PRId64, key, least, most);
}

static inline void tribunal_number(
    tribunal_config *config, const char *key, double *value, double least, double most) {
    const tribunal_json *json = tribunal_option(config, key);
    tribunal_putf(&config->schema, "{\"type\":\"number\",\"minimum\":%.17g,\"maximum\":%.17g,\"default\":%.17g}", least,
        most, *value);
    if (!json) return;
    if (json->kind == TRIBUNAL_JSON_NUMBER && json->number >= least && json->number <= most) {
        *value = json->number;
        return;
    }
    tribunal_refuse(config, "\"%s\" must be a number from %g to %g", key, least, most);
}

static inline void tribunal_boolean_option(tribunal_config *config, const char *key, bool *value) {
    const tribunal_json *json = tribunal_option(config, key);
    tribunal_putf(&config->schema, "{\"type\":\"boolean\",\"default\":%s}", *value ? "true" : "false");
    if (!json) return;
    if (json->kind == TRIBUNAL_JSON_BOOLEAN) *value = json->boolean;
    else tribunal_refuse(config, "\"%s\" must be true or false", key);
}

// `letters` is like "a-z" or "A-Za-z0-9_", a hyphen first or last stands for itself; NULL is any text.
static inline bool tribunal_is_made_of(tribunal_text text, const char *letters) {
    for (size_t at = 0; letters && at < text.len; at++) {
        const char *letter = letters;
        for (; *letter; letter++) {
            unsigned char first = (unsigned char)*letter, last = first;
            if (letter[1] == '-' && letter[2]) last = (unsigned char)letter[2], letter += 2;
            if (text.ptr[at] >= first && text.ptr[at] <= last) break;
        }
        if (!*letter) return false;
    }
    return !letters || text.len > 0;
}

static inline const char *tribunal_letters(const char *letters) {
    return letters ? letters : "of any kind";
}

// A text of `letters`, `len` bytes long; 0 is any length.
static inline void tribunal_word(
    tribunal_config *config, const char *key, tribunal_text *value, const char *letters, size_t len) {
    const tribunal_json *json = tribunal_option(config, key);
    tribunal_put_string(&config->schema, "{\"type\":\"string\",");
    if (letters) {
        tribunal_putf(&config->schema, "\"pattern\":\"^[%s]", letters);
        if (len) tribunal_putf(&config->schema, "{%zu}$\",", len);
        else tribunal_put_string(&config->schema, "+$\",");
    }
    tribunal_put_string(&config->schema, "\"default\":");
    tribunal_put_json(&config->schema, value->ptr, value->len);
    tribunal_put_string(&config->schema, "}");
    if (!json) return;
    bool is_good = json->kind == TRIBUNAL_JSON_TEXT && (!len || json->text.len == len);
    if (is_good && tribunal_is_made_of(json->text, letters)) {
        *value = json->text;
    } else if (len) {
        tribunal_refuse(config, "\"%s\" must be a text of %zu characters %s", key, len, tribunal_letters(letters));
    } else {
        tribunal_refuse(config, "\"%s\" must be a text of characters %s", key, tribunal_letters(letters));
    }
}

// A list of texts of `letters`.
static inline void tribunal_word_list(
    tribunal_config *config, const char *key, tribunal_words *value, const char *letters) {
    const tribunal_json *json = tribunal_option(config, key);
    tribunal_put_string(&config->schema, "{\"type\":\"array\",\"items\":{\"type\":\"string\"");
    if (letters) tribunal_putf(&config->schema, ",\"pattern\":\"^[%s]+$\"", letters);
    tribunal_put_string(&config->schema, "},\"default\":[");
    for (size_t at = 0; at < value->len; at++) {
        if (at) tribunal_put_string(&config->schema, ",");
        tribunal_put_json(&config->schema, value->items[at].ptr, value->items[at].len);
    }
    tribunal_put_string(&config->schema, "]}");
    if (!json) return;
    bool is_good = json->kind == TRIBUNAL_JSON_ARRAY;
    tribunal_words read = {NULL, json->count};
    read.items = (tribunal_text *)tribunal_or_abort(calloc(json->count + 1, sizeof *read.items));
    for (size_t at = 0; is_good && at < json->count; at++) {
        const tribunal_json *item = &json->items[at];
        is_good = item->kind == TRIBUNAL_JSON_TEXT && tribunal_is_made_of(item->text, letters);
        read.items[at] = item->text;
    }
    if (is_good) *value = read;
    else tribunal_refuse(config, "\"%s\" must be a list of texts of characters %s", key, tribunal_letters(letters));
}

static inline int tribunal_compare(tribunal_text left, tribunal_text right) {
    size_t len = left.len < right.len ? left.len : right.len;
    int order = len ? memcmp(left.ptr, right.ptr, len) : 0;
    return order ? order : (left.len > right.len) - (left.len < right.len);
}

static inline int tribunal_compare_pairs(const void *left, const void *right) {
    return tribunal_compare(((const tribunal_pair *)left)->key, ((const tribunal_pair *)right)->key);
}

// An object from texts of `letters` to texts.
static inline void tribunal_text_map(
    tribunal_config *config, const char *key, tribunal_pairs *value, const char *letters) {
    const tribunal_json *json = tribunal_option(config, key);
    tribunal_put_string(&config->schema, "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}");
    if (letters) tribunal_putf(&config->schema, ",\"propertyNames\":{\"pattern\":\"^[%s]+$\"}", letters);
    tribunal_put_string(&config->schema, ",\"default\":{");
    for (size_t at = 0; at < value->len; at++) {
        if (at) tribunal_put_string(&config->schema, ",");
        tribunal_put_json(&config->schema, value->items[at].key.ptr, value->items[at].key.len);
        tribunal_put_string(&config->schema, ":");
        tribunal_put_json(&config->schema, value->items[at].value.ptr, value->items[at].value.len);
    }
    tribunal_put_string(&config->schema, "}}");
    if (!json) return;
    bool is_good = json->kind == TRIBUNAL_JSON_OBJECT;
    tribunal_pairs read = {NULL, json->count};
    read.items = (tribunal_pair *)tribunal_or_abort(calloc(json->count + 1, sizeof *read.items));
    for (size_t at = 0; is_good && at < json->count; at++) {
        const tribunal_json *item = &json->items[at];
        is_good = item->kind == TRIBUNAL_JSON_TEXT && tribunal_is_made_of(item->key, letters);
        read.items[at].key = item->key;
        read.items[at].value = item->text;
    }
    if (!is_good) {
        tribunal_refuse(
            config, "\"%s\" must be an object from texts of characters %s to texts", key, tribunal_letters(letters));
        return;
    }
    qsort(read.items, read.len, sizeof *read.items, tribunal_compare_pairs);
    for (size_t at = 1; at < read.len; at++) {
        if (!tribunal_compare_pairs(&read.items[at - 1], &read.items[at])) {
            tribunal_refuse(config, "a key of \"%s\" stands twice", key);
        }
    }
    *value = read;
}

// The value of that key, or NULL.
static inline const tribunal_text *tribunal_find(const tribunal_pairs *pairs, tribunal_text key) {
    tribunal_pair wanted;
    wanted.key = key;
    const void *found =
        pairs->len ? bsearch(&wanted, pairs->items, pairs->len, sizeof wanted, tribunal_compare_pairs) : NULL;
    return found ? &((const tribunal_pair *)found)->value : NULL;
}

// The schema of what `configure` asks for.
static inline tribunal_buffer tribunal_config_schema(void (*configure)(tribunal_config *)) {
    tribunal_config config;
    memset(&config, 0, sizeof config);
    tribunal_put_string(&config.schema,
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"properties\":{");
    configure(&config);
    tribunal_put_string(&config.schema, "},\"additionalProperties\":false}");
    return config.schema;
}

// Hands the JSON text to `configure`. What it gives back is empty, or says why the config is refused.
static inline tribunal_buffer tribunal_config_read(
    const void *text, size_t len, void (*configure)(tribunal_config *)) {
    tribunal_config config;
    memset(&config, 0, sizeof config);
    tribunal_json json;
    const char *broken = tribunal_json_read(text, len, &json);
    if (broken) {
        tribunal_refuse(&config, "the config is no JSON: %s", broken);
        return config.error;
    }
    if (json.kind != TRIBUNAL_JSON_OBJECT) {
        tribunal_refuse(&config, "the config must be an object");
        return config.error;
    }
    config.json = &json;
    configure(&config);
    for (size_t at = 0; at < json.count; at++) {
        if (json.items[at].is_used) continue;
        tribunal_buffer quoted = {NULL, 0, 0};
        tribunal_put_json(&quoted, json.items[at].key.ptr, json.items[at].key.len);
        tribunal_refuse(&config, "unknown key %s; there %s %s", quoted.ptr, config.keys == 1 ? "is" : "are",
            config.keys ? config.known.ptr : "none");
        break;
    }
    return config.error;
}
