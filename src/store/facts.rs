//! Facts about this installation, by name.
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::on_each::on_each;
use super::schema::facts;

pub fn get(c: &mut AnyConnection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(facts::table.find(name).select(facts::value).first(c).optional()?)
}

/// Writes the fact, new or not.
pub fn put(c: &mut AnyConnection, name: &str, value: &[u8], now: Moment) -> Result<(), StoreError> {
    let row = (facts::name.eq(name), facts::value.eq(value), facts::updated_at.eq(now.micros()));
    on_each!(c, |c| diesel::insert_into(facts::table)
        .values(row)
        .on_conflict(facts::name)
        .do_update()
        .set((
            facts::value.eq(excluded(facts::value)),
            facts::updated_at.eq(excluded(facts::updated_at))
        ))
        .execute(c))?;
    Ok(())
}

/// Writes a fact that can be written once: `Taken` if it is there.
pub fn claim(
    c: &mut AnyConnection,
    name: &str,
    value: &[u8],
    now: Moment,
) -> Result<(), StoreError> {
    diesel::insert_into(facts::table)
        .values((facts::name.eq(name), facts::value.eq(value), facts::updated_at.eq(now.micros())))
        .execute(c)?;
    Ok(())
}

pub fn delete(c: &mut AnyConnection, name: &str) -> Result<(), StoreError> {
    diesel::delete(facts::table.find(name)).execute(c)?;
    Ok(())
}
