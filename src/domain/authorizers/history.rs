//! Lines of an authorizer's history that nobody caused by hand: renewed, failed, recovered, came into use.
//!
//! A line stands for a change, not for a try. What a machine repeats is counted on one line: renewals as long as nothing else
//! happens, faults that pass and their ends once a day. A token that lives an hour would otherwise write 8,760 lines a
//! year and push out everything that people did; so a table grows with what happens, not with time.
use crate::domain::{Actor, Ctx, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::authorizer::{Authorizer, Health, Verdict};
use crate::model::cause::Cause;
use crate::model::ids::AuthorizerId;
use crate::store::{self, AnyConnection, StoreError};

pub fn event(verb: &'static str, (id, name): (&AuthorizerId, &str), note: &str) -> NewActivity {
    NewActivity {
        verb,
        subject_kind: SubjectKind::Authorizer,
        subject_id: id.to_string(),
        subject_name: name.to_owned(),
        note: note.to_owned(),
    }
}

/// A token was renewed.
pub fn refreshed(c: &mut AnyConnection, ctx: &Ctx, row: &Authorizer) -> Result<(), StoreError> {
    activity::line(ctx, None, event("refreshed", (&row.id, &row.name), "")).fold_into_newest(c)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Working,
    Waiting,
    Broken,
}

fn state(health: Health) -> State {
    match health {
        Health::Unverified => State::Unknown,
        Health::Ok => State::Working,
        Health::Retrying => State::Waiting,
        Health::NeedsReauthorization | Health::Misconfigured | Health::Locked => State::Broken,
    }
}

/// What a verdict changed: `before` is the row as it stood in the same transaction.
pub fn verdict(
    c: &mut AnyConnection,
    ctx: &Ctx,
    (before, now): (&Authorizer, &Verdict),
) -> Result<(), StoreError> {
    let subject = (&before.id, before.name.as_str());
    let note = now.cause.map_or("", Cause::code);
    match (state(before.health), state(now.health)) {
        (old, new) if old == new => Ok(()),
        (State::Waiting, State::Working) => {
            activity::line(ctx, None, event("recovered", subject, "")).fold_into_day(c)
        }
        // Unknown: a locked one that opens again, and is tested next.
        (State::Broken, State::Working | State::Unknown) => {
            activity::line(ctx, None, event("recovered", subject, "")).write(c)
        }
        (_, State::Working | State::Unknown) => Ok(()),
        (_, State::Waiting) => {
            activity::line(ctx, None, event("failed", subject, note)).fold_into_day(c)
        }
        (_, State::Broken) => activity::line(ctx, None, event("failed", subject, note)).write(c),
    }
}

/// A source or a destination began to use an authorizer, or ceased to; `what` names it: `source Orders`.
pub fn used(
    c: &mut AnyConnection,
    (ctx, actor): (&Ctx, &Actor),
    (verb, id): (&'static str, &AuthorizerId),
    what: &str,
) -> Result<(), StoreError> {
    let Some(row) = store::authorizers::find(c, id)? else {
        return Ok(());
    };
    activity::line(ctx, Some(actor), event(verb, (&row.id, &row.name), what)).write(c)
}
