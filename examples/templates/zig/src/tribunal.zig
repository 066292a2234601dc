//! What a plugin in Zig is written with, and its exports. `plugin.zig` defines `about`, `Config` and `evaluate`, and
//! `configure` where something is to be built once.
//!
//! A function of the component model hands over memory in the layout of C, so what `evaluate` is given is read where it
//! lies and nothing is copied.

const std = @import("std");
const plugin = @import("plugin.zig");

// ---- What a plugin defines

pub const About = struct {
    name: []const u8,
    version: []const u8,
    /// One sentence.
    summary: []const u8,
};

/// Memory that lives until the call is over. Nothing of it has to be freed.
pub const arena: std.mem.Allocator = .{ .ptr = undefined, .vtable = &Arena.vtable };

/// Memory for what `configure` builds: every call starts from it.
pub const lasting = std.heap.wasm_allocator;

/// Limits for a field of `Config`, by its name in `Config.limits`.
pub const Limit = struct {
    /// Of a number.
    least: ?comptime_float = null,
    most: ?comptime_float = null,
    /// Such as "a-z" or "A-Za-z0-9": a text, the texts of a list and the keys of a map have at least one character and
    /// only those.
    letters: ?[]const u8 = null,
    /// Of a text, in bytes.
    length: ?usize = null,
};

/// From texts to texts, as a type for a field of `Config`.
pub const Map = std.array_hash_map.String([]const u8);

pub const Failure = extern struct { code: Text, message: Text, transient: bool };

/// What `error.Failed` is about, be it of `fail` or of a model that gave no answer.
pub var failure: Failure = undefined;

/// `return tribunal.fail("invalid-input", "…");` in place of a verdict.
pub fn fail(code: []const u8, message: []const u8) error{Failed} {
    failure = .{ .code = .of(code), .message = .of(message), .transient = false };
    return error.Failed;
}

/// `return tribunal.refuse("…");` in `configure`.
pub fn refuse(reason: []const u8) error{Refused} {
    if (refusal.len == 0) refusal = reason;
    return error.Refused;
}

// ---- What a plugin is given

pub const Text = extern struct {
    ptr: ?[*]const u8,
    len: usize,

    pub fn slice(text: Text) []const u8 {
        return if (text.len == 0) "" else text.ptr.?[0..text.len];
    }

    fn of(bytes: []const u8) Text {
        // An empty slice may point anywhere, and the host refuses what lies outside the memory.
        return .{ .ptr = if (bytes.len == 0) null else bytes.ptr, .len = bytes.len };
    }
};

pub fn List(comptime T: type) type {
    return extern struct {
        ptr: ?[*]const T,
        len: usize,

        pub fn slice(list: @This()) []const T {
            return if (list.len == 0) &.{} else list.ptr.?[0..list.len];
        }
    };
}

pub fn Optional(comptime T: type) type {
    return extern struct {
        is_some: bool,
        value: T,

        pub fn get(optional: @This()) ?T {
            return if (optional.is_some) optional.value else null;
        }
    };
}

pub const AttributeValue = extern struct {
    kind: enum(u8) { text, integer, number, boolean, json },
    value: extern union { text: Text, integer: i64, number: f64, boolean: bool, json: Text },
};

pub const Attribute = extern struct { key: Text, value: AttributeValue };

pub const UnitCount = extern struct { name: Text, count: u64 };

/// The buckets are disjoint.
pub const Usage = extern struct {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    reasoning_tokens: u64,
    other: List(UnitCount),
};

/// In milliseconds.
pub const Timing = extern struct { duration: Optional(f64), time_to_first_token: Optional(f64) };

pub const CallError = extern struct { kind: Text, message: Text, status: Optional(u16) };

/// `arguments` is JSON.
pub const ToolCall = extern struct { id: Optional(Text), name: Text, arguments: Text };

pub const ToolResult = extern struct { id: Optional(Text), content: Text };

pub const OtherPart = extern struct { kind: Text, json: Text };

pub const Part = extern struct {
    kind: enum(u8) { text, reasoning, tool_call, tool_result, other },
    value: extern union {
        text: Text,
        reasoning: Text,
        tool_call: ToolCall,
        tool_result: ToolResult,
        other: OtherPart,
    },
};

pub const Message = extern struct { role: Text, parts: List(Part), attributes: List(Attribute) };

pub const Document = extern struct { id: Optional(Text), text: Text, attributes: List(Attribute) };

pub const PromptVersion = extern struct { name: Text, version: Optional(Text) };

pub const Call = extern struct {
    id: Text,
    project: Text,
    operation: Text,
    provider: Text,
    model: Text,
    requested_model: Optional(Text),
    /// Nanoseconds since 1970.
    started_at: u64,
    timing: Timing,
    usage: Optional(Usage),
    parameters: List(Attribute),
    finish_reasons: List(Text),
    @"error": Optional(CallError),
    attributes: List(Attribute),
};

pub const Interaction = extern struct {
    call: Call,
    input: List(Message),
    output: List(Message),
    context: List(Document),
    reference: Optional(Text),
    prompt: Optional(PromptVersion),
    session: Optional(Text),
    user: Optional(Text),

    /// The parts that are texts, in order; no reasoning, no tool calls.
    pub fn inputTexts(interaction: *const Interaction) Texts {
        return .{ .source = .input, .messages = interaction.input.slice() };
    }

    pub fn outputTexts(interaction: *const Interaction) Texts {
        return .{ .source = .output, .messages = interaction.output.slice() };
    }
};

/// `while (texts.next()) |place| …`
pub const Texts = struct {
    source: Source,
    messages: []const Message,
    message: u32 = 0,
    part: u32 = 0,

    pub fn next(texts: *Texts) ?Place {
        while (texts.message < texts.messages.len) : ({
            texts.message += 1;
            texts.part = 0;
        }) {
            const parts = texts.messages[texts.message].parts.slice();
            while (texts.part < parts.len) {
                const part = texts.part;
                texts.part += 1;
                if (parts[part].kind != .text) continue;
                const text = parts[part].value.text.slice();
                return .{ .text = text, .source = texts.source, .message = texts.message, .part = part };
            }
        }
        return null;
    }
};

/// One text of an interaction and where it stands.
pub const Place = struct {
    text: []const u8,
    source: Source,
    message: u32,
    part: u32,

    /// Bytes `start` to `end`, without the last.
    pub fn span(place: Place, start: usize, end: usize) Span {
        std.debug.assert(start < end and end <= place.text.len);
        return .{
            .source = place.source,
            .message = place.message,
            .part = place.part,
            .start = @intCast(start),
            .end = @intCast(end),
        };
    }
};

// ---- What a plugin gives back

pub const Source = enum(u8) { input, output };

pub const Severity = enum(u8) { info, low, medium, high, critical };

pub const Span = extern struct { source: Source, message: u32, part: u32, start: u32, end: u32 };

pub const NewAttribute = struct {
    key: []const u8,
    value: union(enum) { text: []const u8, integer: i64, number: f64, boolean: bool, json: []const u8 },
};

pub const Score = struct {
    name: []const u8,
    value: union(enum) { number: f64, boolean: bool, label: []const u8 },
    explanation: ?[]const u8 = null,
    attributes: []const NewAttribute = &.{},
};

pub const Finding = struct {
    category: []const u8,
    code: []const u8,
    severity: Severity,
    confidence: f64 = 1,
    span: ?Span = null,
    explanation: ?[]const u8 = null,
    attributes: []const NewAttribute = &.{},
};

pub const BiasFinding = struct {
    dimension: []const u8,
    severity: Severity,
    confidence: f64 = 1,
    span: ?Span = null,
    explanation: ?[]const u8 = null,
    attributes: []const NewAttribute = &.{},
};

pub const CostItem = struct { name: []const u8, quantity: u64, unit_price: u64, amount: u64 };

/// Amounts are in billionths of the currency.
pub const Cost = struct {
    currency: []const u8,
    amount: u64,
    items: []const CostItem,
    price_list: []const u8,
    attributes: []const NewAttribute = &.{},
};

// ---- Texts

pub fn format(comptime template: []const u8, values: anytype) []const u8 {
    return std.fmt.allocPrint(arena, template, values) catch outOfMemory();
}

/// A to Z made small.
pub fn lowercase(text: []const u8) []const u8 {
    return std.ascii.allocLowerString(arena, text) catch outOfMemory();
}

/// Space, tab, line feed, carriage return and form feed.
pub fn isWhite(byte: u8) bool {
    return std.mem.findScalar(u8, white, byte) != null;
}

pub const white = " \t\n\r\x0c";

// ---- What the host offers

/// Lines for the operator.
pub const log = struct {
    pub fn trace(comptime template: []const u8, values: anytype) void {
        write(0, template, values);
    }

    pub fn debug(comptime template: []const u8, values: anytype) void {
        write(1, template, values);
    }

    pub fn info(comptime template: []const u8, values: anytype) void {
        write(2, template, values);
    }

    pub fn warn(comptime template: []const u8, values: anytype) void {
        write(3, template, values);
    }

    pub fn err(comptime template: []const u8, values: anytype) void {
        write(4, template, values);
    }

    fn write(level: u32, comptime template: []const u8, values: anytype) void {
        const line = format(template, values);
        host_log.log(level, line.ptr, line.len);
    }
};

const host_log = struct {
    extern "tribunal:plugin/log@0.1.0" fn log(level: u32, ptr: [*]const u8, len: usize) void;
};

pub const PromptMessage = struct {
    /// `system`, `user` or `assistant`.
    role: []const u8,
    content: []const u8,
};

/// What a language model is asked. What is null is left to the provider.
pub const Prompt = struct {
    messages: []const PromptMessage,
    /// As JSON. The answer is JSON that satisfies it, or there is none.
    schema: ?[]const u8 = null,
    max_tokens: ?u32 = null,
    /// From 0 to 2.
    temperature: ?f64 = null,
    /// The host gives the same answer to the same prompt.
    seed: ?u32 = null,
    /// How many of the likeliest first tokens are wanted, at most 20.
    top_logprobs: u32 = 0,
};

pub const TokenLogprob = extern struct { token: Text, logprob: f64 };

pub const Completion = extern struct {
    text: Text,
    model: Text,
    finish_reason: Optional(Text),
    input_tokens: Optional(u64),
    output_tokens: Optional(u64),
    first_token: List(TokenLogprob),
};

/// Asks the model of that alias, for a plugin whose plugin.toml lists the capability `models`. `try` hands a failure on, which
/// the host knows for its own.
pub fn complete(alias: []const u8, prompt: Prompt) error{Failed}!Completion {
    const name: Text = .of(alias);
    const messages = lower(List(Out.PromptMessage), prompt.messages);
    const form: Text = .of(prompt.schema orelse "");
    var answer: Answer(Completion) = undefined;
    host_models.complete(
        name.ptr,
        name.len,
        messages.ptr,
        messages.len,
        prompt.schema != null,
        form.ptr,
        form.len,
        prompt.max_tokens != null,
        prompt.max_tokens orelse 0,
        prompt.temperature != null,
        prompt.temperature orelse 0,
        prompt.seed != null,
        prompt.seed orelse 0,
        prompt.top_logprobs,
        &answer,
    );
    return answer.get();
}

/// A vector for each text, in their order, each as long as 1: the likeness of two is the sum of their products.
pub fn embed(alias: []const u8, texts: []const []const u8) error{Failed}!List(List(f32)) {
    const name: Text = .of(alias);
    const given = lower(List(Text), texts);
    var answer: Answer(List(List(f32))) = undefined;
    host_models.embed(name.ptr, name.len, given.ptr, given.len, &answer);
    return answer.get();
}

const host_models = struct {
    extern "tribunal:plugin/models@0.1.0" fn complete(
        alias: ?[*]const u8,
        alias_len: usize,
        messages: ?[*]const Out.PromptMessage,
        messages_len: usize,
        has_schema: bool,
        schema: ?[*]const u8,
        schema_len: usize,
        has_max_tokens: bool,
        max_tokens: u32,
        has_temperature: bool,
        temperature: f64,
        has_seed: bool,
        seed: u32,
        top_logprobs: u32,
        answer: *Answer(Completion),
    ) void;

    extern "tribunal:plugin/models@0.1.0" fn embed(
        alias: ?[*]const u8,
        alias_len: usize,
        texts: ?[*]const Text,
        texts_len: usize,
        answer: *Answer(List(List(f32))),
    ) void;
};

/// What the host or `evaluate` answers.
fn Answer(comptime T: type) type {
    return extern struct {
        is_failed: bool,
        value: extern union { made: T, failure: Failure },

        fn get(answer: @This()) error{Failed}!T {
            if (!answer.is_failed) return answer.value.made;
            failure = answer.value.failure;
            return error.Failed;
        }
    };
}

const host_abort = struct {
    extern "tribunal:plugin/abort@0.1.0" fn abort(ptr: [*]const u8, len: usize) void;
};

/// Whatever panics ends the call, which is stored as failed with that message.
pub const panic = std.debug.FullPanic(endCall);

fn endCall(message: []const u8, _: ?usize) noreturn {
    host_abort.abort(message.ptr, message.len);
    @trap();
}

fn outOfMemory() noreturn {
    @panic("out of memory");
}

// ---- The memory of a call: a block that is there from the start, so that a call that stays within it never grows its
// memory, and chunks beyond it.

const Arena = struct {
    const vtable: std.mem.Allocator.VTable = .{
        .alloc = alloc,
        .resize = resize,
        .remap = std.mem.Allocator.noRemap,
        .free = std.mem.Allocator.noFree,
    };

    const Chunk = struct { before: ?*Chunk, len: usize };
    const chunk_alignment: std.mem.Alignment = .@"16";

    var block: [32 * 1024]u8 align(16) = undefined;
    var free: []u8 = &block;
    var chunks: ?*Chunk = null;
    /// The call, so that its memory goes with the next one's first allocation.
    var is_over = false;

    fn alloc(_: *anyopaque, len: usize, alignment: std.mem.Alignment, _: usize) ?[*]u8 {
        if (is_over) startAnew();
        if (len > std.math.maxInt(u32) / 2) return null;
        if (take(len, alignment)) |memory| return memory;
        const size = @max(len + alignment.toByteUnits() + @sizeOf(Chunk), 64 * 1024);
        const raw = lasting.rawAlloc(size, chunk_alignment, @returnAddress()) orelse return null;
        const chunk: *Chunk = @ptrCast(@alignCast(raw));
        chunk.* = .{ .before = chunks, .len = size };
        chunks = chunk;
        free = raw[@sizeOf(Chunk)..size];
        return take(len, alignment);
    }

    fn take(len: usize, alignment: std.mem.Alignment) ?[*]u8 {
        const skipped = alignment.forward(@intFromPtr(free.ptr)) - @intFromPtr(free.ptr);
        if (skipped + len > free.len) return null;
        defer free = free[skipped + len ..];
        return free.ptr + skipped;
    }

    /// The last that was taken can grow and shrink where it is.
    fn resize(_: *anyopaque, memory: []u8, _: std.mem.Alignment, len: usize, _: usize) bool {
        if (memory.ptr + memory.len != free.ptr) return len <= memory.len;
        if (len > memory.len + free.len) return false;
        free = memory.ptr[len .. memory.len + free.len];
        return true;
    }

    fn startAnew() void {
        while (chunks) |chunk| {
            chunks = chunk.before;
            const raw: [*]u8 = @ptrCast(chunk);
            lasting.rawFree(raw[0..chunk.len], chunk_alignment, @returnAddress());
        }
        free = &block;
        is_over = false;
    }
};

export fn cabi_realloc(old: ?*anyopaque, _: usize, alignment: usize, len: usize) ?[*]u8 {
    if (old != null) @panic("the host grew what it had allocated");
    return arena.rawAlloc(len, .fromByteUnits(alignment), @returnAddress()) orelse outOfMemory();
}

// ---- Config

var config: plugin.Config = .{};
var refusal: []const u8 = "";

fn limitOf(comptime field: []const u8) Limit {
    if (!@hasDecl(plugin.Config, "limits") or !@hasField(@TypeOf(plugin.Config.limits), field)) return .{};
    const given = @field(plugin.Config.limits, field);
    var limit: Limit = .{};
    for (@typeInfo(@TypeOf(given)).@"struct".field_names) |name| @field(limit, name) = @field(given, name);
    return limit;
}

const config_fields = @typeInfo(plugin.Config).@"struct";

fn readConfig(json: []const u8) ![]const u8 {
    const value = std.json.parseFromSliceLeaky(std.json.Value, arena, json, .{}) catch |err| {
        return format("the config is no JSON: {t}", .{err});
    };
    if (value != .object) return "the config must be an object";
    var known: []const u8 = "";
    inline for (config_fields.field_names, config_fields.field_types, 0..) |name, T, at| {
        known = format("{s}{s}\"{s}\"", .{ known, if (at == 0) "" else ", ", name });
        if (value.object.get(name)) |given| {
            const limit = comptime limitOf(name);
            @field(config, name) = try readValue(T, limit, given) orelse
                return format("\"{s}\" must be {s}", .{ name, comptime wanted(T, limit) });
        }
    }
    for (value.object.keys()) |key| {
        inline for (config_fields.field_names) |name| {
            if (std.mem.eql(u8, name, key)) break;
        } else {
            const is_are = if (config_fields.field_names.len == 1) "is" else "are";
            return format("unknown key {f}; there {s} {s}", .{
                std.json.fmt(key, .{}), is_are, if (known.len == 0) "none" else known,
            });
        }
    }
    return "";
}

/// None where the value is not of that type.
fn readValue(comptime T: type, comptime limit: Limit, value: std.json.Value) error{OutOfMemory}!?T {
    if (T == Map) {
        if (value != .object) return null;
        var map: Map = .empty;
        for (value.object.keys(), value.object.values()) |key, item| {
            if (item != .string or !isMadeOf(limit.letters, key)) return null;
            try map.put(lasting, try lasting.dupe(u8, key), try lasting.dupe(u8, item.string));
        }
        return map;
    }
    if (T == []const u8) {
        if (value != .string or !isMadeOf(limit.letters, value.string)) return null;
        if (limit.length) |length| if (value.string.len != length) return null;
        return try lasting.dupe(u8, value.string);
    }
    switch (@typeInfo(T)) {
        .bool => return if (value == .bool) value.bool else null,
        .int, .float => return readNumber(T, limit, value),
        .pointer => |pointer| {
            if (value != .array) return null;
            const items = try lasting.alloc(pointer.child, value.array.items.len);
            for (items, value.array.items) |*item, given| {
                item.* = try readValue(pointer.child, limit, given) orelse return null;
            }
            return items;
        },
        else => @compileError("a field of Config can't be a " ++ @typeName(T)),
    }
}

fn readNumber(comptime T: type, comptime limit: Limit, value: std.json.Value) ?T {
    const number: T = switch (@typeInfo(T)) {
        .int => switch (value) {
            .integer => |integer| std.math.cast(T, integer) orelse return null,
            // 2e2 and 200.0 are whole numbers too, as JSON Schema has it.
            .float => |float| if (@abs(float) <= 1 << 53 and @trunc(float) == float)
                std.math.cast(T, @as(i64, @intFromFloat(float))) orelse return null
            else
                return null,
            else => return null,
        },
        else => switch (value) {
            .integer => |integer| @floatFromInt(integer),
            .float => |float| @floatCast(float),
            else => return null,
        },
    };
    if (limit.least) |least| if (number < @as(T, least)) return null;
    if (limit.most) |most| if (number > @as(T, most)) return null;
    return number;
}

fn isMadeOf(comptime letters: ?[]const u8, text: []const u8) bool {
    const allowed = letters orelse return true;
    for (text) |byte| {
        var at: usize = 0;
        while (at < allowed.len) : (at += 1) {
            const first = allowed[at];
            const is_range = at + 2 < allowed.len and allowed[at + 1] == '-';
            if (is_range) at += 2;
            if (byte >= first and byte <= allowed[at]) break;
        } else return false;
    }
    return text.len > 0;
}

fn wanted(comptime T: type, comptime limit: Limit) []const u8 {
    const characters = if (limit.letters) |letters| " of characters " ++ letters else "";
    if (T == Map) return "an object from texts" ++ characters ++ " to texts";
    if (T == []const u8) {
        const length = if (limit.length) |length| std.fmt.comptimePrint(" {d} long", .{length}) else "";
        return "a text" ++ characters ++ length;
    }
    if (T == bool) return "true or false";
    if (@typeInfo(T) == .pointer) {
        if (@typeInfo(T).pointer.child == []const u8) return "a list of texts" ++ characters;
        return "a list of which each is " ++ wanted(@typeInfo(T).pointer.child, limit);
    }
    var text: []const u8 = if (@typeInfo(T) == .int) "a whole number" else "a number";
    if (limit.least) |least| text = text ++ std.fmt.comptimePrint(" from {d}", .{least});
    if (limit.most) |most| text = text ++ std.fmt.comptimePrint(" to {d}", .{most});
    return text;
}

fn schema() []const u8 {
    var text: []const u8 =
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"properties\":{";
    inline for (config_fields.field_names, config_fields.field_types, 0..) |name, T, at| {
        const limit = comptime limitOf(name);
        text = format("{s}{s}\"{s}\":{{{s},\"default\":{s}}}", .{
            text,                            if (at == 0) "" else ",", name, comptime schemaOf(T, limit),
            asJson(T, @field(config, name)),
        });
    }
    return format("{s}}},\"additionalProperties\":false}}", .{text});
}

fn schemaOf(comptime T: type, comptime limit: Limit) []const u8 {
    const plain = if (limit.letters) |letters| "\"pattern\":\"^[" ++ letters ++ "]+$\"" else "";
    if (T == Map) {
        const names = if (limit.letters != null) ",\"propertyNames\":{" ++ plain ++ "}" else "";
        return "\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}" ++ names;
    }
    if (T == []const u8) {
        const pattern = if (limit.letters != null) "," ++ plain else "";
        const length = if (limit.length) |length|
            std.fmt.comptimePrint(",\"minLength\":{d},\"maxLength\":{d}", .{ length, length })
        else
            "";
        return "\"type\":\"string\"" ++ pattern ++ length;
    }
    if (T == bool) return "\"type\":\"boolean\"";
    if (@typeInfo(T) == .pointer) {
        return "\"type\":\"array\",\"items\":{" ++ schemaOf(@typeInfo(T).pointer.child, limit) ++ "}";
    }
    var text: []const u8 = if (@typeInfo(T) == .int) "\"type\":\"integer\"" else "\"type\":\"number\"";
    if (limit.least) |least| text = text ++ std.fmt.comptimePrint(",\"minimum\":{d}", .{least});
    if (limit.most) |most| text = text ++ std.fmt.comptimePrint(",\"maximum\":{d}", .{most});
    return text;
}

fn asJson(comptime T: type, value: T) []const u8 {
    if (T != Map) return format("{f}", .{std.json.fmt(value, .{})});
    return format("{f}", .{std.json.fmt(std.json.ArrayHashMap([]const u8){ .map = value }, .{})});
}

// ---- Verdicts and prompts, in the layout of the component model

const Out = struct {
    const PromptMessage = extern struct { role: Text, content: Text };

    const Score = extern struct {
        name: Text,
        value: extern struct {
            kind: enum(u8) { number, boolean, label },
            value: extern union { number: f64, boolean: bool, label: Text },
        },
        explanation: Optional(Text),
        attributes: List(Attribute),
    };

    const Finding = extern struct {
        category: Text,
        code: Text,
        severity: Severity,
        confidence: f64,
        span: Optional(Span),
        explanation: Optional(Text),
        attributes: List(Attribute),
    };

    const BiasFinding = extern struct {
        dimension: Text,
        severity: Severity,
        confidence: f64,
        span: Optional(Span),
        explanation: Optional(Text),
        attributes: List(Attribute),
    };

    const CostItem = extern struct { name: Text, quantity: u64, unit_price: u64, amount: u64 };

    const Cost = extern struct {
        currency: Text,
        amount: u64,
        items: List(Out.CostItem),
        price_list: Text,
        attributes: List(Attribute),
    };

    const Description = extern struct {
        name: Text,
        version: Text,
        summary: Text,
        config_schema: Optional(Text),
        attributes: List(Attribute),
    };
};

/// Fills a value of the layout `To` from what the plugin gave.
fn lower(comptime To: type, from: anytype) To {
    const From = @TypeOf(from);
    if (To == From) return from;
    if (To == Text) return .of(from);
    switch (@typeInfo(From)) {
        .optional => {
            const value = from orelse return std.mem.zeroes(To);
            return .{ .is_some = true, .value = lower(@FieldType(To, "value"), value) };
        },
        .pointer => {
            if (from.len == 0) return .{ .ptr = null, .len = 0 };
            const Item = std.meta.Child(std.meta.Child(@FieldType(To, "ptr")));
            const items = arena.alloc(Item, from.len) catch outOfMemory();
            for (items, from) |*item, given| item.* = lower(Item, given);
            return .{ .ptr = items.ptr, .len = items.len };
        },
        .@"union" => {
            var made = std.mem.zeroes(To);
            switch (from) {
                inline else => |value, tag| {
                    made.kind = @field(@FieldType(To, "kind"), @tagName(tag));
                    const Union = @FieldType(To, "value");
                    made.value = @unionInit(Union, @tagName(tag), lower(@FieldType(Union, @tagName(tag)), value));
                },
            }
            return made;
        },
        .@"struct" => {
            var made: To = undefined;
            inline for (@typeInfo(To).@"struct".field_names, @typeInfo(To).@"struct".field_types) |name, T| {
                @field(made, name) = lower(T, @field(from, name));
            }
            return made;
        },
        else => comptime unreachable,
    }
}

// ---- Exports

const Kind = struct { name: []const u8, Given: type, Verdict: type };

/// What `evaluate` gives back says which kind the plugin is.
const kind: Kind = switch (@typeInfo(@typeInfo(@TypeOf(plugin.evaluate)).@"fn".return_type.?).error_union.payload) {
    []const Score, []Score => .{ .name = "scorer", .Given = Interaction, .Verdict = List(Out.Score) },
    []const Finding, []Finding => .{ .name = "error-classifier", .Given = Interaction, .Verdict = List(Out.Finding) },
    []const BiasFinding, []BiasFinding => .{
        .name = "bias-check",
        .Given = Interaction,
        .Verdict = List(Out.BiasFinding),
    },
    ?Cost => .{ .name = "pricing-adapter", .Given = Call, .Verdict = Optional(Out.Cost) },
    else => |T| @compileError("evaluate gives back a " ++ @typeName(T) ++
        "; it may be []const tribunal.Score, []const tribunal.Finding, []const tribunal.BiasFinding or ?tribunal.Cost"),
};

fn evaluate(given: *const kind.Given) callconv(.c) *const Answer(kind.Verdict) {
    const judged = arena.create(Answer(kind.Verdict)) catch outOfMemory();
    if (plugin.evaluate(config, given)) |verdict| {
        judged.* = .{ .is_failed = false, .value = .{ .made = lower(kind.Verdict, verdict) } };
    } else |err| {
        if (@as(anyerror, err) != error.Failed) std.debug.panic("evaluate returned error.{t}", .{err});
        judged.* = .{ .is_failed = true, .value = .{ .failure = failure } };
    }
    Arena.is_over = true;
    return judged;
}

comptime {
    @export(&evaluate, .{ .name = "tribunal:plugin/" ++ kind.name ++ "@0.1.0#evaluate" });
}

export fn describe() *const Out.Description {
    const description = arena.create(Out.Description) catch outOfMemory();
    description.* = .{
        .name = .of(plugin.about.name),
        .version = .of(plugin.about.version),
        .summary = .of(plugin.about.summary),
        .config_schema = .{ .is_some = true, .value = .of(schema()) },
        .attributes = std.mem.zeroes(List(Attribute)),
    };
    Arena.is_over = true;
    return description;
}

const Configured = extern struct { is_refused: bool, reason: Text };

export fn configure(ptr: [*]const u8, len: usize) *const Configured {
    const configured = arena.create(Configured) catch outOfMemory();
    refusal = readConfig(ptr[0..len]) catch outOfMemory();
    if (refusal.len == 0 and @hasDecl(plugin, "configure")) {
        plugin.configure(config) catch |err| switch (@as(anyerror, err)) {
            error.Refused => {},
            else => refusal = format("configure returned error.{t}", .{err}),
        };
    }
    configured.* = .{ .is_refused = refusal.len > 0, .reason = .of(refusal) };
    Arena.is_over = true;
    return configured;
}
