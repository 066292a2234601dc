//! Names the error that the provider gave, in the contract's words; knows nothing of the answer.

use tribunal_sdk::{Attribute, AttributeValue, CallError, Finding, Interaction, Severity};

use crate::{Findings, excerpt};

/// The kinds that the contract documents, how bad each is, and whether the same call may succeed later.
const KINDS: [(&str, Severity, bool); 13] = [
    ("timeout", Severity::Medium, true),
    ("quota", Severity::High, false),
    ("rate-limit", Severity::Medium, true),
    // Every call fails until somebody mends the key.
    ("authentication", Severity::Critical, false),
    ("permission", Severity::High, false),
    ("not-found", Severity::High, false),
    ("invalid-request", Severity::High, false),
    ("context-length", Severity::Medium, false),
    ("content-filter", Severity::Low, false),
    ("overloaded", Severity::Medium, true),
    ("server", Severity::High, true),
    ("network", Severity::Medium, true),
    // The application or its user stopped the call.
    ("cancelled", Severity::Info, false),
];

/// Words in a kind or a message that tell what it is, all in lower case; the first that is there decides.
///
/// From the error types of OpenAI, Anthropic, Google, AWS Bedrock, Azure, Mistral and Cohere and the exceptions
/// of their SDKs. What is more particular stands first: a context that is too long comes as an invalid request.
const WORDS: [(&str, &[&str]); 13] = [
    (
        "context-length",
        &[
            "context-length",
            "context length",
            "context window",
            "maximum context",
            "prompt is too long",
            "input is too long",
        ],
    ),
    (
        "content-filter",
        &[
            "content-filter",
            "content filter",
            "content-policy",
            "content management policy",
            "safety system",
            "guardrail",
            "responsible ai",
        ],
    ),
    (
        "quota",
        &["insufficient-quota", "insufficient quota", "exceeded your current quota", "credit balance", "billing"],
    ),
    (
        "rate-limit",
        &[
            "rate-limit",
            "ratelimit",
            "rate limit",
            "too-many-requests",
            "toomanyrequests",
            "too many requests",
            "throttl",
            "quota",
            "resource-exhausted",
            "resourceexhausted",
        ],
    ),
    ("overloaded", &["overloaded", "unavailable", "at capacity", "no capacity", "not-ready", "notready"]),
    ("timeout", &["timeout", "timed out", "timed-out", "deadline"]),
    (
        "authentication",
        &["authenticat", "unauthorized", "invalid-api-key", "api key", "unrecognizedclient", "expiredtoken"],
    ),
    ("permission", &["permission", "forbidden", "access denied", "accessdenied", "access-denied"]),
    ("not-found", &["not-found", "notfound", "not found", "does not exist"]),
    ("cancelled", &["cancel", "abort"]),
    ("network", &["network", "connection", "dns", "tls", "socket"]),
    (
        "invalid-request",
        &[
            "invalid-request",
            "invalidrequest",
            "bad-request",
            "badrequest",
            "invalid-argument",
            "validation",
            "unprocessable",
            "failed-precondition",
        ],
    ),
    ("server", &["server", "internal", "api-error", "unknown-error"]),
];

/// The longest code that the contract takes, in bytes.
const LONGEST_CODE: usize = 128;
/// How much of a message is searched; what went wrong stands at its start.
const SEARCHED: usize = 1_000;

pub(crate) fn check(interaction: &Interaction, findings: &mut Findings) {
    let Some(error) = &interaction.call.error else { return };
    let kind = kind(error);
    let documented = KINDS.iter().find(|(name, ..)| *name == kind);
    let severity = documented.map_or(Severity::High, |(_, severity, _)| *severity);
    let mut finding = Finding::new("provider", &kind, severity).because(explanation(error));
    if let Some(status) = error.status {
        finding.attributes.push(attribute("status", AttributeValue::Integer(i64::from(status))));
    }
    if let Some((.., retryable)) = documented {
        finding.attributes.push(attribute("retryable", AttributeValue::Boolean(*retryable)));
    }
    findings.push(finding);
}

fn attribute(key: &str, value: AttributeValue) -> Attribute {
    Attribute { key: key.to_owned(), value }
}

fn explanation(error: &CallError) -> String {
    let status = error.status.map(|status| format!(" with status {status}")).unwrap_or_default();
    if error.message.is_empty() {
        return format!("The call failed{status}.");
    }
    format!("The call failed{status}: {}", excerpt::start(&error.message))
}

/// The documented kind that fits best, else the kind as posted, else `unknown`.
///
/// A posted kind that says little (`invalid-request`, `server`) gives way to what the message or the status says
/// more exactly: a context that is too long and a wrong key both come as invalid requests.
fn kind(error: &CallError) -> String {
    let posted = normalized(&error.kind);
    let posted = posted.trim_matches('-');
    let posted_kind = KINDS.iter().map(|(name, ..)| *name).find(|name| *name == posted).or_else(|| by_words(posted));
    let is_exact = |kind: &&str| !matches!(*kind, "invalid-request" | "server");
    let message = || {
        let message = &error.message[..error.message.floor_char_boundary(SEARCHED)];
        by_words(&message.to_ascii_lowercase())
    };
    let status = error.status.and_then(by_status);
    let found = posted_kind
        .filter(is_exact)
        .or_else(|| message().filter(|kind| matches!(*kind, "context-length" | "content-filter" | "quota")))
        .or(status.filter(is_exact))
        .or(posted_kind)
        .or(status)
        .or_else(message);
    match found {
        Some(kind) => kind.to_owned(),
        None if posted.is_empty() => "unknown".to_owned(),
        None => posted.to_owned(),
    }
}

fn by_words(text: &str) -> Option<&'static str> {
    WORDS.iter().find(|(_, words)| words.iter().any(|word| text.contains(word))).map(|(kind, _)| *kind)
}

fn by_status(status: u16) -> Option<&'static str> {
    Some(match status {
        401 => "authentication",
        402 => "quota",
        429 => "rate-limit",
        403 => "permission",
        404 => "not-found",
        408 | 504 => "timeout",
        // 499 is what proxies write where the client hung up.
        499 => "cancelled",
        503 | 529 => "overloaded",
        400..=498 => "invalid-request",
        500..=599 => "server",
        _ => return None,
    })
}

/// Lower case, anything but letters, digits and dots as hyphens, cut to the longest code.
fn normalized(kind: &str) -> String {
    let kind = &kind[..kind.floor_char_boundary(LONGEST_CODE)];
    kind.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use tribunal_sdk::CallError;

    fn check(kind: &str, message: &str, status: Option<u16>, expected: &str) {
        let error = CallError { kind: kind.to_owned(), message: message.to_owned(), status };
        assert_eq!(super::kind(&error), expected, "{error:?}");
    }

    #[test]
    fn kinds() {
        check("rate-limit", "", None, "rate-limit");
        check("timeout", "the server said 500", Some(500), "timeout");
        check("", "", Some(429), "rate-limit");
        check("rate_limit_exceeded", "Rate limit reached for gpt-4o", Some(429), "rate-limit");
        check("RateLimitError", "", None, "rate-limit");
        check("insufficient_quota", "You exceeded your current quota", Some(429), "quota");
        check("error", "Your credit balance is too low", Some(400), "quota");
        check("", "", Some(402), "quota");
        check("ThrottlingException", "Too many tokens, please wait", Some(400), "rate-limit");
        check("RESOURCE_EXHAUSTED", "", Some(429), "rate-limit");
        check("overloaded_error", "Overloaded", Some(529), "overloaded");
        check("UNAVAILABLE", "The model is overloaded", Some(503), "overloaded");
        check("authentication_error", "invalid x-api-key", Some(401), "authentication");
        check("invalid_request_error", "Incorrect API key provided", Some(401), "authentication");
        check(
            "invalid_request_error",
            "This model's maximum context length is 8192 tokens",
            Some(400),
            "context-length",
        );
        check("invalid-request", "prompt is too long: 210000 tokens > 200000 maximum", Some(400), "context-length");
        check("invalid-request", "temperature must be below 2", Some(400), "invalid-request");
        check("error", "prompt is too long", Some(413), "context-length");
        check("BadRequestError", "triggered Azure OpenAI's content management policy", Some(400), "content-filter");
        check("permission_error", "", Some(403), "permission");
        check("AccessDeniedException", "", Some(403), "permission");
        check("model_not_found", "", Some(404), "not-found");
        check("APIConnectionError", "Connection error.", None, "network");
        check("APITimeoutError", "Request timed out.", None, "timeout");
        check("DEADLINE_EXCEEDED", "", Some(504), "timeout");
        check("api_error", "Internal server error", Some(500), "server");
        check("server", "", Some(500), "server");
        check("AbortError", "", None, "cancelled");
        check("", "", Some(500), "server");
        check("", "connection reset by peer", None, "network");
        check("", "", Some(302), "unknown");
        check("", "", None, "unknown");
        check("Sunspots!", "", None, "sunspots");
        check("Sunspots!", "", Some(503), "overloaded");
    }

    #[test]
    fn hostile() {
        check(&"é".repeat(1_000_000), &"\0".repeat(1_000_000), None, "unknown");
        check(&"x".repeat(1_000_000), "", None, &"x".repeat(128));
    }
}
