//! The Authorizers page, its banner, and the account drop-down of forms.
use crate::domain::{Actor, Ctx, Error};
use crate::model::authorizer::{AuthorizerRow, Badge, Filter, Sort};
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

pub async fn list(
    ctx: &Ctx,
    actor: &Actor,
    filter: Filter,
    cursor: Cursor,
) -> Result<Page<AuthorizerRow>, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let now = ctx.clock.now();
    Ok(ctx.db.read(move |c| store::authorizers::list(c, &filter, &cursor, now)).await?)
}

/// Those that wait for a person, the broken ones first, then by their end: one page of each.
pub async fn queue(ctx: &Ctx, actor: &Actor) -> Result<Vec<AuthorizerRow>, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let now = ctx.clock.now();
    let of = |badge, sort| Filter { badge: Some(badge), sort, ..Filter::default() };
    let filters = [
        of(Badge::Broken, Sort::Attention),
        of(Badge::Locked, Sort::Attention),
        of(Badge::DueSoon, Sort::EndsFirst),
    ];
    let rows = ctx.db.read(move |c| {
        let mut rows = Vec::new();
        for filter in &filters {
            rows.extend(store::authorizers::list(c, filter, &Cursor(None), now)?.rows);
        }
        Ok::<_, store::StoreError>(rows)
    });
    Ok(rows.await?)
}

/// Accounts of one service for a drop-down: working ones first, then broken ones; revoked ones are left out.
pub async fn choices_for(
    ctx: &Ctx,
    actor: &Actor,
    service_id: &ServiceId,
) -> Result<Vec<AuthorizerRow>, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let (service, now) = (service_id.clone(), ctx.clock.now());
    let mut rows =
        ctx.db.read(move |c| store::authorizers::list_of_service(c, &service, now)).await?;
    rows.retain(|row| !row.badge.is_revoked());
    rows.sort_by_key(|row| matches!(row.badge, Badge::Broken | Badge::Locked));
    Ok(rows)
}
