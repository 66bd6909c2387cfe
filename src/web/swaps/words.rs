//! Words for swaps.
use crate::domain::swaps::find::Details;
use crate::domain::swaps::replace::Outcome;
use crate::domain::swaps::undo::Undone;
use crate::model::flow::FlowKind;
use crate::model::swap::{FlowState, SwapFlow, SwapState};
use crate::model::time::Moment;
use crate::web::wording;

/// What stands at the top of the page.
pub struct Hero {
    pub kind: &'static str,
    pub icon: &'static str,
    pub title: String,
    pub text: String,
}

fn hero_of(
    kind: &'static str,
    icon: &'static str,
    title: impl Into<String>,
    text: impl Into<String>,
) -> Hero {
    Hero { kind, icon, title: title.into(), text: text.into() }
}

pub fn hero(details: &Details, now: Moment) -> Hero {
    let swap = &details.swap;
    let (from, to) = (&swap.from.name, &swap.to.name);
    match swap.state {
        SwapState::Checking if details.is_lost => hero_of(
            "warn",
            "clock-exclamation",
            "The tests were cut off",
            "The app was stopped in the middle of them. Nothing was changed. Test again.",
        ),
        SwapState::Checking => {
            let done = details.flows.iter().filter(|flow| flow.state != FlowState::Waiting).count();
            let text = "Each source is read and each destination proves its right to write. This page follows by itself.";
            hero_of(
                "info",
                "refresh",
                format!("{done} of {} tested with {to}", details.flows.len()),
                text,
            )
        }
        SwapState::Checked if details.to.is_none() || details.from.is_none() => hero_of(
            "warn",
            "alert-triangle",
            "One of the accounts was deleted",
            "There is nothing left to replace.",
        ),
        SwapState::Checked if swap.is_stale(now) => hero_of(
            "info",
            "hourglass",
            "These results are old",
            "They are of more than 15 minutes ago. Test again before you replace anything.",
        ),
        SwapState::Checked => checked(details),
        SwapState::Replaced => {
            let text = match swap.way_back(now) {
                Some(until) => format!("It can be undone until {}.", wording::full(until)),
                None => "The day in which it could be undone is over.".to_owned(),
            };
            hero_of("ok", "circle-check", format!("{to} has taken the place of {from}"), text)
        }
        SwapState::Undone => hero_of(
            "info",
            "arrow-back-up",
            "Undone",
            format!("What was not edited in between uses {from} again."),
        ),
    }
}

fn checked(details: &Details) -> Hero {
    let (from, to) = (&details.swap.from.name, &details.swap.to.name);
    let all = details.flows.len();
    let passed = details.flows.iter().filter(|flow| flow.state == FlowState::Passed).count();
    if passed == all {
        let title = if all == 1 {
            format!("It works with {to}")
        } else {
            format!("All {all} work with {to}")
        };
        return hero_of(
            "ok",
            "circle-check",
            title,
            format!("Nothing has been changed yet: they still use {from}."),
        );
    }
    let text = format!(
        "Nothing has been changed yet: they still use {from}. See below what is wrong, or replace it only where it works."
    );
    if passed == 0 {
        let text =
            format!("Nothing has been changed: they still use {from}. See below what is wrong.");
        return hero_of("bad", "alert-octagon", format!("None of them works with {to}"), text);
    }
    hero_of("warn", "alert-triangle", format!("{passed} of {all} work with {to}"), text)
}

/// `Source · uses the new account now`
pub fn verdict(flow: &SwapFlow, state: SwapState) -> String {
    let kind = match flow.kind {
        FlowKind::Source => "Source",
        FlowKind::Destination => "Destination",
    };
    let what = match (state, flow.replaced_version, flow.state) {
        (SwapState::Replaced | SwapState::Undone, Some(_), _) => "uses the new account",
        (SwapState::Replaced, None, _) => "keeps the old account",
        (SwapState::Undone, None, _) => "uses the old account",
        (_, _, FlowState::Waiting) => "waits",
        (_, _, FlowState::Passed) => "works",
        (_, _, FlowState::Failed) => "does not work",
    };
    format!("{kind} · {what}")
}

/// What its test showed.
pub fn passed(flow: &SwapFlow) -> String {
    let read = flow.steps.first().map(|step| step.what.clone()).unwrap_or_default();
    match (flow.state, flow.kind) {
        (FlowState::Passed, FlowKind::Source) => format!("Test data: {read}."),
        (FlowState::Passed, FlowKind::Destination) => {
            "Test write: it may write there, and nothing was left behind.".to_owned()
        }
        _ => String::new(),
    }
}

pub fn replaced(number: usize) -> String {
    match number {
        1 => "Replaced in one place.".to_owned(),
        number => format!("Replaced in {number} places."),
    }
}

pub fn refused(outcome: &Outcome) -> String {
    let why = match outcome {
        Outcome::Replaced(_) => return String::new(),
        Outcome::Stale => "the results are too old",
        Outcome::AccountChanged => {
            "the account that is to take over was changed since it was tested"
        }
        Outcome::FlowChanged(name) => {
            return format!(
                "Nothing was replaced: {name} was changed since it was tested. Test again."
            );
        }
        Outcome::Nothing => "none of them is left that could be replaced",
    };
    format!("Nothing was replaced: {why}. Test again.")
}

pub fn undone(undone: &Undone) -> String {
    let restored = match undone.restored {
        0 => "Nothing was changed back.".to_owned(),
        1 => "Undone: one has its old account again.".to_owned(),
        number => format!("Undone: {number} have their old account again."),
    };
    if undone.left.is_empty() {
        return restored;
    }
    format!(
        "{restored} Left as they are, because they were edited or deleted since: {}.",
        undone.left.join(", ")
    )
}
