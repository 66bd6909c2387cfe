//! HTTP services: a test in layers, choices and first rows by the service's file.
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use url::Url;

use super::http_rows::RowsSpec;
use super::steps::{Found, Planned, Steps};
use crate::catalog::field::Load;
use crate::catalog::http::{Method, TestSpec};
use crate::model::authorizer::Identity;
use crate::model::cause::Cause;
use crate::model::report::{Fault, Report, StepKind};
use crate::model::table::{LoadedChoice, MAX_CHOICES, Table};
use crate::model::values::Values;
use crate::outbound::api::{self, Ask};
use crate::outbound::dial::{self, Marks};
use crate::outbound::http::DATA_BYTES;
use crate::outbound::json::Json;
use crate::outbound::oauth::identity;
use crate::outbound::tls::{Mode, Tls};
use crate::outbound::{Account, OnStep, Outbound};

const CALL_LIMIT: u64 = 8;
const AT: Marks = Marks { host: "base_url", port: "base_url" };

pub async fn test(out: &Outbound, account: &Account<'_>, on_step: OnStep<'_>) -> Report {
    run(out, account, (&Values::new(), &account.service.tests), on_step).await
}

/// The harmless request of the service's file that proves the right to write.
pub async fn test_write(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
    on_step: OnStep<'_>,
) -> Report {
    let check = account.service.destination.as_ref().and_then(|flow| flow.write_check.as_ref());
    let checks: Vec<TestSpec> = check.into_iter().cloned().collect();
    run(out, account, (settings, &checks), on_step).await
}

async fn run(
    out: &Outbound,
    account: &Account<'_>,
    (settings, tests): (&Values, &[TestSpec]),
    on_step: OnStep<'_>,
) -> Report {
    let mut steps = Steps::new(account, on_step);
    let place = first_address(account, tests);
    let host = place.as_ref().ok().and_then(Url::host_str).unwrap_or_default().to_owned();
    steps.plan(plan(
        account,
        tests,
        (&host, place.as_ref().is_ok_and(|url| url.scheme() == "https")),
    ));
    let result = async {
        reach(out, &mut steps, &place?).await?;
        let mut found = Identity { key: String::new(), label: host.clone() };
        for test in tests {
            if let Some(identity) = step(out, &mut steps, (account, settings), test).await? {
                found = identity;
            }
        }
        if tests.is_empty() && account.auth.oauth2.is_some() {
            let proven = steps.run(StepKind::Identity, async {
                let identity = identity::prove(out, account).await?;
                let told = identity.label.clone();
                Ok(Found::new(identity).told(told))
            });
            found = proven.await?;
        }
        Ok(found)
    };
    let result = result.await;
    steps.end(result)
}

/// Where the first request goes: the layers below it are tried with that host.
fn first_address(account: &Account<'_>, tests: &[TestSpec]) -> Result<Url, Fault> {
    let lookup = |name: &str| account.value(name).map(str::to_owned);
    let identity = account.auth.oauth2.as_ref().and_then(|oauth2| oauth2.identity.get.as_deref());
    let path = tests.first().map(|test| test.path.as_str()).or(identity).unwrap_or("/");
    let path = path.split('?').next().unwrap_or(path);
    api::address(account, path, &lookup)
}

fn plan(account: &Account<'_>, tests: &[TestSpec], (host, is_https): (&str, bool)) -> Vec<Planned> {
    let mut plan = vec![
        Planned::new(StepKind::FindHost, host, 4, &["base_url"]),
        Planned::new(StepKind::Connect, host, 5, &["base_url"]),
    ];
    if is_https {
        plan.push(Planned::new(StepKind::Tls, host, 4, &[]));
    }
    plan.extend(tests.iter().map(|test| Planned::new(test.step, told(test), CALL_LIMIT, &[])));
    if tests.is_empty() && account.auth.oauth2.is_some() {
        plan.push(Planned::new(StepKind::Identity, "Who signed in", CALL_LIMIT, &[]));
    }
    plan
}

/// `GET /v1/me`
fn told(test: &TestSpec) -> String {
    let method = match test.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Head => "HEAD",
    };
    format!("{method} {}", test.path)
}

async fn reach(out: &Outbound, steps: &mut Steps<'_>, url: &Url) -> Result<(), Fault> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let found = steps.run(StepKind::FindHost, async {
        let found =
            dial::find_for(out.policy(), crate::outbound::policy::Kind::Http, (&host, port), AT)
                .await?;
        let mut list: Vec<String> = found.iter().map(|at| at.ip().to_string()).collect();
        list.dedup();
        list.truncate(3);
        let told = if list.contains(&host) {
            host.clone()
        } else {
            format!("{host} is {}", list.join(", "))
        };
        Ok(Found::new(found).told(told))
    });
    let found = found.await?;
    let stream = steps.run(StepKind::Connect, async {
        Ok(Found::new(dial::connect(&found, AT).await?).told(format!("{host}, port {port}")))
    });
    let stream = stream.await?;
    if url.scheme() != "https" {
        return Ok(());
    }
    steps
        .run(StepKind::Tls, async {
            let tls = Tls::new(Mode::VerifyFull, &host, None)?
                .ok_or_else(|| Fault::new(Cause::TlsUnsupported))?;
            let (_, told) = tls
                .wrap(Box::new(stream))
                .await
                .map_err(|fault| Fault { fields: Vec::new(), ..fault })?;
            Ok(Found::new(()).told(told))
        })
        .await
}

/// One step of the file; the identity, if it tells one.
async fn step(
    out: &Outbound,
    steps: &mut Steps<'_>,
    (account, settings): (&Account<'_>, &Values),
    test: &TestSpec,
) -> Result<Option<Identity>, Fault> {
    steps
        .run(test.step, async {
            match asked(out, account, settings, test).await {
                Ok(identity) => {
                    let label = identity.as_ref().map(|identity| identity.label.clone());
                    Ok(Found::new(identity).told(label.unwrap_or_else(|| told(test))))
                }
                Err(fault) if test.optional && !fault.cause.is_passing() => {
                    Ok(Found::new(None).warned(Some(fault)))
                }
                Err(fault) => Err(fault),
            }
        })
        .await
}

/// One request of the file, and who it says we are.
pub(in crate::outbound) async fn asked(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
    test: &TestSpec,
) -> Result<Option<Identity>, Fault> {
    let ask = Ask {
        method: test.method,
        path: &test.path,
        query: &test.query,
        headers: &test.headers,
        body: test.body.as_ref(),
        raw_query: None,
        errors: &test.errors,
        limit: Duration::from_secs(CALL_LIMIT),
        max_bytes: DATA_BYTES,
    };
    let label = test.identity_label.as_deref().or(test.identity_id.as_deref()).unwrap_or_default();
    let templates = test.identity_id.iter().map(String::as_str).chain([label]);
    let wanted: Vec<String> =
        templates.filter_map(|template| identity::pointer(account, template)).collect();
    let has = test.has.clone();
    let read = move |answer: Json<'_>| Answered {
        is_proof: has.is_none_or(|pointer| answer.first(&pointer).is_some()),
        texts: wanted
            .into_iter()
            .filter_map(|pointer| Some((answer.text(&pointer)?, pointer)))
            .map(|(text, pointer)| (pointer, text))
            .collect(),
    };
    let answered = api::ask_data(out, account, settings, ask, read).await;
    let answered = answered.map_err(|fault| named(fault, test))?;
    if let (Some(pointer), false) = (&test.has, answered.is_proof) {
        // A 2xx alone proves nothing.
        let said = format!("{} answered without {pointer}", told(test));
        return Err(named(Fault::new(Cause::Forbidden).detail(said), test));
    }
    let find = |pointer: &str| answered.texts.get(pointer).cloned();
    Ok(test.identity_id.as_deref().and_then(|id| identity::read(account, &find, id, label)))
}

/// What a test wants of an answer.
struct Answered {
    /// What must be there is there.
    is_proof: bool,
    /// Texts by their pointers.
    texts: BTreeMap<String, String>,
}

/// Names the permission that the step proves.
fn named(mut fault: Fault, test: &TestSpec) -> Fault {
    if let Some(needs) = &test.needs
        && fault.cause == Cause::Forbidden
    {
        fault.cause = Cause::MissingScope;
        fault.cure = fault.cure.or_else(|| Some(needs.clone()));
    }
    fault
}

pub async fn choices(
    out: &Outbound,
    account: &Account<'_>,
    load: &Load,
    settings: &Values,
) -> Result<Vec<LoadedChoice>, Fault> {
    let path = load
        .get
        .as_deref()
        .ok_or_else(|| Fault::new(Cause::RequestRejected).detail("nothing to load"))?;
    let method = if load.body.is_some() { Method::Post } else { Method::Get };
    let ask = Ask { method, body: load.body.as_ref(), max_bytes: DATA_BYTES, ..Ask::get(path) };
    let list = ChoiceList {
        items: load.items.clone(),
        value: load.value.clone(),
        label: load.label.clone(),
        strip: load.strip.clone(),
    };
    api::ask_data(out, account, settings, ask, move |answer| list.read(answer)).await
}

/// Where the entries of a drop-down are in an answer.
struct ChoiceList {
    items: String,
    value: String,
    label: String,
    /// What every value begins with and forms do not need.
    strip: Option<String>,
}

impl ChoiceList {
    fn read(&self, answer: Json<'_>) -> Vec<LoadedChoice> {
        let mut choices = Vec::new();
        let mut add = |item: Json<'_>| {
            choices.extend(self.choice(item));
            let is_full = choices.len() >= MAX_CHOICES;
            if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        answer.walk(&self.items, &mut |found| {
            if !found.is_array() {
                return add(found);
            }
            let mut flow = ControlFlow::Continue(());
            found.each_element(|item| {
                flow = add(item);
                flow
            });
            flow
        });
        choices
    }

    fn choice(&self, item: Json<'_>) -> Option<LoadedChoice> {
        let value = item.text(&self.value)?;
        let stripped = self.strip.as_deref().and_then(|prefix| value.strip_prefix(prefix));
        let value = stripped.map_or_else(|| value.clone(), str::to_owned);
        let label = item.text(&self.label).unwrap_or_else(|| value.clone());
        LoadedChoice::new(value, label)
    }
}

/// A data set of the file, or a request of a person's own.
pub async fn preview(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
) -> Result<Table, Fault> {
    let of = |key: &str| settings.get(key).map(String::as_str).unwrap_or_default();
    let flow = account.service.source.as_ref();
    let dataset =
        flow.and_then(|flow| flow.datasets.iter().find(|dataset| dataset.id == of("dataset")));
    let Some(dataset) = dataset else {
        // What a person typed is an address, not a template.
        let path = of("path").replace(['{', '}'], "");
        let ask = Ask { raw_query: Some(of("query")), max_bytes: DATA_BYTES, ..Ask::get(&path) };
        let rows = RowsSpec::at(of("rows"));
        return api::ask_data(out, account, settings, ask, move |answer| rows.read(answer)).await?;
    };
    let ask = Ask {
        method: dataset.method(),
        query: &dataset.query,
        headers: &dataset.headers,
        body: dataset.body.as_ref(),
        max_bytes: DATA_BYTES,
        errors: &[],
        raw_query: None,
        ..Ask::get(&dataset.path)
    };
    let rows = RowsSpec::of_dataset(dataset);
    api::ask_data(out, account, settings, ask, move |answer| rows.read(answer)).await?
}
