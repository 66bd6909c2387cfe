//! The rights that a source or a destination needs: tries that the server refuses for lack of a right, and that do nothing.
use super::connection::Trouble;
use super::errors::quoted;
use super::read::{begin, prove_read, statement};
use super::{Db, write};
use crate::model::flow::FlowKind;
use crate::model::need::{Need, Standing};
use crate::model::report::Fault;
use crate::model::values::Values;

/// What signing in has proved already.
pub(super) fn of_service(db: &Db) -> Vec<Need> {
    let place = db.about.database.as_ref().map(|name| format!("Sign in to database {name}"));
    vec![Need::new(place.unwrap_or_else(|| "Sign in".to_owned()), Standing::Granted)]
}

pub(super) async fn of_flow(
    db: &mut Db,
    kind: FlowKind,
    settings: &Values,
) -> Result<Vec<Need>, Fault> {
    match kind {
        FlowKind::Source => of_source(db, settings).await,
        FlowKind::Destination => of_destination(db, settings).await,
    }
}

async fn of_source(db: &mut Db, settings: &Values) -> Result<Vec<Need>, Fault> {
    let is_query = settings.get("mode").is_some_and(|mode| mode == "query");
    let (query, _) = match statement(db, settings) {
        Ok(found) => found,
        Err(fault) => return Ok(vec![Need::tried::<()>("What it reads", Err(fault))]),
    };
    if is_query {
        return of_query(db, &query).await;
    }
    let database = db.about.database.clone();
    let (schema, table) = write::place(settings, database.as_deref());
    let tried = db.connection.query(&format!("{query} LIMIT 0"), 1).await;
    let tried = tried.map_err(|trouble| denied(db, &trouble, schema, table));
    Ok(vec![Need::tried(format!("SELECT on {schema}.{table}"), tried)])
}

/// The server plans it, which asks for every right, and does not run it.
async fn of_query(db: &mut Db, query: &str) -> Result<Vec<Need>, Fault> {
    begin(db).await?;
    let planned = match prove_read(db, query).await {
        Ok(()) => db.connection.query(&format!("EXPLAIN {query}"), 50).await,
        Err(trouble) => Err(trouble),
    };
    db.query("ROLLBACK", 0).await?;
    let need = match planned {
        // Rights on what a view is made of are not needed to read the view, only to explain it.
        Ok(_) | Err(Trouble::Refused { code: 1345, .. }) => {
            Need::new("What the query reads", Standing::Granted)
        }
        Err(trouble) => match refused(&trouble, db.about.database.as_deref()) {
            Some((schema, table)) => Need::of(
                format!("SELECT on {schema}.{table}"),
                false,
                db.about.right("SELECT", Some(&schema), Some(&table)),
            ),
            None => Need::tried::<()>("What the query reads", Err(db.about.fault(&trouble))),
        },
    };
    Ok(vec![need])
}

/// `SELECT command denied to user 'etl'@'%' for table 'orders'`; newer servers name the database, too: `` `shop`.`orders` ``.
fn refused(trouble: &Trouble, database: Option<&str>) -> Option<(String, String)> {
    let Trouble::Refused { code: 1142, message, .. } = trouble else {
        return None;
    };
    let named = message.rsplit(" for table ").next()?.trim();
    if let Some((schema, table)) = named.split_once("`.`") {
        return Some((schema.trim_matches('`').to_owned(), table.trim_matches('`').to_owned()));
    }
    Some((database?.to_owned(), named.trim_matches('\'').to_owned()))
}

async fn of_destination(db: &mut Db, settings: &Values) -> Result<Vec<Need>, Fault> {
    let database = db.about.database.clone();
    let (schema, table) = write::place(settings, database.as_deref());
    if write::is_there(db, schema, table).await? {
        let tried = write::may_insert(db, schema, table).await;
        return Ok(vec![Need::tried(format!("INSERT on {schema}.{table}"), tried)]);
    }
    let tried = write::may_make(db, schema, table).await;
    Ok(vec![Need::tried(
        format!(
            "CREATE and INSERT on {}, to make the table {table}",
            quoted(schema).trim_matches('`')
        ),
        tried,
    )])
}

fn denied(db: &Db, trouble: &Trouble, schema: &str, table: &str) -> Fault {
    let fault = db.about.fault(trouble);
    let cure = db.about.right("SELECT", Some(schema), Some(table));
    fault.cure(cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_table() {
        let said = |message: &str| Trouble::Refused {
            code: 1142,
            state: "42000".to_owned(),
            message: message.to_owned(),
        };
        let old = said("SELECT command denied to user 'etl'@'%' for table 'orders'");
        assert_eq!(refused(&old, Some("shop")), Some(("shop".to_owned(), "orders".to_owned())));
        let new = said("SELECT command denied to user 'etl'@'%' for table `other`.`or'ders`");
        assert_eq!(refused(&new, Some("shop")), Some(("other".to_owned(), "or'ders".to_owned())));
        assert_eq!(refused(&old, None), None);
    }
}
