const std = @import("std");
const tribunal = @import("tribunal.zig");

pub const about: tribunal.About = .{
    .name = "example-plugin",
    .version = "0.1.0",
    .summary = "Finds words for people that name a gender.",
};

pub const Config = struct {
    terms: tribunal.Map = .empty,

    pub const limits = .{ .terms = .{ .letters = "a-z" } };
};

const most = 50;

const built_in = [_][2][]const u8{
    .{ "chairman", "chair" },
    .{ "fireman", "firefighter" },
    .{ "mankind", "humankind" },
    .{ "manpower", "workforce" },
    .{ "policeman", "police officer" },
    .{ "salesman", "salesperson" },
    .{ "stewardess", "flight attendant" },
};

var terms: tribunal.Map = .empty;

pub fn configure(config: Config) !void {
    for (built_in) |term| try terms.put(tribunal.lasting, term[0], term[1]);
    for (config.terms.keys(), config.terms.values()) |word, other| try terms.put(tribunal.lasting, word, other);
}

pub fn evaluate(_: Config, interaction: *const tribunal.Interaction) ![]const tribunal.BiasFinding {
    var findings: std.ArrayList(tribunal.BiasFinding) = .empty;
    var texts = interaction.outputTexts();
    while (texts.next()) |place| {
        var end: usize = 0;
        while (findings.items.len < most) {
            const start = find(place.text, end, true) orelse break;
            end = find(place.text, start, false) orelse place.text.len;
            const word = tribunal.lowercase(place.text[start..end]);
            const alternative = terms.get(word) orelse continue;
            try findings.append(tribunal.arena, .{
                .dimension = "gender",
                .severity = .low,
                .confidence = 0.6,
                .span = place.span(start, end),
                .explanation = tribunal.format("\"{s}\" names a gender; \"{s}\" does not", .{ word, alternative }),
            });
        }
    }
    return findings.items;
}

/// Where, from there on, the next byte stands that is a letter, or that is none.
fn find(text: []const u8, from: usize, is_letter: bool) ?usize {
    for (text[from..], from..) |byte, at| if (std.ascii.isAlphabetic(byte) == is_letter) return at;
    return null;
}
