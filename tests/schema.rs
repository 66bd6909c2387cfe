//! The tables: both databases have the same ones, keys are held by foreign keys, and foreign keys are indexed.
use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, RunQueryDsl};

use crate::support::database::{Database, Kind};
use crate::support::server::root;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    tab: String,
    #[diesel(sql_type = Text)]
    col: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    required: bool,
}

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = Text)]
    tab: String,
    #[diesel(sql_type = Text)]
    col: String,
    #[diesel(sql_type = Text)]
    target: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    tab: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    cols: String,
}

/// Tables of ours: neither the list of migrations nor the parts of a full-text index.
const OURS_SQLITE: &str = "m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\' \
     AND m.name NOT LIKE '%\\_search' ESCAPE '\\' AND m.name NOT LIKE '%\\_search\\_%' ESCAPE '\\'";
const OURS_POSTGRES: &str =
    "n.nspname = current_schema() AND t.relkind = 'r' AND t.relname NOT LIKE '\\_\\_%'";

fn load<
    T: QueryableByName<diesel::sqlite::Sqlite>
        + QueryableByName<diesel::pg::Pg>
        + QueryableByName<authorizers::store::conn::MultiBackend>
        + Send
        + 'static,
>(
    database: &Database,
    sqlite: &str,
    postgres: &str,
) -> Vec<T> {
    let sql = match database.kind {
        Kind::Sqlite => sqlite.replace("$OURS", OURS_SQLITE),
        Kind::Postgres => postgres.replace("$OURS", OURS_POSTGRES),
    };
    database.with(|c| Ok(diesel::sql_query(sql).load(c)?))
}

type Columns = BTreeMap<(String, String), (String, bool)>;

fn columns(database: &Database) -> Columns {
    let found: Vec<Column> = load(
        database,
        "SELECT m.name AS tab, p.name AS col, lower(p.type) AS kind, p.\"notnull\" AS required
         FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE $OURS",
        "SELECT t.relname::text AS tab, a.attname::text AS col, format_type(a.atttypid, a.atttypmod) AS kind, a.attnotnull AS required
         FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace n ON n.oid = t.relnamespace
         WHERE a.attnum > 0 AND NOT a.attisdropped AND $OURS",
    );
    let word = |kind: &str| match kind {
        "text" => "Text",
        "bigint" => "BigInt",
        "integer" => "Integer",
        "boolean" => "Bool",
        "blob" | "bytea" => "Binary",
        other => panic!("a column of type {other}"),
    };
    found.into_iter().map(|c| ((c.tab, c.col), (word(&c.kind).to_owned(), c.required))).collect()
}

fn links(database: &Database) -> BTreeMap<(String, String), (String, String)> {
    let found: Vec<Link> = load(
        database,
        "SELECT m.name AS tab, f.\"from\" AS col, f.\"table\" AS target, lower(f.on_delete) AS on_delete
         FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE $OURS",
        "SELECT t.relname::text AS tab, a.attname::text AS col, o.relname::text AS target,
           CASE k.confdeltype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'no action' END AS on_delete
         FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
         JOIN pg_class o ON o.oid = k.confrelid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.conkey[1]
         WHERE k.contype = 'f' AND $OURS",
    );
    found.into_iter().map(|l| ((l.tab, l.col), (l.target, l.on_delete))).collect()
}

/// Named indexes: table, name, columns in order.
fn indexes(database: &Database) -> BTreeSet<(String, String, String)> {
    let found: Vec<Index> = load(
        database,
        "SELECT m.name AS tab, l.name AS name, group_concat(i.name, ',') AS cols
         FROM sqlite_master m JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i
         WHERE $OURS AND l.origin = 'c' GROUP BY m.name, l.name ORDER BY i.seqno",
        "SELECT t.relname::text AS tab, i.relname::text AS name, string_agg(a.attname, ',' ORDER BY k.place) AS cols
         FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am m ON m.oid = i.relam AND m.amname = 'btree'
         CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY k (attnum, place)
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
         WHERE $OURS AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.oid AND c.contype IN ('p', 'u'))
         GROUP BY t.relname, i.relname",
    );
    found.into_iter().map(|i| (i.tab, i.name, i.cols)).collect()
}

#[test]
fn both_databases_have_the_same_columns_keys_and_indexes() {
    let (sqlite, postgres) = (Database::fresh(Kind::Sqlite), Database::fresh(Kind::Postgres));
    assert_eq!(columns(&sqlite), columns(&postgres));
    assert_eq!(links(&sqlite), links(&postgres));
    assert_eq!(indexes(&sqlite), indexes(&postgres));
    assert!(columns(&sqlite).len() > 100);
}

#[test]
fn each_id_of_another_row_is_held_by_a_foreign_key_and_indexed() {
    let database = Database::fresh(Kind::Sqlite);
    let (links, indexes) = (links(&database), indexes(&database));
    let columns = columns(&database);
    let ids: Vec<_> = columns
        .keys()
        .filter(|(_, column)| column.ends_with("_id") && column != "client_id")
        .collect();
    assert!(ids.len() > 15, "{ids:?}");
    for id in ids {
        assert!(links.contains_key(id), "{id:?} has no foreign key");
        let is_indexed = indexes
            .iter()
            .any(|(table, _, columns)| *table == id.0 && columns.split(',').next() == Some(&id.1));
        assert!(is_indexed, "{id:?} has no index");
    }
}

/// Where bytes lie that are not sealed by a column of keys, and why that is right.
const NOT_LISTED: [(&str, &str, &str); 2] = [
    ("facts", "value", "proofs of keys name their key; the set-up code is made anew without it"),
    ("submissions", "sealed", "an answer is repeated for seconds; without its key it is not"),
];

#[test]
fn every_column_of_bytes_is_one_that_the_start_asks_keys_for() {
    use authorizers::store::sealed_rows::SEALED_COLUMNS;
    let columns = columns(&Database::fresh(Kind::Sqlite));
    let is_listed = |table: &str, column: &str| {
        SEALED_COLUMNS.iter().any(|sealed| sealed.table == table && sealed.column == column)
            || NOT_LISTED.iter().any(|listed| (listed.0, listed.1) == (table, column))
    };
    for ((table, column), (kind, _)) in &columns {
        assert!(
            kind != "Binary" || is_listed(table, column),
            "{table}.{column} is not in store/sealed_rows.rs: a start could lose its key"
        );
    }
    for sealed in SEALED_COLUMNS {
        for column in [sealed.column, sealed.key_column] {
            let known = columns.contains_key(&(sealed.table.to_owned(), column.to_owned()));
            assert!(known, "there is no {}.{column}", sealed.table);
        }
    }
}

/// A key that sorts by one rule and points to a key that sorts by another cannot use its index.
#[test]
fn every_text_of_postgres_is_compared_by_its_bytes() {
    let found: Vec<Column> = load(
        &Database::fresh(Kind::Postgres),
        "",
        "SELECT t.relname::text AS tab, a.attname::text AS col, c.collname::text AS kind, a.attnotnull AS required
         FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace n ON n.oid = t.relnamespace
         JOIN pg_collation c ON c.oid = a.attcollation
         WHERE a.attnum > 0 AND NOT a.attisdropped AND $OURS AND c.collname <> 'C'",
    );
    let wrong: Vec<String> = found
        .iter()
        .map(|column| format!("{}.{} sorts by {}", column.tab, column.col, column.kind))
        .collect();
    assert!(wrong.is_empty(), "COLLATE \"C\" is missing:\n{}", wrong.join("\n"));
}

/// What becomes of a row when the one that it points to is deleted.
const ON_DELETE: &[(&str, &str, &str)] = &[
    // In use: refused.
    ("sources", "authorizer_id", "restrict"),
    ("destinations", "authorizer_id", "restrict"),
    ("authorizers", "oauth_app_id", "restrict"),
    // A part of the other.
    ("sessions", "user_id", "cascade"),
    ("invitations", "user_id", "cascade"),
    ("drafts", "user_id", "cascade"),
    ("attempts", "user_id", "cascade"),
    ("attempts", "authorizer_id", "cascade"),
    ("attempts", "oauth_app_id", "cascade"),
    ("tests", "authorizer_id", "cascade"),
    ("account_requests", "requested_by_id", "cascade"),
    ("calendar_feeds", "user_id", "cascade"),
    ("deliveries", "notice_id", "cascade"),
    ("deliveries", "user_id", "cascade"),
    ("deliveries", "webhook_id", "cascade"),
    ("notice_settings", "user_id", "cascade"),
    ("swap_flows", "swap_id", "cascade"),
    // Kept without it: history, and what goes on.
    ("authorizers", "created_by_id", "set null"),
    ("sources", "created_by_id", "set null"),
    ("destinations", "created_by_id", "set null"),
    ("oauth_apps", "created_by_id", "set null"),
    ("webhooks", "created_by_id", "set null"),
    ("invitations", "created_by_id", "set null"),
    ("tests", "started_by_id", "set null"),
    ("swaps", "started_by_id", "set null"),
    ("swaps", "from_authorizer_id", "set null"),
    ("swaps", "to_authorizer_id", "set null"),
    ("attempts", "draft_id", "set null"),
    ("attempts", "result_authorizer_id", "set null"),
    ("account_requests", "answered_by_id", "set null"),
    ("notices", "authorizer_id", "set null"),
    ("notices", "oauth_app_id", "set null"),
];

#[test]
fn rows_in_use_are_kept_and_parts_go_with_their_whole_by_the_database_itself() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let links = links(&Database::fresh(kind));
        for (table, column, rule) in ON_DELETE {
            let found = links.get(&((*table).to_owned(), (*column).to_owned()));
            let found = found.map(|(_, rule)| rule.as_str());
            assert_eq!(found, Some(*rule), "{table}.{column} on {kind:?}");
        }
    }
}

/// What there may be once: the code relies on a refusal where two come at the same time.
const UNIQUE: &[(&str, &str)] = &[
    ("users", "email_folded"),
    ("authorizers", "name_folded"),
    ("sources", "name_folded"),
    ("destinations", "name_folded"),
    ("invitations", "token_hash"),
    ("attempts", "state_hash"),
    ("calendar_feeds", "token_hash"),
    ("calendar_feeds", "user_id"),
    ("notices", "dedupe"),
    ("deliveries", "notice_id,user_id"),
    ("deliveries", "notice_id,webhook_id"),
    ("notice_settings", "user_id"),
    ("swap_flows", "swap_id,kind,flow"),
    // Of the shared ones alone.
    ("oauth_apps", "service"),
];

#[test]
fn what_there_may_be_once_is_held_by_a_unique_index() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let found: Vec<Index> = load(
            &Database::fresh(kind),
            "SELECT m.name AS tab, l.name AS name, group_concat(i.name, ',') AS cols
             FROM sqlite_master m JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i
             WHERE $OURS AND l.\"unique\" GROUP BY m.name, l.name ORDER BY i.seqno",
            "SELECT t.relname::text AS tab, i.relname::text AS name,
               string_agg(a.attname, ',' ORDER BY k.place) AS cols
             FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid
             JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = t.relnamespace
             CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY k (attnum, place)
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
             WHERE $OURS AND x.indisunique GROUP BY t.relname, i.relname",
        );
        for (table, columns) in UNIQUE {
            let is_there = found.iter().any(|one| one.tab == *table && one.cols == *columns);
            assert!(is_there, "{table} ({columns}) may be there twice on {kind:?}");
        }
    }
}

/// What `src/store/schema.rs` and `schema_views.rs` say of each column; a second view of a table adds to it.
fn declared() -> Columns {
    let read = |name: &str| {
        std::fs::read_to_string(root().join("src/store").join(name)).expect("the schema")
    };
    let text = format!("{}{}", read("schema.rs"), read("schema_views.rs"));
    let mut columns = Columns::new();
    let (mut table, mut sql_name) = (String::new(), None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("#[sql_name = \"") {
            sql_name = Some(name.trim_end_matches("\"]").to_owned());
        } else if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            table = sql_name.take().unwrap_or_else(|| name.to_owned());
        } else if let Some((column, kind)) =
            line.split_once(" -> ").filter(|(_, kind)| kind.ends_with(','))
        {
            let kind = kind.trim_end_matches(',');
            let plain = kind.strip_prefix("Nullable<").map(|kind| kind.trim_end_matches('>'));
            let entry = (plain.unwrap_or(kind).to_owned(), plain.is_none());
            let before = columns.insert((table.clone(), column.to_owned()), entry.clone());
            assert!(
                before.is_none_or(|before| before == entry),
                "{table}.{column} is declared in two ways"
            );
        }
    }
    columns
}

#[test]
fn the_declared_tables_are_the_real_ones() {
    assert_eq!(declared(), columns(&Database::fresh(Kind::Sqlite)));
}
