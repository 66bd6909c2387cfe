//! *Ask for it*: who may not add an account asks those who may.
pub mod answer;
pub mod ask;
pub mod list;

use crate::domain::{Actor, Ctx, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::ids::AccountRequestId;

/// `name` is the service's.
fn line(
    ctx: &Ctx,
    actor: &Actor,
    verb: &'static str,
    (id, name): (&AccountRequestId, String),
) -> activity::Line {
    let new = NewActivity {
        verb,
        subject_kind: SubjectKind::Request,
        subject_id: id.to_string(),
        subject_name: name,
        note: String::new(),
    };
    activity::line(ctx, Some(actor), new)
}

/// What people call the service, also when its file is gone.
fn service_name(ctx: &Ctx, id: &crate::model::ids::ServiceId) -> String {
    ctx.catalog.get(id.as_str()).map_or_else(|| id.to_string(), |service| service.head.name.clone())
}
