//! *Delete*: only where nothing uses it; the database refuses too, also in a race.
use crate::domain::withdrawals::{self, Grant, PreparedWithdrawal};
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::ids::AuthorizerId;
use crate::model::revocation::{Requester, RevocationOutcome, WithdrawalReason};
use crate::model::role::Permission;
use crate::store;

use super::refresh::{self, PAGE_WAIT};
use super::{account, find};

/// How often the credentials may change between being read and being deleted.
const DELETE_TRIES: usize = 5;

/// What became of the access at the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLeft {
    /// There was none that could live on.
    None,
    /// The service was asked.
    Asked(RevocationOutcome),
    /// The service is still being asked; activity will say what became of it.
    Pending,
    /// Nobody asked for it to be revoked.
    LeftActive,
}

/// Has the access revoked as well if asked to; `InUse` if a source or destination depends on it.
pub async fn delete(
    ctx: &Ctx,
    actor: &Actor,
    id: &AuthorizerId,
    revoke_first: bool,
) -> Result<AccessLeft, Error> {
    actor.must(Permission::DeleteAuthorizers)?;
    if !find::used_by(ctx, id).await?.is_empty() {
        return Err(Error::InUse);
    }
    if revoke_first {
        actor.must(Permission::RevokeAuthorizers)?;
        ctx.standing.must_be_live()?;
        // What a refresh on the wire brings is what has to be revoked. One that takes longer is revoked when it comes.
        refresh::wait_until_idle(ctx, id, PAGE_WAIT).await?;
    }
    for _ in 0..DELETE_TRIES {
        let row = find::authorizer(ctx, id).await?;
        // A revocation that has begun goes on.
        let is_asked = revoke_first || row.lifecycle == Lifecycle::Revoking;
        let seen = SeenRow { is_refresh_in_doubt: refresh::is_in_doubt(ctx, id).await?, row };
        let leave = prepare_withdrawal(ctx, actor, &seen, is_asked).await?;
        let Some(DeletedRow { leave }) = delete_row(ctx, actor, seen, leave).await? else {
            continue;
        };
        return match leave {
            None => Ok(AccessLeft::None),
            Some(_) if !is_asked => Ok(AccessLeft::LeftActive),
            Some(prepared) => Ok(wait_for_withdrawal(ctx, prepared).await),
        };
    }
    Err(Error::Stale)
}

/// The row as it was read: it is deleted only if it has not changed since.
struct SeenRow {
    row: Authorizer,
    is_refresh_in_doubt: bool,
}

/// What is to be done, or said, about the access that it holds at the service.
async fn prepare_withdrawal(
    ctx: &Ctx,
    actor: &Actor,
    seen: &SeenRow,
    is_asked: bool,
) -> Result<Option<PreparedWithdrawal>, Error> {
    let row = &seen.row;
    let Ok(open) = account::open_as_is(ctx, &row.id).await else {
        return Ok(None);
    };
    let is_stale = open.authorizer.credential_version != row.credential_version;
    if is_stale || !open.may_hold_access() {
        return Ok(None);
    }
    let grant = Grant {
        // Its row is about to go.
        authorizer_id: None,
        is_refresh_in_doubt: seen.is_refresh_in_doubt,
        ..Grant::from_account(&open, WithdrawalReason::Deleted)
    };
    let requester = Some(Requester::from_actor(actor));
    // Where the service cannot be asked, that is all there is to say.
    let has_value = |field: &str| open.credentials.get(field).is_some();
    if is_asked || !open.auth.is_revocable(has_value) {
        return withdrawals::prepare(ctx, requester, &grant).map(Some);
    }
    let outcome = RevocationOutcome::NotAsked;
    Ok(Some(withdrawals::prepare_known(ctx, requester, &grant, outcome)))
}

/// The row is gone; what is left of its access.
struct DeletedRow {
    leave: Option<PreparedWithdrawal>,
}

/// `None`: the credentials changed meanwhile, or a refresh of them began.
async fn delete_row(
    ctx: &Ctx,
    actor: &Actor,
    seen: SeenRow,
    leave: Option<PreparedWithdrawal>,
) -> Result<Option<DeletedRow>, Error> {
    let SeenRow { row, is_refresh_in_doubt } = seen;
    let line = activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "deleted",
            subject_kind: SubjectKind::Authorizer,
            subject_id: row.id.to_string(),
            subject_name: row.name,
            note: row.service_id.to_string(),
        },
    );
    let (id, own_app, version) = (row.id, row.oauth_app_id, row.credential_version);
    let read_at = ctx.clock.now();
    let deleted = ctx
        .db
        .write(move |c| {
            let now = store::authorizers::find_lease(c, &id, read_at)?.ok_or(Error::NotFound)?;
            if now.credential_version != version || now.is_refresh_in_doubt != is_refresh_in_doubt {
                return Ok(None);
            }
            if !store::authorizers::delete(c, &id)? {
                return Err(Error::NotFound);
            }
            if let Some(leave) = &leave {
                leave.write(c)?;
            }
            if let Some(app) = own_app {
                let is_own = store::oauth_apps::find(c, &app)?.is_some_and(|app| !app.is_shared);
                if is_own && store::oauth_apps::count_authorizers(c, &app)? == 0 {
                    store::oauth_apps::delete(c, &app)?;
                }
            }
            line.write(c)?;
            Ok::<_, Error>(Some(DeletedRow { leave }))
        })
        .await?;
    Ok(deleted)
}

/// Waits for the service's answer as long as a page may.
async fn wait_for_withdrawal(ctx: &Ctx, prepared: PreparedWithdrawal) -> AccessLeft {
    let scope = ctx.clone();
    let work = ctx.tasks.run(async move { Box::pin(prepared.ask(&scope)).await });
    match tokio::time::timeout(PAGE_WAIT, work).await {
        Ok(Some(Ok(Some(outcome)))) => AccessLeft::Asked(outcome),
        Ok(Some(Ok(None) | Err(_)) | None) | Err(_) => AccessLeft::Pending,
    }
}
