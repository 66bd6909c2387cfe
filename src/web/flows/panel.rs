//! **Add New Account** inside a source's or destination's form.
use actix_session::Session;
use actix_web::HttpResponse;

use super::notice::{self, Notice};
use super::state::{ACCOUNT, State, drawable};
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::authorizers::enter_credentials::{self, Entered, NewCredentials};
use crate::domain::authorizers::methods;
use crate::domain::authorizers::start::{self, Started};
use crate::domain::{Ctx, Error, oauth_apps};
use crate::model::flow::FlowKind;
use crate::model::problems::Problems;
use crate::model::report::Report;
use crate::model::role::Permission;
use crate::web::authorizers::leaving;
use crate::web::authorizers::set_up::Wrong;
use crate::web::error::PageError;
use crate::web::forms::{FieldState, Fill, FormState, spec};
use crate::web::paths;
use crate::web::session;
use crate::web::ui::Entry;
use crate::web::visitor::Visitor;

/// The panel as it is drawn.
pub struct Panel {
    pub form: FormState,
    pub ways: Vec<Entry>,
    pub is_oauth: bool,
    pub may_skip_test: bool,
}

/// What became of *Test and add account*.
pub enum Added {
    /// The account is chosen now.
    Chosen,
    /// On the way to the provider.
    Leaving(HttpResponse),
    Failed {
        problems: Problems,
        report: Option<Report>,
    },
    /// Nothing that a field could cure.
    Refused(Notice),
}

/// The way that is chosen in the panel; the first one otherwise.
pub fn way<'a>(service: &'a Service, state: &State) -> Option<&'a AuthSpec> {
    service.auth(state.text("account_way")).or_else(|| service.auths.first())
}

/// The panel's method, and the others that are offered beside it.
pub struct Methods<'a> {
    pub chosen: &'a AuthSpec,
    pub offered: Vec<&'a AuthSpec>,
}

impl<'a> Methods<'a> {
    /// Chooses as the form says, or the first one that can be used.
    pub async fn load(
        ctx: &Ctx,
        service: &'a Service,
        state: &State,
    ) -> Result<Option<Self>, PageError> {
        let offered = methods::list(ctx, service).await?;
        let said = service.auth(state.text("account_way"));
        Ok(said.or(offered.first().copied()).map(|chosen| Self { chosen, offered }))
    }
}

pub fn panel(
    methods: &Methods<'_>,
    state: &State,
    (problems, may_skip_test): (&Problems, bool),
) -> Panel {
    let auth = methods.chosen;
    let typed = state.account(auth);
    let values = drawable(auth, &typed);
    let has = |key: &String| typed.get(key).is_some_and(|value| !value.is_empty());
    let kept: Vec<String> = auth
        .fields
        .iter()
        .filter(|spec| spec.secret)
        .map(|spec| spec.key.clone())
        .filter(has)
        .collect();
    // What was typed and may not be drawn lies in the draft.
    let kept = if state.draft.is_some() { kept } else { Vec::new() };
    let mut form =
        spec::form(&auth.fields, &Fill::with(&values, problems).prefix(ACCOUNT).stored(&kept));
    let name = FieldState::text("account.name", "Name of the account")
        .hint("Empty: we name it after the account.")
        .optional()
        .value(state.text("account.name"))
        .problems(problems);
    form.fields.insert(0, name);
    let chosen = auth.id.as_str();
    let entry = |auth: &&AuthSpec| Entry::new(&auth.id, &auth.label, chosen);
    let ways = methods.offered.iter().map(entry).collect();
    Panel { form, ways, is_oauth: auth.oauth2.is_some(), may_skip_test }
}

/// By credentials: tested and added. By OAuth: the form is kept, and the browser leaves.
pub async fn add(
    ctx: &Ctx,
    visitor: &Visitor,
    (session, state): (&Session, &mut State),
    (kind, service, target): (FlowKind, &Service, Option<&str>),
    is_tested: bool,
) -> Result<Added, PageError> {
    let auth = way(service, state).ok_or(PageError::NotFound)?;
    let draft = state.keep(ctx, &visitor.actor, (kind, service), target).await?;
    if let Some(notice) = app_missing(ctx, visitor, service, auth).await? {
        return Ok(Added::Refused(notice));
    }
    if auth.oauth2.is_some() {
        let asked = start::Start {
            service_id: service.id().clone(),
            auth_id: auth.id.clone(),
            name: state.text("account.name").to_owned(),
            values: state.account(auth),
            authorizer_id: None,
            draft_id: Some(draft.clone()),
            asks_for_all: false,
            may_switch: false,
            browser: session::browser(session),
        };
        let back = format!("{}?draft={draft}", paths::flow_form(kind, service.id(), target));
        return match start::start(ctx, &visitor.actor, asked).await {
            Ok(Started::Leaving(to)) => {
                Ok(Added::Leaving(leaving::page(visitor, service, &to.url, &back)?))
            }
            // A new account has nothing to be switched from.
            Ok(Started::Switch(_)) => Err(PageError::Stale),
            Err(error) => wrong(error, service),
        };
    }
    let new = NewCredentials {
        service_id: service.id().clone(),
        auth_id: auth.id.clone(),
        name: state.text("account.name").to_owned(),
        values: state.account(auth),
        is_tested,
    };
    match enter_credentials::enter(ctx, &visitor.actor, new).await {
        Ok(Entered::Saved { id, .. }) => {
            state.drop_account();
            state.set("authorizer", id.as_str());
            state.keep(ctx, &visitor.actor, (kind, service), target).await?;
            Ok(Added::Chosen)
        }
        Ok(Entered::TestFailed { report }) => Ok(failed(Wrong::Test(report), service)),
        Err(error) => wrong(error, service),
    }
}

fn wrong(error: Error, service: &Service) -> Result<Added, PageError> {
    match error {
        Error::Problems(problems) => Ok(failed(Wrong::Problems(problems), service)),
        other => Ok(Added::Refused(notice::of(other, service, None)?)),
    }
}

/// Signing in there needs an OAuth app, and there is none.
async fn app_missing(
    ctx: &Ctx,
    visitor: &Visitor,
    service: &Service,
    auth: &AuthSpec,
) -> Result<Option<Notice>, PageError> {
    let needs_one = auth.oauth2.as_ref().is_some_and(|oauth2| !oauth2.own_app);
    if !needs_one || oauth_apps::find::shared(ctx, service.id()).await?.is_some() {
        return Ok(None);
    }
    let name = &service.head.name;
    let may_cure = visitor.actor.may(Permission::ManageOAuthApps);
    let cure = if may_cure {
        "Enter its client id and secret. What you typed here is kept for a day under “Continue where you left”."
    } else {
        "Ask an Owner or an Admin to enter its client id and secret. What you typed here is kept for a day."
    };
    Ok(Some(Notice {
        kind: "warn",
        title: format!("{name} has no OAuth app yet"),
        text: format!(
            "Signing in at {name} needs the app that your company registered there. {cure}"
        ),
        link: may_cure
            .then(|| (paths::new_oauth_app(service.id()), "Enter the OAuth app".to_owned())),
    }))
}

fn failed(wrong: Wrong, service: &Service) -> Added {
    Added::Failed {
        problems: wrong.problems(&service.head.name).prefixed(ACCOUNT),
        report: wrong.report().cloned(),
    }
}
