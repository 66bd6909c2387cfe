//! *Replace everywhere*: another account in the place of one, after everything that uses it was tested with the other.
//!
//! Three steps, each a verb: `check` tests and changes nothing, `replace` changes in one transaction what was checked and is
//! still as it was checked, `undo` gives back for a day what nobody has edited since.
pub mod check;
pub mod find;
pub mod replace;
pub mod undo;

use crate::domain::{Actor, Error};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::flow::FlowKind;
use crate::model::role::Permission;
use crate::model::swap::{Side, SwapFlow};

/// It is an edit of many sources and destinations at once, and asks for what that asks for.
fn must(actor: &Actor) -> Result<(), Error> {
    actor.must(Permission::EditFlows)?;
    Ok(actor.must(Permission::UseAuthorizers)?)
}

/// `Shop (new), for 2 sources and 1 destination`
fn note(other: &Side, flows: &[&SwapFlow]) -> String {
    let count =
        |wanted: FlowKind, one: &str| match flows.iter().filter(|flow| flow.kind == wanted).count()
        {
            0 => None,
            1 => Some(format!("1 {one}")),
            number => Some(format!("{number} {one}s")),
        };
    let parts: Vec<String> =
        [count(FlowKind::Source, "source"), count(FlowKind::Destination, "destination")]
            .into_iter()
            .flatten()
            .collect();
    if parts.is_empty() {
        other.name.clone()
    } else {
        format!("{}, for {}", other.name, parts.join(" and "))
    }
}

/// A line of the history of one of the two accounts; of a deleted one there is none.
fn event(verb: &'static str, side: &Side, note: String) -> Option<NewActivity> {
    let id = side.id.as_ref()?;
    Some(NewActivity {
        verb,
        subject_kind: SubjectKind::Authorizer,
        subject_id: id.to_string(),
        subject_name: side.name.clone(),
        note,
    })
}

/// A line of the history of a source or destination.
fn flow_event(flow: &SwapFlow, account: &str) -> NewActivity {
    NewActivity {
        verb: "edited",
        subject_kind: super::flows::subject(flow.kind),
        subject_id: flow.id.clone(),
        subject_name: flow.name.clone(),
        note: format!("account, now {account}"),
    }
}
