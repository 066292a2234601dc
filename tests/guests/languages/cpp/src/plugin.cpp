#include "tribunal.hpp"

namespace tribunal {

const About about{"judge", "0.1.0", "Scores with what a model answers."};

static const char schema[] =
    R"({"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}})";

static std::string model = "judge";

void configure(Config &config) {
    config.text("model", model);
}

static std::string told(const Completion &answer) {
    const std::string_view reason = answer.finish_reason ? answer.finish_reason->view() : "none";
    const std::uint64_t given = answer.input_tokens ? *answer.input_tokens : 0;
    const std::uint64_t made = answer.output_tokens ? *answer.output_tokens : 0;
    return concat(answer.model, ": ", reason, ", ", given, " and ", made, " tokens");
}

Result<std::vector<Score>> evaluate(const Interaction &interaction) {
    const std::vector<Place> places = output_texts(interaction);
    if (places.empty()) return {};
    const std::string text(places[0].text);
    std::vector<Score> scores;

    const Prompt plain{.messages = {{"user", text}}};
    if (const auto nobody = complete("nobody", plain); !nobody) {
        const Failure &failure = nobody.error();
        scores.push_back({.name = "caught", .value = failure.code, .explanation = failure.message});
        scores.push_back({.name = "may_pass", .value = failure.transient});
    }

    const auto free = complete(model, plain);
    if (!free) return std::unexpected(free.error());
    scores.push_back({.name = "free", .value = std::string(free->text.view()), .explanation = told(*free)});

    const auto answer = complete(model, {
        .messages = {{"system", "How helpful is this answer, from 1 to 5?"}, {"user", text}},
        .schema = schema,
        .max_tokens = 20,
        .temperature = 0,
        .seed = 7,
        .top_logprobs = 2,
    });
    if (!answer) return std::unexpected(answer.error());
    const double score = JsonValue::read(answer->text)["score"].number().value();
    scores.push_back({.name = "helpful", .value = score, .explanation = told(*answer)});
    for (const TokenLogprob &first : answer->first_token) {
        scores.push_back({.name = "first", .value = first.logprob, .explanation = std::string(first.token.view())});
    }

    const auto vectors = embed(model, {text, "Grüße, 🐈"});
    if (!vectors) return std::unexpected(vectors.error());
    const List<float> &one = (*vectors)[0], &other = (*vectors)[1];
    double likeness = 0;
    for (std::size_t at = 0; at < one.size(); at++) likeness += static_cast<double>(one[at]) * other[at];
    scores.push_back({.name = "likeness", .value = likeness});
    return scores;
}

} // namespace tribunal
