//! *Authorize New Service*, second step: the form of one service.
use actix_session::Session;
use actix_web::web;
use serde::Deserialize;

use super::form::{self, AccountPage, Start};
use super::{app_missing, leaving};
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::authorizers::enter_credentials::{self, Entered, NewCredentials};
use crate::domain::authorizers::methods;
use crate::domain::authorizers::start::{self, Started};
use crate::domain::drafts::Typed;
use crate::domain::{Ctx, Error, drafts, oauth_apps};
use crate::model::ids::{AuthorizerId, DraftId};
use crate::model::problems::Problems;
use crate::model::report::{Report, Step, StepKind};
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::page::{self, PageResult};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths, session};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    way: String,
}

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> PageResult {
    visitor.must(Permission::EditAuthorizers)?;
    let Chosen { service, auth, methods } = find(&ctx, &id, &query.way).await?;
    if let Some(page) = app_missing::instead(&ctx, &visitor, service, auth).await? {
        return Ok(page);
    }
    let problems = Problems::new();
    let mut page = page_of(&visitor, (service, auth), (String::new(), &Typed::new()), &problems);
    page.ways = form::ways(service, &methods, &auth.id);
    page::ok(&page)
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, query): (web::Path<String>, web::Query<Query>),
    session: Session,
    Protected(raw): Protected<RawForm>,
) -> PageResult {
    visitor.must(Permission::EditAuthorizers)?;
    let Chosen { service, auth, .. } = find(&ctx, &id, &query.way).await?;
    let (values, draft) = form::typed(&ctx, &visitor.actor, service, auth, &raw).await?;
    let name = raw.text("name").to_owned();
    if auth.oauth2.is_some() {
        let asked = start::Start {
            service_id: service.id().clone(),
            auth_id: auth.id.clone(),
            name: name.clone(),
            values: values.clone(),
            authorizer_id: None,
            draft_id: None,
            asks_for_all: false,
            may_switch: false,
            browser: session::browser(&session),
        };
        return match start::start(&ctx, &visitor.actor, asked).await {
            Ok(Started::Leaving(to)) => {
                leaving::page(&visitor, service, &to.url, &paths::way(service.id(), &auth.id))
            }
            // A new account has nothing to be switched from.
            Ok(Started::Switch(_)) => Err(PageError::Stale),
            Err(error) => {
                again(&ctx, &visitor, (service, auth), (name, values, draft), Wrong::of(error)?)
                    .await
            }
        };
    }
    let new = NewCredentials {
        service_id: service.id().clone(),
        auth_id: auth.id.clone(),
        name: name.clone(),
        values: values.clone(),
        is_tested: raw.text("action") != "save",
    };
    match enter_credentials::enter(&ctx, &visitor.actor, new).await {
        Ok(Entered::Saved { id, report }) => {
            saved(&ctx, &visitor, &session, (draft, id, report.is_some())).await
        }
        Ok(Entered::TestFailed { report }) => {
            again(&ctx, &visitor, (service, auth), (name, values, draft), Wrong::Test(report)).await
        }
        Err(error) => {
            again(&ctx, &visitor, (service, auth), (name, values, draft), Wrong::of(error)?).await
        }
    }
}

/// Why the form is drawn again.
pub enum Wrong {
    Problems(Problems),
    Test(Report),
}

impl Wrong {
    /// What is not a problem of the form is an error of the page.
    pub fn of(error: Error) -> Result<Self, PageError> {
        match error {
            Error::Problems(problems) => Ok(Self::Problems(problems)),
            // What failed before a test could begin, such as an address that the operator has not opened.
            Error::Fault(fault) => {
                let step = Step::failed(StepKind::Connect, "", 0, fault);
                Ok(Self::Test(Report { steps: vec![step], identity: None }))
            }
            other => Err(other.into()),
        }
    }

    /// The problems to draw: those of the form, or the fields that the test marks.
    pub fn problems(&self, service: &str) -> Problems {
        match self {
            Self::Problems(problems) => problems.clone(),
            Self::Test(report) => crate::web::report::marks(report, service),
        }
    }

    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Problems(_) => None,
            Self::Test(report) => Some(report),
        }
    }
}

/// The service and the method of an address, and what else is offered.
struct Chosen<'a> {
    service: &'a Service,
    auth: &'a AuthSpec,
    methods: Vec<&'a AuthSpec>,
}

async fn find<'a>(ctx: &'a Ctx, id: &str, way: &str) -> Result<Chosen<'a>, PageError> {
    let service = ctx.catalog.get(id).ok_or(PageError::NotFound)?;
    let methods = methods::list(ctx, service).await?;
    let auth = if way.is_empty() { methods.first().copied() } else { service.auth(way) };
    Ok(Chosen { service, auth: auth.ok_or(PageError::NotFound)?, methods })
}

fn page_of(
    visitor: &Visitor,
    (service, auth): (&Service, &AuthSpec),
    (name, values): (String, &Typed),
    problems: &Problems,
) -> AccountPage {
    let mut page = AccountPage::new(Start {
        visitor,
        service,
        auth,
        values: form::open_values(auth, values),
        name,
        problems,
        stored: Vec::new(),
        edited: None,
        title: format!("Authorize {}", service.head.name),
    });
    page.lead = match auth.oauth2 {
        Some(_) => format!("You sign in at {} and come straight back here.", service.head.name),
        None => service.head.summary.clone(),
    };
    page.action = paths::way(service.id(), &auth.id);
    page.cancel = paths::new_authorizer().to_owned();
    page
}

async fn again(
    ctx: &Ctx,
    visitor: &Visitor,
    (service, auth): (&Service, &AuthSpec),
    (name, values, draft): (String, Typed, Option<DraftId>),
    wrong: Wrong,
) -> PageResult {
    let (draft, kept) =
        form::keep(ctx, &visitor.actor, draft.as_ref(), (service.id(), auth, &values)).await?;
    let problems = wrong.problems(&service.head.name);
    let mut page = page_of(visitor, (service, auth), (name, &values), &problems);
    for key in &kept {
        if let Some(field) = page.form.get_mut(key) {
            field.is_stored = true;
        }
    }
    page.draft = Some(draft.to_string());
    page.ways = form::ways(service, &methods::list(ctx, service).await?, &auth.id);
    page::unprocessable(&page.report(wrong.report(), visitor))
}

async fn saved(
    ctx: &Ctx,
    visitor: &Visitor,
    session: &Session,
    (draft, id, is_tested): (Option<DraftId>, AuthorizerId, bool),
) -> PageResult {
    if let Some(draft) = draft {
        drafts::delete(ctx, &visitor.actor, &draft).await?;
    }
    flash::success(
        session,
        if is_tested {
            "Connected. You can use it in sources and destinations now."
        } else {
            "Saved, not tested."
        },
    );
    page::see_other(&paths::authorizer(id))
}

/// Whether an OAuth service can be authorized at all: it needs an app, unless it is typed with the account.
pub async fn has_app(ctx: &Ctx, service: &Service, auth: &AuthSpec) -> Result<bool, Error> {
    match &auth.oauth2 {
        Some(oauth2) if !oauth2.own_app => {
            Ok(oauth_apps::find::shared(ctx, service.id()).await?.is_some())
        }
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cause::Cause;
    use crate::model::report::Fault;

    #[test]
    fn what_fails_before_a_test_begins_is_told_on_the_form() {
        let Ok(wrong) = Wrong::of(Error::Fault(Fault::new(Cause::BlockedAddress))) else {
            panic!("a fault is no error of the page");
        };
        assert_eq!(
            wrong.report().and_then(Report::failure).and_then(|step| step.cause),
            Some(Cause::BlockedAddress)
        );
    }
}
