//! The Authorizers page, its banner, and the account drop-down of forms.
use std::collections::BTreeMap;

use crate::domain::{Actor, Ctx, Error};
use crate::model::authorizer::{AuthorizerRow, Badge, Filter, Sort};
use crate::model::ids::{AuthorizerId, ServiceId};
use crate::model::page::{Cursor, Page};
use crate::model::role::Permission;
use crate::store::bindings::Bound;
use crate::store::{self, AnyConnection, StoreError};

use super::service_file;

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
    let found = ctx.db.read(move |c| {
        let page = store::authorizers::list(c, &filter, &cursor, now)?;
        let bound = bindings(c, &page.rows)?;
        Ok::<_, StoreError>((page, bound))
    });
    let (mut page, bound) = found.await?;
    derive_all(ctx, &mut page.rows, &bound);
    Ok(page)
}

type Bindings = BTreeMap<AuthorizerId, Bound>;

fn bindings(c: &mut AnyConnection, rows: &[AuthorizerRow]) -> Result<Bindings, StoreError> {
    let ids: Vec<AuthorizerId> = rows.iter().map(|row| row.id.clone()).collect();
    store::bindings::find_all(c, &ids)
}

/// Rows that their service file does not fit are broken, whatever is stored.
fn derive_all(ctx: &Ctx, rows: &mut [AuthorizerRow], bound: &Bindings) {
    for row in rows {
        let bound = bound.get(&row.id);
        service_file::derive_row(ctx, row, bound);
    }
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
    let found = ctx.db.read(move |c| {
        let mut rows = Vec::new();
        for filter in &filters {
            rows.extend(store::authorizers::list(c, filter, &Cursor(None), now)?.rows);
        }
        let bound = bindings(c, &rows)?;
        Ok::<_, StoreError>((rows, bound))
    });
    let (mut rows, bound) = found.await?;
    derive_all(ctx, &mut rows, &bound);
    Ok(rows)
}

/// Accounts of one service for a drop-down: working ones first, then broken ones; revoked ones are left out.
pub async fn choices_for(
    ctx: &Ctx,
    actor: &Actor,
    service_id: &ServiceId,
) -> Result<Vec<AuthorizerRow>, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let (service, now) = (service_id.clone(), ctx.clock.now());
    let found = ctx.db.read(move |c| {
        let rows = store::authorizers::list_of_service(c, &service, now)?;
        let bound = bindings(c, &rows)?;
        Ok::<_, StoreError>((rows, bound))
    });
    let (mut rows, bound) = found.await?;
    derive_all(ctx, &mut rows, &bound);
    rows.retain(|row| !row.badge.is_revoked());
    rows.sort_by_key(|row| matches!(row.badge, Badge::Broken | Badge::Locked));
    Ok(rows)
}
