//! *Replace everywhere*: all that was checked, in one transaction, or nothing.
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::NewActivity;
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::flow::Flow;
use crate::model::ids::{AuthorizerId, SwapId};
use crate::model::swap::{FlowState, Swap, SwapFlow, SwapState};
use crate::store::{self, AnyConnection};

/// Which of those that were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The others keep the old account.
    Passed,
    /// Also where the test with the new account failed.
    All,
}

/// What keeps it from being done; the way on is another check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Replaced(usize),
    /// The checks are too old, or were not finished.
    Stale,
    /// The new account was edited, has broken or is gone.
    AccountChanged,
    /// This one was edited since it was checked, or came to it.
    FlowChanged(String),
    /// None of those that were asked for.
    Nothing,
}

pub async fn replace(
    ctx: &Ctx,
    actor: &Actor,
    id: &SwapId,
    scope: Scope,
) -> Result<Outcome, Error> {
    super::must(actor)?;
    let (ctx_, actor, id) = (ctx.clone(), actor.clone(), id.clone());
    ctx.db.write(move |c| in_one(c, (&ctx_, &actor), &id, scope)).await
}

fn in_one(
    c: &mut AnyConnection,
    by: (&Ctx, &Actor),
    id: &SwapId,
    scope: Scope,
) -> Result<Outcome, Error> {
    let swap = store::swaps::find(c, id)?.ok_or(Error::NotFound)?;
    if matches!(swap.state, SwapState::Replaced | SwapState::Undone) {
        return Err(Error::WrongState("it has been replaced already"));
    }
    if swap.state == SwapState::Checking || swap.is_stale(by.0.clock.now()) {
        return Ok(Outcome::Stale);
    }
    let Some((from, to)) = accounts(c, &swap)? else {
        return Ok(Outcome::AccountChanged);
    };
    let checked = store::swaps::flows(c, id)?;
    let current = store::flows::dependents(c, &from)?;
    let was_checked = |flow: &Flow| {
        checked.iter().any(|checked| checked.id == flow.id && checked.version == flow.version)
    };
    if let Some(other) = current.iter().find(|flow| !was_checked(flow)) {
        return Ok(Outcome::FlowChanged(other.name.clone()));
    }
    let is_asked = |checked: &&SwapFlow| scope == Scope::All || checked.state == FlowState::Passed;
    let chosen = checked.iter().filter(is_asked);
    let pairs: Vec<(&SwapFlow, &Flow)> = chosen
        .filter_map(|checked| Some((checked, current.iter().find(|flow| flow.id == checked.id)?)))
        .collect();
    if pairs.is_empty() {
        return Ok(Outcome::Nothing);
    }
    write(c, by, &swap, (&to, &pairs))?;
    Ok(Outcome::Replaced(pairs.len()))
}

/// Both accounts, if the new one still is what was checked.
fn accounts(
    c: &mut AnyConnection,
    swap: &Swap,
) -> Result<Option<(AuthorizerId, AuthorizerId)>, Error> {
    let (Some(from), Some(to)) = (&swap.from.id, &swap.to.id) else {
        return Ok(None);
    };
    let is_same = |new: &Authorizer| {
        new.version == swap.to_version && new.lifecycle == Lifecycle::Active && new.is_usable()
    };
    let new = store::authorizers::find(c, to)?.filter(is_same);
    Ok(new.map(|new| (from.clone(), new.id)))
}

fn write(
    c: &mut AnyConnection,
    (ctx, actor): (&Ctx, &Actor),
    swap: &Swap,
    (to, pairs): (&AuthorizerId, &[(&SwapFlow, &Flow)]),
) -> Result<(), Error> {
    let now = ctx.clock.now();
    // Of two that press the button, one goes on from here.
    if !store::swaps::advance(c, &swap.id, (SwapState::Checked, SwapState::Replaced))? {
        return Err(Error::Stale);
    }
    store::swaps::mark_replaced(c, &swap.id, now)?;
    let mut say = |new: NewActivity| activity::line(ctx, Some(actor), new).write(c);
    let flows: Vec<&SwapFlow> = pairs.iter().map(|(checked, _)| *checked).collect();
    for new in [
        super::event("replaced", &swap.from, super::note(&swap.to, &flows)),
        super::event("took_over", &swap.to, super::note(&swap.from, &flows)),
    ]
    .into_iter()
    .flatten()
    {
        say(new)?;
    }
    for (checked, flow) in pairs {
        // Somebody saved it between our look and now: nothing of all this happens.
        if !store::flows::move_to(c, flow, to, now)? {
            return Err(Error::Stale);
        }
        store::swaps::set_replaced(c, &swap.id, &flow.id, Some(flow.version + 1))?;
        activity::line(ctx, Some(actor), super::flow_event(checked, &swap.to.name)).write(c)?;
    }
    Ok(())
}
