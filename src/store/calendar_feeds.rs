//! Secret addresses of calendars, one a person. Only the hash of an address is here.
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::model::ids::{CalendarFeedId, UserId};
use crate::model::time::Moment;
use crate::model::user::User;

use super::StoreError;
use super::conn::AnyConnection;
use super::on_each::on_each;
use super::schema::{calendar_feeds, users};
use super::users::Row as UserRow;

/// Replaces a person's address, which no longer opens anything. Of two at the same time the later one stays.
pub fn replace(
    c: &mut AnyConnection,
    id: &CalendarFeedId,
    user: &UserId,
    token_hash: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let row = (
        calendar_feeds::id.eq(id.as_str()),
        calendar_feeds::user_id.eq(user.as_str()),
        calendar_feeds::token_hash.eq(token_hash),
        calendar_feeds::created_at.eq(now.micros()),
    );
    on_each!(c, |c| diesel::insert_into(calendar_feeds::table)
        .values(row)
        .on_conflict(calendar_feeds::user_id)
        .do_update()
        .set((
            calendar_feeds::id.eq(excluded(calendar_feeds::id)),
            calendar_feeds::token_hash.eq(excluded(calendar_feeds::token_hash)),
            calendar_feeds::created_at.eq(excluded(calendar_feeds::created_at)),
        ))
        .execute(c))?;
    Ok(())
}

/// False if there was none.
pub fn delete(c: &mut AnyConnection, user: &UserId) -> Result<bool, StoreError> {
    Ok(diesel::delete(calendar_feeds::table.filter(calendar_feeds::user_id.eq(user.as_str())))
        .execute(c)?
        == 1)
}

/// Since when a person has one.
pub fn since(c: &mut AnyConnection, user: &UserId) -> Result<Option<Moment>, StoreError> {
    let query = calendar_feeds::table
        .filter(calendar_feeds::user_id.eq(user.as_str()))
        .select(calendar_feeds::created_at);
    Ok(query.first(c).optional()?.map(Moment::from_micros))
}

/// Whose address this is.
pub fn owner(c: &mut AnyConnection, token_hash: &str) -> Result<Option<User>, StoreError> {
    let row: Option<UserRow> = calendar_feeds::table
        .inner_join(users::table)
        .filter(calendar_feeds::token_hash.eq(token_hash))
        .select(UserRow::as_select())
        .first(c)
        .optional()?;
    row.map(User::try_from).transpose()
}
