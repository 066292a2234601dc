// What a plugin in C++ is written with. A plugin defines `tribunal::about`, `tribunal::configure` and
// `tribunal::evaluate`.
//
// What `evaluate` is given lives until the call is over. Every call starts from the plugin as `configure` left it.
// There are no exceptions: `evaluate` gives back a Failure, and what may not happen is an `assert` or a `panic`.
#pragma once

#include <cassert>
#include <concepts>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tribunal {

// ---- What a plugin is given. The layout is that of the generated bindings, so nothing is copied.

class Text {
public:
    constexpr operator std::string_view() const { return view(); }
    constexpr std::string_view view() const { return {data_, size_}; }

private:
    const char *data_;
    std::size_t size_;
};

template <typename T>
class List {
public:
    const T *begin() const { return items_; }
    const T *end() const { return items_ + size_; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const T &operator[](std::size_t at) const {
        assert(at < size_);
        return items_[at];
    }

private:
    const T *items_;
    std::size_t size_;
};

template <typename T>
class Optional {
public:
    bool has_value() const { return is_some_; }
    explicit operator bool() const { return is_some_; }
    const T &operator*() const {
        assert(is_some_);
        return value_;
    }
    const T *operator->() const { return &**this; }

private:
    bool is_some_;
    T value_;
};

// Each function gives a null pointer where the value is of another kind.
class AttributeValue {
public:
    const Text *text() const { return kind_ == 0 ? &text_ : nullptr; }
    const std::int64_t *integer() const { return kind_ == 1 ? &integer_ : nullptr; }
    const double *number() const { return kind_ == 2 ? &number_ : nullptr; }
    const bool *boolean() const { return kind_ == 3 ? &boolean_ : nullptr; }
    const Text *json() const { return kind_ == 4 ? &text_ : nullptr; }

private:
    std::uint8_t kind_;
    union {
        Text text_;
        std::int64_t integer_;
        double number_;
        bool boolean_;
    };
};

struct Attribute {
    Text key;
    AttributeValue value;
};

struct UnitCount {
    Text name;
    std::uint64_t count;
};

// The buckets are disjoint.
struct Usage {
    std::uint64_t input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens;
    List<UnitCount> other;
};

// In milliseconds.
struct Timing {
    Optional<double> duration, time_to_first_token;
};

struct CallError {
    Text kind, message;
    Optional<std::uint16_t> status;
};

struct ToolCall {
    Optional<Text> id;
    Text name;
    Text arguments; // JSON
};

struct ToolResult {
    Optional<Text> id;
    Text content;
};

struct OtherPart {
    Text kind, json;
};

// Each function gives a null pointer where the part is of another kind.
class Part {
public:
    const Text *text() const { return kind_ == 0 ? &text_ : nullptr; }
    const Text *reasoning() const { return kind_ == 1 ? &text_ : nullptr; }
    const ToolCall *tool_call() const { return kind_ == 2 ? &tool_call_ : nullptr; }
    const ToolResult *tool_result() const { return kind_ == 3 ? &tool_result_ : nullptr; }
    const OtherPart *other() const { return kind_ == 4 ? &other_ : nullptr; }

private:
    std::uint8_t kind_;
    union {
        Text text_;
        ToolCall tool_call_;
        ToolResult tool_result_;
        OtherPart other_;
    };
};

struct Message {
    Text role;
    List<Part> parts;
    List<Attribute> attributes;
};

struct Document {
    Optional<Text> id;
    Text text;
    List<Attribute> attributes;
};

struct PromptVersion {
    Text name;
    Optional<Text> version;
};

struct Call {
    Text id, project, operation, provider, model;
    Optional<Text> requested_model;
    std::uint64_t started_at; // nanoseconds since 1970
    Timing timing;
    Optional<Usage> usage;
    List<Attribute> parameters;
    List<Text> finish_reasons;
    Optional<CallError> error;
    List<Attribute> attributes;
};

struct Interaction {
    Call call;
    List<Message> input, output;
    List<Document> context;
    Optional<Text> reference;
    Optional<PromptVersion> prompt;
    Optional<Text> session, user;
};

// ---- What a plugin gives back

enum class Source : std::uint8_t { input, output };

enum class Severity : std::uint8_t { info, low, medium, high, critical };

// Bytes `start` to `end`, without the last, of one text.
struct Span {
    Source source;
    std::uint32_t message, part, start, end;
};

struct Json {
    std::string text;
};

struct NewAttribute {
    std::string key;
    std::variant<std::string, std::int64_t, double, bool, Json> value;
};

struct Score {
    std::string name;
    std::variant<double, bool, std::string> value; // a number, true or false, or a label
    std::optional<std::string> explanation = {};
    std::vector<NewAttribute> attributes = {};
};

struct Finding {
    std::string category, code;
    Severity severity = Severity::low;
    double confidence = 1.0;
    std::optional<Span> span = {};
    std::optional<std::string> explanation = {};
    std::vector<NewAttribute> attributes = {};
};

struct BiasFinding {
    std::string dimension;
    Severity severity = Severity::low;
    double confidence = 1.0;
    std::optional<Span> span = {};
    std::optional<std::string> explanation = {};
    std::vector<NewAttribute> attributes = {};
};

struct CostItem {
    std::string name;
    std::uint64_t quantity, unit_price, amount;
};

// Amounts are in billionths of the currency.
struct Cost {
    std::string currency;
    std::uint64_t amount;
    std::vector<CostItem> items;
    std::string price_list;
    std::vector<NewAttribute> attributes = {};
};

struct Failure {
    std::string code, message;
    bool transient = false;
};

template <typename T>
using Result = std::expected<T, Failure>;

inline std::unexpected<Failure> fail(std::string code, std::string message) {
    return std::unexpected(Failure{std::move(code), std::move(message)});
}

// ---- Texts

// One text of an interaction and where it stands.
struct Place {
    std::string_view text;
    Source source;
    std::uint32_t message, part;

    Span span(std::size_t start, std::size_t end) const {
        assert(start < end && end <= text.size());
        return {source, message, part, static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(end)};
    }
};

// The parts that are texts, in order; no reasoning, no tool calls.
std::vector<Place> input_texts(const Interaction &interaction);
std::vector<Place> output_texts(const Interaction &interaction);

// The letters A to Z and a to z, whatever the language.
constexpr bool is_letter(char byte) {
    return static_cast<unsigned char>((byte | 0x20) - 'a') < 26;
}

// Space, tab, line feed, carriage return and form feed.
constexpr bool is_white(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

// A to Z made small.
std::string lowercase(std::string_view text);

template <typename T>
std::string as_text(const T &piece) {
    if constexpr (std::convertible_to<const T &, std::string_view>) return std::string(std::string_view(piece));
    else return std::to_string(piece);
}

// One after the other: `concat(words, " words")`.
template <typename... Pieces>
std::string concat(const Pieces &...pieces) {
    std::string text;
    (text.append(as_text(pieces)), ...);
    return text;
}

// JSON that was read, such as what a model answers. What is not there, or is of another kind, is nothing.
class JsonValue {
public:
    static JsonValue read(std::string_view text);
    explicit operator bool() const { return value_ != nullptr; }
    std::optional<double> number() const;
    std::optional<bool> boolean() const;
    std::optional<std::string_view> text() const;
    // Of an object.
    JsonValue operator[](const char *key) const;
    // Of an array.
    JsonValue operator[](std::size_t at) const;
    std::size_t size() const;

private:
    explicit JsonValue(const void *value) : value_(value) {}
    const void *value_;
};

// ---- What a plugin defines

struct About {
    const char *name, *version, *summary;
};

extern const About about;

// Where `letters` are given, such as "a-z" or "A-Za-z0-9", a text has at least one character and only those.
class Config {
public:
    void integer(const char *key, std::int64_t &value, std::int64_t least, std::int64_t most);
    void number(const char *key, double &value, double least, double most);
    void boolean(const char *key, bool &value);
    void text(const char *key, std::string &value, const char *letters = nullptr, std::size_t length = 0);
    void list(const char *key, std::vector<std::string> &value, const char *letters = nullptr);
    void map(const char *key, std::map<std::string, std::string, std::less<>> &value, const char *letters = nullptr);
    // The first reason counts.
    void refuse(std::string_view reason);

    explicit Config(void *reader) : reader_(reader) {}

private:
    void *reader_;
};

// Asks the config for its keys. It runs once more for the config's schema, whose defaults are what the variables hold
// at first.
void configure(Config &config);

#if __has_include("scorer_judge.h")
Result<std::vector<Score>> evaluate(const Interaction &interaction);
#elif __has_include("error_classifier_judge.h")
Result<std::vector<Finding>> evaluate(const Interaction &interaction);
#elif __has_include("bias_check_judge.h")
Result<std::vector<BiasFinding>> evaluate(const Interaction &interaction);
#elif __has_include("pricing_adapter_judge.h")
Result<std::optional<Cost>> evaluate(const Call &call);
#else
#error "There are no bindings yet: `tribunal plugin build` makes them."
#endif

// ---- What the host offers

// Lines for the operator.
namespace log {
void trace(std::string_view line);
void debug(std::string_view line);
void info(std::string_view line);
void warn(std::string_view line);
void error(std::string_view line);
} // namespace log

struct PromptMessage {
    std::string role, content; // the role is system, user or assistant
};

// What a language model is asked. What is not set is left to the provider.
struct Prompt {
    std::vector<PromptMessage> messages;
    std::optional<std::string> schema = {}; // as JSON; the answer is JSON that satisfies it, or there is none
    std::optional<std::uint32_t> max_tokens = {};
    std::optional<double> temperature = {}; // from 0 to 2
    std::optional<std::uint32_t> seed = {}; // the host gives the same answer to the same prompt
    std::uint32_t top_logprobs = 0; // how many of the likeliest first tokens are wanted, at most 20
};

struct TokenLogprob {
    Text token;
    double logprob;
};

// It lives until the call is over.
struct Completion {
    Text text, model;
    Optional<Text> finish_reason;
    Optional<std::uint64_t> input_tokens, output_tokens;
    List<TokenLogprob> first_token;
};

// Models, for a plugin whose plugin.toml lists the capability `models`, by the operator's alias.
// `return std::unexpected(answer.error());` hands a failure on, which the host knows for its own.
Result<Completion> complete(std::string_view alias, const Prompt &prompt);

// A vector for each text, in their order, each as long as 1: the likeness of two is the sum of their products.
Result<List<List<float>>> embed(std::string_view alias, const std::vector<std::string> &texts);

// Ends the call, which is stored as failed with this message. A failed `assert` and what the library would throw
// (`vector::at`, `stoi`) come here too.
[[noreturn]] void panic(std::string_view message);

} // namespace tribunal
