//! *Delete*: only where nothing uses it; the database refuses too, also in a race.
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::authorizer::Lifecycle;
use crate::model::ids::AuthorizerId;
use crate::model::role::Permission;
use crate::store;

use super::{find, revoke};

/// Revokes first if asked to; `InUse` if a source or destination depends on it.
pub async fn delete(
    ctx: &Ctx,
    actor: &Actor,
    id: &AuthorizerId,
    revoke_first: bool,
) -> Result<(), Error> {
    actor.must(Permission::DeleteAuthorizers)?;
    let authorizer = find::authorizer(ctx, id).await?;
    if !find::used_by(ctx, id).await?.is_empty() {
        return Err(Error::InUse);
    }
    if revoke_first && authorizer.lifecycle == Lifecycle::Active {
        revoke::revoke(ctx, actor, id).await?;
        if find::authorizer(ctx, id).await?.lifecycle == Lifecycle::Revoking {
            // Deleted now, the token that is still good over there could no longer be withdrawn.
            return Err(Error::WrongState(
                "the service has not withdrawn the access yet; it is asked again, and it can be deleted after that",
            ));
        }
    }
    let line = activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "deleted",
            subject_kind: SubjectKind::Authorizer,
            subject_id: id.to_string(),
            subject_name: authorizer.name,
            note: authorizer.service_id.to_string(),
        },
    );
    let (wanted, own_app) = (id.clone(), authorizer.oauth_app_id);
    let is_gone = ctx
        .db
        .write(move |c| {
            let is_gone = store::authorizers::delete(c, &wanted)?;
            if let Some(app) = own_app {
                let is_own = store::oauth_apps::find(c, &app)?.is_some_and(|app| !app.is_shared);
                if is_own && store::oauth_apps::count_authorizers(c, &app)? == 0 {
                    store::oauth_apps::delete(c, &app)?;
                }
            }
            line.write(c)?;
            Ok::<_, store::StoreError>(is_gone)
        })
        .await?;
    if is_gone { Ok(()) } else { Err(Error::NotFound) }
}
