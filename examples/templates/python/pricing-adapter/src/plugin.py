from dataclasses import dataclass

from tribunal import Call, Cost, CostItem, Failure, option, pricing_adapter


@dataclass
class Config:
    """Prices are in billionths of the currency for one million tokens."""

    currency: str = option("USD", pattern="[A-Z]{3}", description="The currency's three letters.")
    input_price: int = option(150_000_000, minimum=0, maximum=10**12, description="For a million tokens given.")
    output_price: int = option(600_000_000, minimum=0, maximum=10**12, description="For a million tokens answered.")


@pricing_adapter(name="example-plugin", version="0.1.0", summary="Prices tokens by a fixed list.", config=Config)
def price(call: Call, config: Config) -> Cost | None:
    usage = call.usage
    if usage is None:
        return None
    given = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    answered = usage.output_tokens + usage.reasoning_tokens
    if max(given, answered) > 10**12:
        raise Failure("invalid-input", "more than 10^12 tokens")
    return Cost(
        currency=config.currency,
        items=[
            CostItem("input_tokens", given, config.input_price),
            CostItem("output_tokens", answered, config.output_price),
        ],
        price_list="example-plugin 0.1.0",
    )
