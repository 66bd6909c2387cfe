//! Looks OAuth apps up. Secrets stay sealed.
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::{OAuthAppId, ServiceId};
use crate::model::oauth_app::{OAuthApp, OAuthAppRow};
use crate::model::role::Permission;
use crate::store;

pub async fn list(ctx: &Ctx, actor: &Actor) -> Result<Vec<OAuthAppRow>, Error> {
    actor.must(Permission::ManageOAuthApps)?;
    Ok(ctx.db.read(store::oauth_apps::list).await?)
}

pub async fn one(ctx: &Ctx, actor: &Actor, id: &OAuthAppId) -> Result<OAuthAppRow, Error> {
    actor.must(Permission::ManageOAuthApps)?;
    let wanted = id.clone();
    ctx.db
        .read(move |c| {
            let Some(app) = store::oauth_apps::find(c, &wanted)? else {
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

/// The app that new authorizers of the service use.
pub async fn shared(ctx: &Ctx, service_id: &ServiceId) -> Result<Option<OAuthApp>, Error> {
    let service = service_id.clone();
    Ok(ctx.db.read(move |c| store::oauth_apps::find_shared(c, &service)).await?)
}
