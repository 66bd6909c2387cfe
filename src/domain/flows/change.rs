//! *Save* of an edited source or destination.
use crate::domain::authorizers::history;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::NewActivity;
use crate::model::flow::Flow;
use crate::model::problems::{Complaint, Problems};
use crate::model::role::Permission;
use crate::store::{self, StoreError};

use super::{FlowForm, check, subject, title};

/// `Stale` if somebody else saved it after `version` was read.
pub async fn change(
    ctx: &Ctx,
    actor: &Actor,
    (id, version): (&str, i64),
    form: &FlowForm,
) -> Result<(), Error> {
    actor.must(Permission::EditFlows)?;
    actor.must(Permission::UseAuthorizers)?;
    let before = super::find::one(ctx, actor, form.kind, id).await?;
    let checked = check(ctx, form, Some(&before.authorizer_id)).await?;
    let mut changed = Vec::new();
    for (what, differs) in [
        ("name", before.name != checked.name.as_str()),
        ("account", before.authorizer_id != checked.authorizer_id),
        ("settings", before.settings != checked.settings),
    ] {
        if differs {
            changed.push(what);
        }
    }
    let old_account =
        Some(before.authorizer_id.clone()).filter(|old| *old != checked.authorizer_id);
    let flow = Flow {
        name: checked.name.as_str().to_owned(),
        authorizer_id: checked.authorizer_id,
        settings: checked.settings,
        version,
        ..before
    };
    let line = activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "edited",
            subject_kind: subject(form.kind),
            subject_id: flow.id.clone(),
            subject_name: flow.name.clone(),
            note: changed.join(", "),
        },
    );
    let (now, scope) = (ctx.clock.now(), (ctx.clone(), actor.clone()));
    let saved = ctx
        .db
        .write(move |c| {
            let is_saved = store::flows::update(c, &flow, now)?;
            if is_saved {
                line.write(c)?;
                if let Some(old) = &old_account {
                    history::used(c, (&scope.0, &scope.1), ("let_go", old), &title(&flow))?;
                    history::used(
                        c,
                        (&scope.0, &scope.1),
                        ("used_by", &flow.authorizer_id),
                        &title(&flow),
                    )?;
                }
            }
            Ok::<_, StoreError>(is_saved)
        })
        .await;
    match saved {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Stale),
        Err(StoreError::Taken { .. }) => Err(Problems::field("name", Complaint::Taken).into()),
        Err(StoreError::InUse) => Err(Problems::field("authorizer", Complaint::NotAChoice).into()),
        Err(other) => Err(other.into()),
    }
}
