#include "tribunal.hpp"

namespace tribunal {

const About about{"example-plugin", "0.1.0", "Counts the words of an answer."};

static std::int64_t max_words = 200;

void configure(Config &config) {
    config.integer("max_words", max_words, 1, 1'000'000);
}

static std::int64_t count_words(std::string_view text) {
    std::int64_t words = 0;
    bool is_inside = false;
    for (char byte : text) {
        const bool is_word = !is_white(byte);
        words += is_word && !is_inside;
        is_inside = is_word;
    }
    return words;
}

Result<std::vector<Score>> evaluate(const Interaction &interaction) {
    if (interaction.output.empty()) return {};
    std::int64_t words = 0;
    for (const Place &place : output_texts(interaction)) words += count_words(place.text);

    std::vector<Score> scores;
    scores.push_back({.name = "words", .value = static_cast<double>(words)});
    scores.push_back({
        .name = "within_limit",
        .value = words <= max_words,
        .explanation = concat(words, " words, at most ", max_words, " are wanted"),
    });
    return scores;
}

} // namespace tribunal
