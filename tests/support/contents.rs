//! All that a database holds, as text: to see that nothing was changed, or that something is not in it.
use std::collections::{BTreeMap, BTreeSet};

use diesel::RunQueryDsl;
use diesel::sql_types::Text;

use super::database::{Database, Kind};

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    value: String,
}

/// What a visit alone may change: when somebody was last seen.
const SEEN: [&str; 2] = ["users.last_seen_at", "sessions.last_seen_at"];

impl Database {
    /// `table.column` of every column that holds bytes.
    pub fn columns_of_bytes(&self) -> BTreeSet<String> {
        let is_of_bytes = |kind: &str| matches!(kind.to_lowercase().as_str(), "blob" | "bytea");
        let lines = self.columns().into_iter().filter_map(|line| {
            line.rsplit_once('.')
                .filter(|(_, kind)| is_of_bytes(kind))
                .map(|(column, _)| column.to_owned())
        });
        lines.collect()
    }

    /// `table.column.kind`, sorted.
    fn columns(&self) -> Vec<String> {
        self.lines(match self.kind {
            Kind::Sqlite => {
                "SELECT m.name || '.' || p.name || '.' || p.type AS value FROM sqlite_master m JOIN pragma_table_info(m.name) p
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\' ORDER BY 1"
            }
            Kind::Postgres => {
                "SELECT table_name || '.' || column_name || '.' || data_type AS value FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_\\_%' ORDER BY 1"
            }
        })
    }

    /// Each row of each table as one line; bytes as hex.
    pub fn contents(&self) -> BTreeMap<String, Vec<String>> {
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.columns() {
            let mut parts = line.split('.');
            let (table, column, kind) =
                (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            if !SEEN.contains(&format!("{table}.{column}").as_str()) {
                tables.entry(table.to_owned()).or_default().push(self.as_text(column, kind));
            }
        }
        let row = |columns: &Vec<String>| columns.join(" || '|' || ");
        let all = tables.into_iter().map(|(table, columns)| {
            let lines =
                self.lines(&format!("SELECT {} AS value FROM {table} ORDER BY 1", row(&columns)));
            (table, lines)
        });
        all.collect()
    }

    fn as_text(&self, column: &str, kind: &str) -> String {
        match (self.kind, kind.to_lowercase().as_str()) {
            (Kind::Sqlite, "blob") => format!("COALESCE(hex({column}), '')"),
            (Kind::Postgres, "bytea") => format!("COALESCE(encode({column}, 'hex'), '')"),
            _ => format!("COALESCE(CAST({column} AS TEXT), '')"),
        }
    }

    fn lines(&self, sql: &str) -> Vec<String> {
        let lines = self.with(|c| Ok(diesel::sql_query(sql).load::<Line>(c)?));
        lines.into_iter().map(|line| line.value).collect()
    }
}

impl Database {
    /// The first row's `value`.
    pub fn value(&self, sql: &str) -> String {
        self.lines(sql).into_iter().next().expect("a row")
    }

    pub fn count(&self, table: &str) -> usize {
        self.lines(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {table}"))[0]
            .parse()
            .expect("a number")
    }
}
