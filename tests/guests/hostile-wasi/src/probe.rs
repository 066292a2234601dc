//! What can be seen of the world outside; knows nothing of attacks.

use std::fs::{self, File};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use tribunal_sdk::{Interaction, Score};
use wasip2::cli::{environment, terminal_stdin, terminal_stdout};
use wasip2::filesystem::preopens;
use wasip2::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Probe {
    /// Variables, arguments, the working directory, terminals.
    Environment,
    /// Folders and files, to read and to write.
    Files,
    /// Sockets of both protocols and families, names.
    Sockets,
    /// Clocks that move, or stand at another time than the interaction's.
    Clock,
}

impl Probe {
    /// How many things it saw.
    pub(crate) fn scores(self, interaction: &Interaction) -> Vec<Score> {
        let seen = match self {
            Self::Environment => environment(),
            Self::Files => files(),
            Self::Sockets => sockets(),
            Self::Clock => clock(interaction),
        };
        vec![Score::number("seen", seen as f64)]
    }
}

fn environment() -> usize {
    std::env::vars_os().count()
        + std::env::args_os().count()
        + environment::get_environment().len()
        + environment::get_arguments().len()
        + count([
            environment::initial_cwd().is_some(),
            std::env::current_dir().is_ok_and(|folder| folder.components().count() > 1),
            terminal_stdin::get_terminal_stdin().is_some(),
            terminal_stdout::get_terminal_stdout().is_some(),
        ])
}

fn files() -> usize {
    let folders = ["/", ".", "..", "/etc", "/proc/self", "/tmp"].map(|path| fs::read_dir(path).is_ok());
    let read = ["/etc/passwd", "/proc/self/environ", "tribunal.toml", "tribunal.db", "../tribunal.db"];
    let written = ["/tmp/hostile", "hostile", "/hostile"];
    preopens::get_directories().len()
        + count(folders)
        + count(read.map(|path| fs::read(path).is_ok()))
        + count(written.map(|path| File::create(path).is_ok() || fs::create_dir(path).is_ok()))
        + count([fs::hard_link("/etc/passwd", "passwd").is_ok(), fs::remove_file("tribunal.db").is_ok()])
}

fn sockets() -> usize {
    let network = instance_network::instance_network();
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 8700, address: (127, 0, 0, 1) });
    let families = [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6];
    let tcp = families.map(|family| {
        tcp_create_socket::create_tcp_socket(family).is_ok_and(|socket| socket.start_connect(&network, address).is_ok())
    });
    let udp = families.map(|family| udp_create_socket::create_udp_socket(family).is_ok());
    let names = ["localhost", "example.com", "127.0.0.1"].map(|name| {
        let addresses = ip_name_lookup::resolve_addresses(&network, name);
        addresses.is_ok_and(|addresses| addresses.resolve_next_address().is_ok_and(|address| address.is_some()))
    });
    count(tcp) + count(udp) + count(names)
}

fn clock(interaction: &Interaction) -> usize {
    let (wall, steady) = (SystemTime::now(), Instant::now());
    let mut sum = 0u64;
    (0..1_000_000).for_each(|at| sum = std::hint::black_box(sum ^ at));
    let since = wall.duration_since(UNIX_EPOCH).ok().map(|since| since.as_nanos());
    count([
        SystemTime::now() != wall,
        steady.elapsed().as_nanos() != 0,
        since != Some(u128::from(interaction.call.started_at)),
    ])
}

fn count<const N: usize>(seen: [bool; N]) -> usize {
    seen.into_iter().filter(|seen| *seen).count()
}
