//! What should not be taken is refused with a clear 4xx, and changes nothing.

use serde_json::{Value, json};
use tribunal_tests::{Server, interaction};

struct Case {
    name: &'static str,
    body: Vec<u8>,
    status: u16,
    field: Option<&'static str>,
    says: &'static str,
}

fn case(
    name: &'static str,
    body: impl Into<Vec<u8>>,
    status: u16,
    field: Option<&'static str>,
    says: &'static str,
) -> Case {
    Case { name, body: body.into(), status, field, says }
}

fn with(field: &str, value: Value) -> String {
    let mut interaction = interaction("hostile", 10);
    interaction[field] = value;
    interaction.to_string()
}

#[test]
fn bodies_are_refused_in_words() {
    let server = Server::start("max_body = \"8MiB\"");
    let deep = format!("{{\"provider\":\"p\",\"model\":\"m\",\"attributes\":{{\"a\":{}}}}}", "[".repeat(100_000));
    let cases = [
        case("empty", "", 400, None, "EOF"),
        case("cut", "{\"provider\": \"p\"", 400, None, "EOF"),
        case("trailing", "{\"provider\":\"p\",\"model\":\"m\"}}", 400, None, "trailing"),
        case("not UTF-8", b"{\"provider\":\"\xff\",\"model\":\"m\"}".to_vec(), 400, None, "not UTF-8 from byte 13"),
        case("raw NUL", "{\"provider\":\"p\0\",\"model\":\"m\"}", 400, None, "control character"),
        case("escaped NUL", with("reference", json!("a\0b")), 422, Some("reference"), "NUL"),
        case("NUL in a key", with("attributes", json!({"a\0": 1})), 422, Some("attributes.a\\u{0}"), "NUL"),
        case("deep", deep, 400, None, "recursion limit"),
        case("number", "3", 422, Some(""), "invalid type"),
        case("array in an array", "[[]]", 200, None, ""),
        case("missing", "{\"provider\":\"p\"}", 422, Some("model"), "missing field"),
        case("unknown", with("modell", json!("m")), 422, Some("modell"), "unknown field"),
        case("wrong type", with("model", json!(3)), 422, Some("model"), "invalid type"),
        case("empty name", with("model", json!("")), 422, Some("model"), "at least one character"),
        case(
            "id of a megabyte",
            with("id", json!("x".repeat(1 << 20))),
            422,
            Some("id"),
            "at most 256 bytes, got 1048576",
        ),
        case("id with a line feed", with("id", json!("a\nb")), 422, Some("id"), "no control character"),
        case("negative", with("duration_ms", json!(-1)), 422, Some("duration_ms"), "0 to 1e12"),
        case("huge", with("duration_ms", json!(1e300)), 422, Some("duration_ms"), "0 to 1e12"),
        case("not a time", with("started_at", json!("2026-13-01T00:00:00Z")), 422, Some("started_at"), "RFC 3339"),
        case("before 1970", with("started_at", json!("1969-01-01T00:00:00Z")), 422, Some("started_at"), "1970"),
        case("tokens", with("usage", json!({"input_tokens": 1.5})), 422, Some("usage.input_tokens"), "invalid type"),
        case(
            "part",
            with("input", json!([{"role": "user", "content": [{"type": "text", "text": 1}]}])),
            422,
            Some("input[0].content[0]"),
            "`text` to be a string",
        ),
        case("8 MiB and a byte", vec![b' '; (8 << 20) + 1], 413, None, "larger than 8388608 bytes"),
    ];
    for Case { name, body, status, field, says } in cases {
        let response = server.post_as("application/json", body);
        assert_eq!(response.status(), status, "{name}");
        if status == 200 {
            continue;
        }
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{name}");
        let problem: Value = response.json().unwrap();
        assert_eq!(problem["status"], status, "{name}");
        assert_eq!(problem["field"].as_str(), field, "{name}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{name}: {problem}");
    }
    assert_eq!(server.json("/v1/interactions")["items"], json!([]));
}

#[test]
fn a_hundred_megabytes_are_refused_without_being_kept() {
    let server = Server::start("");
    let before = resident(&server);
    // Without a length announced: the server has to count for itself.
    let endless = std::io::Read::take(std::io::repeat(b' '), 100 << 20);
    let request =
        server.client.post(format!("{}/v1/interactions", server.url)).header("content-type", "application/json");
    assert_eq!(request.body(reqwest::blocking::Body::new(endless)).send().unwrap().status(), 413);
    assert_eq!(server.post_as("application/json", vec![b' '; 100 << 20]).status(), 413);
    assert_eq!(server.get("/healthz").status(), 200);
    // The body is read into a buffer that doubles up to the limit of 16 MiB.
    assert!(resident(&server) < before + (80 << 20), "memory grew from {before} to {}", resident(&server));
}

fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn queries_and_paths_are_refused_in_words() {
    let server = Server::start("");
    let check = |path: &str, status: u16, field: Option<&str>, says: &str| {
        let response = server.get(path);
        assert_eq!(response.status(), status, "{path}");
        let problem: Value = response.json().unwrap();
        assert_eq!(problem["field"].as_str(), field, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{path}: {problem}");
    };
    check("/v1/interactions?limit=501", 422, Some("limit"), "1 to 500");
    check("/v1/interactions?limit=x", 422, Some("limit"), "1 to 500");
    check("/v1/interactions?limits=5", 422, Some("limits"), "unknown field");
    check("/v1/interactions?min_value=nan", 422, Some("min_value"), "finite");
    check("/v1/interactions?binding=12", 422, Some("binding"), "64 hexadecimal");
    check("/v1/interactions?cursor=abc", 422, Some("cursor"), "the `next` of the list before");
    check("/v1/interactions?from=monday", 422, Some("from"), "RFC 3339");
    check("/v1/interactions?has_error=maybe", 422, Some("has_error"), "true or false");
    check("/v1/interactions?outcome=bad", 422, Some("outcome"), "deadline");
    check("/v1/interactions?min_severity=worst", 422, Some("min_severity"), "critical");
    check("/v1/verdicts?outcome=failed", 422, Some("outcome"), "/v1/interactions");
    check("/v1/interactions/none", 404, None, "no interaction \"none\"");
    check(&format!("/v1/interactions/{}", "x".repeat(5000)), 404, None, "no interaction");
    check("/v1/interactions/%ff", 404, None, "no interaction");
    check("/v1/nothing", 404, None, "/openapi.json");
    let response = server.client.delete(format!("{}/v1/interactions", server.url)).send().unwrap();
    assert_eq!(response.status(), 405);
    let request = server.client.post(format!("{}/v1/interactions", server.url)).header("content-encoding", "gzip");
    assert_eq!(request.body(vec![31, 139]).send().unwrap().status(), 415);
    let response = server.post_as("text/csv", "a,b");
    assert_eq!(response.status(), 415);
}
