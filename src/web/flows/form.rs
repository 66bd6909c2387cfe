//! The form of a source or destination, drawn: name, account, settings, and what was read with them.
use askama::Template;

use super::panel::{self, Panel};
use super::state::{NEW_ACCOUNT, SETTING, State};
use super::words;
use crate::catalog::Service;
use crate::catalog::service::FlowSpec;
use crate::domain::authorizers::list;
use crate::domain::flows::{FlowForm, Loaded, read};
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{AuthorizerRow, Badge};
use crate::model::flow::FlowKind;
use crate::model::problems::{Complaint, Problems};
use crate::model::report::{Fault, Report};
use crate::model::role::Permission;
use crate::model::table::Table;
use crate::web::error::PageError;
use crate::web::forms::state::title_prefix;
use crate::web::forms::{FieldState, Fill, FormState, InputKind, blocks, spec};
use crate::web::layout::Layout;
use crate::web::report::ReportView;
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

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
    table: Option<Table>,
    report: Option<ReportView>,
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

/// Something that belongs to no field: a load that failed, an account that is broken, a trip that ended badly.
pub struct Notice {
    pub kind: &'static str,
    pub title: String,
    pub text: String,
    /// Where the cure is.
    pub link: Option<(String, String)>,
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
    /// Choices are read from the service.
    pub is_loading: bool,
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

pub async fn draw(ctx: &Ctx, visitor: &Visitor, place: Place<'_>, state: &State, mut shown: Shown) -> Result<FormPage, PageError> {
    let accounts = list::choices_for(ctx, &visitor.actor, place.service.id()).await?;
    let form = state.form(place.kind, place.service, place.flow);
    let loaded = if shown.is_loading { load(ctx, visitor, (&form, place.service), &mut shown).await? } else { Loaded::new() };
    let settings = settings(place.flow, &form, (&loaded, &shown.problems));
    let head = head(state, &accounts, (&shown, place.kind));
    let may_add = visitor.actor.may(Permission::EditAuthorizers);
    let panel = panel::way(place.service, state).filter(|_| shown.is_panel_open && may_add);
    let panel = panel.map(|auth| panel::panel(place.service, auth, state, (&shown.problems, shown.may_skip_test)));
    let errors = head.error_count() + settings.error_count() + panel.as_ref().map_or(0, |panel| panel.form.error_count());
    let words = words(place.kind);
    let heading = match place.target {
        Some(_) => format!("Edit {}", state.text("name")),
        None => format!("New {}", words.small),
    };
    let target = place.target.map(|(id, _)| id);
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
        notice: shown.notice.or_else(|| broken(&accounts, &form, &place.service.head.name, may_add)),
        table: shown.table,
        report: shown.report.as_ref().map(|report| ReportView::new(&report.steps, &place.service.head.name, &visitor.actor)),
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

fn head(state: &State, accounts: &[AuthorizerRow], (shown, kind): (&Shown, FlowKind)) -> FormState {
    let name =
        FieldState::text("name", &format!("Name of the {}", words(kind).small)).value(state.text("name")).problems(&shown.problems);
    let label = |row: &AuthorizerRow| {
        let state = match row.badge {
            Badge::Connected => String::new(),
            other => format!(" ({})", wording::badge(other)),
        };
        let identity = if row.identity_label.is_empty() { String::new() } else { format!(", {}", row.identity_label) };
        format!("{}{identity}{state}", row.name)
    };
    let mut choices: Vec<(String, String)> = accounts.iter().map(|row| (row.id.to_string(), label(row))).collect();
    choices.push((NEW_ACCOUNT.to_owned(), "Add new account…".to_owned()));
    let chosen = if shown.is_panel_open { NEW_ACCOUNT } else { state.text("authorizer") };
    let account = FieldState::new(InputKind::Select, "authorizer", "Account")
        .value(chosen)
        .choices(choices.iter().map(|(value, label)| (value.as_str(), label.as_str())))
        .problems(&shown.problems);
    FormState::new(vec![name, account]).problems(&shown.problems)
}

fn settings(flow: &FlowSpec, form: &FlowForm, (loaded, problems): (&Loaded, &Problems)) -> FormState {
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
                shown.notice = Some(notice(fault, service, form));
            }
            Ok(loaded)
        }
        Err(Error::Fault(fault)) => {
            shown.notice.get_or_insert_with(|| notice(&fault, service, form));
            Ok(Loaded::new())
        }
        Err(Error::NotFound) => {
            shown.problems.add("authorizer", Complaint::NotAChoice);
            Ok(Loaded::new())
        }
        Err(other) => Err(other.into()),
    }
}

/// A fault in words, with the way to its cure.
pub fn notice(fault: &Fault, service: &Service, form: &FlowForm) -> Notice {
    let words = wording::cause(fault.cause, &service.head.name);
    let cure = fault.cure.as_ref().map(|cure| format!(" {cure}")).unwrap_or_default();
    let link = form.authorizer_id.as_ref().filter(|_| !fault.cause.is_passing());
    Notice {
        kind: if fault.cause.is_passing() { "warn" } else { "bad" },
        title: words.title,
        text: format!("{} {}{cure}", words.text, words.cure),
        link: link.map(|id| (paths::authorizer(id), "Open the account".to_owned())),
    }
}

/// The cure is offered to those who may apply it; others see whose account it is.
fn broken(accounts: &[AuthorizerRow], form: &FlowForm, service: &str, may_cure: bool) -> Option<Notice> {
    let row = accounts.iter().find(|row| Some(&row.id) == form.authorizer_id.as_ref())?;
    if !matches!(row.badge, Badge::Broken | Badge::Locked) {
        return None;
    }
    let words = wording::cause(row.cause.unwrap_or(crate::model::cause::Cause::TokenExpired), service);
    Some(Notice {
        kind: "bad",
        title: format!("{} is broken: {}", row.name, words.title),
        text: words.cure,
        link: Some(if may_cure {
            (paths::reauthorize(&row.id), "Reauthorize".to_owned())
        } else {
            (paths::authorizer(&row.id), "Open the account".to_owned())
        }),
    })
}
