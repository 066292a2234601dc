//! A provider of models for tests, on loopback: it answers as it is told, in the dialect of the path that is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// How many came before it.
    pub at: usize,
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Value,
}

impl Asked {
    /// The last message.
    pub fn question(&self) -> &str {
        let last = self.body["messages"].as_array().and_then(|messages| messages.last());
        last.and_then(|message| message["content"].as_str()).expect("a message")
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// That text, as a model's.
    Text(String),
    /// These vectors.
    Vectors(Vec<Vec<f32>>),
    /// That status with these headers and that body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// 200 with that body, whatever it is.
    Raw(String),
    /// The beginning of an answer, and then nothing more: the connection breaks.
    Cut,
    /// The beginning of an answer, and then nothing more: the connection stays open.
    Stall,
    /// The reply after that time.
    Late(Duration, Box<Reply>),
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

struct Shared {
    script: Box<Script>,
    asked: Mutex<Vec<Asked>>,
    count: AtomicUsize,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

/// A running provider. Stopped when dropped.
pub struct Provider {
    /// Where it is.
    pub url: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

impl Provider {
    /// Starts one that answers by that script.
    pub fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            script: Box::new(script),
            asked: Mutex::default(),
            count: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        runtime.spawn(async { axum::serve(listener, app).await });
        Self { url, shared, _runtime: runtime }
    }

    /// What was asked, in the order in which it came.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().expect("nobody panics with it").clone()
    }

    /// The most requests that were under way at once.
    pub fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let most = shared.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most.fetch_max(most, Ordering::SeqCst);
    let at = shared.count.fetch_add(1, Ordering::SeqCst);
    let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
    let body = axum::body::to_bytes(request.into_body(), 1 << 24).await.unwrap_or_default();
    let asked = Asked { at, path, headers, body: serde_json::from_slice(&body).unwrap_or_default() };
    let mut reply = (shared.script)(&asked);
    shared.asked.lock().expect("nobody panics with it").push(asked.clone());
    while let Reply::Late(time, then) = reply {
        tokio::time::sleep(time).await;
        reply = *then;
    }
    shared.under_way.fetch_sub(1, Ordering::SeqCst);
    let response = Response::builder();
    let whole = match reply {
        Reply::Text(text) => response.body(Body::from(spoken(&asked, &text).to_string())),
        Reply::Vectors(vectors) => {
            let data: Vec<_> =
                vectors.iter().enumerate().map(|(at, vector)| json!({"index": at, "embedding": vector})).collect();
            response.body(Body::from(json!({"data": data, "model": "vectors"}).to_string()))
        }
        Reply::Status(status, headers, body) => {
            let with = headers.into_iter().fold(response.status(status), |all, (name, value)| all.header(name, value));
            with.body(Body::from(body))
        }
        Reply::Raw(body) => response.body(Body::from(body)),
        Reply::Cut => response.header("content-length", "1000").body(Body::from_stream(cut())),
        Reply::Stall => response.body(Body::from_stream(stall())),
        Reply::Late(..) => unreachable!("it was waited for above"),
    };
    whole.expect("a response")
}

/// A body that breaks off.
fn cut() -> impl futures_util::Stream<Item = Result<&'static str, std::io::Error>> {
    futures_util::stream::iter([Ok("{\"choices\": [{\"mess"), Err(std::io::ErrorKind::BrokenPipe.into())])
}

/// A body that begins and goes no further.
fn stall() -> impl futures_util::Stream<Item = Result<&'static str, std::io::Error>> {
    use futures_util::StreamExt as _;
    futures_util::stream::iter([Ok("{\"choices\": [{\"mess")]).chain(futures_util::stream::pending())
}

/// The text as the dialect of the request has it. One token is four bytes.
fn spoken(asked: &Asked, text: &str) -> Value {
    let model = &asked.body["model"];
    let (given, made) = (asked.body["messages"].to_string().len() / 4, text.len() / 4 + 1);
    if asked.path.ends_with("/v1/messages") {
        let tool = asked.body["tool_choice"]["name"].as_str();
        let content = match (tool, serde_json::from_str::<Value>(text)) {
            (Some(name), Ok(input)) => json!([{"type": "tool_use", "id": "t", "name": name, "input": input}]),
            _ => json!([{"type": "text", "text": text}]),
        };
        return json!({
            "type": "message", "role": "assistant", "model": model, "content": content, "stop_reason": "end_turn",
            "usage": {"input_tokens": given, "output_tokens": made},
        });
    }
    if asked.path.ends_with("/v2/chat") {
        return json!({
            "id": "c", "finish_reason": "COMPLETE",
            "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
            "usage": {"tokens": {"input_tokens": given as f64, "output_tokens": made as f64}},
        });
    }
    let first = json!({"token": "first", "logprob": -0.1});
    json!({
        "object": "chat.completion", "model": model,
        "choices": [{
            "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text},
            "logprobs": {"content": [{"token": "first", "logprob": -0.1, "top_logprobs": [first]}]},
        }],
        "usage": {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made},
    })
}
