//! The form of a source or destination, drawn: name, account, settings, and what was read with them.
use askama::Template;
use futures_util::future::LocalBoxFuture;

use super::accounts::{self, Accounts};
use super::notice::{self, Notice};
use super::panel::{self, Panel};
use super::state::{ACCOUNT_BEFORE, NEW_ACCOUNT, SETTING, State};
use super::words;
use crate::catalog::Service;
use crate::catalog::service::FlowSpec;
use crate::domain::flows::{FlowForm, Loaded, read};
use crate::domain::{Ctx, Error};
use crate::model::flow::{Flow, FlowKind};
use crate::model::need::Need;
use crate::model::problems::{Complaint, Problems};
use crate::model::report::Report;
use crate::model::role::Permission;
use crate::model::table::Table;
use crate::web::error::PageError;
use crate::web::forms::state::title_prefix;
use crate::web::forms::{FieldState, Fill, FormState, InputKind, blocks, spec};
use crate::web::layout::Layout;
use crate::web::needs::{self, NeedGroup};
use crate::web::paths;
use crate::web::report::ReportView;
use crate::web::ui::{Crumbs, Tile};
use crate::web::versions::Difference;
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "flows/form.html")]
pub struct FormPage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    words: super::Words,
    heading: String,
    service_name: String,
    action: String,
    cancel: String,
    draft: Option<String>,
    version: Option<i64>,
    head: FormState,
    panel: Option<Panel>,
    settings: FormState,
    has_account: bool,
    may_add_account: bool,
    ask_path: Option<String>,
    has_loads: bool,
    notice: Option<Notice>,
    /// What somebody else saved meanwhile, beside what was typed here.
    differences: Vec<Difference>,
    /// The account to go back to when no new one is added.
    account_before: String,
    table: Option<Table>,
    report: Option<ReportView>,
    groups: Vec<NeedGroup>,
    is_source: bool,
    submit: (&'static str, String),
}

impl FormPage {
    /// One list of what is wrong in all parts of the form.
    fn summary(&self) -> blocks::Summary<'_> {
        let mut forms = vec![&self.head];
        forms.extend(self.panel.as_ref().map(|panel| &panel.form));
        forms.push(&self.settings);
        blocks::Summary::of(&forms)
    }
}

/// Everything that one answer shows.
#[derive(Default)]
pub struct Shown {
    pub problems: Problems,
    pub is_panel_open: bool,
    pub may_skip_test: bool,
    pub notice: Option<Notice>,
    pub table: Option<Table>,
    pub report: Option<Report>,
    /// What it must be allowed to do, found out with a test.
    pub needs: Vec<Need>,
    /// Choices are read from the service.
    pub is_loading: bool,
    /// Somebody else saved in between: what is stored now.
    pub stale: Option<Flow>,
}

/// Which form it is.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub kind: FlowKind,
    pub service: &'a Service,
    pub flow: &'a FlowSpec,
    /// The id and the version of what is edited.
    pub target: Option<(&'a str, i64)>,
}

/// Boxed: it is awaited in many places, and each would hold all of it on the stack.
pub fn draw<'a>(
    ctx: &'a Ctx,
    visitor: &'a Visitor,
    place: Place<'a>,
    state: &'a State,
    shown: Shown,
) -> LocalBoxFuture<'a, Result<FormPage, PageError>> {
    Box::pin(drawn(ctx, visitor, place, state, shown))
}

async fn drawn(
    ctx: &Ctx,
    visitor: &Visitor,
    place: Place<'_>,
    state: &State,
    mut shown: Shown,
) -> Result<FormPage, PageError> {
    let form = state.form(place.kind, place.service, place.flow);
    let accounts = accounts::of(ctx, visitor, &form).await?;
    let may_add = visitor.actor.may(Permission::EditAuthorizers);
    // What is known to be broken is not asked: a refused password too often locks a user out over there.
    let stopped = notice::stopped(accounts.chosen(), place.service, may_add);
    let is_loading = shown.is_loading && stopped.is_none();
    let loaded = if is_loading {
        load(ctx, visitor, (&form, place.service), &mut shown).await?
    } else {
        Loaded::new()
    };
    let settings = settings(place.flow, &form, (&loaded, &shown.problems));
    let head = head(state, &accounts, (&shown, place.kind, may_add));
    let is_panel_open = shown.is_panel_open && may_add;
    let methods =
        if is_panel_open { panel::Methods::load(ctx, place.service, state).await? } else { None };
    let panel = methods
        .map(|methods| panel::panel(&methods, state, (&shown.problems, shown.may_skip_test)));
    let errors = head.error_count()
        + settings.error_count()
        + panel.as_ref().map_or(0, |panel| panel.form.error_count());
    let words = words(place.kind);
    let heading = match place.target {
        Some(_) => format!("Edit {}", state.text("name")),
        None => format!("New {}", words.small),
    };
    let target = place.target.map(|(id, _)| id);
    let differences = match &shown.stale {
        Some(stored) => accounts::differences(ctx, place.flow, stored, &form).await?,
        None => Vec::new(),
    };
    Ok(FormPage {
        layout: Layout::new(visitor, words.section, &format!("{}{heading}", title_prefix(errors))),
        crumbs: Crumbs::new(&[(words.many, words.list)], &heading),
        tile: Tile::of(Some(place.service), place.service.id()),
        service_name: place.service.head.name.clone(),
        action: paths::flow_form(place.kind, place.service.id(), target),
        cancel: target.map_or_else(|| words.list.to_owned(), |id| paths::flow(place.kind, id)),
        draft: state.draft.as_ref().map(ToString::to_string),
        version: place.target.map(|(_, version)| version),
        has_account: form.authorizer_id.is_some(),
        may_add_account: may_add,
        ask_path: (!may_add && visitor.actor.may(Permission::RequestAccounts))
            .then(|| format!("{}?service={}", paths::new_request(), place.service.id())),
        has_loads: place.flow.settings.iter().any(|field| field.load.is_some()),
        notice: shown.notice.or(stopped),
        differences,
        account_before: state.text(ACCOUNT_BEFORE).to_owned(),
        table: shown.table,
        groups: needs::of_form(&shown.needs),
        report: shown
            .report
            .as_ref()
            .map(|report| ReportView::new(&report.steps, &place.service.head.name, &visitor.actor)),
        is_source: place.kind == FlowKind::Source,
        submit: match place.target {
            Some(_) => ("save", "Save".to_owned()),
            None => ("create", format!("Create {}", words.small)),
        },
        head,
        panel,
        settings,
        heading,
        words,
    })
}

fn head(
    state: &State,
    accounts: &Accounts,
    (shown, kind, may_add): (&Shown, FlowKind, bool),
) -> FormState {
    let name = FieldState::text("name", &format!("Name of the {}", words(kind).small))
        .value(state.text("name"))
        .problems(&shown.problems);
    let mut choices = accounts.choices();
    if may_add {
        choices.push((NEW_ACCOUNT.to_owned(), "Add new account…".to_owned()));
    }
    let chosen = if shown.is_panel_open { NEW_ACCOUNT } else { state.text("authorizer") };
    // What is not offered is not chosen either: an account of another service, one that is gone.
    let chosen = if choices.iter().any(|(value, _)| value == chosen) { chosen } else { "" };
    let account = FieldState::new(InputKind::Select, "authorizer", "Account")
        .value(chosen)
        .choices(choices.iter().map(|(value, label)| (value.as_str(), label.as_str())))
        .problems(&shown.problems);
    FormState::new(vec![name, account]).problems(&shown.problems)
}

fn settings(
    flow: &FlowSpec,
    form: &FlowForm,
    (loaded, problems): (&Loaded, &Problems),
) -> FormState {
    spec::form(&flow.settings, &Fill::with(&form.settings, problems).prefix(SETTING).loaded(loaded))
}

/// Reads the choices; what could not be read is said, and the value can be typed.
async fn load(
    ctx: &Ctx,
    visitor: &Visitor,
    (form, service): (&FlowForm, &Service),
    shown: &mut Shown,
) -> Result<Loaded, PageError> {
    if form.authorizer_id.is_none() {
        return Ok(Loaded::new());
    }
    match read::choices(ctx, &visitor.actor, form).await {
        Ok((loaded, faults)) => {
            if let (Some((_, fault)), None) = (faults.first(), &shown.notice) {
                shown.notice = Some(notice::fault(fault, service, form.authorizer_id.as_ref()));
            }
            Ok(loaded)
        }
        Err(Error::NotFound) => {
            shown.problems.add("authorizer", Complaint::NotAChoice);
            Ok(Loaded::new())
        }
        Err(other) => {
            let said = notice::of(other, service, form.authorizer_id.as_ref())?;
            shown.notice.get_or_insert(said);
            Ok(Loaded::new())
        }
    }
}
