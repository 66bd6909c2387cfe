//! What an authorizer's page says of a swap: that it was added in order to take over, or that one can still be undone.
use actix_session::Session;

use super::choose::may_replace;
use crate::domain::authorizers::find;
use crate::domain::{Ctx, Error, swaps};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::web::visitor::Visitor;
use crate::web::{paths, session, wording};

pub struct SwapNote {
    pub title: String,
    pub text: String,
    pub path: String,
    pub label: &'static str,
}

pub async fn note(
    ctx: &Ctx,
    visitor: &Visitor,
    cookie: &Session,
    row: &Authorizer,
) -> Result<Option<SwapNote>, Error> {
    if may_replace(visitor).is_err() {
        return Ok(None);
    }
    match takes_over(ctx, cookie, row).await? {
        Some(note) => Ok(Some(note)),
        None => undoable(ctx, visitor, row).await,
    }
}

/// It was added from the page that replaces another one.
async fn takes_over(
    ctx: &Ctx,
    cookie: &Session,
    row: &Authorizer,
) -> Result<Option<SwapNote>, Error> {
    let Some(old) = session::replacing(cookie).filter(|old| *old != row.id) else {
        return Ok(None);
    };
    let old = match find::authorizer(ctx, &old).await {
        Ok(old) => old,
        Err(Error::NotFound) => return Ok(None),
        Err(other) => return Err(other),
    };
    let fits =
        old.service_id == row.service_id && row.lifecycle == Lifecycle::Active && row.is_usable();
    if !fits || find::used_by(ctx, &old.id).await?.is_empty() {
        return Ok(None);
    }
    Ok(Some(SwapNote {
        title: format!("Shall it take the place of {}?", old.name),
        text:
            "Everything that uses the other one is tested with this one first. Nothing is changed until you have seen the results."
                .to_owned(),
        path: paths::replace_by(&old.id, &row.id),
        label: "Go on with replacing",
    }))
}

async fn undoable(
    ctx: &Ctx,
    visitor: &Visitor,
    row: &Authorizer,
) -> Result<Option<SwapNote>, Error> {
    let Some(swap) = swaps::find::undoable(ctx, &visitor.actor, &row.id).await? else {
        return Ok(None);
    };
    let Some(until) = swap.way_back(ctx.clock.now()) else {
        return Ok(None);
    };
    Ok(Some(SwapNote {
        title: format!("{} has taken the place of {}", swap.to.name, swap.from.name),
        text: format!("It can be undone until {}.", wording::full(until)),
        path: paths::swap(&swap.id),
        label: "Show what was replaced",
    }))
}
