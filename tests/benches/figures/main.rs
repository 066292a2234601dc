//! Every figure of the README, each beside its ceiling in the same run. Times are of this machine at this moment;
//! the ratios are what can be compared.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures and prints")]

mod acknowledge;
mod backfill;
mod bindings;
mod call;
mod compare;
mod fair;
mod list;
mod models;
mod pipeline;
mod record;
mod reload;
mod start;
mod text;

use std::time::Duration;

/// One line of the table.
struct Row {
    what: &'static str,
    wanted: &'static str,
    got: String,
    beside: String,
}

/// A part of the table: its name, and what measures it.
type Part = (&'static str, fn() -> Vec<Row>);

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str()));
    let parts: [Part; 12] = [
        ("call", call::measure),
        ("record", record::measure),
        ("pipeline", pipeline::measure),
        ("acknowledge", acknowledge::measure),
        ("list", list::measure),
        ("bindings", bindings::measure),
        ("backfill", backfill::measure),
        ("reload", reload::measure),
        ("fair", fair::measure),
        ("compare", compare::measure),
        ("start", start::measure),
        ("models", models::measure),
    ];
    println!("| what | at least | measured | beside |\n|---|---|---|---|");
    for (name, measure) in parts {
        if is_wanted(name) {
            for Row { what, wanted, got, beside } in measure() {
                println!("| {what} | {wanted} | {got} | {beside} |");
            }
        }
    }
}

/// The value below which that share of the values lies.
fn quantile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    values[((values.len() - 1) as f64 * share) as usize]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The most memory the process ever had, in MiB.
fn peak_memory(pid: u32) -> u64 {
    memory(&pid.to_string(), "VmHWM:")
}

/// The memory that this process has, in MiB.
fn resident_memory() -> u64 {
    memory("self", "VmRSS:")
}

fn memory(process: &str, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
