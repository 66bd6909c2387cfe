//! Orders and groups by end are answered by an index alone, on both databases.
use ::authorizers::store::Db;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;

use crate::support::database::{Database, Kind, on_both};

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The plan of a statement, when the database would rather not read everything.
fn plan(database: &Database, sql: &str) -> String {
    database.with(|c| {
        let lines: Vec<Line> = match database.kind {
            Kind::Sqlite => {
                #[derive(diesel::QueryableByName)]
                struct Detail {
                    #[diesel(sql_type = Text)]
                    detail: String,
                }
                let found: Vec<Detail> =
                    diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(c)?;
                found.into_iter().map(|row| Line { line: row.detail }).collect()
            }
            Kind::Postgres => {
                for setting in ["enable_seqscan", "enable_sort", "enable_bitmapscan"] {
                    diesel::sql_query(format!("SET {setting} = off")).execute(c)?;
                }
                #[derive(diesel::QueryableByName)]
                struct Plan {
                    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
                    plan: String,
                }
                let found: Vec<Plan> = diesel::sql_query(format!("EXPLAIN {sql}")).load(c)?;
                found.into_iter().map(|row| Line { line: row.plan }).collect()
            }
        };
        Ok(lines.into_iter().map(|row| row.line).collect::<Vec<_>>().join("\n"))
    })
}

on_both! {
    async fn each_order_by_end_and_each_filter_of_activity_has_its_index(database: &Database, _db: Db) {
        let by_end = "ORDER BY ends_at, id LIMIT 26";
        let newest = "ORDER BY at DESC, id DESC LIMIT 26";
        for (sql, index) in [
            (format!("SELECT name FROM authorizers WHERE (ends_at, id) > (5, 'x') {by_end}"), "authorizers_by_end"),
            (format!("SELECT name FROM authorizers WHERE attention = 3 AND ends_at > 1 AND ends_at <= 9 {by_end}"), "authorizers_by_attention_end"),
            (format!("SELECT name FROM authorizers WHERE service = 'slack' {by_end}"), "authorizers_by_service_end"),
            (format!("SELECT note FROM activity WHERE at >= 1 AND at < 9 {newest}"), "activity_by_time"),
            (format!("SELECT note FROM activity WHERE subject_kind = 'source' AND at >= 1 {newest}"), "activity_by_kind"),
            (format!("SELECT note FROM activity WHERE actor = 'x' AND (at, id) < (5, 'x') {newest}"), "activity_by_actor"),
            (format!("SELECT note FROM activity WHERE verb = 'x' AND at < 9 {newest}"), "activity_by_verb"),
            ("SELECT id FROM tests WHERE started_at < 9 ORDER BY started_at LIMIT 5".to_owned(), "tests_by_start"),
        ] {
            let plan = plan(database, &sql);
            let is_sorted = !plan.contains("TEMP B-TREE") && !plan.contains("Sort");
            let is_by_index = plan.contains(&format!("{index} ")) || plan.contains(&format!("{index}\n"));
            assert!(is_sorted && is_by_index, "{sql}\nis not answered by {index}:\n{plan}");
        }
    }
}
