//! S3 against a server that checks signatures; what such a server cannot be made to say comes from a fake.
use authorizers::model::cause::Cause;
use authorizers::model::report::{Report, StepKind, StepVerdict};
use authorizers::outbound::Outbound;
use authorizers::outbound::policy::Policy;
use authorizers::outbound::probe::s3;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::account::{Typed, failed, line, list, out, settings};
use crate::services::s3::{KEY, S3};

fn typed(endpoint: &str) -> Typed {
    Typed::new(
        "s3",
        &[
            ("access_key_id", KEY),
            ("secret_access_key", KEY),
            ("region", "us-east-1"),
            ("endpoint", endpoint),
            ("path_style", "true"),
        ],
    )
}

async fn test(typed: &Typed) -> Report {
    s3::test(&out(), &typed.account(), &mut |_| {}).await
}

/// An object of the bucket `lake`, put where the server keeps it.
fn put(key: &str, text: &str) {
    let file = S3::shared().data().join("lake").join(format!("{key}._S3rver_object"));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

#[tokio::test]
async fn a_right_key_passes_every_step() {
    let report = test(&typed(&S3::shared().endpoint())).await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, SignIn ok, Permissions ok", "{report:#?}");
    assert_eq!(report.steps[3].what, "Buckets that can be listed: 2");
    let report = test(&typed(&S3::shared().endpoint()).with("bucket", "still")).await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, SignIn ok, Permissions ok", "{report:#?}");
    assert_eq!(
        report.identity.unwrap().label,
        format!("S3RVER at {}/still", S3::shared().endpoint().trim_start_matches("http://"))
    );
}

#[tokio::test]
async fn wrong_keys_and_buckets_mark_their_fields() {
    let right = typed(&S3::shared().endpoint());
    let report = test(&right.clone().with("access_key_id", "SOMEBODY")).await;
    failed(&report, StepKind::SignIn, Cause::LoginRejected, &["access_key_id"]);
    let report = test(&right.with("bucket", "no-such-bucket")).await;
    failed(&report, StepKind::Permissions, Cause::UnknownObject, &["bucket"]);
}

#[tokio::test]
async fn objects_are_listed_and_shown() {
    put("preview/a b.csv", &format!("id;name\n{}", "1;x\n".repeat(200_000)));
    put("preview/inner/deep.jsonl", "{\"a\": 1}\n");
    let typed = typed(&S3::shared().endpoint());
    let load = async |name: &str, folder: &str| {
        let found = s3::choices(
            &out(),
            &typed.account(),
            &list(name),
            &settings(&[("bucket", "lake"), ("folder", folder)]),
        )
        .await
        .unwrap();
        found.into_iter().map(|choice| choice.value).collect::<Vec<_>>()
    };
    assert_eq!(load("buckets", "").await, ["lake", "still"]);
    assert_eq!(load("folders", "preview").await, ["preview/inner/"]);
    assert_eq!(load("files", "preview/").await, ["preview/inner/", "preview/a b.csv"]);
    let preview = async |path: &str, format: &str| {
        s3::preview(
            &out(),
            &typed.account(),
            &settings(&[
                ("bucket", "lake"),
                ("path", path),
                ("format", format),
                ("delimiter", ";"),
            ]),
        )
        .await
    };
    for path in ["preview/", "preview", "preview/a b.csv"] {
        let table = preview(path, "csv").await.unwrap();
        assert_eq!((table.columns.len(), table.rows.len(), table.more), (2, 20, true), "{path}");
    }
    assert_eq!(
        preview("preview/inner/deep.jsonl", "jsonl").await.unwrap().rows,
        [[Some("1".to_owned())]]
    );
    for path in ["preview/gone.csv", "nothing/here/"] {
        let fault = preview(path, "csv").await.unwrap_err();
        assert_eq!(
            (fault.cause, fault.fields),
            (Cause::UnknownObject, vec!["path".to_owned()]),
            "{path}"
        );
    }
    assert_eq!(preview("a/../b", "csv").await.unwrap_err().fields, ["path"]);
}

#[tokio::test]
async fn a_write_check_leaves_nothing_behind() {
    let typed = typed(&S3::shared().endpoint());
    let check = async |folder: &str| {
        s3::test_write(
            &out(),
            &typed.account(),
            &settings(&[("bucket", "lake"), ("folder", folder)]),
            &mut |_| {},
        )
        .await
    };
    for folder in ["", "deep/er/"] {
        let report = check(folder).await;
        let passed = "FindHost ok, Connect ok, Write ok, CleanUp ok";
        assert_eq!(line(&report), passed, "{report:#?}");
    }
    let mut left = String::new();
    for entry in walk(&S3::shared().data()) {
        left.push_str(&entry);
    }
    assert!(!left.contains("write-check"), "{left}");
    let report = s3::test_write(
        &out(),
        &typed.account(),
        &settings(&[("bucket", "no-such-bucket")]),
        &mut |_| {},
    )
    .await;
    failed(&report, StepKind::Write, Cause::UnknownObject, &["bucket"]);
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        found.push(entry.path().display().to_string());
        if entry.path().is_dir() {
            found.extend(walk(&entry.path()));
        }
    }
    found
}

/// Answers every request alike.
async fn fake(status: &'static str, headers: &'static str, body: &'static str) -> Typed {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut sink = [0; 4096];
                if stream.read(&mut sink).await.is_ok_and(|count| count > 0) {
                    let head = format!(
                        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
                        body.len()
                    );
                    stream.write_all(format!("{head}{body}").as_bytes()).await.ok();
                }
            });
        }
    });
    typed(&endpoint)
}

#[tokio::test]
async fn a_key_that_may_not_list_is_a_good_key_with_a_cure() {
    let denied = fake(
        "403 Forbidden",
        "",
        "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
    )
    .await;
    let report = test(&denied).await;
    let step = &report.steps[3];
    assert_eq!(
        (step.verdict, step.cause),
        (StepVerdict::Warned, Some(Cause::Forbidden)),
        "{report:#?}"
    );
    assert!(step.cure.as_ref().unwrap().contains("s3:ListAllMyBuckets"));
    let report = test(&denied.with("bucket", "lake")).await;
    let step = failed(&report, StepKind::Permissions, Cause::Forbidden, &["bucket"]);
    assert!(
        step.cure
            .as_ref()
            .unwrap()
            .contains("\"s3:ListBucket\", \"Resource\": \"arn:aws:s3:::lake\""),
        "{step:?}"
    );
}

#[tokio::test]
async fn a_wrong_secret_marks_the_secret_and_is_not_told() {
    let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>The key wrong-secret does not match</Message></Error>";
    let report =
        test(&fake("403 Forbidden", "", body).await.with("secret_access_key", "wrong-secret"))
            .await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, SignIn FAILED, Permissions -");
    failed(&report, StepKind::SignIn, Cause::SecretRejected, &["secret_access_key"]);
    assert!(!format!("{report:?}").contains("wrong-secret"));
}

#[tokio::test]
async fn another_region_an_old_token_and_another_server_are_told() {
    let moved = fake(
        "301 Moved Permanently",
        "x-amz-bucket-region: eu-west-3\r\nlocation: http://169.254.169.254/\r\n",
        "<Error><Code>PermanentRedirect</Code><Message>m</Message></Error>",
    )
    .await;
    let report = test(&moved.with("bucket", "lake")).await;
    let step = failed(&report, StepKind::SignIn, Cause::RequestRejected, &["region"]);
    assert_eq!(step.cure.as_deref(), Some("eu-west-3"));
    let old =
        fake("400 Bad Request", "", "<Error><Code>ExpiredToken</Code><Message>m</Message></Error>")
            .await;
    failed(&test(&old).await, StepKind::SignIn, Cause::TokenExpired, &["session_token"]);
    let slow =
        fake("503 Slow Down", "", "<Error><Code>SlowDown</Code><Message>m</Message></Error>").await;
    failed(&test(&slow).await, StepKind::SignIn, Cause::RateLimited, &[]);
    let page = fake("200 OK", "", "<html>Welcome</html>").await;
    failed(&test(&page).await, StepKind::SignIn, Cause::MalformedAnswer, &["endpoint"]);
}

#[tokio::test]
async fn metadata_is_not_called_and_what_is_not_encrypted_stays_where_the_operator_allowed() {
    let closed = Outbound::new(Policy::default());
    for endpoint in [
        "http://169.254.169.254",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
        "https://localhost",
    ] {
        let report = s3::test(&closed, &typed(endpoint).account(), &mut |_| {}).await;
        failed(&report, StepKind::FindHost, Cause::BlockedAddress, &["endpoint"]);
    }
    // A private network may be called, but not in the clear.
    let report = s3::test(&closed, &typed("http://10.1.2.3").account(), &mut |_| {}).await;
    failed(&report, StepKind::FindHost, Cause::BlockedAddress, &["endpoint"]);
    let report = s3::test(&closed, &typed("ftp://files.example").account(), &mut |_| {}).await;
    failed(&report, StepKind::FindHost, Cause::RequestRejected, &["endpoint"]);
}
