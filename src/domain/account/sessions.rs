//! Where I am signed in, and ending it.
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::ids::SessionId;
use crate::model::user::Session;
use crate::store;

use super::session::IDLE;
use super::sign_in::account_line;

/// The last used first.
pub async fn list(ctx: &Ctx, actor: &Actor) -> Result<Vec<Session>, Error> {
    let (user, now) = (actor.user_id.clone(), ctx.clock.now());
    Ok(ctx.db.read(move |c| store::sessions::list(c, &user, now.minus(IDLE))).await?)
}

/// Ends one of my sessions. `name` is [`public_name`] of it: its id is its secret, and stays out of pages.
pub async fn end(ctx: &Ctx, actor: &Actor, name: &str) -> Result<(), Error> {
    let found =
        list(ctx, actor).await?.into_iter().find(|session| public_name(&session.id) == name);
    // One that has ended in between is what was asked for.
    let Some(session) = found else { return Ok(()) };
    let line = activity::line(ctx, Some(actor), account_line("signed_out", actor));
    let user = actor.user_id.clone();
    ctx.db
        .write(move |c| {
            store::sessions::delete(c, &user, &session.id)?;
            line.write(c)
        })
        .await?;
    Ok(())
}

/// All but the one that asks.
pub async fn end_others(ctx: &Ctx, actor: &Actor) -> Result<usize, Error> {
    let line = activity::line(ctx, Some(actor), account_line("signed_out_everywhere", actor));
    let (user, keep) = (actor.user_id.clone(), actor.session_id.clone());
    let ended = ctx
        .db
        .write(move |c| {
            let ended = store::sessions::delete_others(c, &user, &keep)?;
            line.write(c)?;
            Ok::<_, store::StoreError>(ended)
        })
        .await?;
    Ok(ended)
}

/// What a page may call a session by.
pub fn public_name(id: &SessionId) -> String {
    crate::crypto::token::sha256_hex(id.as_str()).chars().take(32).collect()
}
