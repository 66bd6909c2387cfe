//! *Undo*, for a day: what was replaced gets its old account back, except what somebody has edited since.
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::authorizer::Lifecycle;
use crate::model::ids::SwapId;
use crate::model::swap::{SwapFlow, SwapState};
use crate::store::{self, AnyConnection};

/// What has its old account again, and what was left as it is.
#[derive(Debug, Default)]
pub struct Undone {
    pub restored: usize,
    pub left: Vec<String>,
}

pub async fn undo(ctx: &Ctx, actor: &Actor, id: &SwapId) -> Result<Undone, Error> {
    super::must(actor)?;
    let (ctx_, actor, id) = (ctx.clone(), actor.clone(), id.clone());
    ctx.db.write(move |c| in_one(c, (&ctx_, &actor), &id)).await
}

fn in_one(
    c: &mut AnyConnection,
    (ctx, actor): (&Ctx, &Actor),
    id: &SwapId,
) -> Result<Undone, Error> {
    let now = ctx.clock.now();
    let swap = store::swaps::find(c, id)?.ok_or(Error::NotFound)?;
    if swap.way_back(now).is_none() {
        return Err(Error::WrongState("the time to undo it is over, or it is undone already"));
    }
    let old = swap.from.id.as_ref().map_or(Ok(None), |id| store::authorizers::find(c, id))?;
    let Some(old) = old else {
        return Err(Error::WrongState("the account that it had has been deleted"));
    };
    if old.lifecycle != Lifecycle::Active {
        return Err(Error::WrongState(
            "the token of the account that it had was revoked; reauthorize that first",
        ));
    }
    if !store::swaps::advance(c, id, (SwapState::Replaced, SwapState::Undone))? {
        return Err(Error::Stale);
    }
    let mut undone = Undone::default();
    let flows = store::swaps::flows(c, id)?;
    let mut restored: Vec<&SwapFlow> = Vec::new();
    for flow in flows.iter().filter(|flow| flow.replaced_version.is_some()) {
        let now_there = store::flows::find(c, flow.kind, &flow.id)?;
        let is_untouched = now_there.filter(|there| Some(there.version) == flow.replaced_version);
        let Some(there) = is_untouched else {
            undone.left.push(flow.name.clone());
            continue;
        };
        if !store::flows::move_to(c, &there, &old.id, now)? {
            return Err(Error::Stale);
        }
        store::swaps::set_replaced(c, id, &flow.id, None)?;
        activity::line(ctx, Some(actor), super::flow_event(flow, &old.name)).write(c)?;
        restored.push(flow);
    }
    undone.restored = restored.len();
    for (side, other) in [(&swap.from, &swap.to), (&swap.to, &swap.from)] {
        if let Some(new) = super::event("swap_undone", side, super::note(other, &restored)) {
            activity::line(ctx, Some(actor), new).write(c)?;
        }
    }
    Ok(undone)
}
