//! What authors of plugins do without a server: begin a project, build it, look at the file, run it on cases. Knows nothing
//! of HTTP, of the store, or of what a command prints where.

mod answers;
mod bindings;
mod build;
mod bundle;
mod cases;
mod expect;
mod json;
mod labels;
mod language;
mod new;
mod project;
mod recipe;
mod rig;

pub use answers::Answers;
pub use build::{BuildError, Built, build};
pub use bundle::{Bundle, DESCRIPTION_SECTION, MANIFEST_SECTION};
pub use cases::{Case, CaseResult, read_cases};
pub use expect::Mismatch;
pub use json::parsed;
pub use labels::{Counts, Label, Quality, Row, Said, Words, YesNo, agrees, quality, read_rows, said, verdict_name};
pub use language::Language;
pub use new::{NewError, create, write_contract};
pub use project::{Manifest, ManifestError, Project};
pub use rig::{Rig, read_interactions, recorded};

pub use crate::statistics::{Hits, ratio, roc_auc};
