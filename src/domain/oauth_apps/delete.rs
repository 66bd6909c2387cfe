//! Deletes an OAuth app that no authorizer uses.
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::ids::OAuthAppId;
use crate::model::role::Permission;
use crate::store;

pub async fn delete(ctx: &Ctx, actor: &Actor, id: &OAuthAppId) -> Result<(), Error> {
    actor.must(Permission::ManageOAuthApps)?;
    let wanted = id.clone();
    let row =
        ctx.db.read(move |c| store::oauth_apps::find(c, &wanted)).await?.ok_or(Error::NotFound)?;
    let name = ctx
        .catalog
        .get(row.service_id.as_str())
        .map_or_else(|| row.service_id.to_string(), |s| s.head.name.clone());
    let line = activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "deleted",
            subject_kind: SubjectKind::OAuthApp,
            subject_id: id.to_string(),
            subject_name: name,
            note: String::new(),
        },
    );
    let id = id.clone();
    ctx.db
        .write(move |c| {
            store::oauth_apps::delete(c, &id)?;
            line.write(c)
        })
        .await?;
    Ok(())
}
