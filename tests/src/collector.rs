//! An OpenTelemetry collector for tests: it takes spans as protobuf over HTTP and keeps them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What it does with what comes.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// Takes it.
    Takes,
    /// Answers 503.
    Refuses,
    /// Never answers.
    Hangs,
}

/// A running collector. Stopped when dropped.
pub struct Collector {
    /// What `otlp` in the configuration is to be.
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _runtime: Runtime,
}

/// A span that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The attributes of who sent it.
    pub resource: Vec<KeyValue>,
    /// The span.
    pub span: Span,
}

impl Collector {
    /// Starts one.
    pub fn start(manner: Manner) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let app = Router::new().route("/v1/traces", post(take)).with_state((manner, Arc::clone(&seen)));
        runtime.spawn(async { axum::serve(listener, app).await });
        Self { url, seen, _runtime: runtime }
    }

    /// The spans that came, in the order in which they did.
    pub fn spans(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panics with it").clone()
    }

    /// Those of that name.
    pub fn named(&self, name: &str) -> Vec<Seen> {
        self.spans().into_iter().filter(|seen| seen.span.name == name).collect()
    }
}

impl Seen {
    /// An attribute of the span as text; empty where it has none of that name.
    pub fn attribute(&self, name: &str) -> String {
        attribute(&self.span.attributes, name)
    }

    /// An attribute of the span as a number; 0 where it has none of that name.
    pub fn number(&self, name: &str) -> u64 {
        self.attribute(name).parse().unwrap_or(0)
    }

    /// An attribute of who sent it.
    pub fn sender(&self, name: &str) -> String {
        attribute(&self.resource, name)
    }
}

fn attribute(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.clone()) {
        Some(AnyValue { value: Some(any_value::Value::StringValue(text)) }) => text,
        Some(AnyValue { value: Some(any_value::Value::IntValue(number)) }) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

async fn take(
    State((manner, seen)): State<(Manner, Arc<Mutex<Vec<Seen>>>)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match manner {
        Manner::Takes => {}
        Manner::Refuses => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Manner::Hangs => std::future::pending().await,
    }
    let is_protobuf = headers.get(header::CONTENT_TYPE).is_some_and(|found| found == "application/x-protobuf");
    let Some(request) = is_protobuf.then(|| ExportTraceServiceRequest::decode(body)).and_then(Result::ok) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut seen = seen.lock().expect("nobody panics with it");
    for spans in request.resource_spans {
        let resource = spans.resource.map(|resource| resource.attributes).unwrap_or_default();
        let spans = spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
        seen.extend(spans.map(|span| Seen { resource: resource.clone(), span }));
    }
    ([(header::CONTENT_TYPE, "application/x-protobuf")], ExportTraceServiceResponse::default().encode_to_vec())
        .into_response()
}
