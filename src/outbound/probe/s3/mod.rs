//! Amazon S3 and storage that speaks its protocol.
mod call;
mod needs;
mod objects;
pub(in crate::outbound) mod sign;
mod xml;

use tokio::net::TcpStream;

use super::files;
use super::steps::{Found, Planned, Steps, clean};
use crate::catalog::field::Load;
use crate::model::authorizer::Identity;
use crate::model::cause::Cause;
use crate::model::need::Need;
use crate::model::report::{Fault, Report, StepKind};
use crate::model::table::{LoadedChoice, Table};
use crate::model::values::Values;
use crate::outbound::dial::{self, Wire};
use crate::outbound::tls::{Mode, Tls};
use crate::outbound::{Account, OnStep, Outbound};

use call::{AT, Ask, Store};

/// Finds, connects, encrypts, signs in, looks into the bucket or lists all.
pub async fn test(out: &Outbound, account: &Account<'_>, on_step: OnStep<'_>) -> Report {
    let mut steps = Steps::new(account, on_step);
    let result = async {
        let store = Store::of(out, account)?;
        let bucket = bucket_of(account, &Values::new());
        steps.plan(plan(&store, bucket.as_deref()));
        let wanted = bucket.as_deref().map_or("List the buckets".to_owned(), |bucket| {
            format!("List the objects of {bucket}")
        });
        steps.plan(vec![
            Planned::new(StepKind::SignIn, store.key.id, 9, &["endpoint"]),
            Planned::new(StepKind::Permissions, wanted, 2, &[]),
        ]);
        reach(out, &store, bucket.as_deref(), &mut steps).await?;
        let listed = steps.run(StepKind::SignIn, sign_in(&store, bucket.as_deref())).await?;
        let identity =
            identity(&store, bucket.as_deref(), listed.as_ref().ok().map(String::as_str));
        steps.run(StepKind::Permissions, async { rights(listed, bucket.as_deref()) }).await?;
        Ok(identity)
    };
    let result = result.await;
    steps.end(result)
}

/// `buckets`, or `folders` and `files` of one.
pub async fn choices(
    out: &Outbound,
    account: &Account<'_>,
    load: &Load,
    settings: &Values,
) -> Result<Vec<LoadedChoice>, Fault> {
    let found = async {
        let store = Store::of(out, account)?;
        let list = load.list.as_deref().unwrap_or_default();
        if list == "buckets" {
            reach_silently(out, account, &store, None).await?;
            return objects::buckets(&store, account.value("bucket")).await;
        }
        let bucket = needed_bucket(account, settings)?;
        reach_silently(out, account, &store, Some(&bucket)).await?;
        let prefix = folder(settings.get("folder"));
        objects::names(&store, &bucket, &prefix, list == "files").await
    };
    let named = found.await.map_err(|fault| clean(account, fault))?;
    Ok(named.into_iter().filter_map(|name| LoadedChoice::new(name.clone(), name)).collect())
}

/// The first rows of an object, or of the newest one of a folder.
pub async fn preview(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
) -> Result<Table, Fault> {
    let shown = async {
        let store = Store::of(out, account)?;
        let bucket = needed_bucket(account, settings)?;
        reach_silently(out, account, &store, Some(&bucket)).await?;
        let path = settings
            .get("path")
            .map(|text| text.trim().trim_start_matches('/'))
            .unwrap_or_default();
        let head = objects::head(&store, &bucket, path).await?;
        files::preview(out, head, settings).await
    };
    shown.await.map_err(|fault| clean(account, fault))
}

/// Puts a small object and deletes it.
pub async fn test_write(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
    on_step: OnStep<'_>,
) -> Report {
    let mut steps = Steps::new(account, on_step);
    let result = async {
        let store = Store::of(out, account)?;
        let bucket = needed_bucket(account, settings)?;
        let object = format!("{}{}", folder(settings.get("folder")), files::scratch_name());
        steps.plan(plan(&store, Some(&bucket)));
        steps.plan(vec![
            Planned::new(StepKind::Write, format!("PUT {bucket}/{object}"), 9, &["bucket"]),
            Planned::new(StepKind::CleanUp, format!("DELETE {bucket}/{object}"), 9, &["bucket"]),
        ]);
        reach(out, &store, Some(&bucket), &mut steps).await?;
        let version = steps
            .run(StepKind::Write, async {
                objects::put(&store, &bucket, &object).await.map(Found::new)
            })
            .await?;
        steps
            .run(StepKind::CleanUp, objects::delete(&store, &bucket, &object, version.as_deref()))
            .await?;
        Ok(identity(&store, account.value("bucket"), None))
    };
    let result = result.await;
    let mut report = steps.end(result);
    // Only a test asks who owns the buckets.
    report.identity = report.identity.filter(|_| account.value("bucket").is_some());
    report
}

/// The rights that each of these needs; `None` is the service itself.
pub async fn needs(
    out: &Outbound,
    account: &Account<'_>,
    asked: &[super::NeededBy],
) -> Result<Vec<Vec<Need>>, Fault> {
    let store = Store::of(out, account)?;
    let own = bucket_of(account, &Values::new());
    // Addresses in place of names are checked here: the client that asks resolves names alone.
    reach_silently(out, account, &store, own.as_deref())
        .await
        .map_err(|fault| clean(account, fault))?;
    let mut found = Vec::new();
    for by in asked {
        found.push(match by {
            None => needs::of_service(&store, own.as_deref()).await,
            Some((kind, settings)) => match needed_bucket(account, settings) {
                Ok(bucket) => {
                    needs::of_flow(
                        &store,
                        (&bucket, &folder(settings.get("folder"))),
                        *kind,
                        settings,
                    )
                    .await
                }
                Err(_) => Vec::new(),
            },
        });
    }
    Ok(found)
}

fn bucket_of(account: &Account<'_>, settings: &Values) -> Option<String> {
    let typed = settings.get("bucket").map(String::as_str).or_else(|| account.value("bucket"));
    typed.map(str::trim).filter(|bucket| !bucket.is_empty()).map(str::to_owned)
}

fn needed_bucket(account: &Account<'_>, settings: &Values) -> Result<String, Fault> {
    bucket_of(account, settings).ok_or_else(|| {
        Fault::new(Cause::RequestRejected).marks(&["bucket"]).detail("bucket is empty")
    })
}

/// `a/b/`, or nothing for the top.
fn folder(typed: Option<&String>) -> String {
    let typed = typed.map(|text| text.trim().trim_matches('/')).unwrap_or_default();
    if typed.is_empty() { String::new() } else { format!("{typed}/") }
}

fn plan(store: &Store<'_>, bucket: Option<&str>) -> Vec<Planned> {
    let host = store.host_of(bucket);
    let mut plan = vec![
        Planned::new(StepKind::FindHost, host.clone(), 4, &["endpoint"]),
        Planned::new(
            StepKind::Connect,
            format!("{host}, port {}", store.port_of()),
            5,
            &["endpoint"],
        ),
    ];
    if store.scheme == "https" {
        plan.push(Planned::new(StepKind::Tls, "Encrypt the connection", 4, &["endpoint"]));
    }
    plan
}

/// Finds, connects and encrypts once, step by step; the requests that follow have connections of their own.
async fn reach(
    out: &Outbound,
    store: &Store<'_>,
    bucket: Option<&str>,
    steps: &mut Steps<'_>,
) -> Result<(), Fault> {
    let host = store.host_of(bucket);
    let find = async {
        let found = dial::find(out.policy(), &host, store.port_of(), AT).await?;
        // What is not encrypted stays on networks that the operator opened.
        if store.scheme == "http" && !found.iter().all(|at| out.policy().opens(at.ip())) {
            let said = format!(
                "{host} would be called without encryption; enter an address with https://."
            );
            return Err(Fault::new(Cause::BlockedAddress).marks(&["endpoint"]).detail(said));
        }
        Ok(Found::new(found))
    };
    let found = steps.run(StepKind::FindHost, find).await?;
    let stream: TcpStream = steps
        .run(StepKind::Connect, async { Ok(Found::new(dial::connect(&found, AT).await?)) })
        .await?;
    if store.scheme == "https" {
        let encrypt = async {
            let Some(tls) = Tls::new(Mode::VerifyFull, &host, None)? else {
                return Ok(Found::new(()));
            };
            let wire: Wire = Box::new(stream);
            let (_, told) = tls.wrap(wire).await.map_err(|fault| fault.marks(&["endpoint"]))?;
            Ok(Found::new(()).told(told))
        };
        steps.run(StepKind::Tls, encrypt).await?;
    }
    Ok(())
}

async fn reach_silently(
    out: &Outbound,
    account: &Account<'_>,
    store: &Store<'_>,
    bucket: Option<&str>,
) -> Result<(), Fault> {
    let mut ignore = |_| {};
    let mut steps = Steps::new(account, &mut ignore);
    steps.plan(plan(store, bucket));
    reach(out, store, bucket, &mut steps).await
}

/// A key that is known but may not do this is signed in: what it may not do is the next step's.
type Listed = Result<String, Fault>;

async fn sign_in(store: &Store<'_>, bucket: Option<&str>) -> Result<Found<Listed>, Fault> {
    let query: &[(&str, &str)] =
        if bucket.is_some() { &[("list-type", "2"), ("max-keys", "1")] } else { &[] };
    let answer = store.ask(Ask { method: "GET", bucket, query, ..Ask::default() }).await;
    match answer {
        Ok(answer) => {
            let text = answer.text();
            if !text.contains("<ListBucketResult") && !text.contains("<ListAllMyBucketsResult") {
                let said = "The answer is not that of an S3 server.";
                return Err(Fault::new(Cause::MalformedAnswer).marks(&["endpoint"]).detail(said));
            }
            Ok(Found::new(Ok(text.into_owned())))
        }
        Err(fault) if [Cause::Forbidden, Cause::UnknownObject].contains(&fault.cause) => {
            Ok(Found::new(Err(fault)))
        }
        Err(fault) => Err(fault),
    }
}

fn rights(listed: Listed, bucket: Option<&str>) -> Result<Found<()>, Fault> {
    match (listed, bucket) {
        (Ok(_), Some(bucket)) => {
            Ok(Found::new(()).told(format!("The objects of {bucket} can be listed")))
        }
        (Ok(text), None) => Ok(Found::new(())
            .told(format!("Buckets that can be listed: {}", xml::all(&text, "Bucket").len()))),
        // A key of one bucket is a good key: its bucket has to be named.
        (Err(fault), None) if fault.cause == Cause::Forbidden => {
            let cure = objects::statement("s3:ListAllMyBuckets", "*");
            Ok(Found::new(()).warned(Some(fault.marks(&["bucket"]).cure(cure))))
        }
        (Err(fault), Some(bucket)) if fault.cause == Cause::Forbidden => {
            Err(fault.cure(objects::statement("s3:ListBucket", &format!("arn:aws:s3:::{bucket}"))))
        }
        (Err(fault), _) => Err(fault),
    }
}

/// A new key of the same account is the same account: it is told by its bucket, or else by who owns the buckets. Only
/// where neither is known, by the key.
fn identity(store: &Store<'_>, bucket: Option<&str>, listed: Option<&str>) -> Identity {
    let host =
        store.port.map_or_else(|| store.host.clone(), |port| format!("{}:{port}", store.host));
    let owner = listed
        .and_then(|text| xml::all(text, "Owner").first().and_then(|owner| xml::first(owner, "ID")));
    let (key, place) = match bucket {
        Some(bucket) => (format!("{host}/{bucket}"), format!("{host}/{bucket}")),
        None => (format!("{}@{host}", owner.as_deref().unwrap_or(store.key.id)), host),
    };
    Identity { key, label: format!("{} at {place}", store.key.id) }
}
