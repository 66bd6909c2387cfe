//! Words for what happened.
use crate::model::activity::{Activity, SubjectKind};
use crate::model::cause::Cause;
use crate::model::revocation::RevocationOutcome;
use crate::model::time::Moment;

use super::{wording, wording_revocation};

/// The verbs that are written, as the Activity page calls them and in the order of its filter.
pub const VERBS: &[(&str, &str)] = &[
    ("authorized", "Authorized"),
    ("reauthorized", "Reauthorized"),
    ("switched", "Switched to another account"),
    ("old_grant_revoked", "Revoked the previous access"),
    ("old_grant_left", "Left the previous access active"),
    ("declined_grant_revoked", "Revoked a declined sign-in"),
    ("declined_grant_left", "Left a declined sign-in active"),
    ("unfinished_grant_revoked", "Revoked an unfinished sign-in"),
    ("unfinished_grant_left", "Left an unfinished sign-in active"),
    ("deleted_grant_revoked", "Revoked access after deleting"),
    ("deleted_grant_left", "Left access active after deleting"),
    ("tested", "Tested"),
    ("refreshed", "Token renewed"),
    ("failed", "Stopped working"),
    ("recovered", "Works again"),
    ("used_by", "Came into use by"),
    ("let_go", "No longer used by"),
    ("replaced", "Gave its place to"),
    ("took_over", "Took the place of"),
    ("swap_undone", "Replacement undone"),
    ("created", "Created"),
    ("edited", "Edited"),
    ("revoked", "Revoked"),
    ("removed", "Removed the token here"),
    ("deleted", "Deleted"),
    ("secret_renewed", "Renewed a secret"),
    ("requested", "Asked for an account"),
    ("request_done", "Answered a request: done"),
    ("request_declined", "Declined a request"),
    ("set_up", "Set up"),
    ("invited", "Added a member"),
    ("joined", "Joined"),
    ("link_made", "Made a one-time link"),
    ("role_changed", "Changed a role"),
    ("deactivated", "Deactivated"),
    ("activated", "Reactivated"),
    ("password_changed", "Changed a password"),
    ("confirmed", "Confirmed"),
    ("hosts_confirmed", "Confirmed the hosts of a service"),
    ("signed_in", "Signed in"),
    ("signed_out", "Signed out"),
    ("signed_out_everywhere", "Signed out everywhere"),
    ("calendar_made", "Made a calendar's address"),
    ("calendar_stopped", "Stopped a calendar"),
];

/// A verb that is not known yet is shown as it is written.
pub fn verb(code: &str) -> String {
    let known = VERBS.iter().find(|(verb, _)| *verb == code).map(|(_, text)| (*text).to_owned());
    known.unwrap_or_else(|| {
        let mut words = code.replace('_', " ");
        if let Some(first) = words.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        words
    })
}

/// What a line says beside its verb; codes of causes in words. `service` is the name of the service it is about.
pub fn note(verb: &str, note: &str, service: &str) -> String {
    let cause = Cause::from_code(note).filter(|_| matches!(verb, "tested" | "failed"));
    let is_of_revocation = matches!(verb, "revoked" | "removed") || verb.contains("_grant_");
    let outcome = RevocationOutcome::from_code(note).filter(|_| is_of_revocation);
    match (cause, outcome) {
        (Some(cause), _) => upper(&wording::cause(cause, service).title),
        (None, Some(outcome)) => upper(&wording_revocation::note(outcome, service)),
        (None, None) => note.to_owned(),
    }
}

fn upper(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// In the middle of a sentence; a name stays as it is.
pub fn lower(text: &str) -> String {
    match text.strip_prefix("The ").or_else(|| text.strip_prefix("A ")) {
        Some(_) => {
            text.chars().take(1).flat_map(char::to_lowercase).chain(text.chars().skip(1)).collect()
        }
        None => text.to_owned(),
    }
}

/// `24 times, last 2 h ago`
pub fn times(line: &Activity, now: Moment) -> Option<String> {
    let last = line.last_at.map(|last| format!(", last {}", wording::ago(last, now)));
    (line.times > 1).then(|| format!("{} times{}", line.times, last.unwrap_or_default()))
}

pub fn kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Authorizer => "Authorizer",
        SubjectKind::OAuthApp => "OAuth app",
        SubjectKind::Source => "Source",
        SubjectKind::Destination => "Destination",
        SubjectKind::Member => "Member",
        SubjectKind::Account => "Account of a member",
        SubjectKind::Request => "Request",
        SubjectKind::Webhook => "Webhook",
        SubjectKind::System => "Installation",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_verb_is_still_read() {
        assert_eq!(verb("tested"), "Tested");
        assert_eq!(verb("token_refreshed"), "Token refreshed");
    }
}
