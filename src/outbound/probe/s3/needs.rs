//! The rights that a source or a destination needs: a list of one, a byte of an object, an upload that is given up at once.
use super::call::{Ask, Store};
use super::objects::{self, statement};
use super::xml;
use crate::model::cause::Cause;
use crate::model::flow::FlowKind;
use crate::model::need::Need;
use crate::model::report::Fault;
use crate::model::values::Values;
use crate::outbound::probe::files;

pub(super) async fn of_service(store: &Store<'_>, bucket: Option<&str>) -> Vec<Need> {
    match bucket {
        Some(bucket) => vec![list(store, bucket, "").await],
        None => {
            let asked = store.ask(Ask { method: "GET", ..Ask::default() }).await;
            let tried = asked.map_err(|fault| cured(fault, "s3:ListAllMyBuckets", "*"));
            vec![Need::tried("s3:ListAllMyBuckets, to choose from a list of buckets", tried)]
        }
    }
}

pub(super) async fn of_flow(
    store: &Store<'_>,
    (bucket, folder): (&str, &str),
    kind: FlowKind,
    settings: &Values,
) -> Vec<Need> {
    match kind {
        FlowKind::Source => {
            let path = settings
                .get("path")
                .map(|text| text.trim().trim_start_matches('/'))
                .unwrap_or_default();
            vec![list(store, bucket, path).await, read(store, bucket, path).await]
        }
        FlowKind::Destination => vec![put(store, bucket, folder).await],
    }
}

async fn list(store: &Store<'_>, bucket: &str, prefix: &str) -> Need {
    let query = [("list-type", "2"), ("max-keys", "1"), ("prefix", prefix)];
    let asked = store
        .ask(Ask { method: "GET", bucket: Some(bucket), query: &query, ..Ask::default() })
        .await;
    let tried =
        asked.map_err(|fault| cured(fault, "s3:ListBucket", &format!("arn:aws:s3:::{bucket}")));
    Need::tried(format!("s3:ListBucket on {bucket}"), tried)
}

/// The newest object of a folder stands for all.
async fn read(store: &Store<'_>, bucket: &str, path: &str) -> Need {
    let what = format!("s3:GetObject on {bucket}/*");
    let tried = objects::head(store, bucket, path).await;
    Need::tried(
        what,
        tried.map_err(|fault| cured(fault, "s3:GetObject", &format!("arn:aws:s3:::{bucket}/*"))),
    )
}

/// Nothing is stored before an upload in parts is completed, and this one never is.
async fn put(store: &Store<'_>, bucket: &str, folder: &str) -> Need {
    let object = format!("{folder}{}", files::scratch_name());
    let all = format!("arn:aws:s3:::{bucket}/*");
    let begin = Ask {
        method: "POST",
        bucket: Some(bucket),
        object: &object,
        query: &[("uploads", "")],
        ..Ask::default()
    };
    let begun = store.ask(begin).await.map_err(|fault| cured(fault, "s3:PutObject", &all));
    if let Ok(answer) = &begun
        && let Some(id) = xml::first(&answer.text(), "UploadId")
    {
        let give_up = Ask {
            method: "DELETE",
            bucket: Some(bucket),
            object: &object,
            query: &[("uploadId", &id)],
            ..Ask::default()
        };
        if let Err(fault) = store.ask(give_up).await {
            tracing::warn!(
                cause = fault.cause.code(),
                "an upload that proved the right to write was not given up"
            );
        }
    }
    Need::tried(format!("s3:PutObject on {bucket}/*"), begun)
}

fn cured(fault: Fault, action: &str, resource: &str) -> Fault {
    if fault.cause == Cause::Forbidden { fault.cure(statement(action, resource)) } else { fault }
}
