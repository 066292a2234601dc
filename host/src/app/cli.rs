//! The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use super::replay::ReplayArgs;
use super::retry::RetryArgs;
use super::{Failure, backfill, check, compare, import, plugin, replay, retry, say, serve, telemetry};
use crate::config::{Config, ConfigError};
use crate::plugin::{WORKSHOP_COMMAND, serve_workshop};
use crate::record::Time;
use crate::store::{ComparisonRequest, InteractionFilter};

/// Judges what language models do in production, with sandboxed WebAssembly plugins.
#[derive(Parser)]
#[command(name = "tribunal", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Record interactions over HTTP and put them before the plugins.
    Serve {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Send interactions from JSONL files to a running server. Safe to run again.
    Import {
        /// Files with one interaction on each line; `-` is standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The server; by default where the configuration listens.
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Have a running server judge what was recorded before a binding was loaded.
    ///
    /// Watches it with a progress bar. ^C ends the watching, not the backfill. Exit codes: 0 where it is done or was made,
    /// 1 where it was cancelled meanwhile or something failed, 130 after ^C.
    Backfill {
        #[command(flatten)]
        backfill: backfill::BackfillArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Have a running server make evaluations again that failed and were given up.
    ///
    /// As where a model's provider was away for long, or had the wrong key. Where the plugin itself is at fault, load another
    /// and make a backfill.
    Retry {
        #[command(flatten)]
        args: RetryArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Parse the configuration and load every plugin, or say what is wrong and where.
    Check {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Say how two bindings differ on the interactions that both judged, from the database as it stands: a server may run
    /// on it or not.
    Compare {
        /// One binding: its name, which means the one of that name that judged last, or enough of its digest.
        a: String,
        /// The other binding, likewise.
        b: String,
        #[command(flatten)]
        which: CompareArgs,
        /// As JSON, as `GET /v1/compare` answers.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Make stored evaluations again and say how many verdicts are equal to the byte.
    ///
    /// Works while the server runs, and writes nothing. Ends with 0 only where there are evaluations and all are equal.
    Replay {
        #[command(flatten)]
        args: ReplayArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Write plugins, and look at them.
    Plugin {
        #[command(subcommand)]
        command: plugin::PluginCommand,
    },
    /// Prepare the plugin on standard input: what a server has its own program do.
    #[command(name = WORKSHOP_COMMAND, hide = true)]
    PreparePlugin,
}

#[derive(Args)]
struct CompareArgs {
    /// Only interactions started at this moment (RFC 3339) or later.
    #[arg(long)]
    from: Option<Time>,
    /// Only interactions started before this moment (RFC 3339).
    #[arg(long)]
    to: Option<Time>,
    /// Only interactions filed under this project.
    #[arg(long)]
    project: Option<String>,
    /// Only interactions answered by this provider.
    #[arg(long)]
    provider: Option<String>,
    /// Only interactions answered by this model.
    #[arg(long)]
    model: Option<String>,
    /// Only interactions made from the prompt template of this name.
    #[arg(long)]
    prompt: Option<String>,
    /// How many of the interactions that differ most are shown.
    #[arg(long, default_value_t = 10)]
    limit: usize,
}

impl CompareArgs {
    fn request(self, a: String, b: String) -> ComparisonRequest {
        let Self { from, to, project, provider, model, prompt, limit } = self;
        let filter = InteractionFilter { from, to, project, provider, model, prompt, ..InteractionFilter::default() };
        ComparisonRequest { a, b, filter, limit }
    }
}

#[derive(Args)]
struct ConfigArgs {
    /// The configuration; by default `tribunal.toml` where there is one.
    #[arg(long, env = "TRIBUNAL_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    fn read(&self) -> Result<Config, ConfigError> {
        self.read_by(Config::read)
    }

    /// The same for a command that asks no models.
    fn read_without_keys(&self) -> Result<Config, ConfigError> {
        self.read_by(Config::read_without_keys)
    }

    fn read_by(&self, read: fn(&Path) -> Result<Config, ConfigError>) -> Result<Config, ConfigError> {
        let default = Path::new("tribunal.toml");
        match &self.config {
            Some(path) => read(path),
            None if default.exists() => read(default),
            None => Config::without_file(),
        }
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    if !matches!(cli.command, Command::Serve { .. }) {
        telemetry::start_log();
    }
    let result = match cli.command {
        Command::Serve { config } => config.read().map_err(Failure::from).and_then(serve::serve),
        Command::Import { files, url, config } => {
            config.read_without_keys().map_err(Failure::from).and_then(|config| import::import(&files, url, &config))
        }
        Command::Backfill { backfill, config } => {
            config.read_without_keys().map_err(Failure::from).and_then(|config| backfill::backfill(backfill, &config))
        }
        Command::Retry { args, config } => {
            config.read_without_keys().map_err(Failure::from).and_then(|config| retry::retry(&args, &config))
        }
        Command::Check { config } => config.read().map_err(Failure::from).and_then(check::check),
        Command::Compare { a, b, which, json, config } => config
            .read_without_keys()
            .map_err(Failure::from)
            .and_then(|config| compare::compare(&config, &which.request(a, b), json)),
        Command::Replay { args, config } => {
            config.read_without_keys().map_err(Failure::from).and_then(|config| replay::replay(&config, &args))
        }
        Command::Plugin { command } => plugin::run(command),
        Command::PreparePlugin => serve_workshop().map(|()| ExitCode::SUCCESS),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            say(&mut std::io::stderr(), &format!("error: {}", crate::report(&*error)));
            ExitCode::FAILURE
        }
    }
}
