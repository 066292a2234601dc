#include "tribunal.h"

TRIBUNAL_PLUGIN("example-plugin", "0.1.0", "Prices tokens by a fixed list.");

typedef unsigned __int128 wide;

static const int64_t most = 1000000000000;
static tribunal_text currency = TEXT("USD");
static int64_t input_price = 150000000, output_price = 600000000;

void configure(tribunal_config *config) {
    tribunal_word(config, "currency", &currency, "A-Z", 3);
    tribunal_integer(config, "input_price", &input_price, 0, most);
    tribunal_integer(config, "output_price", &output_price, 0, most);
}

// To the next one, half to even.
static uint64_t round_millionths(wide product) {
    uint64_t whole = (uint64_t)(product / 1000000), rest = (uint64_t)(product % 1000000);
    return whole + (rest > 500000 || (rest == 500000 && whole % 2 == 1));
}

bool evaluate(const tribunal_call *call, tribunal_optional_cost *cost, tribunal_failure *failure) {
    if (!call->usage.is_some) return true;
    const tribunal_usage *usage = &call->usage.val;
    wide input = (wide)usage->input_tokens + usage->cache_read_tokens + usage->cache_write_tokens;
    wide output = (wide)usage->output_tokens + usage->reasoning_tokens;
    if (input > (wide)most || output > (wide)most) {
        return tribunal_fail(failure, "invalid-input", "more than 10^12 tokens");
    }
    wide input_amount = input * (wide)input_price, output_amount = output * (wide)output_price;

    cost->is_some = true;
    cost->val = (tribunal_cost){
        .currency = currency,
        .amount = round_millionths(input_amount + output_amount),
        .price_list = TEXT("example-plugin 0.1.0"),
    };
    tribunal_add(&cost->val.items, {
        .name = TEXT("input_tokens"),
        .quantity = (uint64_t)input,
        .unit_price = (uint64_t)input_price,
        .amount = round_millionths(input_amount),
    });
    tribunal_add(&cost->val.items, {
        .name = TEXT("output_tokens"),
        .quantity = (uint64_t)output,
        .unit_price = (uint64_t)output_price,
        .amount = round_millionths(output_amount),
    });
    return true;
}
