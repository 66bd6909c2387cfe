//! *Delete*.
use crate::domain::authorizers::history;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::NewActivity;
use crate::model::flow::FlowKind;
use crate::model::role::Permission;
use crate::store::{self, StoreError};

use super::{subject, title};

pub async fn delete(ctx: &Ctx, actor: &Actor, kind: FlowKind, id: &str) -> Result<(), Error> {
    actor.must(Permission::EditFlows)?;
    let flow = super::find::one(ctx, actor, kind, id).await?;
    let line = activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "deleted",
            subject_kind: subject(kind),
            subject_id: flow.id.clone(),
            subject_name: flow.name.clone(),
            note: flow.service_id.to_string(),
        },
    );
    let (title, scope) = (title(&flow), (ctx.clone(), actor.clone()));
    let is_gone = ctx
        .db
        .write(move |c| {
            let is_gone = store::flows::delete(c, kind, &flow.id)?;
            if is_gone {
                line.write(c)?;
                history::used(c, (&scope.0, &scope.1), ("let_go", &flow.authorizer_id), &title)?;
            }
            Ok::<_, StoreError>(is_gone)
        })
        .await?;
    if is_gone { Ok(()) } else { Err(Error::NotFound) }
}
