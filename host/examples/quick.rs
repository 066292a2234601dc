use std::sync::Arc; use std::time::Instant;
use tribunal::{plugin::*, record::*};
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let config = std::env::args().nth(2).unwrap_or("{}".into());
    let threads: usize = std::env::args().nth(3).map_or(1, |t| t.parse().unwrap());
    let engine = Engine::start(std::path::Path::new("/tmp/tcache")).unwrap();
    let file = PluginFile::read(path.as_ref()).unwrap();
    println!("{:?}", file.inspection);
    let t = Instant::now();
    let binding = Arc::new(Binding { name: "length".parse().unwrap(), component: file.digest, config, filter: None, sample: Sample::ALL, limits: Limits::default(), capabilities: vec!["log".into()] });
    let plugin = match Plugin::load(&engine, &file, binding) { Ok(p) => p, Err(e) => { println!("{e} {:?}", e); return } };
    println!("load {:?} {:?} {:?}", t.elapsed(), plugin.description(), plugin.no_snapshot());
    let text = "Hello there, this is an answer of some words. ".repeat(20);
    let posted: NewInteraction = serde_json::from_value(serde_json::json!({"provider":"openai","model":"gpt-4.1","input":[{"role":"user","content":"How are you?"}],"output":[{"role":"assistant","content":text}],"usage":{"input_tokens":10,"output_tokens":200}})).unwrap();
    let i = Interaction { seq: Seq(1), id: InteractionId::generate(), started_at: Time::now(), recorded_at: Time::now(), posted };
    println!("{:?}", Evaluator::default().evaluate(&plugin, &i));
    let t = Instant::now();
    let n = 50_000;
    std::thread::scope(|s| { for _ in 0..threads { s.spawn(|| { let mut e = Evaluator::default(); for _ in 0..n { e.evaluate(&plugin, &i); } }); } });
    println!("{:.2} us/call per thread, {:.0}/s", t.elapsed().as_secs_f64()*1e6/n as f64, (n*threads) as f64/t.elapsed().as_secs_f64());
}
