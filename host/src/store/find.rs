//! Finding a binding by what an operator calls it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::BindingId;
use crate::record::BindingDigest;

/// A binding that was ever loaded.
#[derive(Debug, Clone)]
pub struct FoundBinding {
    /// Its number.
    pub id: BindingId,
    /// Its digest.
    pub digest: BindingDigest,
    /// The operator's name for it.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// Whether it is a shadow.
    pub shadow: bool,
}

/// Why there is no such binding.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No binding has that name, and no digest begins like that.
    #[error("no binding is named {wanted:?} and no digest begins so; there are: {known}")]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// Those that there are.
        known: String,
    },
    /// More than one digest begins like that.
    #[error("several digests begin with {wanted}: {known}")]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// Those that begin like that.
        known: String,
    },
}

const COLUMNS: &str = "SELECT id, digest, name, version, shadow FROM bindings";
/// A binding that was changed and changed back goes on as the older one.
const NEWEST_JUDGED: &str = "coalesce((SELECT max(seq) FROM evaluations WHERE binding = bindings.id), 0)";
/// More bindings than these are not listed in an error.
const MOST_LISTED: usize = 20;
/// What is quoted of what was asked for, in characters.
const MOST_QUOTED: usize = 256;

/// The binding of that name that judged the newest interaction, else the one whose digest begins like that.
pub(super) fn find(connection: &Connection, wanted: &str) -> rusqlite::Result<Result<FoundBinding, FindError>> {
    let named = connection
        .prepare_cached(&format!("{COLUMNS} WHERE name = ?1 ORDER BY {NEWEST_JUDGED} DESC, id DESC LIMIT 1"))?
        .query_row(params![wanted], binding)
        .optional()?;
    if let Some(named) = named {
        return Ok(Ok(named));
    }
    let quoted = || wanted.chars().take(MOST_QUOTED).collect();
    if wanted.is_empty() || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Err(FindError::Unknown { wanted: quoted(), known: list(all(connection, None)?) }));
    }
    let begun = format!("{COLUMNS} WHERE instr(hex(digest), upper(?1)) = 1 ORDER BY id DESC");
    let mut begun: Vec<_> =
        connection.prepare_cached(&begun)?.query_map(params![wanted], binding)?.collect::<Result<_, _>>()?;
    Ok(match (begun.pop(), begun.is_empty()) {
        (Some(found), true) => Ok(found),
        (Some(last), false) => {
            begun.push(last);
            Err(FindError::Ambiguous { wanted: quoted(), known: list(begun) })
        }
        (None, _) => Err(FindError::Unknown { wanted: quoted(), known: list(all(connection, None)?) }),
    })
}

/// The bindings of that name, or all, the newest first.
pub(super) fn all(connection: &Connection, name: Option<&str>) -> rusqlite::Result<Vec<FoundBinding>> {
    let mut select =
        connection.prepare_cached(&format!("{COLUMNS} WHERE name = coalesce(?1, name) ORDER BY id DESC"))?;
    select.query_map(params![name], binding)?.collect()
}

/// Bindings with as much of their digests as tells them apart, as a rule.
pub(super) fn list(bindings: Vec<FoundBinding>) -> String {
    if bindings.is_empty() {
        return "none".to_owned();
    }
    let more = bindings.len().saturating_sub(MOST_LISTED);
    let shown = bindings.iter().take(MOST_LISTED).map(|found| {
        let digest = found.digest.to_string();
        format!("{} {}", found.name, digest.get(..12).unwrap_or_default())
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn binding(row: &Row<'_>) -> rusqlite::Result<FoundBinding> {
    Ok(FoundBinding {
        id: BindingId(row.get(0)?),
        digest: BindingDigest::from_bytes(row.get(1)?),
        name: row.get(2)?,
        version: row.get(3)?,
        shadow: row.get(4)?,
    })
}
