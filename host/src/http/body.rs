//! JSON bodies, and what is wrong with them. Knows nothing of what they are for.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::Problem;

/// The most bytes of a body beyond the limit that are read, and for how long, before the connection is closed.
const DISCARDED: usize = 256 << 20;
const DISCARDING: Duration = Duration::from_secs(20);

/// Reads an object that is posted as JSON, or says what is wrong with which field.
pub async fn read_json<T: DeserializeOwned>(body: Body, headers: &HeaderMap, limit: usize) -> Result<T, Problem> {
    content_type(headers, "application/json", |kind| kind == "application/json")?;
    let body = read_body(body, headers, limit).await?;
    let text = text(&body)?;
    // serde would take an array for the fields in their order.
    if text.trim_ascii_start().starts_with('[') {
        return Err(Problem::field("", "expected an object, got an array"));
    }
    serde_json::from_str(text).map_err(|_| explain::<T>(text))
}

/// The body's content type, where one is given that is taken.
pub fn content_type(
    headers: &HeaderMap,
    expected: &'static str,
    is_taken: impl Fn(&str) -> bool,
) -> Result<Option<String>, Problem> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        return Err(Problem::Encoding { got: String::from_utf8_lossy(encoding.as_bytes()).into_owned() });
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default();
    let got = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if is_taken(&got) { Ok(Some(got)) } else { Err(Problem::MediaType { expected, got }) }
}

/// Reads a whole body of at most so many bytes.
pub async fn read_body(mut body: Body, headers: &HeaderMap, limit: usize) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_none_or(|length| length <= limit) {
        match Limited::new(&mut body, limit).collect().await {
            Ok(whole) => return Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {}
            Err(_) => return Err(Problem::Malformed { detail: "the body ended early".to_owned() }),
        }
    }
    // Who asked first whether to send has not begun to.
    if !headers.contains_key(header::EXPECT) {
        discard(body).await;
    }
    Err(Problem::TooLarge { limit })
}

/// Reads what is still to come and keeps nothing of it: most clients send all before they read the answer, and would
/// find the connection broken instead.
async fn discard(mut body: Body) {
    let discarded = async {
        let mut left = DISCARDED;
        while left > 0
            && let Some(Ok(frame)) = body.frame().await
        {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        }
    };
    // However it ends, the answer is the same.
    let _ = tokio::time::timeout(DISCARDING, discarded).await;
}

/// The body as text.
pub fn text(json: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(json).map_err(|error| Problem::Malformed {
        detail: format!("the body is not UTF-8 from byte {} on", error.valid_up_to()),
    })
}

/// A body that is no JSON.
pub fn malformed(error: serde_json::Error) -> Problem {
    Problem::Malformed { detail: format!("the body is not valid JSON: {error}") }
}

/// Reads a text that could not be read once more, slowly, to find the path to what is wrong.
pub fn explain<T: DeserializeOwned>(text: &str) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let outcome = serde_path_to_error::deserialize::<_, T>(&mut deserializer);
    match outcome {
        Ok(_) => match deserializer.end() {
            Err(error) => malformed(error),
            Ok(()) => Problem::Internal,
        },
        Err(error) if error.inner().is_data() => {
            let path = error.path().to_string();
            let said = error.inner().to_string();
            // The position is that of the item, which says little once the field is named.
            let detail = said.rsplit_once(" at line ").map_or(said.as_str(), |(detail, _)| detail);
            let unknown = detail.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
            match (path.as_str(), unknown) {
                (".", Some(missing)) => Problem::field(missing, detail),
                (path, Some(missing)) => Problem::field(format!("{path}.{missing}"), detail),
                (".", None) => Problem::field("", detail),
                (path, None) => Problem::field(path, detail),
            }
        }
        Err(error) => malformed(error.into_inner()),
    }
}
