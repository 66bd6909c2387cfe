//! Words for ends: what ends, how we know, what stops then.
use crate::domain::authorizers::forecast::Span;
use crate::model::authorizer::EndKind;
use crate::model::ending::{EndReason, Ending, EndingRow, Stops};
use crate::model::flow::FlowKind;
use crate::model::time::Moment;

use super::wording::{date, in_days};

/// Over a group of the forecast.
pub fn span(span: Span) -> &'static str {
    match span {
        Span::Ended => "Already ended",
        Span::Week => "Within 7 days",
        Span::Month => "Within 30 days",
        Span::Quarter => "Within 90 days",
        Span::Year => "Later this year",
        Span::Later => "Later",
    }
}

pub fn end_kind(kind: EndKind) -> &'static str {
    match kind {
        EndKind::Known => "Known",
        EndKind::Estimated => "Estimated",
        EndKind::Unknown => "Not known",
    }
}

/// What ends and how we know: one sentence of a list.
pub fn end_row(row: &EndingRow, service: &str) -> String {
    match (row.reason, row.kind) {
        (Some(EndReason::Consent), EndKind::Estimated) => {
            format!("The consent ends; estimated from {service}'s documentation.")
        }
        (Some(EndReason::Consent), _) => format!("The consent ends, as {service} documents."),
        (Some(EndReason::Answer), _) => format!("The grant ends, by {service}'s own answer."),
        (Some(EndReason::Token), _) => {
            "The access token ends, and nothing came to renew it with.".to_owned()
        }
        (Some(EndReason::Certificate), EndKind::Estimated) => {
            "The last of the uploaded certificates ends.".to_owned()
        }
        (Some(EndReason::Certificate), _) => "The uploaded certificate ends.".to_owned(),
        (Some(EndReason::Idle), _) => {
            "It ends when it lies unused for so long; estimated.".to_owned()
        }
        (None, EndKind::Known) => "The access ends.".to_owned(),
        (None, _) => "The access ends; estimated.".to_owned(),
    }
}

/// Behind the name, in a calendar.
pub fn must(row: &EndingRow) -> &'static str {
    match row.reason {
        Some(EndReason::Certificate) => "needs a new certificate",
        _ => "must be reauthorized",
    }
}

/// `Orders, Shop funnel and 3 more`; `None` if nothing stops.
pub fn stops(stops: &Stops) -> Option<String> {
    let names: Vec<String> = stops
        .named
        .iter()
        .map(|(kind, _, name)| match kind {
            FlowKind::Source => format!("source {name}"),
            FlowKind::Destination => format!("destination {name}"),
        })
        .collect();
    let more = stops.total - i64::try_from(names.len()).unwrap_or(0);
    match (names.as_slice(), more) {
        ([], _) => None,
        (names, 1..) => Some(format!("{} and {more} more", names.join(", "))),
        ([one], _) => Some(one.clone()),
        ([all @ .., last], _) => Some(format!("{} and {last}", all.join(", "))),
    }
}

/// On an authorizer's own page: when it ends, how we know, and what renewing keeps away.
/// `is_renewed` is false while it does not work: then nobody keeps the end away.
pub fn end_of((ending, is_renewed): (&Ending, bool), service: &str, now: Moment) -> String {
    let Some(end) = ending.at else {
        return endless(ending, is_renewed, service);
    };
    let when = |verb: &str| format!("{verb} on {}, {}", date(end), in_days(end, now));
    if end <= now {
        return format!("{} on {}.", ended(ending.reason), date(end));
    }
    let given =
        ending.consented_at.map_or_else(String::new, |at| format!(" given on {}", date(at)));
    match (ending.reason, ending.kind) {
        (Some(EndReason::Consent), EndKind::Estimated) => format!(
            "The consent{given} {}: estimated from {service}'s documentation.",
            when("probably ends").replacen(" on ", " around ", 1)
        ),
        (Some(EndReason::Consent), _) => {
            format!(
                "The consent{given} {}. After that {service} wants a person to sign in again.",
                when("ends")
            )
        }
        (Some(EndReason::Answer), _) => {
            format!("{}, from {service}'s answer.", when("The access ends"))
        }
        (Some(EndReason::Token), _) => {
            format!("{}: {service} gave nothing to renew it with.", when("The access token ends"))
        }
        (Some(EndReason::Certificate), EndKind::Estimated) => {
            format!(
                "{}; which of them is in use is not known.",
                when("The last of the uploaded certificates ends")
            )
        }
        (Some(EndReason::Certificate), _) => format!("{}.", when("The uploaded certificate ends")),
        (Some(EndReason::Idle), _) => {
            format!(
                "{service} ends the access around {}, {}, if it lies unused: estimated.",
                date(end),
                in_days(end, now)
            )
        }
        (None, EndKind::Known) => {
            format!("{service} ends the access on {}, {}.", date(end), in_days(end, now))
        }
        (None, _) => format!(
            "{service} probably ends the access around {}, {}.",
            date(end),
            in_days(end, now)
        ),
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

fn endless(ending: &Ending, is_renewed: bool, service: &str) -> String {
    match ending.idle_at {
        Some(idle) if !is_renewed => {
            format!("It is not renewed just now. If that lasts, it ends around {}.", date(idle))
        }
        Some(idle) => {
            format!(
                "No end is in sight: it is renewed by itself. If nobody renewed it any more, it would end around {}.",
                date(idle)
            )
        }
        None => format!(
            "{service} names no end. It lasts until the password or key changes, or the access is withdrawn."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str], total: i64) -> Stops {
        Stops {
            named: names
                .iter()
                .map(|name| (FlowKind::Source, String::new(), (*name).to_owned()))
                .collect(),
            total,
        }
    }

    #[test]
    fn what_stops_is_named_and_the_rest_is_counted() {
        assert_eq!(stops(&named(&[], 0)), None);
        assert_eq!(stops(&named(&["A"], 1)).unwrap(), "source A");
        assert_eq!(stops(&named(&["A", "B", "C"], 3)).unwrap(), "source A, source B and source C");
        assert_eq!(
            stops(&named(&["A", "B", "C"], 12)).unwrap(),
            "source A, source B, source C and 9 more"
        );
    }
}
