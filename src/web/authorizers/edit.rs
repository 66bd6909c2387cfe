//! *Edit*: the name of any authorizer; the fields of one by credentials. Reauthorizing by credentials is the same form.
use actix_session::Session;
use actix_web::web;

use super::form::{self, AccountPage, Other, Start};
use super::set_up::Wrong;
use crate::domain::authorizers::account::{EditableAccount, open_for_editing};
use crate::domain::authorizers::edit::{self, Edit, Edited};
use crate::domain::authorizers::enter_credentials::{self, Entered, NewCredentials};
use crate::domain::authorizers::find;
use crate::domain::drafts::Typed;
use crate::domain::{Ctx, Error, drafts};
use crate::model::ids::{AuthorizerId, DraftId};
use crate::model::problems::Problems;
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::page::{self, PageResult};
use crate::web::ui::Crumbs;
use crate::web::versions::{Difference, differing};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

/// Ends the action of a button that does not test.
const UNTESTED: &str = "_untested";

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    draw(&ctx, &visitor, &AuthorizerId::from(id.as_str()), false).await
}

/// The key icon of an authorizer by credentials leads here.
pub(super) async fn draw(
    ctx: &Ctx,
    visitor: &Visitor,
    id: &AuthorizerId,
    is_reauthorizing: bool,
) -> PageResult {
    visitor.must(Permission::EditAuthorizers)?;
    let account = open_for_editing(ctx, id).await?;
    let typed: Typed = account.credentials.values.clone();
    let problems = Problems::new();
    let name = account.authorizer.name.clone();
    let page = page_of(visitor, &account, (name, &typed), &problems, is_reauthorizing);
    page::ok(&page)
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    Protected(raw): Protected<RawForm>,
) -> PageResult {
    visitor.must(Permission::EditAuthorizers)?;
    let id = AuthorizerId::from(id.as_str());
    let account = open_for_editing(&ctx, &id).await?;
    let version = raw.text("version").parse().map_err(|_| PageError::BadForm)?;
    let name = raw.text("name").to_owned();
    if account.auth.oauth2.is_some() {
        return match edit::rename(&ctx, &visitor.actor, &id, version, &name).await {
            Ok(()) => done(&session, &id, "Saved."),
            Err(error) => {
                again(&ctx, &visitor, &account, (name, Typed::new(), None), Again::of(error)?).await
            }
        };
    }
    let (service, auth) = (&account.service, &account.auth);
    let (values, draft) = form::typed(&ctx, &visitor.actor, service, auth, &raw).await?;
    let (action, is_tested) = pressed(&raw);
    if action == "keep_both" {
        return keep_both(&ctx, &visitor, (&session, &account), (name, values, draft), is_tested)
            .await;
    }
    let asked = Edit {
        id: id.clone(),
        version,
        name: name.clone(),
        values: values.clone(),
        is_tested,
        may_switch: action == "switch",
    };
    let wrong = match Box::pin(edit::edit(&ctx, &visitor.actor, asked)).await {
        Ok(Edited::Saved { report }) => {
            forget(&ctx, &visitor, draft).await?;
            return done(
                &session,
                &id,
                if report.is_some() { "Tested and saved." } else { "Saved." },
            );
        }
        Ok(Edited::TestFailed { report }) => Again::Wrong(Wrong::Test(report)),
        Ok(Edited::OtherAccount(switch)) => {
            let used_by = find::used_by(&ctx, &id).await?;
            let mut other = Other::new(&visitor, &switch.before.label, &switch.changes, &used_by);
            // Where nobody was ever proven, there is no account to compare.
            other.is_place = switch.before.key.is_empty() || switch.before.key == switch.now.key;
            other.now = switch.now.label;
            (other.may_keep_both, other.is_tested) = (true, is_tested);
            Again::Other(other)
        }
        Err(error) => Again::of(error)?,
    };
    again(&ctx, &visitor, &account, (name, values, draft), wrong).await
}

/// What the button says, and whether the account is tested first: who did not want that once is not made to by the choice
/// that follows.
fn pressed(raw: &RawForm) -> (&str, bool) {
    let action = raw.text("action");
    action.strip_suffix(UNTESTED).map_or((action, action != "save"), |action| (action, false))
}

/// Why the form is drawn again.
enum Again {
    Wrong(Wrong),
    /// The values belong to another account.
    Other(Other),
    /// Somebody else saved in between: nothing is overwritten, *Save* again means it.
    Stale,
}

impl Again {
    fn of(error: Error) -> Result<Self, PageError> {
        match error {
            Error::Stale => Ok(Self::Stale),
            other => Wrong::of(other).map(Self::Wrong),
        }
    }
}

fn page_of(
    visitor: &Visitor,
    account: &EditableAccount,
    (name, values): (String, &Typed),
    problems: &Problems,
    is_reauthorizing: bool,
) -> AccountPage {
    let authorizer = &account.authorizer;
    let is_oauth = account.auth.oauth2.is_some();
    let verb = if is_reauthorizing { "Reauthorize" } else { "Edit" };
    // A secret is asked for when reauthorizing: that is what has changed.
    let may_keep = !is_reauthorizing && !account.is_moved;
    let keeps = |key: &String| may_keep && account.credentials.values.contains_key(key);
    let secrets = account
        .auth
        .fields
        .iter()
        .filter(|spec| spec.secret)
        .map(|spec| spec.key.clone())
        .filter(keeps);
    let mut page = AccountPage::new(Start {
        visitor,
        service: &account.service,
        auth: &account.auth,
        values: form::open_values(&account.auth, values),
        name,
        problems,
        stored: secrets.collect(),
        edited: Some(form::open_values(&account.auth, &account.credentials.values)),
        title: format!("{verb} {}", authorizer.name),
    });
    let up = paths::authorizer(&authorizer.id);
    page.crumbs =
        Crumbs::new(&[("Authorizers", paths::authorizers()), (&authorizer.name, &up)], verb);
    page.lead = super::lead(&account.service.head.name, &authorizer.identity.label);
    page.action = paths::edit_authorizer(&authorizer.id);
    page.cancel = up;
    page.version = Some(authorizer.version);
    if is_oauth {
        // The account itself changes by signing in again, not by typing.
        page.form.fields.retain(|field| field.name == "name");
        (page.is_oauth, page.safe_action, page.primary) = (false, "save", "Save".to_owned());
        page.scopes.clear();
    } else {
        page.may_skip_test = !is_reauthorizing;
    }
    page
}

async fn again(
    ctx: &Ctx,
    visitor: &Visitor,
    account: &EditableAccount,
    (name, values, draft): (String, Typed, Option<DraftId>),
    why: Again,
) -> PageResult {
    let service_id = account.service.id();
    let (draft, kept) =
        form::keep(ctx, &visitor.actor, draft.as_ref(), (service_id, &account.auth, &values))
            .await?;
    let problems = match &why {
        Again::Wrong(wrong) => wrong.problems(&account.service.head.name),
        Again::Other(..) | Again::Stale => Problems::new(),
    };
    let mut page = page_of(visitor, account, (name, &values), &problems, false);
    for key in &kept {
        if let Some(field) = page.form.get_mut(key) {
            field.is_stored = true;
        }
    }
    page.draft = Some(draft.to_string());
    match why {
        Again::Wrong(wrong) => page::unprocessable(&page.report(wrong.report(), visitor)),
        Again::Other(other) => {
            page.other = Some(other);
            page::html(actix_web::http::StatusCode::CONFLICT, &page)
        }
        Again::Stale => {
            let id = &account.authorizer.id;
            let stored = open_for_editing(ctx, id).await?;
            page.version = Some(stored.authorizer.version);
            page.is_stale = true;
            page.differences = differences(&stored, &page.name, &values);
            page::html(actix_web::http::StatusCode::CONFLICT, &page)
        }
    }
}

/// What is stored beside what was typed. Of a secret neither is drawn.
fn differences(stored: &EditableAccount, name: &str, typed: &Typed) -> Vec<Difference> {
    let mut lines =
        vec![("Name".to_owned(), stored.authorizer.name.clone(), name.trim().to_owned())];
    let before = form::open_values(&stored.auth, &stored.credentials.values);
    let now = form::open_values(&stored.auth, typed);
    // An OAuth account sends its name alone.
    for field in stored.auth.fields.iter().filter(|field| now.contains_key(&field.key)) {
        let value = |values: &std::collections::BTreeMap<String, String>| {
            values.get(&field.key).cloned().unwrap_or_default()
        };
        lines.push((field.label.clone(), value(&before), value(&now)));
    }
    differing(lines)
}

/// The typed account becomes an authorizer of its own; the old one stays as it is.
async fn keep_both(
    ctx: &Ctx,
    visitor: &Visitor,
    (session, account): (&Session, &EditableAccount),
    (name, values, draft): (String, Typed, Option<DraftId>),
    is_tested: bool,
) -> PageResult {
    let new = NewCredentials {
        service_id: account.service.id().clone(),
        auth_id: account.auth.id.clone(),
        name: String::new(),
        values: values.clone(),
        is_tested,
    };
    match enter_credentials::enter(ctx, &visitor.actor, new).await {
        Ok(Entered::Saved { id, .. }) => {
            forget(ctx, visitor, draft).await?;
            let what = if is_tested { "Connected" } else { "Saved, not tested," };
            done(session, &id, &format!("{what} as a new authorizer. The other one is unchanged."))
        }
        Ok(Entered::TestFailed { report }) => {
            again(ctx, visitor, account, (name, values, draft), Again::Wrong(Wrong::Test(report)))
                .await
        }
        Err(error) => {
            again(ctx, visitor, account, (name, values, draft), Again::Wrong(Wrong::of(error)?))
                .await
        }
    }
}

async fn forget(ctx: &Ctx, visitor: &Visitor, draft: Option<DraftId>) -> Result<(), PageError> {
    if let Some(draft) = draft {
        drafts::delete(ctx, &visitor.actor, &draft).await?;
    }
    Ok(())
}

fn done(session: &Session, id: &AuthorizerId, text: &str) -> PageResult {
    flash::success(session, text);
    page::see_other(&paths::authorizer(id))
}
