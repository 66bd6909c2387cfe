//! Words for ends: what ends, how we know, what stops then.
use crate::model::authorizer::EndKind;
use crate::model::ending::{EndReason, Ending};
use crate::model::time::Moment;

use super::wording::{date, in_days};

pub fn end_kind(kind: EndKind) -> &'static str {
    match kind {
        EndKind::Known => "Known",
        EndKind::Estimated => "Estimated",
        EndKind::Unknown => "Not known",
    }
}

/// On an authorizer's own page: when it ends, how we know, and what renewing keeps away.
pub fn end_of(ending: &Ending, service: &str, now: Moment) -> String {
    let Some(end) = ending.at else { return endless(ending, service) };
    let when = |verb: &str| format!("{verb} on {}, {}", date(end), in_days(end, now));
    if end <= now {
        return format!("{} on {}.", ended(ending.reason), date(end));
    }
    let given = ending.consented_at.map_or_else(String::new, |at| format!(" given on {}", date(at)));
    match (ending.reason, ending.kind) {
        (Some(EndReason::Consent), EndKind::Estimated) => format!(
            "The consent{given} {}: estimated from {service}'s documentation.",
            when("probably ends").replacen(" on ", " around ", 1)
        ),
        (Some(EndReason::Consent), _) => {
            format!("The consent{given} {}. After that {service} wants a person to sign in again.", when("ends"))
        }
        (Some(EndReason::Answer), _) => format!("{}, from {service}'s answer.", when("The access ends")),
        (Some(EndReason::Token), _) => {
            format!("{}: {service} gave nothing to renew it with.", when("The access token ends"))
        }
        (Some(EndReason::Certificate), EndKind::Estimated) => {
            format!("{}; which of them is in use is not known.", when("The last of the uploaded certificates ends"))
        }
        (Some(EndReason::Certificate), _) => format!("{}.", when("The uploaded certificate ends")),
        (Some(EndReason::Idle), _) => {
            format!("{service} ends the access around {}, {}, if it lies unused: estimated.", date(end), in_days(end, now))
        }
        (None, EndKind::Known) => format!("{service} ends the access on {}, {}.", date(end), in_days(end, now)),
        (None, _) => format!("{service} probably ends the access around {}, {}.", date(end), in_days(end, now)),
    }
}

fn ended(reason: Option<EndReason>) -> &'static str {
    match reason {
        Some(EndReason::Consent) => "The consent ended",
        Some(EndReason::Certificate) => "The uploaded certificate ended",
        Some(EndReason::Token) => "The access token ended",
        Some(EndReason::Answer | EndReason::Idle) | None => "The access ended",
    }
}

fn endless(ending: &Ending, service: &str) -> String {
    match ending.idle_at {
        Some(idle) => {
            format!(
                "No end is in sight: it is renewed by itself. If nobody renewed it any more, it would end around {}.",
                date(idle)
            )
        }
        None => format!("{service} names no end. It lasts until the password or key changes, or the access is withdrawn."),
    }
}
