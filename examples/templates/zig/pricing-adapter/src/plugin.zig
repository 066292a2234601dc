const tribunal = @import("tribunal.zig");

pub const about: tribunal.About = .{
    .name = "example-plugin",
    .version = "0.1.0",
    .summary = "Prices tokens by a fixed list.",
};

const most = 1_000_000_000_000;

pub const Config = struct {
    currency: []const u8 = "USD",
    input_price: u64 = 150_000_000,
    output_price: u64 = 600_000_000,

    pub const limits = .{
        .currency = .{ .letters = "A-Z", .length = 3 },
        .input_price = .{ .least = 0, .most = most },
        .output_price = .{ .least = 0, .most = most },
    };
};

pub fn evaluate(config: Config, call: *const tribunal.Call) !?tribunal.Cost {
    const usage = call.usage.get() orelse return null;
    const input = @as(u128, usage.input_tokens) + usage.cache_read_tokens + usage.cache_write_tokens;
    const output = @as(u128, usage.output_tokens) + usage.reasoning_tokens;
    if (input > most or output > most) return tribunal.fail("invalid-input", "more than 10^12 tokens");

    return .{
        .currency = config.currency,
        .amount = roundMillionths(input * config.input_price + output * config.output_price),
        .items = try tribunal.arena.dupe(tribunal.CostItem, &.{
            item("input_tokens", input, config.input_price),
            item("output_tokens", output, config.output_price),
        }),
        .price_list = "example-plugin 0.1.0",
    };
}

fn item(name: []const u8, quantity: u128, price: u64) tribunal.CostItem {
    return .{
        .name = name,
        .quantity = @intCast(quantity),
        .unit_price = price,
        .amount = roundMillionths(quantity * price),
    };
}

/// To the next one, half to even.
fn roundMillionths(product: u128) u64 {
    const whole: u64 = @intCast(product / 1_000_000);
    const rest = product % 1_000_000;
    const is_up = rest > 500_000 or (rest == 500_000 and whole % 2 == 1);
    return whole + @intFromBool(is_up);
}
