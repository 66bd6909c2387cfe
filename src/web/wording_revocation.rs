//! What became of a revocation, in words: one table for the receipt, the authorizer's page and activity.
use crate::model::revocation::{Revocation, RevocationOutcome};

/// `answer` is what the service said, for the list of facts.
pub struct RevocationWords {
    pub kind: &'static str,
    pub title: &'static str,
    pub text: String,
    pub answer: String,
}

/// How a revocation stands: the same words on the receipt and on the authorizer's page.
pub fn revocation(revocation: &Revocation, service: &str) -> RevocationWords {
    match (&revocation.pending, revocation.outcome) {
        (Some(_), outcome) => pending(outcome, service),
        (None, Some(outcome)) => ended(outcome, service),
        (None, None) => ended(RevocationOutcome::NotAsked, service),
    }
}

fn pending(last: Option<RevocationOutcome>, service: &str) -> RevocationWords {
    let still_works = last == Some(RevocationOutcome::StillWorks);
    let (text, answer) = if still_works {
        (
            format!(
                "Nothing here uses it any more. {service} says that it revoked the access, but the \
                 old token still works. We ask again automatically."
            ),
            format!("Revoked, according to {service}. The old token still works."),
        )
    } else if last.is_some() {
        (
            format!(
                "Nothing here uses it any more. {service} has not confirmed yet that the access is \
                 revoked. We ask again automatically."
            ),
            "None yet.".to_owned(),
        )
    } else {
        (
            format!(
                "Nothing here uses it any more. {service} is being asked to revoke the access."
            ),
            "It is being asked.".to_owned(),
        )
    };
    RevocationWords { kind: "warn", title: "Token is being revoked", text, answer }
}

fn ended(outcome: RevocationOutcome, service: &str) -> RevocationWords {
    let (kind, title) = match outcome {
        RevocationOutcome::Proved
        | RevocationOutcome::Unproved
        | RevocationOutcome::AccessOutlives => ("ok", "Token revoked"),
        RevocationOutcome::StillWorks => ("warn", "The token still works"),
        RevocationOutcome::NoEndpoint
        | RevocationOutcome::NotAsked
        | RevocationOutcome::Refused
        | RevocationOutcome::Unanswered
        | RevocationOutcome::KeptInUse
        | RevocationOutcome::NeverReceived => ("warn", "Removed here only"),
    };
    let (text, answer) = match outcome {
        RevocationOutcome::Proved => (
            "{} revoked the access, and the old token no longer works.",
            "Revoked. We then used the old token once, and it was refused.",
        ),
        RevocationOutcome::Unproved => (
            "{} says that it revoked the access. It could not be proved by a call.",
            "Revoked, according to {}.",
        ),
        RevocationOutcome::AccessOutlives => (
            "{} revoked the access and no longer renews it. The last access token works until it \
             expires.",
            "Revoked. Renewing the token was refused. The last access token still works.",
        ),
        RevocationOutcome::StillWorks => (
            "We deleted what we had stored. {} says that it revoked the access, but the old token \
             still works. Remove the access at {}.",
            "Revoked, according to {}. The old token still works.",
        ),
        RevocationOutcome::NoEndpoint => (
            "We deleted what we had stored. {} cannot be asked from here, so the access may still \
             be active there. Remove it or change the secret there.",
            "Not asked: {} offers no way.",
        ),
        RevocationOutcome::NotAsked => (
            "We deleted what we had stored. {} was not asked, so the access may still be active \
             there.",
            "Not asked: the stored token could not be read.",
        ),
        RevocationOutcome::Refused => (
            "We deleted what we had stored, but {} did not revoke the access. Remove it there.",
            "{} refused.",
        ),
        RevocationOutcome::Unanswered => (
            "We deleted what we had stored, but {} did not confirm that the access is revoked. \
             Remove it there.",
            "None, after the last try.",
        ),
        RevocationOutcome::KeptInUse => (
            "{} was not asked: revoking it would have ended access that is in use.",
            "Not asked: other access would have ended with it.",
        ),
        RevocationOutcome::NeverReceived => (
            "The answer of {} never reached us. If it lists an access, remove it there.",
            "It never reached us.",
        ),
    };
    let fill = |text: &str| text.replace("{}", service);
    RevocationWords { kind, title, text: fill(text), answer: fill(answer) }
}

/// What a line of activity says of it.
pub fn note(outcome: RevocationOutcome, service: &str) -> String {
    let note = match outcome {
        RevocationOutcome::Proved => "confirmed, and the old token no longer works",
        RevocationOutcome::Unproved => "confirmed by {}, not proved by a call",
        RevocationOutcome::AccessOutlives => {
            "confirmed; the last access token works until it expires"
        }
        RevocationOutcome::StillWorks => "{} confirmed it, but the old token still works",
        RevocationOutcome::NoEndpoint => "{} offers no way to revoke it from here",
        RevocationOutcome::NotAsked => "{} was not asked",
        RevocationOutcome::Refused => "{} refused",
        RevocationOutcome::Unanswered => "{} did not confirm it",
        RevocationOutcome::KeptInUse => "revoking it would end access that is in use",
        RevocationOutcome::NeverReceived => "the answer of {} never reached us",
    };
    note.replace("{}", service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_outcome_claims_more_than_was_seen() {
        for outcome in RevocationOutcome::ALL {
            let words = ended(*outcome, "Acme");
            assert_eq!(words.kind == "ok", outcome.is_ended(), "{outcome:?}");
            let claims = words.text.contains("no longer works");
            assert_eq!(claims, *outcome == RevocationOutcome::Proved, "{outcome:?}");
            assert!(!words.text.contains("{}") && !words.answer.contains("{}"));
            assert!(!note(*outcome, "Acme").ends_with('.'));
        }
    }
}
