//! A calendar of what ends, behind a secret address of a person's own: whoever has the address reads it without signing in.
use std::time::Duration;

use crate::crypto::token;
use crate::domain::account::account_line;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::credentials::Secret;
use crate::model::ending::EndingRow;
use crate::model::ids::CalendarFeedId;
use crate::model::role::Permission;
use crate::model::time::{DAY, Moment};
use crate::store::{self, StoreError};

/// What ended is shown for this long.
const PAST: Duration = DAY.saturating_mul(30);
/// A calendar has no more events: those that end soonest.
const EVENTS: i64 = 500;

/// *Make the address* and *Renew address*: the one before it opens nothing from now on. The secret is kept nowhere.
pub async fn make(ctx: &Ctx, actor: &Actor) -> Result<Secret, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let (secret, now) = (token::random(32), ctx.clock.now());
    let (id, hash, user) = (
        CalendarFeedId::new(now, token::ten()),
        token::sha256_hex(secret.expose()),
        actor.user_id.clone(),
    );
    let line = activity::line(ctx, Some(actor), account_line("calendar_made", actor));
    ctx.db
        .write(move |c| {
            store::calendar_feeds::replace(c, &id, &user, &hash, now)?;
            line.write(c)
        })
        .await?;
    Ok(secret)
}

/// *Stop*: the address opens nothing any more.
pub async fn stop(ctx: &Ctx, actor: &Actor) -> Result<(), Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let user = actor.user_id.clone();
    let line = activity::line(ctx, Some(actor), account_line("calendar_stopped", actor));
    ctx.db
        .write(move |c| {
            if store::calendar_feeds::delete(c, &user)? {
                line.write(c)?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    Ok(())
}

/// Since when this person has an address.
pub async fn since(ctx: &Ctx, actor: &Actor) -> Result<Option<Moment>, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let user = actor.user_id.clone();
    Ok(ctx.db.read(move |c| store::calendar_feeds::since(c, &user)).await?)
}

/// What the address's owner may see: nothing for whoever is deactivated. `NotFound` for every address that opens nothing.
pub async fn read(ctx: &Ctx, secret: &Secret) -> Result<Vec<EndingRow>, Error> {
    let (hash, since) = (token::sha256_hex(secret.expose()), ctx.clock.now().minus(PAST));
    let found = ctx.db.read(move |c| {
        let owner = store::calendar_feeds::owner(c, &hash)?;
        let is_open = owner
            .is_some_and(|owner| owner.is_active && owner.role.may(Permission::SeeAuthorizers));
        if is_open { store::forecast::after_moment(c, since, EVENTS).map(Some) } else { Ok(None) }
    });
    found.await?.ok_or(Error::NotFound)
}
