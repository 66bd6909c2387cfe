//! The form of an account: to authorize, to edit, to reauthorize. One page for all three.
use std::collections::BTreeMap;

use askama::Template;

use super::show::used_by_text;
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::authorizers::find::Dependent;
use crate::domain::drafts::{DraftForm, Typed};
use crate::domain::fields::known::ValueChange;
use crate::domain::{Actor, Ctx, Error, drafts};
use crate::model::draft::DraftKind;
use crate::model::ids::{DraftId, ServiceId};
use crate::model::problems::Problems;
use crate::model::report::Report;
use crate::model::role::Permission;
use crate::model::values::Values;
use crate::web::csrf::RawForm;
use crate::web::forms::{FieldState, Fill, FormState, read, spec};
use crate::web::layout::{Layout, Section};
use crate::web::paths;
use crate::web::report::ReportView;
use crate::web::ui::{Crumbs, Tile};
use crate::web::versions::{Difference, differing};
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "authorizers/set_up.html")]
pub struct AccountPage {
    pub layout: Layout,
    pub crumbs: Crumbs,
    pub tile: Tile,
    pub heading: String,
    pub lead: String,
    pub name: String,
    pub service_name: String,
    pub action: String,
    pub cancel: String,
    pub draft: Option<String>,
    pub version: Option<i64>,
    pub ways: Vec<Way>,
    /// Permission and whether it is needed.
    pub scopes: Vec<(String, bool)>,
    pub form: FormState,
    pub report: Option<ReportView>,
    pub other: Option<Other>,
    /// Somebody else saved meanwhile: what differs, of what may be drawn.
    pub is_stale: bool,
    pub differences: Vec<Difference>,
    pub is_oauth: bool,
    /// What Enter does, too: never *Save without testing*.
    pub safe_action: &'static str,
    pub primary: String,
    pub may_skip_test: bool,
    pub permission: String,
    pub guide: String,
    pub lifetime_note: Option<String>,
    pub grants: Option<String>,
}

/// One way to authorize.
pub struct Way {
    pub label: String,
    pub help: Option<String>,
    pub path: String,
    pub is_chosen: bool,
}

/// The values belong to another account than before, or lead to another place.
pub struct Other {
    pub before: String,
    pub now: String,
    /// The account is the one it was, or nobody knows: another place was typed.
    pub is_place: bool,
    /// Values that tell the account, as they are stored and as they were typed.
    pub changes: Vec<Difference>,
    /// What would read and write as the other account.
    pub used_by: Option<String>,
    pub may_switch: bool,
    /// What else can be done with what was typed.
    pub may_keep_both: bool,
    /// False when *Save without testing* was pressed: the choice does not test, either.
    pub is_tested: bool,
}

impl Other {
    /// What is asked before anything is switched.
    pub fn new(
        visitor: &Visitor,
        before: &str,
        changes: &[ValueChange],
        used_by: &[Dependent],
    ) -> Self {
        let line = |change: &ValueChange| {
            (change.label.clone(), change.before.clone(), change.now.clone())
        };
        Self {
            before: before.to_owned(),
            now: String::new(),
            is_place: true,
            changes: differing(changes.iter().map(line).collect()),
            used_by: (!used_by.is_empty()).then(|| used_by_text(used_by)),
            may_switch: visitor.actor.may(Permission::SwitchAccounts),
            may_keep_both: false,
            is_tested: true,
        }
    }
}

/// What the form starts from.
pub struct Start<'a> {
    pub visitor: &'a Visitor,
    pub service: &'a Service,
    pub auth: &'a AuthSpec,
    /// Drawn again; secrets in it are left out.
    pub values: BTreeMap<String, String>,
    pub name: String,
    pub problems: &'a Problems,
    /// Secrets that an empty entry keeps.
    pub stored: Vec<String>,
    /// The open values that are stored, if a stored account is edited.
    pub edited: Option<Values>,
    pub title: String,
}

impl AccountPage {
    pub fn new(start: Start<'_>) -> Self {
        let (service, auth) = (start.service, start.auth);
        let fill = Fill::with(&start.values, start.problems).stored(&start.stored);
        let is_edit = start.edited.is_some();
        let mut form = spec::form(&auth.fields, &fill.locks(start.edited.as_ref()));
        let hint = if is_edit {
            "How you find it in lists."
        } else {
            "How you find it in lists. Empty: we name it after the account."
        };
        let mut name = FieldState::text("name", "Name")
            .hint(hint)
            .value(&start.name)
            .group("Name")
            .problems(start.problems);
        name.required = is_edit;
        form.fields.insert(0, name);
        let form = form.problems(start.problems);
        let is_oauth = auth.oauth2.is_some();
        let title = format!("{}{}", form.title_prefix(), start.title);
        Self {
            layout: Layout::new(start.visitor, Section::Authorizers, &title),
            crumbs: Crumbs::new(&[("Authorizers", paths::authorizers())], &start.title),
            tile: Tile::of(Some(service), service.id()),
            heading: start.title,
            lead: String::new(),
            name: start.name,
            service_name: service.head.name.clone(),
            action: String::new(),
            cancel: paths::authorizers().to_owned(),
            draft: None,
            version: None,
            ways: Vec::new(),
            scopes: scopes(auth, is_oauth),
            form,
            report: None,
            other: None,
            is_stale: false,
            differences: Vec::new(),
            is_oauth,
            safe_action: if is_oauth { "continue" } else { "test" },
            primary: if is_oauth {
                format!("Continue to {}", service.head.name)
            } else {
                "Test and save".to_owned()
            },
            may_skip_test: false,
            permission: service.head.permission.clone(),
            guide: paths::guide(service.id()),
            lifetime_note: service.lifetime.note.clone(),
            grants: service.guide.grants.clone(),
        }
    }

    #[must_use]
    pub fn report(mut self, report: Option<&Report>, visitor: &Visitor) -> Self {
        let failed = report.filter(|report| !report.is_ok());
        self.may_skip_test = self.may_skip_test || (failed.is_some() && !self.is_oauth);
        self.report =
            failed.map(|report| ReportView::new(&report.steps, &self.service_name, &visitor.actor));
        self
    }
}

fn scopes(auth: &AuthSpec, is_oauth: bool) -> Vec<(String, bool)> {
    let Some(oauth2) = auth.oauth2.as_ref().filter(|_| is_oauth) else {
        return Vec::new();
    };
    let needed = oauth2
        .scopes
        .iter()
        .filter(|scope| !scope.contains('{'))
        .map(|scope| (scope.clone(), true));
    needed.chain(oauth2.optional_scopes.iter().map(|scope| (scope.clone(), false))).collect()
}

/// The methods of a service as links, when there is a choice.
pub fn ways(service: &Service, methods: &[&AuthSpec], chosen: &str) -> Vec<Way> {
    if methods.len() < 2 {
        return Vec::new();
    }
    let way = |auth: &&AuthSpec| Way {
        label: auth.label.clone(),
        help: auth.help.clone(),
        path: paths::way(service.id(), &auth.id),
        is_chosen: auth.id == chosen,
    };
    methods.iter().map(way).collect()
}

/// What was sent, with the secrets of the draft in place of those that were left empty, as long as they go where they
/// were typed for.
pub async fn typed(
    ctx: &Ctx,
    actor: &Actor,
    service: &Service,
    auth: &AuthSpec,
    raw: &RawForm,
) -> Result<(Typed, Option<DraftId>), Error> {
    let mut values: Typed = read::entries(&auth.fields, "", |name| raw.get(name));
    let Some(id) = raw.get("draft").map(DraftId::from) else {
        return Ok((values, None));
    };
    let Some(draft) = drafts::find(ctx, actor, &id).await? else {
        return Ok((values, None));
    };
    drafts::recall(ctx, &draft, service, auth, &draft.values, &mut values);
    Ok((values, Some(id)))
}

/// Keeps what was typed, secrets too, so that nothing has to be typed twice. The keys of the kept secrets come back.
pub async fn keep(
    ctx: &Ctx,
    actor: &Actor,
    id: Option<&DraftId>,
    (service_id, auth, values): (&ServiceId, &AuthSpec, &Typed),
) -> Result<(DraftId, Vec<String>), Error> {
    let form = DraftForm { kind: DraftKind::Authorizer, service_id, auth_id: &auth.id };
    let id = drafts::save(ctx, actor, id, form, values).await?;
    let is_kept = |key: &str| values.get(key).is_some_and(|value| !value.is_empty());
    let kept = auth
        .fields
        .iter()
        .filter(|spec| spec.secret && is_kept(&spec.key))
        .map(|spec| spec.key.clone());
    Ok((id, kept.collect()))
}

/// What may be drawn again.
pub fn open_values(auth: &AuthSpec, values: &Typed) -> BTreeMap<String, String> {
    read::drawable(&auth.fields, values)
}
