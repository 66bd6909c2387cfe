//! What a mail tells, before it is worded. `web` words it: a mail is a page that is posted, with links of the same app.
use crate::domain::{Ctx, Error, Site};
use crate::model::authorizer::{EndKind, Lifecycle};
use crate::model::cause::Cause;
use crate::model::flow::FlowKind;
use crate::model::ids::{AuthorizerId, OAuthAppId};
use crate::model::notice::{Notice, NoticeKind};
use crate::model::role::{Permission, Role};
use crate::model::time::Moment;
use crate::store::{self, AnyConnection, StoreError};

/// Where the cure is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    Reauthorize(AuthorizerId),
    Edit(AuthorizerId),
    Authorizer(AuthorizerId),
    OAuthApp(OAuthAppId),
}

/// One thing that is told.
#[derive(Clone, Debug)]
pub struct Item {
    pub kind: NoticeKind,
    /// The authorizer's name; empty for an OAuth app.
    pub name: String,
    pub service_name: String,
    pub cause: Option<Cause>,
    pub ends_at: Option<Moment>,
    /// Nobody but the service knows the end for certain.
    pub is_estimated: bool,
    /// Sources and destinations that stand still, or will.
    pub used_by: Vec<(FlowKind, String)>,
    pub link: Link,
    pub at: Moment,
}

/// All that one mail tells.
pub struct Letter {
    pub to_name: String,
    pub items: Vec<Item>,
    pub now: Moment,
}

pub struct Written {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Finds the words. The error is for the log.
pub trait Letters: Send + Sync {
    fn write(&self, site: &Site, letter: &Letter) -> Result<Written, String>;
    fn write_test(&self, site: &Site, to_name: &str) -> Result<Written, String>;
    /// The whole address of a page.
    fn address(&self, site: &Site, link: &Link) -> String;
}

/// What was noticed, with what depends on it as of now.
pub struct Found {
    notice: Notice,
    used_by: Vec<(FlowKind, String)>,
    end_kind: Option<EndKind>,
}

/// `None` for what is over: what it was about is gone or revoked, or its end has moved.
pub fn find(c: &mut AnyConnection, notice: Notice) -> Result<Option<Found>, StoreError> {
    if notice.is_void() {
        return Ok(None);
    }
    let Some(id) = &notice.authorizer_id else {
        return Ok(Some(Found { notice, used_by: Vec::new(), end_kind: None }));
    };
    let used_by = store::authorizers::used_by(c, id)?
        .into_iter()
        .map(|(kind, _, name)| (kind, name))
        .collect();
    let Some(authorizer) = store::authorizers::find(c, id)? else {
        return Ok(None);
    };
    let has_moved = notice.kind.days().is_some() && authorizer.ends_at != notice.ends_at;
    if authorizer.lifecycle != Lifecycle::Active || has_moved {
        return Ok(None);
    }
    Ok(Some(Found { notice, used_by, end_kind: Some(authorizer.end_kind) }))
}

/// As somebody of this role can act on it. `None`: the notice leads nowhere.
pub fn item(ctx: &Ctx, found: Found, role: Role) -> Option<Item> {
    let Found { notice, used_by, end_kind } = found;
    Some(Item {
        link: link(&notice, role)?,
        kind: notice.kind,
        service_name: service_name(ctx, &notice),
        name: notice.name,
        cause: notice.cause,
        ends_at: notice.ends_at,
        is_estimated: end_kind != Some(EndKind::Known),
        used_by,
        at: notice.created_at,
    })
}

/// What people call the service, also when its file is gone.
pub fn service_name(ctx: &Ctx, notice: &Notice) -> String {
    ctx.catalog
        .get(notice.service_id.as_str())
        .map_or_else(|| notice.service_id.to_string(), |service| service.head.name.clone())
}

/// Straight to the cure, for those who may apply it.
pub fn link(notice: &Notice, role: Role) -> Option<Link> {
    if let Some(app) = &notice.oauth_app_id {
        return Some(Link::OAuthApp(app.clone()));
    }
    let id = notice.authorizer_id.clone()?;
    Some(match (notice.kind, notice.cause) {
        _ if !role.may(Permission::EditAuthorizers) => Link::Authorizer(id),
        (NoticeKind::Recovered, _) => Link::Authorizer(id),
        (NoticeKind::Broken, Some(cause)) if is_a_matter_of_fields(cause) => Link::Edit(id),
        _ => Link::Reauthorize(id),
    })
}

/// New consent or a new secret would not help: something else in the form is wrong.
fn is_a_matter_of_fields(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::TlsRequired
            | Cause::TlsUntrusted
            | Cause::TlsUnsupported
            | Cause::UnknownDatabase
            | Cause::UnknownAccount
            | Cause::UnknownObject
            | Cause::BlockedAddress
            | Cause::FieldsMissing
            | Cause::RequestRejected
    )
}

/// Writing fails only where a template does.
pub fn unwritten(error: &str) -> Error {
    tracing::error!(error, "a mail could not be worded");
    Error::WrongState("the mail could not be worded")
}
