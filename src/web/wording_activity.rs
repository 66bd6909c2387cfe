//! Words for what happened.
use crate::model::activity::SubjectKind;

/// The verbs that are written, as the Activity page calls them and in the order of its filter.
pub const VERBS: &[(&str, &str)] = &[
    ("authorized", "Authorized"),
    ("reauthorized", "Reauthorized"),
    ("switched", "Switched to another account"),
    ("tested", "Tested"),
    ("created", "Created"),
    ("edited", "Edited"),
    ("revoked", "Revoked"),
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
    ("signed_in", "Signed in"),
    ("signed_out", "Signed out"),
    ("signed_out_everywhere", "Signed out everywhere"),
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
