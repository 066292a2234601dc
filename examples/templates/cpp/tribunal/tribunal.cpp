// The plugin's exports, and what `tribunal.hpp` declares.
#include "tribunal.hpp"

#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "bindings.h"

using tribunal_text = TRIBUNAL_WORLD(string_t);
#include "config.h"

namespace tribunal {

// ---- The layouts agree

#define SAME(type, generated) \
    static_assert(sizeof(type) == sizeof(tribunal_plugin_types_##generated) && \
                  alignof(type) == alignof(tribunal_plugin_types_##generated))
#define SAME_PLACE(type, generated, field) \
    static_assert(offsetof(type, field) == offsetof(tribunal_plugin_types_##generated, field))
static_assert(sizeof(Text) == sizeof(tribunal_text));
SAME(AttributeValue, attribute_value_t);
SAME(Attribute, attribute_t);
SAME(UnitCount, unit_count_t);
SAME(Usage, usage_t);
SAME(Timing, timing_t);
SAME(CallError, call_error_t);
SAME(ToolCall, tool_call_t);
SAME(ToolResult, tool_result_t);
SAME(OtherPart, other_part_t);
SAME(Part, part_t);
SAME(Message, message_t);
SAME(Document, document_t);
SAME(PromptVersion, prompt_version_t);
SAME(Call, call_t);
SAME(Interaction, interaction_t);
SAME(Span, span_t);
SAME_PLACE(Usage, usage_t, reasoning_tokens);
SAME_PLACE(CallError, call_error_t, status);
SAME_PLACE(Message, message_t, attributes);
SAME_PLACE(Call, call_t, started_at);
SAME_PLACE(Call, call_t, usage);
SAME_PLACE(Call, call_t, error);
SAME_PLACE(Call, call_t, attributes);
SAME_PLACE(Interaction, interaction_t, output);
SAME_PLACE(Interaction, interaction_t, user);
static_assert(sizeof(TokenLogprob) == sizeof(tribunal_plugin_models_token_logprob_t));
static_assert(sizeof(Completion) == sizeof(tribunal_plugin_models_completion_t));
static_assert(offsetof(Completion, first_token) == offsetof(tribunal_plugin_models_completion_t, first_token));

// ---- Texts

static std::vector<Place> texts(const List<Message> &messages, Source source) {
    std::vector<Place> places;
    for (std::uint32_t message = 0; message < messages.size(); message++) {
        const List<Part> &parts = messages[message].parts;
        for (std::uint32_t part = 0; part < parts.size(); part++) {
            if (const Text *text = parts[part].text()) places.push_back({*text, source, message, part});
        }
    }
    return places;
}

std::vector<Place> input_texts(const Interaction &interaction) {
    return texts(interaction.input, Source::input);
}

std::vector<Place> output_texts(const Interaction &interaction) {
    return texts(interaction.output, Source::output);
}

std::string lowercase(std::string_view text) {
    std::string lower(text);
    for (char &byte : lower) {
        if (byte >= 'A' && byte <= 'Z') byte |= 0x20;
    }
    return lower;
}

// ---- Config

static tribunal_config *config_of(void *reader) {
    return static_cast<tribunal_config *>(reader);
}

static tribunal_text borrowed(std::string_view text) {
    return {reinterpret_cast<std::uint8_t *>(const_cast<char *>(text.data())), text.size()};
}

static std::string owned(tribunal_text text) {
    return {reinterpret_cast<const char *>(text.ptr), text.len};
}

void Config::integer(const char *key, std::int64_t &value, std::int64_t least, std::int64_t most) {
    tribunal_integer(config_of(reader_), key, &value, least, most);
}

void Config::number(const char *key, double &value, double least, double most) {
    tribunal_number(config_of(reader_), key, &value, least, most);
}

void Config::boolean(const char *key, bool &value) {
    tribunal_boolean_option(config_of(reader_), key, &value);
}

void Config::text(const char *key, std::string &value, const char *letters, std::size_t length) {
    tribunal_text read = borrowed(value);
    tribunal_word(config_of(reader_), key, &read, letters, length);
    value = owned(read);
}

void Config::list(const char *key, std::vector<std::string> &value, const char *letters) {
    std::vector<tribunal_text> items;
    for (const std::string &item : value) items.push_back(borrowed(item));
    tribunal_words read = {items.data(), items.size()};
    tribunal_word_list(config_of(reader_), key, &read, letters);
    std::vector<std::string> made;
    for (std::size_t at = 0; at < read.len; at++) made.push_back(owned(read.items[at]));
    value = std::move(made);
}

void Config::map(const char *key, std::map<std::string, std::string, std::less<>> &value, const char *letters) {
    std::vector<tribunal_pair> items;
    for (const auto &[name, text] : value) items.push_back({borrowed(name), borrowed(text)});
    tribunal_pairs read = {items.data(), items.size()};
    tribunal_text_map(config_of(reader_), key, &read, letters);
    std::map<std::string, std::string, std::less<>> made;
    for (std::size_t at = 0; at < read.len; at++) made.emplace(owned(read.items[at].key), owned(read.items[at].value));
    value = std::move(made);
}

void Config::refuse(std::string_view reason) {
    tribunal_refuse(config_of(reader_), "%.*s", static_cast<int>(reason.size()), reason.data());
}

// ---- JSON

static const tribunal_json *json_of(const void *value, tribunal_json_kind kind) {
    const auto *json = static_cast<const tribunal_json *>(value);
    return json && json->kind == kind ? json : nullptr;
}

JsonValue JsonValue::read(std::string_view text) {
    auto *value = new tribunal_json;
    return JsonValue(tribunal_json_read(text.data(), text.size(), value) ? nullptr : value);
}

std::optional<double> JsonValue::number() const {
    const tribunal_json *json = json_of(value_, TRIBUNAL_JSON_NUMBER);
    return json ? std::optional(json->number) : std::nullopt;
}

std::optional<bool> JsonValue::boolean() const {
    const tribunal_json *json = json_of(value_, TRIBUNAL_JSON_BOOLEAN);
    return json ? std::optional(json->boolean) : std::nullopt;
}

std::optional<std::string_view> JsonValue::text() const {
    const tribunal_json *json = json_of(value_, TRIBUNAL_JSON_TEXT);
    if (!json) return std::nullopt;
    return std::string_view(reinterpret_cast<const char *>(json->text.ptr), json->text.len);
}

JsonValue JsonValue::operator[](const char *key) const {
    const tribunal_json *json = json_of(value_, TRIBUNAL_JSON_OBJECT);
    return JsonValue(json ? tribunal_member(json, key) : nullptr);
}

JsonValue JsonValue::operator[](std::size_t at) const {
    return JsonValue(at < size() ? &json_of(value_, TRIBUNAL_JSON_ARRAY)->items[at] : nullptr);
}

std::size_t JsonValue::size() const {
    const tribunal_json *json = json_of(value_, TRIBUNAL_JSON_ARRAY);
    return json ? json->count : 0;
}

// ---- What the host offers

static void write_line(tribunal_plugin_log_level_t level, std::string_view line) {
    tribunal_text text = borrowed(line);
    tribunal_plugin_log_log(level, &text);
}

void log::trace(std::string_view line) {
    write_line(TRIBUNAL_PLUGIN_LOG_LEVEL_TRACE, line);
}

void log::debug(std::string_view line) {
    write_line(TRIBUNAL_PLUGIN_LOG_LEVEL_DEBUG, line);
}

void log::info(std::string_view line) {
    write_line(TRIBUNAL_PLUGIN_LOG_LEVEL_INFO, line);
}

void log::warn(std::string_view line) {
    write_line(TRIBUNAL_PLUGIN_LOG_LEVEL_WARN, line);
}

void log::error(std::string_view line) {
    write_line(TRIBUNAL_PLUGIN_LOG_LEVEL_ERROR, line);
}

void panic(std::string_view message) {
    tribunal_abort(message.data(), message.size());
}

// ---- Verdicts and prompts, as the bindings have them, in the call's memory

static tribunal_text lowered(const std::string &text) {
    void *bytes = tribunal_take(text.size());
    if (!text.empty()) std::memcpy(bytes, text.data(), text.size());
    return {static_cast<std::uint8_t *>(bytes), text.size()};
}

static TRIBUNAL_WORLD(option_string_t) lowered(const std::optional<std::string> &text) {
    return {text.has_value(), text ? lowered(*text) : tribunal_text{}};
}

template <typename Lowered, typename T>
static Lowered lowered_list(const std::vector<T> &items) {
    using Item = std::remove_pointer_t<decltype(Lowered::ptr)>;
    Lowered list{static_cast<Item *>(tribunal_take(items.size() * sizeof(Item))), items.size()};
    for (std::size_t at = 0; at < items.size(); at++) list.ptr[at] = lowered(items[at]);
    return list;
}

[[maybe_unused]] static tribunal_plugin_types_attribute_t lowered(const NewAttribute &attribute) {
    tribunal_plugin_types_attribute_t made{};
    made.key = lowered(attribute.key);
    made.value.tag = static_cast<std::uint8_t>(attribute.value.index());
    if (auto *text = std::get_if<std::string>(&attribute.value)) made.value.val.text = lowered(*text);
    if (auto *integer = std::get_if<std::int64_t>(&attribute.value)) made.value.val.integer = *integer;
    if (auto *number = std::get_if<double>(&attribute.value)) made.value.val.number = *number;
    if (auto *boolean = std::get_if<bool>(&attribute.value)) made.value.val.boolean = *boolean;
    if (auto *json = std::get_if<Json>(&attribute.value)) made.value.val.json = lowered(json->text);
    return made;
}

static auto lowered(const std::vector<NewAttribute> &attributes) {
    return lowered_list<tribunal_plugin_types_list_attribute_t>(attributes);
}

[[maybe_unused]] static tribunal_plugin_types_option_span_t lowered(const std::optional<Span> &span) {
    if (!span) return {};
    return {true, {static_cast<std::uint8_t>(span->source), span->message, span->part, span->start, span->end}};
}

[[maybe_unused]] static tribunal_plugin_types_score_t lowered(const Score &score) {
    tribunal_plugin_types_score_t made{};
    made.name = lowered(score.name);
    made.value.tag = static_cast<std::uint8_t>(score.value.index());
    if (auto *number = std::get_if<double>(&score.value)) made.value.val.number = *number;
    if (auto *boolean = std::get_if<bool>(&score.value)) made.value.val.boolean = *boolean;
    if (auto *label = std::get_if<std::string>(&score.value)) made.value.val.label = lowered(*label);
    made.explanation = lowered(score.explanation);
    made.attributes = lowered(score.attributes);
    return made;
}

[[maybe_unused]] static tribunal_plugin_types_finding_t lowered(const Finding &finding) {
    return {lowered(finding.category), lowered(finding.code), static_cast<std::uint8_t>(finding.severity),
        finding.confidence, lowered(finding.span), lowered(finding.explanation), lowered(finding.attributes)};
}

[[maybe_unused]] static tribunal_plugin_types_bias_finding_t lowered(const BiasFinding &finding) {
    return {lowered(finding.dimension), static_cast<std::uint8_t>(finding.severity), finding.confidence,
        lowered(finding.span), lowered(finding.explanation), lowered(finding.attributes)};
}

[[maybe_unused]] static tribunal_plugin_types_cost_item_t lowered(const CostItem &item) {
    return {lowered(item.name), item.quantity, item.unit_price, item.amount};
}

[[maybe_unused]] static tribunal_plugin_types_cost_t lowered(const Cost &cost) {
    return {lowered(cost.currency), cost.amount, lowered_list<tribunal_plugin_types_list_cost_item_t>(cost.items),
        lowered(cost.price_list), lowered(cost.attributes)};
}

template <typename Lowered, typename T>
[[maybe_unused]] static void put(Lowered *verdict, const std::vector<T> &items) {
    *verdict = lowered_list<Lowered>(items);
}

template <typename Lowered, typename T>
[[maybe_unused]] static void put(Lowered *verdict, const std::optional<T> &item) {
    *verdict = {};
    verdict->is_some = item.has_value();
    if (item) verdict->val = lowered(*item);
}

template <typename Given, typename Lowered>
static bool judge(const void *given, Lowered *verdict, tribunal_plugin_types_failure_t *failure) {
    const auto result = evaluate(*static_cast<const Given *>(given));
    if (result) put(verdict, *result);
    else *failure = {lowered(result.error().code), lowered(result.error().message), result.error().transient};
    tribunal_call_is_over();
    return result.has_value();
}

static tribunal_plugin_models_prompt_message_t lowered(const PromptMessage &message) {
    return {lowered(message.role), lowered(message.content)};
}

static tribunal_plugin_models_prompt_t lowered(const Prompt &prompt) {
    return {lowered_list<tribunal_plugin_models_list_prompt_message_t>(prompt.messages), lowered(prompt.schema),
        {prompt.max_tokens.has_value(), prompt.max_tokens.value_or(0)},
        {prompt.temperature.has_value(), prompt.temperature.value_or(0)},
        {prompt.seed.has_value(), prompt.seed.value_or(0)}, prompt.top_logprobs};
}

template <typename Answer, typename Lowered, typename Asked>
static Result<Answer> ask(bool (*call)(tribunal_text *, Asked *, Lowered *, tribunal_plugin_types_failure_t *),
    std::string_view alias, Asked asked) {
    tribunal_text name = borrowed(alias);
    Answer answer;
    tribunal_plugin_types_failure_t failure;
    if (call(&name, &asked, reinterpret_cast<Lowered *>(&answer), &failure)) return answer;
    return std::unexpected(Failure{owned(failure.code), owned(failure.message), failure.transient});
}

Result<Completion> complete(std::string_view alias, const Prompt &prompt) {
    return ask<Completion>(tribunal_plugin_models_complete, alias, lowered(prompt));
}

Result<List<List<float>>> embed(std::string_view alias, const std::vector<std::string> &texts) {
    return ask<List<List<float>>>(
        tribunal_plugin_models_embed, alias, lowered_list<TRIBUNAL_WORLD(list_string_t)>(texts));
}

static void configure_reader(tribunal_config *reader) {
    Config config(reader);
    configure(config);
}

} // namespace tribunal

// ---- Errors nobody caught

extern "C" void tribunal_assert_failed(const char *condition, const char *file, int line, const char *function) {
    using namespace tribunal;
    panic(concat(file, ":", line, ": ", function, ": `", condition, "` does not hold"));
}

// What the standard library does in place of throwing.
_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] void __libcpp_verbose_abort(const char *format, ...) noexcept {
    static char message[1024];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    std::string_view text = message;
    tribunal::panic(text.substr(0, text.find_last_not_of('\n') + 1));
}
_LIBCPP_END_NAMESPACE_STD

// In place of the library's, which would write to standard error.
void *operator new(std::size_t size) {
    void *memory = std::malloc(size ? size : 1);
    if (!memory) tribunal::panic("out of memory");
    return memory;
}

void operator delete(void *memory) noexcept {
    std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept {
    std::free(memory);
}

// ---- Exports

static tribunal_text text_of(const char *text) {
    return tribunal::borrowed(text);
}

static tribunal_text text_of(tribunal_buffer buffer) {
    return {reinterpret_cast<std::uint8_t *>(buffer.ptr), buffer.len};
}

extern "C" void TRIBUNAL_EXPORT(describe)(tribunal_plugin_types_description_t *description) {
    using tribunal::about;
    *description = {text_of(about.name), text_of(about.version), text_of(about.summary),
        {true, text_of(tribunal_config_schema(tribunal::configure_reader))}, {}};
    tribunal_call_is_over();
}

extern "C" bool TRIBUNAL_EXPORT(configure)(tribunal_text *json, tribunal_text *error) {
    *error = text_of(tribunal_config_read(json->ptr, json->len, tribunal::configure_reader));
    tribunal_call_is_over();
    return error->len == 0;
}

#if __has_include("scorer_judge.h")
extern "C" bool exports_tribunal_plugin_scorer_evaluate(tribunal_plugin_types_interaction_t *given,
    exports_tribunal_plugin_scorer_list_score_t *verdict, tribunal_plugin_types_failure_t *failure) {
    return tribunal::judge<tribunal::Interaction>(given, verdict, failure);
}
#elif __has_include("error_classifier_judge.h")
extern "C" bool exports_tribunal_plugin_error_classifier_evaluate(tribunal_plugin_types_interaction_t *given,
    exports_tribunal_plugin_error_classifier_list_finding_t *verdict, tribunal_plugin_types_failure_t *failure) {
    return tribunal::judge<tribunal::Interaction>(given, verdict, failure);
}
#elif __has_include("bias_check_judge.h")
extern "C" bool exports_tribunal_plugin_bias_check_evaluate(tribunal_plugin_types_interaction_t *given,
    exports_tribunal_plugin_bias_check_list_bias_finding_t *verdict, tribunal_plugin_types_failure_t *failure) {
    return tribunal::judge<tribunal::Interaction>(given, verdict, failure);
}
#else
extern "C" bool exports_tribunal_plugin_pricing_adapter_evaluate(tribunal_plugin_types_call_t *given,
    exports_tribunal_plugin_pricing_adapter_option_cost_t *verdict, tribunal_plugin_types_failure_t *failure) {
    return tribunal::judge<tribunal::Call>(given, verdict, failure);
}
#endif
