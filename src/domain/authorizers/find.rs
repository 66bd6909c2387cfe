//! One authorizer with what its page shows.
use crate::domain::{Actor, Ctx, Error};
use crate::model::activity::{Activity, SubjectKind};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::ending::Ending;
use crate::model::flow::FlowKind;
use crate::model::ids::AuthorizerId;
use crate::model::need::Needs;
use crate::model::page::{Cursor, Page};
use crate::model::revocation::Revocation;
use crate::model::role::Permission;
use crate::model::test_run::TestRun;
use crate::model::time::Moment;
use crate::model::values::Values;
use crate::store;

use super::{account, needs, revoke, service_file};

/// A source or destination that depends on an authorizer.
pub type Dependent = (FlowKind, String, String);

pub struct Details {
    pub authorizer: Authorizer,
    pub used_by: Vec<Dependent>,
    pub tests: Vec<TestRun>,
    /// What it must be allowed to do, and when that was looked at last.
    pub needs: (Vec<Needs>, Option<Moment>),
    pub activity: Page<Activity>,
    pub ending: Ending,
    /// How its revocation stands; `None` while it is active.
    pub revocation: Option<Revocation>,
    /// The typed fields that are no secrets; `None` when they cannot be opened.
    pub fields: Option<Values>,
}

/// `history`: where the history begins.
pub async fn details(
    ctx: &Ctx,
    actor: &Actor,
    id: &AuthorizerId,
    history: Cursor,
) -> Result<Details, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let wanted = id.clone();
    let found = ctx
        .db
        .read(move |c| {
            let Some(authorizer) = store::authorizers::find(c, &wanted)? else {
                return Ok(None);
            };
            let flows = store::flows::dependents(c, &wanted)?;
            let tests = store::tests::list(c, &wanted)?;
            let subject = (SubjectKind::Authorizer, wanted.to_string());
            let filter = store::activity::Filter { subject: Some(subject), ..Default::default() };
            let activity = store::activity::list(c, &filter, &history)?;
            let ending = store::authorizers::ending(c, &wanted)?.unwrap_or_else(Ending::unknown);
            let bound = store::bindings::find_all(c, std::slice::from_ref(&wanted))?;
            Ok::<_, store::StoreError>(Some((authorizer, ending, flows, tests, activity, bound)))
        })
        .await?;
    let (mut authorizer, ending, flows, tests, activity, bound) = found.ok_or(Error::NotFound)?;
    service_file::derive(ctx, &mut authorizer, bound.get(id));
    let service = ctx.catalog.get(authorizer.service_id.as_str());
    let needs = needs::known(service, &authorizer, (&flows, &tests));
    let used_by = flows.into_iter().map(|flow| (flow.kind, flow.id, flow.name)).collect();
    let fields = plain_fields(ctx, id).await;
    let revocation = match authorizer.lifecycle {
        Lifecycle::Draft | Lifecycle::Active => None,
        Lifecycle::Revoking | Lifecycle::Revoked => {
            Some(revoke::find_revocation(ctx, &authorizer).await?)
        }
    };
    Ok(Details { authorizer, ending, revocation, used_by, tests, needs, activity, fields })
}

/// The authorizer as everybody sees it: broken, if its service file does not fit it.
pub async fn authorizer(ctx: &Ctx, id: &AuthorizerId) -> Result<Authorizer, Error> {
    let wanted = id.clone();
    let found = ctx.db.read(move |c| {
        let bound = store::bindings::find_all(c, std::slice::from_ref(&wanted))?;
        Ok::<_, store::StoreError>((store::authorizers::find(c, &wanted)?, bound))
    });
    let (row, bound) = found.await?;
    let mut row = row.ok_or(Error::NotFound)?;
    service_file::derive(ctx, &mut row, bound.get(id));
    Ok(row)
}

/// The authorizer as it is stored.
pub(super) async fn stored(ctx: &Ctx, id: &AuthorizerId) -> Result<Authorizer, Error> {
    let wanted = id.clone();
    ctx.db.read(move |c| store::authorizers::find(c, &wanted)).await?.ok_or(Error::NotFound)
}

pub async fn used_by(ctx: &Ctx, id: &AuthorizerId) -> Result<Vec<Dependent>, Error> {
    let wanted = id.clone();
    Ok(ctx.db.read(move |c| store::authorizers::used_by(c, &wanted)).await?)
}

/// Stored values of fields that are not secret, for forms and facts. A locked row has none: the page still works.
pub async fn plain_fields(ctx: &Ctx, id: &AuthorizerId) -> Option<Values> {
    let open = account::open_for_editing(ctx, id).await.ok()?;
    let plain = open.auth.fields.iter().filter(|field| !field.secret);
    Some(
        plain
            .filter_map(|field| {
                Some((field.key.clone(), open.credentials.get(&field.key)?.to_owned()))
            })
            .collect(),
    )
}
