const std = @import("std");
const tribunal = @import("tribunal.zig");

pub const about: tribunal.About = .{
    .name = "example-plugin",
    .version = "0.1.0",
    .summary = "Finds words that stand twice.",
};

pub const Config = struct {
    allowed: []const []const u8 = &.{ "had", "that" },

    pub const limits = .{ .allowed = .{ .letters = "a-z" } };
};

const most = 50;

pub fn evaluate(config: Config, interaction: *const tribunal.Interaction) ![]const tribunal.Finding {
    var findings: std.ArrayList(tribunal.Finding) = .empty;
    var texts = interaction.outputTexts();
    while (texts.next()) |place| {
        var words = std.mem.tokenizeAny(u8, place.text, tribunal.white);
        var first: []const u8 = words.next() orelse continue;
        while (words.next()) |second| : (first = second) {
            if (findings.items.len == most) break;
            if (!isPlain(first) or !std.ascii.eqlIgnoreCase(first, second)) continue;
            const word = tribunal.lowercase(first);
            if (isAllowed(config, word)) continue;
            try findings.append(tribunal.arena, .{
                .category = "grammatical",
                .code = "doubled-word",
                .severity = .low,
                .confidence = 0.8,
                .span = place.span(first.ptr - place.text.ptr, words.index),
                .explanation = tribunal.format("\"{s}\" stands twice", .{word}),
            });
        }
    }
    return findings.items;
}

fn isPlain(word: []const u8) bool {
    for (word) |byte| if (!std.ascii.isAlphabetic(byte)) return false;
    return true;
}

fn isAllowed(config: Config, word: []const u8) bool {
    for (config.allowed) |allowed| if (std.mem.eql(u8, allowed, word)) return true;
    return false;
}
