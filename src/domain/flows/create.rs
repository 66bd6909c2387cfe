//! *Create*.
use crate::crypto::token;
use crate::domain::authorizers::history;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::NewActivity;
use crate::model::flow::Flow;
use crate::model::ids::SourceId;
use crate::model::problems::{Complaint, Problems};
use crate::model::role::Permission;
use crate::store::{self, StoreError};

use super::{FlowForm, check, subject, title};

/// The new id.
pub async fn create(ctx: &Ctx, actor: &Actor, form: &FlowForm) -> Result<String, Error> {
    actor.must(Permission::EditFlows)?;
    actor.must(Permission::UseAuthorizers)?;
    let checked = check(ctx, form, None).await?;
    let now = ctx.clock.now();
    let flow = Flow {
        kind: form.kind,
        id: SourceId::new(now, token::ten()).to_string(),
        name: checked.name.as_str().to_owned(),
        service_id: form.service_id.clone(),
        authorizer_id: checked.authorizer_id,
        settings: checked.settings,
        version: 1,
        created_by: Some(actor.user_id.clone()),
        created_at: now,
        updated_at: now,
    };
    let line = activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "created",
            subject_kind: subject(form.kind),
            subject_id: flow.id.clone(),
            subject_name: flow.name.clone(),
            note: String::new(),
        },
    );
    let (id, scope) = (flow.id.clone(), (ctx.clone(), actor.clone()));
    let stored = ctx
        .db
        .write(move |c| {
            store::flows::insert(c, &flow)?;
            line.write(c)?;
            history::used(c, (&scope.0, &scope.1), ("used_by", &flow.authorizer_id), &title(&flow))
        })
        .await;
    match stored {
        Ok(()) => Ok(id),
        Err(StoreError::Taken { .. }) => Err(Problems::field("name", Complaint::Taken).into()),
        // The account was deleted between the check and now.
        Err(StoreError::InUse) => Err(Problems::field("authorizer", Complaint::NotAChoice).into()),
        Err(other) => Err(other.into()),
    }
}
