//! The grant that a reauthorization leaves behind: it is revoked, if that ends it alone.
//!
//! A service that ends everything that one OAuth app holds of one account would end the new grant with the old one: there it
//! is left to run out. One of another account is revoked if no other authorizer lives by it.
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::authorizer::Identity;
use crate::model::credentials::{Credentials, Secret};
use crate::model::ids::AuthorizerId;
use crate::outbound::oauth::Revocation;

use super::account::{self, OpenAccount};
use super::{history, revoke};

/// What is there before it is replaced; nothing if it is wiped, or cannot be opened.
pub(super) async fn before(ctx: &Ctx, id: &AuthorizerId) -> Option<OpenAccount> {
    let old = account::open_as_is(ctx, id).await.ok()?;
    Some(old).filter(|old| old.credentials.tokens.is_some() && old.authorizer.is_usable())
}

/// After the new one is stored. Nobody waits for it: the new grant works whatever becomes of the old one.
pub(super) fn withdraw(ctx: &Ctx, actor: &Actor, old: OpenAccount, new: (&Credentials, &Identity)) {
    if ctx.standing.doubt().is_some() || is_shared(&old.credentials, new.0) {
        return;
    }
    let is_same_account = old.authorizer.identity.key == new.1.key;
    let (ctx, actor) = (ctx.clone(), actor.clone());
    tokio::spawn(async move {
        if let Err(error) = end(&ctx, &actor, &old, is_same_account).await {
            tracing::warn!(%error, "the old grant was not revoked");
        }
    });
}

/// Some services answer with the token that they gave before.
fn is_shared(old: &Credentials, new: &Credentials) -> bool {
    let tokens = |credentials: &Credentials| {
        let tokens = credentials.tokens.as_ref();
        let all =
            tokens.into_iter().flat_map(|tokens| [Some(&tokens.access), tokens.refresh.as_ref()]);
        all.flatten()
            .map(|token: &Secret| token.expose().to_owned())
            .map(zeroize::Zeroizing::new)
            .collect::<Vec<_>>()
    };
    let (old, new) = (tokens(old), tokens(new));
    old.iter().any(|token| new.contains(token))
}

async fn end(
    ctx: &Ctx,
    actor: &Actor,
    old: &OpenAccount,
    is_same_account: bool,
) -> Result<(), Error> {
    let spec = old.auth.oauth2.as_ref().and_then(|oauth2| oauth2.revoke.as_ref());
    let Some(spec) = spec else { return Ok(()) };
    let is_alone = spec.alone
        || (!is_same_account && revoke::siblings(ctx, &old.authorizer).await?.is_empty());
    if !is_alone {
        return Ok(());
    }
    let answer = match ctx.outbound.revoke(&old.account()).await {
        Revocation::Confirmed => "confirmed",
        Revocation::Accepted => "accepted",
        Revocation::NoEndpoint => return Ok(()),
        Revocation::Failed(fault) => {
            tracing::info!(cause = fault.cause.code(), authorizer = %old.authorizer.id, "the old grant was not revoked");
            return Ok(());
        }
    };
    let row = &old.authorizer;
    let line = activity::line(
        ctx,
        Some(actor),
        history::event("old_grant_revoked", (&row.id, &row.name), answer),
    );
    Ok(ctx.db.write(move |c| line.write(c)).await?)
}
