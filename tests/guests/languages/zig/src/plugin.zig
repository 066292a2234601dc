const std = @import("std");
const tribunal = @import("tribunal.zig");

pub const about: tribunal.About = .{
    .name = "judge",
    .version = "0.1.0",
    .summary = "Scores with what a model answers.",
};

pub const Config = struct {
    model: []const u8 = "judge",
};

const schema =
    \\{"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}
;

pub fn evaluate(config: Config, interaction: *const tribunal.Interaction) ![]const tribunal.Score {
    var texts = interaction.outputTexts();
    const text = (texts.next() orelse return &.{}).text;
    var scores: std.ArrayList(tribunal.Score) = .empty;

    const plain: tribunal.Prompt = .{ .messages = &.{.{ .role = "user", .content = text }} };
    if (tribunal.complete("nobody", plain)) |_| {} else |_| {
        const failure = tribunal.failure;
        const code: tribunal.Score = .{
            .name = "caught",
            .value = .{ .label = failure.code.slice() },
            .explanation = failure.message.slice(),
        };
        try scores.append(tribunal.arena, code);
        try scores.append(tribunal.arena, .{ .name = "may_pass", .value = .{ .boolean = failure.transient } });
    }

    const free = try tribunal.complete(config.model, plain);
    try scores.append(tribunal.arena, .{
        .name = "free",
        .value = .{ .label = free.text.slice() },
        .explanation = told(free),
    });

    const answer = try tribunal.complete(config.model, .{
        .messages = &.{
            .{ .role = "system", .content = "How helpful is this answer, from 1 to 5?" },
            .{ .role = "user", .content = text },
        },
        .schema = schema,
        .max_tokens = 20,
        .temperature = 0,
        .seed = 7,
        .top_logprobs = 2,
    });
    const Judged = struct { score: f64 };
    const judged = try std.json.parseFromSliceLeaky(Judged, tribunal.arena, answer.text.slice(), .{
        .ignore_unknown_fields = true,
    });
    try scores.append(tribunal.arena, .{
        .name = "helpful",
        .value = .{ .number = judged.score },
        .explanation = told(answer),
    });
    for (answer.first_token.slice()) |first| {
        try scores.append(tribunal.arena, .{
            .name = "first",
            .value = .{ .number = first.logprob },
            .explanation = first.token.slice(),
        });
    }

    const vectors = (try tribunal.embed(config.model, &.{ text, "Grüße, 🐈" })).slice();
    var likeness: f64 = 0;
    for (vectors[0].slice(), vectors[1].slice()) |one, other| likeness += @as(f64, one) * other;
    try scores.append(tribunal.arena, .{ .name = "likeness", .value = .{ .number = likeness } });
    return scores.items;
}

fn told(answer: tribunal.Completion) []const u8 {
    const reason = if (answer.finish_reason.get()) |reason| reason.slice() else "none";
    return tribunal.format("{s}: {s}, {d} and {d} tokens", .{
        answer.model.slice(), reason, answer.input_tokens.get() orelse 0, answer.output_tokens.get() orelse 0,
    });
}
