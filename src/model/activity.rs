//! What happened: one line for everything that changes or tests something.
use super::ids::{ActivityId, ServiceId, UserId};
use super::time::Moment;

super::authorizer::coded!(SubjectKind {
    Authorizer = "authorizer",
    OAuthApp = "oauth_app",
    Source = "source",
    Destination = "destination",
    Member = "member",
    Account = "account",
    Request = "request",
    Webhook = "webhook",
    System = "system",
});

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    Authorizer,
    OAuthApp,
    Source,
    Destination,
    Member,
    Account,
    Request,
    Webhook,
    System,
}

/// Not yet stored. `verb` is a stable word: `authorized`, `tested`, `revoked`, `edited`, `created`, `deleted`, `signed_in` …
#[derive(Clone, Debug)]
pub struct NewActivity {
    pub verb: &'static str,
    pub subject_kind: SubjectKind,
    pub subject_id: String,
    pub subject_name: String,
    /// One safe sentence part: names of changed fields, a cause's code. Never a value that was secret.
    pub note: String,
}

#[derive(Clone, Debug)]
pub struct Activity {
    pub id: ActivityId,
    pub at: Moment,
    /// `None`: the app itself.
    pub actor_id: Option<UserId>,
    pub actor_name: String,
    pub verb: String,
    pub subject_kind: SubjectKind,
    pub subject_id: String,
    pub subject_name: String,
    pub note: String,
    /// How often; `at` is the first time.
    pub times: i64,
    pub last_at: Option<Moment>,
    /// The service that it is about, where nothing else says it.
    pub service_id: Option<ServiceId>,
}
