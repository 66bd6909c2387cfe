//! Swaps, as pages show them.
use crate::domain::{Actor, Ctx, Error};
use crate::model::authorizer::Authorizer;
use crate::model::ids::{AuthorizerId, SwapId};
use crate::model::role::Permission;
use crate::model::swap::{Swap, SwapFlow, SwapState, WAY_BACK};
use crate::store::{self, StoreError};

use super::check;

pub struct Details {
    pub swap: Swap,
    pub flows: Vec<SwapFlow>,
    /// As it is now; `None` if it is deleted.
    pub to: Option<Authorizer>,
    pub from: Option<Authorizer>,
    /// Still *checking*, and the process that did it is gone.
    pub is_lost: bool,
}

pub async fn details(ctx: &Ctx, actor: &Actor, id: &SwapId) -> Result<Details, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let wanted = id.clone();
    let found = ctx.db.read(move |c| {
        let Some(swap) = store::swaps::find(c, &wanted)? else {
            return Ok(None);
        };
        let flows = store::swaps::flows(c, &wanted)?;
        let mut side = |id: &Option<AuthorizerId>| {
            id.as_ref().map_or(Ok(None), |id| store::authorizers::find(c, id))
        };
        let (from, to) = (side(&swap.from.id)?, side(&swap.to.id)?);
        Ok::<_, StoreError>(Some((swap, flows, from, to)))
    });
    let (swap, flows, from, to) = found.await?.ok_or(Error::NotFound)?;
    let is_lost = swap.state == SwapState::Checking
        && ctx.clock.now().since(swap.started_at) > check::allowed(flows.len());
    Ok(Details { swap, flows, to, from, is_lost })
}

/// What can still be undone with this authorizer, on either side.
pub async fn undoable(ctx: &Ctx, actor: &Actor, id: &AuthorizerId) -> Result<Option<Swap>, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let (wanted, since) = (id.clone(), ctx.clock.now().minus(WAY_BACK));
    Ok(ctx.db.read(move |c| store::swaps::latest_of(c, &wanted, since)).await?)
}
