//! Every URL of the app. Handlers and templates link by these alone.
use std::fmt::Display;

use crate::model::flow::FlowKind;

macro_rules! paths {
    ($($name:ident => $path:literal;)+) => {$(
        pub fn $name() -> &'static str { $path }
    )+};
}

macro_rules! paths_of {
    ($($name:ident => $before:literal, $after:literal;)+) => {$(
        pub fn $name(id: impl Display) -> String { format!(concat!($before, "{}", $after), id) }
    )+};
}

paths! {
    home => "/";
    set_up => "/set-up";
    sign_in => "/sign-in";
    sign_out => "/sign-out";
    account => "/account";
    change_email => "/account/email";
    change_password => "/account/password";
    end_sessions => "/account/sessions";
    account_notices => "/account/notices";
    members => "/members";
    new_member => "/members/new";
    requests => "/requests";
    new_request => "/requests/new";
    activity => "/activity";
    authorizers => "/authorizers";
    forecast => "/forecast";
    make_calendar => "/forecast/calendar";
    stop_calendar => "/forecast/calendar/stop";
    new_authorizer => "/authorizers/new";
    queue => "/authorizers/queue";
    oauth_callback => "/oauth/callback";
    oauth_apps => "/oauth-apps";
    webhooks => "/webhooks";
    new_webhook => "/webhooks/new";
    test_mail => "/webhooks/test-mail";
    sources => "/sources";
    new_source => "/sources/new";
    destinations => "/destinations";
    new_destination => "/destinations/new";
    services => "/services";
    installation => "/installation";
}

paths_of! {
    invitation => "/invitations/", "";
    calendar => "/calendar/", ".ics";
    member => "/members/", "";
    change_role => "/members/", "/role";
    new_link => "/members/", "/link";
    sign_out_member => "/members/", "/sign-out";
    deactivate_member => "/members/", "/deactivate";
    activate_member => "/members/", "/activate";
    request => "/requests/", "";
    authorizer => "/authorizers/", "";
    edit_authorizer => "/authorizers/", "/edit";
    reauthorize => "/authorizers/", "/reauthorize";
    test_authorizer => "/authorizers/", "/test";
    revoke => "/authorizers/", "/revoke";
    receipt => "/authorizers/", "/receipt";
    delete_authorizer => "/authorizers/", "/delete";
    replace => "/authorizers/", "/replace";
    swap => "/swaps/", "";
    undo_swap => "/swaps/", "/undo";
    set_up_authorizer => "/authorizers/new/", "";
    test => "/tests/", "";
    attempt => "/oauth/attempts/", "";
    try_again => "/oauth/attempts/", "/again";
    other_account => "/oauth/attempts/", "/other-account";
    oauth_app => "/oauth-apps/", "";
    new_oauth_app => "/oauth-apps/new/", "";
    delete_oauth_app => "/oauth-apps/", "/delete";
    confirm_hosts => "/services/", "/hosts";
    webhook => "/webhooks/", "";
    edit_webhook => "/webhooks/", "/edit";
    test_webhook => "/webhooks/", "/test";
    renew_webhook_secret => "/webhooks/", "/secret";
    delete_webhook => "/webhooks/", "/delete";
    guide => "/guides/", "";
    source => "/sources/", "";
    destination => "/destinations/", "";
    set_up_source => "/sources/new/", "";
    set_up_destination => "/destinations/new/", "";
}

/// Everything that happened to one thing.
pub fn activity_of(kind: impl Display, id: impl Display) -> String {
    format!("/activity?kind={kind}&subject={id}")
}

/// The page that replaces `from`, with the account chosen that is to take over.
pub fn replace_by(from: impl Display, to: impl Display) -> String {
    format!("{}?with={to}", replace(from))
}

/// A line of a webhook's log, once more.
pub fn send_again(webhook: impl Display, delivery: impl Display) -> String {
    format!("/webhooks/{webhook}/deliveries/{delivery}/again")
}

/// A source or destination.
pub fn flow(kind: FlowKind, id: impl Display) -> String {
    match kind {
        FlowKind::Source => source(id),
        FlowKind::Destination => destination(id),
    }
}

pub fn edit_flow(kind: FlowKind, id: impl Display) -> String {
    format!("{}/edit", flow(kind, id))
}

pub fn delete_flow(kind: FlowKind, id: impl Display) -> String {
    format!("{}/delete", flow(kind, id))
}

/// Forgets an unfinished form.
pub fn discard_draft(kind: FlowKind, id: impl Display) -> String {
    let list = match kind {
        FlowKind::Source => sources(),
        FlowKind::Destination => destinations(),
    };
    format!("{list}/drafts/{id}/discard")
}

pub fn test_flow(kind: FlowKind, id: impl Display) -> String {
    format!("{}/test", flow(kind, id))
}

/// The form: of what is edited, else of a new one.
pub fn flow_form(kind: FlowKind, service: impl Display, target: Option<&str>) -> String {
    match (target, kind) {
        (Some(id), kind) => edit_flow(kind, id),
        (None, FlowKind::Source) => set_up_source(service),
        (None, FlowKind::Destination) => set_up_destination(service),
    }
}

/// One way to authorize of a service that has several.
pub fn way(service: impl Display, auth: impl Display) -> String {
    format!("/authorizers/new/{service}?way={auth}")
}

/// The form that a draft belongs to, with the draft; further parameters may follow. A draft of an account has no such form.
pub fn draft(draft: &crate::model::draft::Draft) -> Option<String> {
    use crate::model::draft::DraftKind;
    let (list, form) = match draft.kind {
        DraftKind::Source => ("/sources", format!("/sources/new/{}", draft.service_id)),
        DraftKind::Destination => {
            ("/destinations", format!("/destinations/new/{}", draft.service_id))
        }
        DraftKind::Authorizer => return None,
    };
    // A form that changes something that is there goes back to that.
    let target = draft.values.get(DRAFT_TARGET).map(|id| format!("{list}/{}/edit", id.expose()));
    Some(format!("{}?draft={}", target.unwrap_or(form), draft.id))
}

/// The key under which a draft keeps the id of the source or destination that is being edited.
pub const DRAFT_TARGET: &str = "target";

/// The page to come back to after signing in, if it is one of ours: never another host.
pub fn local(back: &str) -> Option<&str> {
    let is_local = back.starts_with('/')
        && !back.starts_with("//")
        && !back.contains('\\')
        && !back.chars().any(char::is_control);
    Some(back).filter(|_| is_local)
}

/// Pages for those who are not signed in.
pub fn is_public(path: &str) -> bool {
    [sign_in(), set_up()].contains(&path) || path.starts_with("/invitations/")
}

/// Paths whose next part is a secret.
const SECRET_PATHS: [&str; 2] = ["invitations", "calendar"];
/// No id is longer; a secret in an address is.
const MAX_LOGGED_PART: usize = 36;

/// A path as it may stand in a log. Some carry a secret, and whoever calls decides how the address is
/// written: `/%69nvitations/…`, `//invitations/…`.
pub fn loggable(path: &str) -> String {
    let mut is_secret = false;
    let parts = path.split('/').map(|part| {
        let plain = decode(part);
        if is_secret || plain.chars().count() > MAX_LOGGED_PART {
            return "…".to_owned();
        }
        is_secret = SECRET_PATHS.iter().any(|secret| plain.eq_ignore_ascii_case(secret));
        plain.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    });
    parts.collect::<Vec<String>>().join("/")
}

/// Decodes `%69`, however often it was encoded.
fn decode(part: &str) -> String {
    let mut plain = part.to_owned();
    for _ in 0..MAX_LOGGED_PART {
        let pair = format!("={}", plain.replace('+', "%2B").replace('&', "%26"));
        let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
        let decoded = decoded.map(|(_, value)| value.into_owned()).unwrap_or_default();
        if decoded == plain {
            break;
        }
        plain = decoded;
    }
    plain
}

/// The sign-in page that leads back.
pub fn sign_in_to(back: &str) -> String {
    let back: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
    format!("/sign-in?back={back}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_path_brings_its_secret_into_the_log() {
        let secret = "q8Hk2v9sJm4Lx7Rt1Yw6Zb3Nc5Pd0Qf8Gh2Jk4Lm6Nx";
        for path in [
            format!("/invitations/{secret}"),
            format!("/%69nvitations/{secret}"),
            format!("/%2569nvitations/{secret}"),
            format!("//invitations//{secret}"),
            format!("/INVITATIONS/{secret}"),
            format!("/invitations%2F{secret}"),
            format!("/calendar/{secret}.ics"),
            format!("/calendars/{secret}"),
            "/invitations/short".to_owned(),
        ] {
            let logged = loggable(&path);
            assert!(!logged.contains(secret) && !logged.contains("short"), "{logged}");
        }
        let plain = "/authorizers/01990000-0000-7000-8000-000000000000/edit";
        assert_eq!(loggable(plain), plain);
        assert_eq!(loggable("/a%0Ab"), "/a\u{fffd}b");
    }

    #[test]
    fn only_paths_of_this_app_lead_back() {
        assert_eq!(local("/sources?x=1"), Some("/sources?x=1"));
        for foreign in ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\nb"] {
            assert_eq!(local(foreign), None, "{foreign}");
        }
    }
}
