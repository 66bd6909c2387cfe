//! What a form asks of the service while it is filled: choices, first rows, the right to write. Nothing is stored.
use std::time::Duration;

use crate::catalog::field::FieldSpec;
use crate::domain::authorizers::account::OpenAccount;
use crate::domain::authorizers::client::{AuthorizedClient, LoadChoices, Preview, TestWrite};
use crate::domain::authorizers::refresh::Waiter;
use crate::domain::authorizers::{needs, test as authorizer_test, verdict};
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
    let mut client = open(ctx, form, Waiter::Page).await?;
    let (mut loaded, mut faults) = (Loaded::new(), Vec::new());
    for field in flow.settings.iter().filter(|field| is_loadable(field, &settings)) {
        let Some(load) = &field.load else { continue };
        match client.call(ctx, LoadChoices { load, settings: &settings }).await? {
            Ok(choices) => {
                loaded.insert(field.key.clone(), choices);
            }
            Err(fault) => {
                note(ctx, client.authorizer(), &fault).await?;
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
    let CheckedForm { mut client, settings } = ready(ctx, actor, form, Waiter::Page).await?;
    let mut tested = try_out(ctx, &mut client, form.kind, &settings).await?;
    if tested.is_let_in() {
        let asked = (form.kind, &settings);
        tested.needs = needs::of_form(ctx, client.authorizer(), asked, LOOK_LIMIT).await;
    }
    Ok(tested)
}

/// The same without a look at what it needs, for a check in the background.
pub async fn test_only(ctx: &Ctx, actor: &Actor, form: &FlowForm) -> Result<Tested, Error> {
    let CheckedForm { mut client, settings } = ready(ctx, actor, form, Waiter::Background).await?;
    try_out(ctx, &mut client, form.kind, &settings).await
}

/// The account, open, and the settings, checked.
struct CheckedForm {
    client: AuthorizedClient,
    settings: Values,
}

async fn ready(
    ctx: &Ctx,
    actor: &Actor,
    form: &FlowForm,
    waiter: Waiter,
) -> Result<CheckedForm, Error> {
    actor.must(Permission::UseAuthorizers)?;
    let settings = super::check(ctx, &nameless(form), form.authorizer_id.as_ref()).await?.settings;
    Ok(CheckedForm { client: open(ctx, form, waiter).await?, settings })
}

async fn try_out(
    ctx: &Ctx,
    client: &mut AuthorizedClient,
    kind: FlowKind,
    settings: &Values,
) -> Result<Tested, Error> {
    let tested = match kind {
        FlowKind::Source => match client.call(ctx, Preview { settings }).await? {
            Ok(table) => Tested { table: Some(table), ..Tested::default() },
            Err(fault) => Tested { fault: Some(fault), ..Tested::default() },
        },
        FlowKind::Destination => {
            let report = client.call(ctx, TestWrite { settings }).await?;
            Tested { report: Some(report), ..Tested::default() }
        }
    };
    if let Some(fault) = tested.refusal() {
        note(ctx, client.authorizer(), &fault).await?;
    }
    Ok(tested)
}

/// Tests do not wait for a name.
fn nameless(form: &FlowForm) -> FlowForm {
    let name = if form.name.trim().is_empty() { "test".to_owned() } else { form.name.clone() };
    FlowForm { name, ..form.clone() }
}

/// The chosen account, fresh. A broken or revoked one is refused with its cause: the cure is to reauthorize it.
async fn open(ctx: &Ctx, form: &FlowForm, waiter: Waiter) -> Result<AuthorizedClient, Error> {
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
        return Err(Error::Fault(Fault::new(authorizer.cause.unwrap_or(Cause::PeriodEnded))));
    }
    AuthorizedClient::open(ctx, id, waiter).await
}

fn is_of_account(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::LoginRejected
            | Cause::SecretRejected
            | Cause::GrantRevoked
            | Cause::TokenExpired
            | Cause::FreshTokenRefused
            | Cause::TunnelLoginRejected
    )
}

/// Writes down a refusal of the account itself, so that everybody sees it and not only who happened to read.
async fn note(ctx: &Ctx, account: &OpenAccount, fault: &Fault) -> Result<(), Error> {
    if !is_of_account(fault.cause) {
        return Ok(());
    }
    if fault.cause == Cause::TokenExpired {
        // One address of the service refused a token that nothing renews. Whether all do is for the account's own test.
        let (scope, id) = (ctx.clone(), account.authorizer.id.clone());
        ctx.tasks.start(async move {
            let tested = Box::pin(authorizer_test::run_once(&scope, &id, &mut |_| ())).await;
            if let Err(error) = tested {
                tracing::warn!(%error, authorizer = %id, "could not test an account that was refused");
            }
        });
        return Ok(());
    }
    let verdict = Verdict::failed(fault.cause, fault.fields.clone(), fault.detail.clone());
    verdict::record(ctx, &account.authorizer, verdict).await
}
