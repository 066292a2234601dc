//! `tribunal plugin …`: what authors of plugins do, without a server.

mod bench;
mod build;
mod check;
mod inspect;
mod measure;
mod new;
mod registry;
mod run;
mod test;
mod wit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, load};
use crate::author::{Bundle, Language, Rig};
use crate::config::{self, Config};
use crate::model::ModelDesk;
use crate::plugin::{Engine, PluginFile};
use crate::record::{ByteSize, Deadline, GrantedModel, Kind, Limits, ModelDefinition, Models, NoModels};

#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Begin a plugin: a project that builds at once, with a real check, test cases and the contract.
    New {
        /// The plugin's name: small letters, digits and hyphens.
        name: String,
        /// What it is written in.
        #[arg(long, value_enum)]
        lang: Chosen<Language>,
        /// What it judges.
        #[arg(long, value_enum)]
        kind: Chosen<Kind>,
        /// The folder to make; by default one of the plugin's name.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Build a project into one file that a host loads: build/NAME.wasm.
    Build {
        /// The project: a folder with a plugin.toml.
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Say what a plugin's file is, whether this host would load it, and if not, why.
    Check {
        /// A component, or the core module that a compiler wrote.
        file: PathBuf,
        /// The plugin's config, as JSON.
        #[arg(long, default_value = "{}")]
        config: String,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Say what a plugin's file is, without running it.
    Inspect {
        /// A component, or the core module that a compiler wrote.
        file: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put cases before a plugin and compare its verdicts with what they expect.
    ///
    /// A case is a line of JSON: `name`, `config`, `interaction`, and in `expect` one of `verdicts`, `exactly`, `contains`,
    /// `failure` and `refused`. Exit codes: 0 where all pass, 1 where one does not, 2 where it could not be tried.
    Test {
        /// A plugin, or a project, which is built first where something in it has changed; by default the project here.
        path: Option<PathBuf>,
        /// A .jsonl file, or a folder of them; by default the project's folder `cases`.
        #[arg(long)]
        cases: Option<PathBuf>,
        /// Also write the results there, as JUnit XML.
        #[arg(long)]
        junit: Option<PathBuf>,
        /// What models answered, a .jsonl file, from which cases are answered; by default models.jsonl beside the cases.
        #[arg(long)]
        answers: Option<PathBuf>,
        /// Ask the models of `--models` for answers that are missing, and add them to the file.
        #[arg(long, requires = "models")]
        record: bool,
        /// Run again whenever a source, the plugin or a case changes.
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Put one interaction before a plugin and print the evaluation, with logs, time, fuel and memory, as JSON.
    Run {
        /// The plugin.
        file: PathBuf,
        /// A file with one interaction as JSON; `-` is standard input.
        #[arg(long)]
        interaction: PathBuf,
        /// The plugin's config, as JSON.
        #[arg(long, default_value = "{}")]
        config: String,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Measure a plugin: how long a call takes, how many there are in a second, size, memory, time to compile.
    Bench {
        /// The plugin.
        file: PathBuf,
        /// Interactions to call it with, a .jsonl file; by default one of 1 KB that is made up.
        #[arg(long)]
        interactions: Option<PathBuf>,
        /// The plugin's config, as JSON.
        #[arg(long, default_value = "{}")]
        config: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Compare a plugin's verdicts with labels that people gave.
    ///
    /// Each row of the data is JSON: an `interaction` and a `label`, which is true, false, or a word. A threshold is chosen on
    /// one half of the rows and tried on the other.
    Measure(measure::MeasureArgs),
    /// Write the contract between host and plugins, for tools of your own: its WIT files into a folder, or the package as one
    /// .wasm, as `wkg` publishes and fetches it.
    Wit {
        /// A folder, or a file that ends in .wasm.
        output: PathBuf,
    },
    /// Put a plugin into an OCI registry, as `wkg` does. Credentials are those of `docker login`.
    Push {
        /// The plugin.
        file: PathBuf,
        /// Where, such as registry.example/team/check:0.1.0.
        reference: String,
        /// Without TLS; the default for this machine alone.
        #[arg(long)]
        plain_http: bool,
    },
    /// Get a plugin from an OCI registry, from where `plugin push` or `wkg` put it.
    Pull {
        /// Where, such as registry.example/team/check:0.1.0, or @sha256:… for those bytes and no others.
        reference: String,
        /// The file to write; by default the last part of the reference's name, with .wasm.
        #[arg(long, short)]
        output: Option<PathBuf>,
        /// Without TLS; the default for this machine alone.
        #[arg(long)]
        plain_http: bool,
    },
}

/// The limits and grants that a plugin is tried with: those of a binding that says nothing of them, where not given.
#[derive(Args, Clone)]
pub(super) struct LimitArgs {
    /// How long a call may take.
    #[arg(long, value_parser = parsed::<Deadline>)]
    deadline: Option<Deadline>,
    /// How much memory a call may have.
    #[arg(long, value_parser = parsed::<ByteSize>)]
    memory: Option<ByteSize>,
    /// How large a call's output may be.
    #[arg(long, value_parser = parsed::<ByteSize>)]
    output: Option<ByteSize>,
    /// A host's configuration: the plugin may ask its models, and does. By default it has none.
    #[arg(long)]
    models: Option<PathBuf>,
    /// A host import to grant; may be given again. By default what its plugin.toml asks for, or else `log`.
    #[arg(long = "grant")]
    grants: Option<Vec<String>>,
}

impl LimitArgs {
    fn limits(&self) -> Limits {
        let default = Limits::default();
        let deadline = if self.models.is_some() { config::MODEL_DEADLINE } else { default.deadline };
        Limits {
            deadline: self.deadline.unwrap_or(deadline),
            memory: self.memory.unwrap_or(default.memory),
            output: self.output.unwrap_or(default.output),
            ..default
        }
    }

    /// A rig for the plugin, which asks the models of `--models`.
    fn rig(&self, path: &Path) -> Result<Rig, Failure> {
        self.rig_on(engine()?, path, self.models()?)
    }

    /// The same on an engine that counts fuel.
    fn counting_rig(&self, path: &Path) -> Result<Rig, Failure> {
        let kept = Engine::counting_fuel(cache_folder("tribunal-fuel").as_deref());
        self.rig_on(kept.or_else(|_| Engine::counting_fuel(None))?, path, self.models()?)
    }

    /// The models of `--models`, with those who answer for them.
    fn models(&self) -> Result<(Vec<GrantedModel>, Arc<dyn Models>), Failure> {
        let Some(path) = &self.models else { return Ok((Vec::new(), Arc::new(NoModels))) };
        let models = Config::read(path)?.models;
        let granted = models.iter().map(ModelDefinition::granted).collect();
        // What a try costs is not counted: there is no store to count it in.
        let free = models.into_iter().map(|model| ModelDefinition { budget: None, record_in: None, ..model });
        Ok((granted, Arc::new(ModelDesk::new(free.collect(), Vec::new(), None)?)))
    }

    fn rig_on(
        &self,
        engine: Engine,
        path: &Path,
        (granted, models): (Vec<GrantedModel>, Arc<dyn Models>),
    ) -> Result<Rig, Failure> {
        let engine = engine.asking(models);
        let limits = self.limits();
        let read = PluginFile::read(path, limits.size);
        let file = read.map_err(|error| match path.exists() {
            true => crate::report(&error),
            false => format!("there is no {}; in a project, `tribunal plugin build` makes it", path.display()),
        })?;
        let wanted = Bundle::read(file.bytes()).manifest.map(|manifest| manifest.capabilities);
        let grants = self.grants.clone().or(wanted).unwrap_or_else(|| vec!["log".to_owned()]);
        Ok(Rig::new(engine, file, limits, grants).granting(granted))
    }
}

/// A value as the configuration writes it.
fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// An engine that keeps what it compiled, in the user's folder for such things where there is one.
fn engine() -> Result<Engine, Failure> {
    match cache_folder("tribunal").map(|folder| load::engine_in(&folder)) {
        Some(Ok(engine)) => Ok(engine),
        Some(Err(_)) | None => Ok(load::engine_without_cache()?),
    }
}

/// The folder of that name where the user's programs keep what they can make again; none where there is no such place.
fn cache_folder(name: &str) -> Option<PathBuf> {
    let folder = |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
    std::fs::create_dir_all(&caches).ok()?;
    Some(caches.join(name))
}

/// A value of a closed list, as clap shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen<T>(T);

macro_rules! chosen {
    ($type:ty, $all:expr) => {
        impl ValueEnum for Chosen<$type> {
            fn value_variants<'a>() -> &'a [Self] {
                const ALL: [Chosen<$type>; $all.len()] = {
                    let mut all = [Chosen($all[0]); $all.len()];
                    let mut at = 0;
                    while at < all.len() {
                        all[at] = Chosen($all[at]);
                        at += 1;
                    }
                    all
                };
                &ALL
            }

            fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                Some(clap::builder::PossibleValue::new(self.0.as_str()))
            }
        }
    };
}

chosen!(Language, Language::ALL);
chosen!(Kind, Kind::ALL);

pub(super) fn run(command: PluginCommand) -> Result<ExitCode, Failure> {
    match command {
        PluginCommand::New { name, lang, kind, dir } => new::new(&name, lang.0, kind.0, dir),
        PluginCommand::Build { dir } => build::build(&dir).map(|_| ExitCode::SUCCESS),
        PluginCommand::Check { file, config, limits } => check::check(&file, &config, limits),
        PluginCommand::Inspect { file, json } => inspect::inspect(&file, json),
        PluginCommand::Test { path, cases, junit, answers, record, watch, limits } => {
            test::test(path, cases, test::Manner { junit, answers, record, limits }, watch)
        }
        PluginCommand::Wit { output } => wit::wit(&output),
        PluginCommand::Push { file, reference, plain_http } => {
            registry::push(&file, &registry::Place::new(&reference, plain_http)?)
        }
        PluginCommand::Pull { reference, output, plain_http } => {
            registry::pull(&registry::Place::new(&reference, plain_http)?, output)
        }
        PluginCommand::Run { file, interaction, config, limits } => run::run(&file, &interaction, &config, limits),
        PluginCommand::Bench { file, interactions, config, json, limits } => {
            bench::bench(&file, interactions.as_deref(), &config, json, limits)
        }
        PluginCommand::Measure(args) => measure::measure(args),
    }
}
