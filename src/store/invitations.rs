//! One-time links to set a password. Only the hash of a link's token is here.
use diesel::prelude::*;

use crate::model::ids::{InvitationId, UserId};
use crate::model::time::Moment;
use crate::model::user::User;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::{invitations, users};
use super::users::Row as UserRow;

/// A link about to be stored.
pub struct NewInvitation {
    pub id: InvitationId,
    pub user_id: UserId,
    pub token_hash: String,
    /// `None` when the console made it.
    pub created_by_id: Option<UserId>,
    pub created_at: Moment,
    pub expires_at: Moment,
}

/// A link as it stands, whether it still opens or not.
pub struct Invitation {
    pub id: InvitationId,
    pub expires_at: Moment,
    pub is_used: bool,
    pub user: User,
}

pub fn insert(c: &mut AnyConnection, new: &NewInvitation) -> Result<(), StoreError> {
    diesel::insert_into(invitations::table)
        .values((
            invitations::id.eq(new.id.as_str()),
            invitations::user_id.eq(new.user_id.as_str()),
            invitations::token_hash.eq(&new.token_hash),
            invitations::created_by_id.eq(new.created_by_id.as_ref().map(UserId::as_str)),
            invitations::created_at.eq(new.created_at.micros()),
            invitations::expires_at.eq(new.expires_at.micros()),
        ))
        .execute(c)?;
    Ok(())
}

pub fn find_by_hash(
    c: &mut AnyConnection,
    token_hash: &str,
) -> Result<Option<Invitation>, StoreError> {
    let row: Option<(String, i64, Option<i64>, UserRow)> = invitations::table
        .inner_join(users::table)
        .filter(invitations::token_hash.eq(token_hash))
        .select((
            invitations::id,
            invitations::expires_at,
            invitations::used_at,
            UserRow::as_select(),
        ))
        .first(c)
        .optional()?;
    row.map(|(id, expires_at, used_at, user)| {
        Ok(Invitation {
            id: id.into(),
            expires_at: Moment::from_micros(expires_at),
            is_used: used_at.is_some(),
            user: user.try_into()?,
        })
    })
    .transpose()
}

/// False if it was used in between: of two at the same time one wins.
pub fn use_up(c: &mut AnyConnection, id: &InvitationId, now: Moment) -> Result<bool, StoreError> {
    let unused = invitations::id.eq(id.as_str()).and(invitations::used_at.is_null());
    Ok(diesel::update(invitations::table.filter(unused))
        .set(invitations::used_at.eq(now.micros()))
        .execute(c)?
        == 1)
}

/// When the newest link of a person ends that still opens.
pub fn open_until(
    c: &mut AnyConnection,
    user: &UserId,
    now: Moment,
) -> Result<Option<Moment>, StoreError> {
    let open = invitations::user_id.eq(user.as_str()).and(invitations::used_at.is_null());
    let ends: Option<i64> = invitations::table
        .filter(open)
        .filter(invitations::expires_at.gt(now.micros()))
        .order(invitations::expires_at.desc())
        .select(invitations::expires_at)
        .first(c)
        .optional()?;
    Ok(ends.map(Moment::from_micros))
}

/// Older links of a person open nothing any more. They count as used, so that whoever has one is told so.
pub fn void(c: &mut AnyConnection, user: &UserId, now: Moment) -> Result<(), StoreError> {
    let unused = invitations::user_id.eq(user.as_str()).and(invitations::used_at.is_null());
    diesel::update(invitations::table.filter(unused))
        .set(invitations::used_at.eq(now.micros()))
        .execute(c)?;
    Ok(())
}

/// Links that ended long ago: nobody is told anything about them any more.
pub fn purge(c: &mut AnyConnection, before: Moment) -> Result<usize, StoreError> {
    Ok(diesel::delete(invitations::table.filter(invitations::expires_at.lt(before.micros())))
        .execute(c)?)
}
