//! `tribunal plugin test`: cases, compared and reported.

use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use notify::{RecursiveMode, Watcher};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{LimitArgs, build};
use crate::app::{Failure, say};
use crate::author::{Answers, Case, CaseResult, Project, Rig, read_cases};
use crate::plugin::Evaluator;

/// It could not be tried.
const NOT_TRIED: u8 = 2;
/// A compiler writes a file in several steps: what comes within this time is one change.
const SETTLE: Duration = Duration::from_millis(200);

/// What is tried: a finished plugin, or a project, which is built first where its sources are newer than what was built.
enum Subject {
    File(PathBuf),
    Project(Box<Project>),
}

impl Subject {
    fn new(path: Option<PathBuf>) -> Result<Self, Failure> {
        match path {
            Some(path) if !path.is_dir() => Ok(Self::File(path)),
            path => {
                let folder = path.unwrap_or_else(|| PathBuf::from("."));
                Ok(Self::Project(Box::new(Project::open(&folder)?)))
            }
        }
    }

    /// The plugin's file, up to date.
    fn file(&self) -> Result<PathBuf, Failure> {
        match self {
            Self::File(path) => Ok(path.clone()),
            Self::Project(project) if project.is_stale() => build::build(&project.folder),
            Self::Project(project) => Ok(project.output()),
        }
    }

    fn folder(&self) -> &Path {
        match self {
            Self::File(path) => path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")),
            Self::Project(project) => &project.folder,
        }
    }
}

/// How cases are run, and where the results go.
pub(super) struct Manner {
    pub(super) junit: Option<PathBuf>,
    pub(super) answers: Option<PathBuf>,
    pub(super) record: bool,
    pub(super) limits: LimitArgs,
}

impl Manner {
    /// The file with what models answered: beside the cases, where nothing else was said.
    fn answers_file(&self, cases: &Path) -> PathBuf {
        let beside = || cases.parent().unwrap_or(Path::new("")).join("models.jsonl");
        self.answers.clone().unwrap_or_else(beside)
    }

    /// A rig whose plugin is given the answers of that file, and with `--record` those of the models where some are missing.
    fn rig(&self, file: &Path, cases: &Path) -> Result<(Rig, Arc<Answers>), Failure> {
        let (mut granted, models) = self.limits.models()?;
        let path = self.answers_file(cases);
        if self.answers.is_some() && !path.exists() && !self.record {
            return Err(format!("there is no {}; `--record --models FILE` makes it", path.display()).into());
        }
        let mut answers = Answers::read(&path)?;
        granted.extend(answers.models());
        if self.record {
            answers = answers.recording(models);
        }
        let answers = Arc::new(answers);
        let rig = self.limits.rig_on(super::engine()?, file, (granted, Arc::clone(&answers) as _))?;
        Ok((rig, answers))
    }
}

pub(super) fn test(
    path: Option<PathBuf>,
    cases: Option<PathBuf>,
    manner: Manner,
    watch: bool,
) -> Result<ExitCode, Failure> {
    let tried = Subject::new(path).and_then(|subject| {
        let beside = match &subject {
            Subject::Project(project) if project.folder != Path::new(".") => project.folder.join("cases"),
            Subject::Project(_) | Subject::File(_) => PathBuf::from("cases"),
        };
        let cases = cases.unwrap_or(beside);
        if watch {
            return watched(&subject, &cases, &manner);
        }
        let failed = once(&subject, &cases, &manner)?;
        Ok(ExitCode::from(u8::from(failed > 0)))
    });
    tried.or_else(|error| {
        say(&mut stderr(), &format!("error: {}", crate::report(&*error)));
        Ok(ExitCode::from(NOT_TRIED))
    })
}

/// Runs all cases and gives the number of those that failed.
fn once(subject: &Subject, folder: &Path, manner: &Manner) -> Result<usize, Failure> {
    let file = &subject.file()?;
    let (mut rig, answers) = manner.rig(file, folder)?;
    let cases = read_cases(folder)?;
    let mut evaluator = Evaluator::default();
    let began = Instant::now();
    let mut out = stdout();
    let mut results = Vec::new();
    for case in &cases {
        let result = case.run(&mut rig, &mut evaluator);
        tell(&mut out, case, &result);
        results.push(result);
    }
    let failed = results.iter().filter(|result| !result.mismatches.is_empty()).count();
    let seconds = began.elapsed().as_secs_f64();
    say(&mut out, &format!("{} passed, {failed} failed, in {seconds:.1} s", results.len() - failed));
    let (recorded, unused) = (answers.save()?, answers.unused());
    if recorded > 0 {
        say(&mut out, &format!("recorded {recorded} answers of models"));
    }
    if failed > 0 && answers.is_empty() && recorded == 0 && rig.asks_models() {
        let path = manner.answers_file(folder);
        let how = "`--record --models FILE` asks the models of a host's configuration, and keeps what they answer";
        say(&mut out, &format!("the plugin asks models, and {} has no answers yet: {how}", path.display()));
    }
    if unused > 0 {
        say(&mut out, &format!("{unused} recorded answers were asked for by no case; they can be deleted"));
    }
    if let Some(path) = &manner.junit {
        write_junit(path, file, &cases, &results)?;
    }
    Ok(failed)
}

fn tell(out: &mut dyn Write, case: &Case, result: &CaseResult) {
    if result.mismatches.is_empty() {
        say(out, &format!("ok      {}", case.name));
        return;
    }
    say(out, &format!("FAILED  {} ({}:{})", case.name, case.file.display(), case.line));
    for mismatch in &result.mismatches {
        for line in mismatch.to_string().lines() {
            say(out, &format!("    {line}"));
        }
    }
    for line in &result.logs {
        say(out, &format!("    log: {line}"));
    }
}

fn write_junit(path: &Path, file: &Path, cases: &[Case], results: &[CaseResult]) -> Result<(), Failure> {
    let mut suite = TestSuite::new(file.display().to_string());
    for (case, CaseResult { mismatches, took, logs }) in cases.iter().zip(results) {
        let status = if mismatches.is_empty() {
            TestCaseStatus::success()
        } else {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let words: Vec<_> = mismatches.iter().map(ToString::to_string).collect();
            status.set_message(mismatches[0].at.clone()).set_description(words.join("\n"));
            status
        };
        let mut reported = TestCase::new(case.name.clone(), status);
        reported.set_classname(case.file.display().to_string()).set_time(*took);
        if !logs.is_empty() {
            reported.set_system_out(logs.join("\n"));
        }
        suite.add_test_case(reported);
    }
    let mut report = Report::new("tribunal plugin test");
    report.add_test_suite(suite);
    std::fs::write(path, report.to_string()?)
        .map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

/// Runs all cases again at each change, until somebody ends it.
fn watched(subject: &Subject, cases: &Path, manner: &Manner) -> Result<ExitCode, Failure> {
    let folder = std::fs::canonicalize(subject.folder())?;
    let (root, in_cases, is_project) =
        (folder.clone(), std::fs::canonicalize(cases)?, matches!(subject, Subject::Project(_)));
    // A build is no change of what is built.
    let matters = move |path: &Path| {
        let inside = path.strip_prefix(&root).unwrap_or(path);
        !is_project || path.starts_with(&in_cases) || Project::is_source(inside)
    };
    let (tell, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(|path| matters(path))) {
            // Whoever watched has gone where nobody takes it.
            let _ = tell.send(());
        }
    })?;
    // Whole folders, since editors and builds put another file in the place of the old one.
    let depth = if is_project { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
    watcher.watch(&folder, depth)?;
    watcher.watch(cases, RecursiveMode::Recursive)?;
    loop {
        if let Err(error) = once(subject, cases, manner) {
            say(&mut stderr(), &format!("error: {}", crate::report(&*error)));
        }
        say(&mut stderr(), "waiting for a change; ^C ends this");
        changes.recv()?;
        while changes.recv_timeout(SETTLE).is_ok() {}
    }
}
