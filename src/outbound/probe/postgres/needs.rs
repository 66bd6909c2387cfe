//! The rights that a source or a destination needs. The server is asked; nothing is read and nothing is made.
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::Db;
use super::read::statement;
use super::rights::quoted;
use super::write::place;
use crate::model::cause::Cause;
use crate::model::flow::FlowKind;
use crate::model::need::{Need, Standing};
use crate::model::report::Fault;
use crate::model::values::Values;

/// What signing in has proved already.
pub(super) fn of_service(db: &Db) -> Vec<Need> {
    vec![Need::new(format!("CONNECT on database {}", db.about.database), Standing::Granted)]
}

pub(super) async fn of_flow(
    db: &Db,
    kind: FlowKind,
    settings: &Values,
) -> Result<Vec<Need>, Fault> {
    let is_query = settings.get("mode").is_some_and(|mode| mode == "query");
    match kind {
        FlowKind::Source if is_query => of_query(db, settings).await,
        FlowKind::Source => of_table(db, settings, "SELECT").await,
        FlowKind::Destination => of_table(db, settings, "INSERT").await,
    }
}

/// How the server sees a table and its schema.
struct Seen {
    may_use: bool,
    may_create: bool,
    /// `None`: it is not there.
    may: Option<bool>,
}

async fn of_table(db: &Db, settings: &Values, right: &str) -> Result<Vec<Need>, Fault> {
    let (schema, table) = place(settings);
    let (schema_name, table_name, user) = (quoted(schema), quoted(table), quoted(&db.about.user));
    let usage = format!("USAGE on schema {schema}");
    let rights = format!("{right} on {schema}.{table}");
    let Some(seen) = look(db, (schema, table), right).await? else {
        let why = format!("There is no schema {schema}.");
        return Ok(vec![Need::unknown(usage, &why), Need::unknown(rights, why)]);
    };
    let mut needs = vec![Need::of(
        usage,
        seen.may_use,
        format!("GRANT USAGE ON SCHEMA {schema_name} TO {user};"),
    )];
    needs.push(match seen.may {
        Some(may) => {
            Need::of(rights, may, format!("GRANT {right} ON {schema_name}.{table_name} TO {user};"))
        }
        None if right == "INSERT" => {
            let create = format!("CREATE on schema {schema}, to make the table {table}");
            Need::of(
                create,
                seen.may_create,
                format!("GRANT CREATE ON SCHEMA {schema_name} TO {user};"),
            )
        }
        None => Need::unknown(rights, format!("There is no table or view {schema}.{table}.")),
    });
    Ok(needs)
}

/// Columns may be granted one by one: then all of them count as the table.
async fn look(db: &Db, (schema, table): (&str, &str), right: &str) -> Result<Option<Seen>, Fault> {
    let sql = "SELECT has_schema_privilege(n.oid, 'USAGE'), has_schema_privilege(n.oid, 'CREATE'),
                 has_table_privilege(c.oid, $3) OR ($3 = 'SELECT' AND NOT EXISTS (
                   SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                     AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT')))
               FROM pg_namespace n LEFT JOIN pg_class c
                 ON c.relnamespace = n.oid AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
               WHERE n.nspname = $1";
    let values: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
        [(&schema, Type::TEXT), (&table, Type::TEXT), (&right, Type::TEXT)];
    let rows = db.query(sql, &values).await.map_err(|error| db.about.fault(&error))?;
    let seen = rows.first().and_then(|row| {
        Some(Seen {
            may_use: row.try_get(0).ok()?,
            may_create: row.try_get(1).ok()?,
            may: row.try_get(2).ok()?,
        })
    });
    Ok(seen)
}

/// The server plans the query, which asks for every right, and does not run it.
async fn of_query(db: &Db, settings: &Values) -> Result<Vec<Need>, Fault> {
    let what = "What the query reads";
    let (query, _) = match statement(settings) {
        Ok(found) => found,
        Err(fault) => return Ok(vec![Need::tried::<()>(what, Err(fault))]),
    };
    let begin = "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = '4s'; SET LOCAL lock_timeout = '2s'";
    db.batch(begin).await.map_err(|error| db.about.fault(&error))?;
    // A single statement cannot end our transaction.
    let planned = db.execute(&format!("EXPLAIN {query}")).await;
    db.batch("ROLLBACK").await.map_err(|error| db.about.fault(&error))?;
    let Err(error) = planned else {
        return Ok(vec![Need::new(what, Standing::Granted)]);
    };
    let fault = db.about.fault(&error);
    match error.as_db_error() {
        Some(said) if *said.code() == SqlState::INSUFFICIENT_PRIVILEGE => {
            of_refusal(db, said.message()).await
        }
        _ => {
            Ok(vec![Need::tried::<()>(what, Err(Fault { cause: Cause::RequestRejected, ..fault }))])
        }
    }
}

/// `permission denied for table orders`: whatever the language, the name stands last. It is looked up, because the
/// message does not say in which schema it is.
async fn of_refusal(db: &Db, message: &str) -> Result<Vec<Need>, Fault> {
    let said = message.trim_end_matches(['"', '»', '«', '”', '“', '\'', '.']);
    let user = quoted(&db.about.user);
    let sql = "WITH named AS (
                 SELECT n.nspname, NULL::name AS relname, n.nspname AS name
                 FROM pg_namespace n WHERE NOT has_schema_privilege(n.oid, 'USAGE')
                 UNION ALL
                 SELECT n.nspname, c.relname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT has_table_privilege(c.oid, 'SELECT')),
               last AS (
                 SELECT * FROM named WHERE right($1, length(name)) = name
                   AND strpos(' \"''«»„“', left(right($1, length(name) + 1), 1)) > 0)
               SELECT nspname::text, relname::text FROM last WHERE length(name) = (SELECT max(length(name)) FROM last) LIMIT 5";
    let rows =
        db.query(sql, &[(&said, Type::TEXT)]).await.map_err(|error| db.about.fault(&error))?;
    let found = rows.iter().filter_map(|row| {
        Some((row.try_get::<_, String>(0).ok()?, row.try_get::<_, Option<String>>(1).ok()?))
    });
    let needs: Vec<Need> = found
        .map(|(schema, table)| match table {
            Some(table) => Need::of(
                format!("SELECT on {schema}.{table}"),
                false,
                format!("GRANT SELECT ON {}.{} TO {user};", quoted(&schema), quoted(&table)),
            ),
            None => Need::of(
                format!("USAGE on schema {schema}"),
                false,
                format!("GRANT USAGE ON SCHEMA {} TO {user};", quoted(&schema)),
            ),
        })
        .collect();
    // A function, a column: the message is all that is known.
    Ok(if needs.is_empty() {
        vec![Need {
            why: Some(message.to_owned()),
            ..Need::new("What the query reads", Standing::Missing)
        }]
    } else {
        needs
    })
}
