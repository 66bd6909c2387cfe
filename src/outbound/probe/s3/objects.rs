//! Buckets and objects: lists are bounded, of objects only the beginning is read.
use super::call::{Ask, Store};
use super::xml;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::MAX_CHOICES;
use crate::outbound::probe::files::{HEAD_BYTES, Head, Listed, newest};
use crate::outbound::probe::steps::Found;

/// A folder's pages of a thousand objects that are looked through.
const MOST_PAGES: usize = 5;

/// All buckets; the one of the key, if it may not list them.
pub(super) async fn buckets(store: &Store<'_>, own: Option<&str>) -> Result<Vec<String>, Fault> {
    let read = |text: &str| {
        let names = xml::all(text, "Bucket").into_iter();
        names.filter_map(|bucket| xml::first(bucket, "Name")).take(MAX_CHOICES).collect()
    };
    match (store.list(Ask { method: "GET", ..Ask::default() }, read).await, own) {
        (Ok(names), _) => Ok(names),
        (Err(fault), Some(own)) if fault.cause == Cause::Forbidden => Ok(vec![own.to_owned()]),
        (Err(fault), _) if fault.cause == Cause::Forbidden => {
            Err(fault.cure(statement("s3:ListAllMyBuckets", "*")))
        }
        (Err(fault), _) => Err(fault),
    }
}

/// The folders within a folder, and its objects if they are wanted, too.
pub(super) async fn names(
    store: &Store<'_>,
    bucket: &str,
    prefix: &str,
    with_files: bool,
) -> Result<Vec<String>, Fault> {
    let query = [("list-type", "2"), ("delimiter", "/"), ("prefix", prefix)];
    let ask = Ask { method: "GET", bucket: Some(bucket), query: &query, ..Ask::default() };
    let read = move |text: &str| {
        let folders = xml::all(text, "CommonPrefixes")
            .into_iter()
            .filter_map(|folder| xml::first(folder, "Prefix"));
        let files = xml::all(text, "Contents")
            .into_iter()
            .filter(|_| with_files)
            .filter_map(|object| xml::first(object, "Key"));
        let files = files.filter(|key| !key.ends_with('/'));
        folders.chain(files).take(MAX_CHOICES).collect()
    };
    store.list(ask, read).await.map_err(|fault| listing(fault, bucket))
}

/// The beginning of an object, or of the newest of a folder.
pub(super) async fn head(store: &Store<'_>, bucket: &str, path: &str) -> Result<Head, Fault> {
    if !path.is_empty() && !path.ends_with('/') {
        match beginning(store, bucket, path).await {
            Err(fault) if fault.cause == Cause::UnknownObject && fault.fields == ["path"] => {
                // It may be a folder that was typed without its slash.
                let inside = newest_of(store, bucket, &format!("{path}/"))
                    .await
                    .ok()
                    .flatten()
                    .ok_or(fault)?;
                return beginning(store, bucket, &inside).await;
            }
            other => return other,
        }
    }
    let none = || {
        Fault::new(Cause::UnknownObject)
            .marks(&["path"])
            .detail(format!("{bucket}/{path} has no objects."))
    };
    let inside = newest_of(store, bucket, path).await?.ok_or_else(none)?;
    beginning(store, bucket, &inside).await
}

async fn beginning(store: &Store<'_>, bucket: &str, object: &str) -> Result<Head, Fault> {
    let asked = store
        .ask(Ask {
            method: "GET",
            bucket: Some(bucket),
            object,
            head: Some(HEAD_BYTES),
            ..Ask::default()
        })
        .await;
    let answer = match asked {
        // There is no first byte in an empty object.
        Err(fault) if fault.detail.as_ref().is_some_and(|said| said.contains("→ 416")) => {
            return Ok(Head { name: object.to_owned(), bytes: Vec::new(), is_whole: true });
        }
        Err(fault) if fault.cause == Cause::Forbidden => {
            return Err(fault.cure(statement("s3:GetObject", &format!("arn:aws:s3:::{bucket}/*"))));
        }
        other => other?,
    };
    let total = answer
        .range
        .as_deref()
        .and_then(|range| range.rsplit_once('/'))
        .and_then(|(_, total)| total.parse::<usize>().ok());
    let is_whole = total.map_or(answer.body.len() < HEAD_BYTES, |total| total <= answer.body.len());
    Ok(Head { name: object.to_owned(), bytes: answer.body.bytes().to_vec(), is_whole })
}

/// One page of a folder's objects.
struct Page {
    newest: Option<Listed>,
    next: Option<String>,
}

impl Page {
    fn read(text: &str) -> Self {
        let files = xml::all(text, "Contents").into_iter().filter_map(|object| {
            let changed = xml::first(object, "LastModified")?
                .parse::<jiff::Timestamp>()
                .ok()?
                .as_millisecond();
            Some(Listed { path: xml::first(object, "Key")?, changed })
        });
        Self { newest: newest(files), next: xml::first(text, "NextContinuationToken") }
    }
}

async fn newest_of(store: &Store<'_>, bucket: &str, prefix: &str) -> Result<Option<String>, Fault> {
    let mut found = Vec::new();
    let mut next: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let mut query = vec![("list-type", "2"), ("delimiter", "/"), ("prefix", prefix)];
        if let Some(token) = &next {
            query.push(("continuation-token", token));
        }
        let ask = Ask { method: "GET", bucket: Some(bucket), query: &query, ..Ask::default() };
        let page = store.list(ask, Page::read).await.map_err(|fault| listing(fault, bucket))?;
        found.extend(page.newest);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    Ok(newest(found.into_iter()).map(|object| object.path))
}

fn listing(fault: Fault, bucket: &str) -> Fault {
    match fault.cause {
        Cause::Forbidden => {
            fault.cure(statement("s3:ListBucket", &format!("arn:aws:s3:::{bucket}")))
        }
        _ => fault,
    }
}

/// Puts the scratch object; its version, where the bucket keeps versions.
pub(super) async fn put(
    store: &Store<'_>,
    bucket: &str,
    object: &str,
) -> Result<Option<String>, Fault> {
    let asked = store
        .ask(Ask {
            method: "PUT",
            bucket: Some(bucket),
            object,
            body: b"write check\n",
            ..Ask::default()
        })
        .await;
    let written = asked.map_err(|fault| match fault.cause {
        Cause::Forbidden => fault
            .marks(&["bucket"])
            .cure(statement("s3:PutObject", &format!("arn:aws:s3:::{bucket}/*"))),
        _ => fault,
    });
    Ok(written?.version)
}

/// Deletes the scratch object for good; a bucket that keeps versions may let us hide it only.
pub(super) async fn delete(
    store: &Store<'_>,
    bucket: &str,
    object: &str,
    version: Option<&str>,
) -> Result<Found<()>, Fault> {
    let remove = async |version: Option<&str>| {
        let query: Vec<(&str, &str)> =
            version.map(|version| ("versionId", version)).into_iter().collect();
        store
            .ask(Ask {
                method: "DELETE",
                bucket: Some(bucket),
                object,
                query: &query,
                ..Ask::default()
            })
            .await
    };
    let left = |fault: Fault, right: &str, what: &str| {
        let said = format!("{}\n{what}", fault.detail.clone().unwrap_or_default());
        fault
            .marks(&["bucket"])
            .detail(said)
            .cure(statement(right, &format!("arn:aws:s3:::{bucket}/*")))
    };
    let Err(fault) = remove(version).await else {
        return Ok(Found::new(()));
    };
    if version.is_some() && remove(None).await.is_ok() {
        let what =
            format!("The bucket keeps versions: {object} is deleted, but its old version stays.");
        return Ok(Found::new(()).warned(Some(left(fault, "s3:DeleteObjectVersion", &what))));
    }
    Err(left(
        fault,
        "s3:DeleteObject",
        &format!("The object {bucket}/{object} is left behind: delete it."),
    ))
}

/// A statement to add to the key's policy.
pub(super) fn statement(action: &str, resource: &str) -> String {
    format!("{{ \"Effect\": \"Allow\", \"Action\": \"{action}\", \"Resource\": \"{resource}\" }}")
}
