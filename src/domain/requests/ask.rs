//! *Ask for an account* of a service, with a word on what it is for.
use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::{AccountRequestId, ServiceId};
use crate::model::problems::{Complaint, Problems};
use crate::model::role::Permission;
use crate::store;
use crate::store::requests::NewRequest;

pub const NOTE_MAX: usize = 1000;

pub async fn ask(
    ctx: &Ctx,
    actor: &Actor,
    service_id: &str,
    note: &str,
) -> Result<AccountRequestId, Error> {
    actor.must(Permission::RequestAccounts)?;
    let mut problems = Problems::new();
    match ctx.catalog.get(service_id) {
        Some(_) => {}
        None if service_id.is_empty() => problems.add("service", Complaint::Required),
        None => problems.add("service", Complaint::NotAChoice),
    }
    let note = check_text("note", note, &mut problems);
    if note.is_empty() && problems.of("note").next().is_none() {
        problems
            .add("note", Complaint::Say("Say which account you need, and what for.".to_owned()));
    }
    problems.or(())?;
    let now = ctx.clock.now();
    let new = NewRequest {
        id: AccountRequestId::new(now, token::ten()),
        service_id: ServiceId::from(service_id),
        note,
        requested_by: actor.user_id.clone(),
        created_at: now,
    };
    let id = new.id.clone();
    let line =
        super::line(ctx, actor, "requested", (&id, super::service_name(ctx, &new.service_id)));
    ctx.db
        .write(move |c| {
            store::requests::insert(c, &new)?;
            line.write(c)
        })
        .await?;
    Ok(id)
}

/// Line ends are kept, other control characters refused.
pub(super) fn check_text(field: &str, text: &str, problems: &mut Problems) -> String {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().count() > NOTE_MAX {
        problems.add(field, Complaint::TooLong { max: NOTE_MAX });
    } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        problems.add(field, Complaint::Control);
    }
    text
}
