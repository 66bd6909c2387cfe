//! What tells this database from a copy of it: where it lies, and a mark outside it that remembers how new it was.
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::model::time::Moment;

use super::conn::AnyConnection;
use super::{StoreError, facts};

const FACT: &str = "standing";

/// What the database says of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stored {
    /// Where it was when it was last known to be the live one.
    pub place: String,
    /// When a live process last wrote here.
    pub beat: Moment,
}

/// A file beside the database, not in it: a database that was put back is older than what it says.
#[derive(Debug)]
pub struct Marker {
    path: PathBuf,
}

impl Marker {
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join("last-live") }
    }

    /// `None` when there is none yet, or it cannot be read.
    pub fn read(&self) -> Option<Moment> {
        fs::read_to_string(&self.path).ok()?.trim().parse().ok().map(Moment::from_micros)
    }

    /// Whole or not at all.
    pub fn write(&self, beat: Moment) -> std::io::Result<()> {
        let draft = self.path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        writeln!(file, "{}", beat.micros())?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)
    }
}

pub fn find(c: &mut AnyConnection) -> Result<Option<Stored>, StoreError> {
    let bytes = facts::get(c, FACT)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

pub fn put(c: &mut AnyConnection, stored: &Stored, now: Moment) -> Result<(), StoreError> {
    let bytes =
        serde_json::to_vec(stored).map_err(|error| StoreError::Broken(error.to_string()))?;
    facts::put(c, FACT, &bytes, now)
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The file of SQLite, by its number and its birth: a copy has others, a file that was moved or renamed has not. The
/// cluster, database and schema of PostgreSQL: a dump that is loaded elsewhere has others.
pub fn place(c: &mut AnyConnection) -> Result<String, StoreError> {
    match c {
        AnyConnection::Sqlite(c) => {
            let file: Named = diesel::sql_query(
                "SELECT file AS name FROM pragma_database_list WHERE name = 'main'",
            )
            .get_result(c)?;
            let about =
                fs::metadata(&file.name).map_err(|error| StoreError::Broken(error.to_string()))?;
            let born = about
                .created()
                .ok()
                .and_then(|born| born.duration_since(std::time::UNIX_EPOCH).ok());
            Ok(format!("file {} {}", about.ino(), born.unwrap_or_default().as_micros()))
        }
        AnyConnection::Pg(c) => {
            // Some hosts do not let everybody ask for the cluster.
            let cluster = diesel::sql_query(
                "SELECT system_identifier::text AS name FROM pg_control_system()",
            )
            .get_result::<Named>(c);
            let database = "SELECT oid::text || ' ' || current_schema() AS name FROM pg_database WHERE datname = current_database()";
            let database: Named = diesel::sql_query(database).get_result(c)?;
            Ok(format!(
                "cluster {} {}",
                cluster.map_or_else(|_| "unknown".to_owned(), |one| one.name),
                database.name
            ))
        }
    }
}
