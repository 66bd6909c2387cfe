//! What the account may read, and the statement that would allow it.
use super::Db;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::outbound::probe::steps::Found;

/// What people made: neither the catalogue nor what belongs to sessions.
pub(super) const OURS: &str = r"n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp\_%'";

/// Counts the tables that can be read. Nothing to read is a warning: the account may be there to write.
pub(super) async fn look(db: &Db) -> Result<Found<()>, Fault> {
    let sql = format!(
        "SELECT count(*), count(*) FILTER (WHERE readable), coalesce(string_agg(DISTINCT quote_ident(nspname), ',') FILTER (WHERE NOT readable), '')
         FROM (SELECT n.nspname, has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {OURS} LIMIT 5000) t"
    );
    let rows = db.query(&sql, &[]).await.map_err(|error| db.about.fault(&error))?;
    let counts = rows.first().and_then(|row| {
        Some((
            row.try_get::<_, i64>(0).ok()?,
            row.try_get::<_, i64>(1).ok()?,
            row.try_get::<_, String>(2).ok()?,
        ))
    });
    let Some((all, readable, closed)) = counts else {
        return Err(
            Fault::new(Cause::MalformedAnswer).detail("The server's catalogue cannot be read.")
        );
    };
    let told = match all {
        0 => "No tables yet".to_owned(),
        _ => format!("{readable} of {all} tables and views can be read"),
    };
    let warning = (all > 0 && readable == 0).then(|| {
        let cure = closed
            .split(',')
            .take(5)
            .map(|schema| read_right(schema, &db.about.user))
            .collect::<Vec<_>>()
            .join("\n");
        Fault::new(Cause::Forbidden)
            .detail("The account may sign in, but read no table.")
            .cure(cure)
    });
    Ok(Found::new(()).told(told).warned(warning))
}

/// The right to read everything in a schema, whose name is quoted already.
fn read_right(schema: &str, user: &str) -> String {
    let user = quoted(user);
    format!(
        "GRANT USAGE ON SCHEMA {schema} TO {user};\nGRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user};"
    )
}

/// An identifier, safe in a statement whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\0', "").replace('"', "\"\""))
}
