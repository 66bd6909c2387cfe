//! The Authorizers page, its banner, and the account drop-down of forms.
use crate::domain::{Actor, Ctx, Error};
use crate::model::authorizer::{AuthorizerRow, Badge, Filter};
use crate::model::ids::ServiceId;
use crate::model::page::{Cursor, Page};
use crate::model::role::Permission;
use crate::store;

/// What needs somebody. Counts stop at a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    pub broken: i64,
    pub due_soon: i64,
}

pub async fn list(ctx: &Ctx, actor: &Actor, filter: Filter, cursor: Cursor) -> Result<Page<AuthorizerRow>, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let now = ctx.clock.now();
    Ok(ctx.db.read(move |c| store::authorizers::list(c, &filter, &cursor, now)).await?)
}

/// Accounts of one service for a drop-down: working ones first, then broken ones; revoked ones are left out.
pub async fn choices_for(ctx: &Ctx, actor: &Actor, service_id: &ServiceId) -> Result<Vec<AuthorizerRow>, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let (service, now) = (service_id.clone(), ctx.clock.now());
    let mut rows = ctx.db.read(move |c| store::authorizers::list_of_service(c, &service, now)).await?;
    rows.retain(|row| row.badge != Badge::Revoked);
    rows.sort_by_key(|row| matches!(row.badge, Badge::Broken | Badge::Locked));
    Ok(rows)
}
