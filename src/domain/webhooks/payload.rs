//! What a webhook is told, as JSON: ids and names, the cause, where the cure is. Never a secret, never a service's answer.
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::Ctx;
use crate::domain::notices::letter;
use crate::model::cause::Cause;
use crate::model::notice::{Notice, NoticeKind};
use crate::model::role::Role;
use crate::model::time::Moment;

/// The `type` of a message; stable.
pub fn kind(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Broken => "authorizer.broken",
        NoticeKind::Recovered => "authorizer.recovered",
        NoticeKind::Due30 | NoticeKind::Due7 | NoticeKind::Due1 => "authorizer.due",
        NoticeKind::AppRejected => "oauth_app.rejected",
        NoticeKind::Test => "test",
    }
}

pub fn of(ctx: &Ctx, notice: &Notice) -> String {
    // As an owner sees it: who reads it is not known.
    let link = letter::link(notice, Role::Owner).map(|link| ctx.letters.address(&ctx.site, &link));
    let service =
        json!({ "id": notice.service_id.as_str(), "name": letter::service_name(ctx, notice) });
    let data = match (&notice.authorizer_id, &notice.oauth_app_id) {
        (Some(id), _) => json!({
            "authorizer": { "id": id.as_str(), "name": notice.name },
            "service": service,
            "cause": notice.cause.map(Cause::code),
            "days": notice.kind.days(),
            "ends_at": notice.ends_at.map(machine),
            "link": link,
        }),
        (None, Some(id)) => json!({
            "oauth_app": { "id": id.as_str() },
            "service": service,
            "cause": notice.cause.map(Cause::code),
            "link": link,
        }),
        (None, None) => json!({ "message": "This is a test from Authorizers." }),
    };
    let body: Value =
        json!({ "type": kind(notice.kind), "timestamp": machine(notice.created_at), "data": data });
    body.to_string()
}

fn machine(at: Moment) -> String {
    Timestamp::from_microsecond(at.micros()).map(|at| at.to_string()).unwrap_or_default()
}
