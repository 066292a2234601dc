#include "tribunal.hpp"

namespace tribunal {

const About about{"example-plugin", "0.1.0", "Prices tokens by a fixed list."};

using Wide = unsigned __int128;

static constexpr std::int64_t most = 1'000'000'000'000;

static std::string currency = "USD";
static std::int64_t input_price = 150'000'000, output_price = 600'000'000;

void configure(Config &config) {
    config.text("currency", currency, "A-Z", 3);
    config.integer("input_price", input_price, 0, most);
    config.integer("output_price", output_price, 0, most);
}

// To the next one, half to even.
static std::uint64_t round_millionths(Wide product) {
    const auto whole = static_cast<std::uint64_t>(product / 1'000'000);
    const auto rest = static_cast<std::uint64_t>(product % 1'000'000);
    return whole + (rest > 500'000 || (rest == 500'000 && whole % 2 == 1));
}

static CostItem item(const char *name, Wide quantity, std::int64_t price) {
    return {
        .name = name,
        .quantity = static_cast<std::uint64_t>(quantity),
        .unit_price = static_cast<std::uint64_t>(price),
        .amount = round_millionths(quantity * static_cast<Wide>(price)),
    };
}

Result<std::optional<Cost>> evaluate(const Call &call) {
    if (!call.usage) return {};
    const Usage &usage = *call.usage;
    const Wide input = Wide{usage.input_tokens} + usage.cache_read_tokens + usage.cache_write_tokens;
    const Wide output = Wide{usage.output_tokens} + usage.reasoning_tokens;
    if (input > most || output > most) return fail("invalid-input", "more than 10^12 tokens");

    return Cost{
        .currency = currency,
        .amount = round_millionths(input * static_cast<Wide>(input_price) + output * static_cast<Wide>(output_price)),
        .items = {item("input_tokens", input, input_price), item("output_tokens", output, output_price)},
        .price_list = "example-plugin 0.1.0",
    };
}

} // namespace tribunal
