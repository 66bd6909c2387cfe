//! What a form asks of the service while it is filled: choices, first rows, the right to write. Nothing is stored.
use std::time::Duration;

use crate::catalog::field::FieldSpec;
use crate::domain::authorizers::account::{self, OpenAccount};
use crate::domain::authorizers::{needs, verdict};
use crate::domain::{Actor, Ctx, Error};
use crate::model::authorizer::{Health, Lifecycle, Verdict};
use crate::model::cause::Cause;
use crate::model::flow::FlowKind;
use crate::model::ids::AuthorizerId;
use crate::model::need::Need;
use crate::model::report::{Fault, Report};
use crate::model::role::Permission;
use crate::model::table::Table;
use crate::model::values::Values;

use super::{FlowForm, Loaded, partial, spec};

/// Beside the test itself, for which somebody waits.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// Choices of every setting that has what it needs; a setting whose load failed is told with its fault.
pub async fn choices(
    ctx: &Ctx,
    actor: &Actor,
    form: &FlowForm,
) -> Result<(Loaded, Vec<(String, Fault)>), Error> {
    actor.must(Permission::UseAuthorizers)?;
    let (_, flow) = spec(ctx, form.kind, &form.service_id)?;
    let settings = partial(ctx, &flow.settings, &form.settings);
    let account = open(ctx, form).await?;
    let (mut loaded, mut faults) = (Loaded::new(), Vec::new());
    for field in flow.settings.iter().filter(|field| is_loadable(field, &settings)) {
        let Some(load) = &field.load else { continue };
        match ctx.outbound.choices(&account.account(), load, &settings).await {
            Ok(choices) => {
                loaded.insert(field.key.clone(), choices);
            }
            Err(fault) => {
                note(ctx, &account, &fault).await?;
                let is_hopeless = fault.cause.is_passing() || is_of_account(fault.cause);
                faults.push((field.key.clone(), fault));
                // The next list would wait as long for the same answer.
                if is_hopeless {
                    break;
                }
            }
        }
    }
    Ok((loaded, faults))
}

fn is_loadable(field: &FieldSpec, settings: &Values) -> bool {
    let has = |key: &String| settings.get(key).is_some_and(|value| !value.is_empty());
    field.is_asked(settings) && field.load.as_ref().is_some_and(|load| load.needs.iter().all(has))
}

/// What *Test data* or *Test write* brought.
#[derive(Default)]
pub struct Tested {
    /// The first rows of a real read.
    pub table: Option<Table>,
    /// Why there are none.
    pub fault: Option<Fault>,
    /// The right to write, proved, and nothing left behind.
    pub report: Option<Report>,
    /// What it needs to be allowed: found out by tries that change nothing.
    pub needs: Vec<Need>,
}

impl Tested {
    /// The account got in. Behind a door that stays shut there is nothing to look at, and a wrong password is not tried
    /// again.
    pub fn is_let_in(&self) -> bool {
        self.refusal().is_none_or(|fault| fault.cause.is_of_rights())
    }

    fn refusal(&self) -> Option<Fault> {
        let of_report = || {
            let step = self.report.as_ref()?.failure()?;
            Some(Fault {
                fields: step.fields.clone(),
                detail: step.detail.clone(),
                ..Fault::new(step.cause?)
            })
        };
        self.fault.clone().or_else(of_report)
    }
}

/// *Test data* of a source, *Test write* of a destination, and what it needs to be allowed.
pub async fn test(ctx: &Ctx, actor: &Actor, form: &FlowForm) -> Result<Tested, Error> {
    let (account, settings) = ready(ctx, actor, form).await?;
    let mut tested = try_out(ctx, &account, (form.kind, &settings)).await?;
    if tested.is_let_in() {
        tested.needs = needs::of_form(ctx, &account, (form.kind, &settings), LOOK_LIMIT).await;
    }
    Ok(tested)
}

/// The same without a look at what it needs.
pub async fn test_only(ctx: &Ctx, actor: &Actor, form: &FlowForm) -> Result<Tested, Error> {
    let (account, settings) = ready(ctx, actor, form).await?;
    try_out(ctx, &account, (form.kind, &settings)).await
}

async fn ready(ctx: &Ctx, actor: &Actor, form: &FlowForm) -> Result<(OpenAccount, Values), Error> {
    actor.must(Permission::UseAuthorizers)?;
    let settings = super::check(ctx, &nameless(form), form.authorizer_id.as_ref()).await?.settings;
    Ok((open(ctx, form).await?, settings))
}

async fn try_out(
    ctx: &Ctx,
    account: &OpenAccount,
    (kind, settings): (FlowKind, &Values),
) -> Result<Tested, Error> {
    let tested = match kind {
        FlowKind::Source => match ctx.outbound.preview(&account.account(), settings).await {
            Ok(table) => Tested { table: Some(table), ..Tested::default() },
            Err(fault) => Tested { fault: Some(fault), ..Tested::default() },
        },
        FlowKind::Destination => {
            let report = ctx.outbound.test_write(&account.account(), settings, &mut |_| ()).await;
            Tested { report: Some(report), ..Tested::default() }
        }
    };
    if let Some(fault) = tested.refusal() {
        note(ctx, account, &fault).await?;
    }
    Ok(tested)
}

/// Tests do not wait for a name.
fn nameless(form: &FlowForm) -> FlowForm {
    let name = if form.name.trim().is_empty() { "test".to_owned() } else { form.name.clone() };
    FlowForm { name, ..form.clone() }
}

/// The chosen account, fresh. A broken or revoked one is refused with its cause: the cure is to reauthorize it.
async fn open(ctx: &Ctx, form: &FlowForm) -> Result<OpenAccount, Error> {
    let id: &AuthorizerId = form.authorizer_id.as_ref().ok_or(Error::NotFound)?;
    let authorizer = crate::domain::authorizers::find::authorizer(ctx, id).await?;
    if authorizer.service_id != form.service_id {
        return Err(Error::NotFound);
    }
    if authorizer.lifecycle != Lifecycle::Active {
        return Err(Error::WrongState("revoked"));
    }
    // Whether a locked one opens is found out by opening it.
    if !authorizer.is_usable() && authorizer.health != Health::Locked {
        return Err(Error::Fault(Fault::new(authorizer.cause.unwrap_or(Cause::TokenExpired))));
    }
    account::open(ctx, id).await
}

fn is_of_account(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::LoginRejected
            | Cause::SecretRejected
            | Cause::GrantRevoked
            | Cause::TunnelLoginRejected
    )
}

/// A lasting refusal of the account itself is told to everybody, not only to who happened to read.
async fn note(ctx: &Ctx, account: &OpenAccount, fault: &Fault) -> Result<(), Error> {
    if is_of_account(fault.cause) {
        let verdict = Verdict::failed(fault.cause, fault.fields.clone(), fault.detail.clone());
        verdict::record(ctx, &account.authorizer, verdict).await?;
    }
    Ok(())
}
