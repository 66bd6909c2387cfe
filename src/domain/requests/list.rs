//! Requests: all of them for those who may answer, one's own for who asks.
use crate::domain::actor::Forbidden;
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::AccountRequestId;
use crate::model::page::{Cursor, Page};
use crate::model::request::AccountRequest;
use crate::model::role::Permission;
use crate::store;

/// Open ones or answered ones, the newest first.
pub async fn list(
    ctx: &Ctx,
    actor: &Actor,
    is_open: bool,
    cursor: Cursor,
) -> Result<Page<AccountRequest>, Error> {
    let of = if actor.may(Permission::AnswerRequests) {
        None
    } else {
        actor.must(Permission::RequestAccounts)?;
        Some(actor.user_id.clone())
    };
    Ok(ctx.db.read(move |c| store::requests::list(c, is_open, of.as_ref(), &cursor)).await?)
}

pub async fn find(
    ctx: &Ctx,
    actor: &Actor,
    id: &AccountRequestId,
) -> Result<AccountRequest, Error> {
    let may_answer = actor.may(Permission::AnswerRequests);
    if !may_answer {
        actor.must(Permission::RequestAccounts)?;
    }
    let id = id.clone();
    let found =
        ctx.db.read(move |c| store::requests::find(c, &id)).await?.ok_or(Error::NotFound)?;
    if may_answer || found.requested_by == actor.user_id {
        Ok(found)
    } else {
        Err(Forbidden.into())
    }
}
