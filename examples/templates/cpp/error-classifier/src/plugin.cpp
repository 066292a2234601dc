#include "tribunal.hpp"

#include <algorithm>

namespace tribunal {

const About about{"example-plugin", "0.1.0", "Finds words that stand twice."};

static constexpr std::size_t most = 50;

static std::vector<std::string> allowed = {"had", "that"};

void configure(Config &config) {
    config.list("allowed", allowed, "a-z");
}

struct Word {
    std::size_t start, end;
};

static Word next_word(std::string_view text, std::size_t at) {
    const char *start = std::find_if_not(text.begin() + at, text.end(), is_white);
    const char *end = std::find_if(start, text.end(), is_white);
    return {static_cast<std::size_t>(start - text.begin()), static_cast<std::size_t>(end - text.begin())};
}

static bool is_twice(std::string_view first, std::string_view second) {
    const auto is_same = [](char left, char right) { return is_letter(left) && (left | 0x20) == (right | 0x20); };
    return std::ranges::equal(first, second, is_same) && std::ranges::all_of(second, is_letter);
}

static void check_text(const Place &place, std::vector<Finding> &findings) {
    const std::string_view text = place.text;
    const auto read = [text](Word word) { return text.substr(word.start, word.end - word.start); };
    Word first = next_word(text, 0);
    while (first.end < text.size() && findings.size() < most) {
        const Word second = next_word(text, first.end);
        if (is_twice(read(first), read(second))) {
            const std::string lower = lowercase(read(first));
            if (!std::ranges::contains(allowed, lower)) {
                findings.push_back({
                    .category = "grammatical",
                    .code = "doubled-word",
                    .severity = Severity::low,
                    .confidence = 0.8,
                    .span = place.span(first.start, second.end),
                    .explanation = concat("\"", lower, "\" stands twice"),
                });
            }
        }
        first = second;
    }
}

Result<std::vector<Finding>> evaluate(const Interaction &interaction) {
    std::vector<Finding> findings;
    for (const Place &place : output_texts(interaction)) check_text(place, findings);
    return findings;
}

} // namespace tribunal
