//! Looks OAuth apps up. Secrets stay sealed.
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::{AuthorizerId, OAuthAppId, ServiceId};
use crate::model::oauth_app::{OAuthApp, OAuthAppRow};
use crate::model::role::Permission;
use crate::store;

pub async fn list(ctx: &Ctx, actor: &Actor) -> Result<Vec<OAuthAppRow>, Error> {
    actor.must(Permission::ManageOAuthApps)?;
    Ok(ctx.db.read(store::oauth_apps::list).await?)
}

/// How many authorizers have an app of their own, which is edited and deleted with them.
pub async fn count_own(ctx: &Ctx, actor: &Actor) -> Result<Vec<(ServiceId, i64)>, Error> {
    actor.must(Permission::ManageOAuthApps)?;
    Ok(ctx.db.read(store::oauth_apps::count_own).await?)
}

/// A shared app. One of an authorizer's own is no page: it is part of that authorizer.
pub async fn one(ctx: &Ctx, actor: &Actor, id: &OAuthAppId) -> Result<OAuthAppRow, Error> {
    actor.must(Permission::ManageOAuthApps)?;
    let wanted = id.clone();
    ctx.db
        .read(move |c| {
            let app = store::oauth_apps::find(c, &wanted)?.filter(|app| app.is_shared);
            let Some(app) = app else {
                return Ok(None);
            };
            Ok::<_, store::StoreError>(Some(OAuthAppRow {
                app,
                authorizer_count: store::oauth_apps::count_authorizers(c, &wanted)?,
            }))
        })
        .await?
        .ok_or(Error::NotFound)
}

/// The authorizer that an app of its own belongs to.
pub async fn owner(
    ctx: &Ctx,
    actor: &Actor,
    id: &OAuthAppId,
) -> Result<Option<AuthorizerId>, Error> {
    actor.must(Permission::ManageOAuthApps)?;
    let wanted = id.clone();
    Ok(ctx.db.read(move |c| store::oauth_apps::find_owner(c, &wanted)).await?)
}

/// The app that new authorizers of the service use.
pub async fn shared(ctx: &Ctx, service_id: &ServiceId) -> Result<Option<OAuthApp>, Error> {
    let service = service_id.clone();
    Ok(ctx.db.read(move |c| store::oauth_apps::find_shared(c, &service)).await?)
}
