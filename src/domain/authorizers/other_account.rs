//! Reauthorizing ended at another account: nothing is swapped silently. Cancel, keep both, or switch.
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::{Actor, Ctx, Error};
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::authorizer::{Authorizer, Identity};
use crate::model::cause::Cause;
use crate::model::credentials::Credentials;
use crate::model::ids::{AttemptId, AuthorizerId};
use crate::model::need::{Needs, Standing};
use crate::model::role::Permission;
use crate::store;

use super::grant::{self, Proven};
use super::{complete, find, needs, start};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The new grant is forgotten.
    Cancel,
    /// The new account becomes an authorizer of its own.
    KeepBoth,
    /// The authorizer moves to the new account, with everything that uses it.
    Switch,
}

/// The two accounts, for the page.
pub struct OtherAccount {
    pub attempt: Attempt,
    pub before: Authorizer,
    pub now_label: String,
    /// What would read and write as the other account.
    pub used_by: Vec<find::Dependent>,
    /// What each of them needs and the other grant does not have.
    pub lost: Vec<Needs>,
    /// Granted to the account that it has, and not to the other.
    pub lost_scopes: Vec<String>,
}

/// What waits for the choice. Sealed in the attempt's row.
#[derive(Serialize, Deserialize)]
struct Parked {
    credentials: serde_json::Value,
    identity_key: String,
    identity_label: String,
}

pub(super) async fn park(ctx: &Ctx, attempt: &Attempt, proven: &Proven) -> Result<(), Error> {
    let parked = Parked {
        credentials: serde_json::from_slice(&proven.credentials.to_sealable()).unwrap_or_default(),
        identity_key: proven.identity.key.clone(),
        identity_label: proven.identity.label.clone(),
    };
    let plain = Zeroizing::new(serde_json::to_vec(&parked).unwrap_or_default());
    let sealed = start::repack(ctx, &attempt.id, &plain)?;
    let mut row = attempt.clone();
    row.state = AttemptState::OtherAccount;
    row.cause = Some(Cause::OtherAccount);
    let ending = complete::ending(&row);
    Ok(ctx.db.write(move |c| store::attempts::finish(c, &row.id, &ending, Some(&sealed))).await?)
}

pub async fn show(ctx: &Ctx, actor: &Actor, id: &AttemptId) -> Result<OtherAccount, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let (attempt, proven) = open(ctx, actor, id).await?;
    let authorizer_id = attempt.authorizer_id.clone().ok_or(Error::NotFound)?;
    let before = find::authorizer(ctx, &authorizer_id).await?;
    let flows = ctx.db.read(move |c| store::flows::dependents(c, &authorizer_id)).await?;
    let granted =
        proven.credentials.tokens.as_ref().map(|tokens| tokens.scopes.clone()).unwrap_or_default();
    let is_lost = |scope: &&String| !granted.is_empty() && !granted.contains(scope);
    let lost_scopes = before.granted_scopes.iter().filter(is_lost).cloned().collect();
    let after = Authorizer {
        granted_scopes: granted.clone(),
        missing_scopes: Vec::new(),
        ..before.clone()
    };
    let service = ctx.catalog.get(before.service_id.as_str());
    let mut lost =
        service.map(|service| needs::scopes(service, &after, &flows)).unwrap_or_default();
    lost.iter_mut().for_each(|needs| needs.needs.retain(|need| need.standing == Standing::Missing));
    lost.retain(|needs| needs.flow.is_some() && !needs.needs.is_empty());
    let used_by = flows.into_iter().map(|flow| (flow.kind, flow.id, flow.name)).collect();
    Ok(OtherAccount {
        attempt,
        before,
        now_label: proven.identity.label,
        used_by,
        lost,
        lost_scopes,
    })
}

/// The authorizer that the person ends at.
pub async fn choose(
    ctx: &Ctx,
    actor: &Actor,
    id: &AttemptId,
    choice: Choice,
) -> Result<AuthorizerId, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let (attempt, proven) = open(ctx, actor, id).await?;
    let authorizer_id = attempt.authorizer_id.clone().ok_or(Error::NotFound)?;
    match choice {
        Choice::Cancel => {
            forget(ctx, attempt).await?;
            Ok(authorizer_id)
        }
        Choice::KeepBoth => grant::save_new(ctx, actor, &attempt, proven).await,
        Choice::Switch => {
            actor.must(Permission::SwitchAccounts)?;
            let before = find::authorizer(ctx, &authorizer_id).await?;
            grant::save_again(ctx, actor, &attempt, (before, proven, "switched")).await?;
            Ok(authorizer_id)
        }
    }
}

async fn open(ctx: &Ctx, actor: &Actor, id: &AttemptId) -> Result<(Attempt, Proven), Error> {
    let attempt = complete::find(ctx, actor, id).await?;
    if attempt.state != AttemptState::OtherAccount {
        return Err(Error::WrongState("already decided"));
    }
    let wanted = id.clone();
    let held = ctx.db.read(move |c| store::attempts::find_held(c, &wanted)).await?;
    let sealed = held.and_then(|held| held.sealed).ok_or(Error::NotFound)?;
    let parked: Parked = start::unpack(ctx, id, &sealed)?;
    let bytes = Zeroizing::new(serde_json::to_vec(&parked.credentials).unwrap_or_default());
    let credentials = Credentials::from_sealable(&bytes).ok_or(Error::Locked)?;
    let identity = Identity { key: parked.identity_key, label: parked.identity_label };
    Ok((attempt, Proven { credentials, identity }))
}

async fn forget(ctx: &Ctx, mut attempt: Attempt) -> Result<(), Error> {
    attempt.state = AttemptState::Failed;
    let ending = complete::ending(&attempt);
    Ok(ctx.db.write(move |c| store::attempts::finish(c, &attempt.id, &ending, None)).await?)
}
