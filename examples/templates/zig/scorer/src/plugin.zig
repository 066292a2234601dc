const std = @import("std");
const tribunal = @import("tribunal.zig");

pub const about: tribunal.About = .{
    .name = "example-plugin",
    .version = "0.1.0",
    .summary = "Counts the words of an answer.",
};

pub const Config = struct {
    max_words: u32 = 200,

    pub const limits = .{ .max_words = .{ .least = 1, .most = 1_000_000 } };
};

pub fn evaluate(config: Config, interaction: *const tribunal.Interaction) ![]const tribunal.Score {
    if (interaction.output.len == 0) return &.{};
    var words: usize = 0;
    var texts = interaction.outputTexts();
    while (texts.next()) |place| {
        var tokens = std.mem.tokenizeAny(u8, place.text, tribunal.white);
        while (tokens.next()) |_| words += 1;
    }

    return tribunal.arena.dupe(tribunal.Score, &.{
        .{ .name = "words", .value = .{ .number = @floatFromInt(words) } },
        .{
            .name = "within_limit",
            .value = .{ .boolean = words <= config.max_words },
            .explanation = tribunal.format("{d} words, at most {d} are wanted", .{ words, config.max_words }),
        },
    });
}
