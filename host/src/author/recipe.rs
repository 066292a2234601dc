//! How each language is built: the tools that have to be there, and the commands.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Language, Project};
use crate::plugin::world_name;

/// What it takes to build a project.
pub(super) struct Recipe {
    /// What has to be there.
    pub(super) tools: Vec<Tool>,
    /// What is run, in the project's folder.
    pub(super) steps: Vec<Step>,
    /// What the last step writes: a core module or a component.
    pub(super) output: PathBuf,
    /// Whether that is a core module without its component type.
    pub(super) is_bare: bool,
}

/// Something that has to be there.
pub(super) struct Tool {
    /// In words.
    pub(super) what: String,
    /// Whether it is there, for a project in that folder.
    pub(super) check: Box<dyn Fn(&Path) -> bool>,
    /// The command that installs it.
    pub(super) install: String,
}

/// One command.
pub(super) struct Step {
    program: String,
    pub(super) arguments: Vec<String>,
    /// What is set, and what is taken away.
    pub(super) environment: Vec<(String, Option<String>)>,
}

impl Step {
    fn new(program: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { program: program.to_owned(), arguments, environment: Vec::new() }
    }

    fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.environment.push((name.to_owned(), value.map(str::to_owned)));
        self
    }

    /// The program, from the project's own tools where they have it.
    pub(super) fn program(&self, folder: &Path) -> PathBuf {
        find(&self.program, folder).unwrap_or_else(|| PathBuf::from(&self.program))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            if let Some(value) = value {
                write!(f, "{name}={value} ")?;
            }
        }
        f.write_str(&self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// A program among the project's own tools: a virtual environment's or npm's.
fn find(program: &str, folder: &Path) -> Option<PathBuf> {
    ["venv/bin", ".venv/bin", "node_modules/.bin"]
        .iter()
        .map(|tools| folder.join(tools).join(program))
        .find(|path| path.exists())
}

/// A program that answers when it is asked for its version.
fn program(name: &'static str, version: &'static [&'static str], what: &str, install: &str) -> Tool {
    let check = move |folder: &Path| {
        let path = find(name, folder).unwrap_or_else(|| PathBuf::from(name));
        let mut command = Command::new(path);
        command.args(version).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    Tool { what: what.to_owned(), check: Box::new(check), install: install.to_owned() }
}

impl Recipe {
    /// How a project in that language is built.
    pub(super) fn of(language: Language, project: &Project, folder: &Path) -> Self {
        match language {
            Language::Rust => rust(project, folder),
            Language::Python => python(project, folder),
            Language::Javascript => javascript(project),
            Language::Typescript => typescript(project),
            Language::Go => go(project),
            Language::C => c(project),
            Language::Cpp => cpp(project),
            Language::Zig => zig(project),
        }
    }
}

/// What cargo reads of flags would take the place of the project's own.
const CARGO_VARIABLES: [&str; 4] = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"];

fn rust(project: &Project, folder: &Path) -> Recipe {
    const TARGET: &str = "wasm32-unknown-unknown";
    let has_target = |folder: &Path| {
        let libraries =
            Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).current_dir(folder).output();
        libraries.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
    };
    let tools = vec![
        program("cargo", &["--version"], "cargo", "curl https://sh.rustup.rs -sSf | sh"),
        Tool {
            what: format!("Rust's target {TARGET}"),
            check: Box::new(has_target),
            install: Language::Rust.install().to_owned(),
        },
    ];
    // A panic's message names its file: by a path that is the same on every machine.
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let mut flags = vec![format!("\"--remap-path-prefix={}=.\"", folder.display())];
    flags.extend(home.map(|home| format!("\"--remap-path-prefix={home}=cargo\"")));
    let flags = format!("target.{TARGET}.rustflags=[{}]", flags.join(", "));
    let mut step =
        Step::new("cargo", &["build", "--release", "--target", TARGET, "--target-dir", "target", "--config", &flags]);
    for variable in CARGO_VARIABLES {
        step = step.with(variable, None);
    }
    let file = format!("{}.wasm", project.manifest.name.replace('-', "_"));
    Recipe {
        tools,
        steps: vec![step],
        output: Path::new("target").join(TARGET).join("release").join(file),
        is_bare: false,
    }
}

/// What the last step writes where the tools let it choose.
const MADE: &str = "build/made.wasm";

fn python(project: &Project, folder: &Path) -> Recipe {
    let version = &["--version"];
    let tools = vec![program("componentize-py", version, "componentize-py", Language::Python.install())];
    let world = world(project);
    let step = Step::new(
        "componentize-py",
        &["-q", "-d", "wit", "-w", &world, "componentize", "-p", "src", "plugin", "-o", MADE],
    );
    // Packages are looked for in the project's own environment.
    let environment = folder.join(".venv");
    let step = match environment.to_str().filter(|_| environment.exists()) {
        Some(environment) => step.with("VIRTUAL_ENV", Some(environment)),
        None => step,
    };
    Recipe { tools, steps: vec![step], output: MADE.into(), is_bare: false }
}

/// The contract's world for a plugin of the project's kind: just that, as some compilers import all of a world.
fn world(project: &Project) -> String {
    world_name(project.manifest.kinds[0], project.manifest.asks_models())
}

/// The compiler for C, C++ and Zig, which comes as a package of Python's.
fn zig_tool(language: Language) -> Tool {
    program("python3", &["-m", "ziglang", "version"], "zig", language.install())
}

/// The object with the component's type, which `bindings` wrote. What of it is not used is not in the component.
fn type_object(project: &Project) -> String {
    let world = world_name(project.manifest.kinds[0], true);
    format!("bindings/{}_component_type.o", world.replace('-', "_"))
}

const WASI: &str = "--target=wasm32-wasi";
/// A small stack makes an instance small enough to be reset by copying.
const STACK: &str = "-Wl,-z,stack-size=32768";

fn c(project: &Project) -> Recipe {
    let object = type_object(project);
    // The first one takes the place of libc's `abort` and `malloc`.
    let sources = ["tribunal/bindings.c", "tribunal/tribunal.c", "src/plugin.c", object.as_str()];
    let flags = ["-m", "ziglang", "cc", WASI, "-mexec-model=reactor", "-std=gnu23", "-O2", "-s", "-Wall"];
    let paths = ["-Itribunal", "-Ibindings", STACK, "-o", MADE];
    let step = Step::new("python3", &[flags.as_slice(), &paths, &sources].concat());
    Recipe { tools: vec![zig_tool(Language::C)], steps: vec![step], output: MADE.into(), is_bare: false }
}

fn cpp(project: &Project) -> Recipe {
    let object = type_object(project);
    let common = [WASI, "-O2", "-Wall", "-Itribunal", "-Ibindings"];
    let bindings = ["-std=gnu23", "-c", "-o", "build/bindings.o", "tribunal/bindings.c"];
    let hardening = ["-U_LIBCPP_HARDENING_MODE", "-D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_FAST"];
    let flags = ["-std=c++23", "-fno-exceptions", "-fno-rtti", "-mexec-model=reactor", "-s", STACK, "-o", MADE];
    // The first one takes the place of libc's `abort` and `malloc`.
    let sources = ["build/bindings.o", "tribunal/tribunal.cpp", "src/plugin.cpp", object.as_str()];
    // No path of this machine is to be part of what is built.
    let names = ["-Wno-builtin-macro-redefined", "-D__FILE__=__FILE_NAME__"];
    let steps = vec![
        Step::new("python3", &[["-m", "ziglang", "cc"].as_slice(), &common, &bindings].concat()),
        Step::new(
            "python3",
            &[["-m", "ziglang", "c++"].as_slice(), &common, &flags, &hardening, &names, &sources].concat(),
        ),
    ];
    Recipe { tools: vec![zig_tool(Language::Cpp)], steps, output: MADE.into(), is_bare: false }
}

fn zig(project: &Project) -> Recipe {
    let object = type_object(project);
    let flags = ["-m", "ziglang", "build-exe", "-target", "wasm32-freestanding", "-O", "ReleaseSafe", "-fstrip"];
    let made = format!("-femit-bin={MADE}");
    let rest = ["-fno-entry", "-rdynamic", "--stack", "65536", "--name", "plugin", &made, "src/tribunal.zig", &object];
    let step = Step::new("python3", &[flags.as_slice(), &rest].concat());
    Recipe { tools: vec![zig_tool(Language::Zig)], steps: vec![step], output: MADE.into(), is_bare: false }
}

fn componentize(project: &Project, arguments: &[&str]) -> Step {
    let world = world(project);
    let common = ["--wit", "wit", "--world", &world, "--sync", "--output", MADE];
    Step::new("componentize-qjs", &[common.as_slice(), arguments].concat())
}

fn componentize_tool(language: Language) -> Tool {
    program("componentize-qjs", &["--help"], "componentize-qjs", language.install())
}

fn javascript(project: &Project) -> Recipe {
    let step = componentize(project, &["--js", "plugin.js"]);
    Recipe {
        tools: vec![componentize_tool(Language::Javascript)],
        steps: vec![step],
        output: MADE.into(),
        is_bare: false,
    }
}

fn typescript(project: &Project) -> Recipe {
    let tools = vec![
        program("tsc", &["--version"], "TypeScript", Language::Typescript.install()),
        componentize_tool(Language::Typescript),
    ];
    let step = componentize(project, &["--js", "build/plugin.js", "--module-root", "."]);
    Recipe { tools, steps: vec![Step::new("tsc", &[]), step], output: MADE.into(), is_bare: false }
}

fn go(_: &Project) -> Recipe {
    let tools = vec![program("go", &["version"], "Go", Language::Go.install())];
    let flags =
        ["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", MADE, "."];
    let environment = [
        ("GOOS", "wasip1"),
        ("GOARCH", "wasm"),
        ("GOFLAGS", "-mod=mod"),
        ("GOTOOLCHAIN", "local"),
        ("CGO_ENABLED", "0"),
    ];
    let step = Step::new("go", &flags);
    let step = environment.into_iter().fold(step, |step, (name, value)| step.with(name, Some(value)));
    Recipe { tools, steps: vec![step], output: MADE.into(), is_bare: true }
}
