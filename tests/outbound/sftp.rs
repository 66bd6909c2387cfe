//! Files over SSH.
use std::path::Path;

use authorizers::model::cause::Cause;
use authorizers::model::report::{Report, StepKind};
use authorizers::outbound::probe::sftp;

use super::account::{Typed, failed, line, list, out, settings};
use crate::services::sshd::Sshd;

fn typed() -> Typed {
    let sshd = Sshd::shared();
    let port = sshd.port().to_string();
    Typed::new(
        "sftp",
        &[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("user", &sshd.user()),
            ("method", "key"),
            ("private_key", &sshd.key("plain")),
        ],
    )
}

/// A folder of its own among the server's files.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = Sshd::shared().files().join(name);
    std::fs::create_dir(&folder).unwrap();
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn test(typed: &Typed) -> Report {
    sftp::test(&out(), &typed.account(), &mut |_| {}).await
}

#[tokio::test]
async fn a_right_key_passes_every_step_and_shows_the_servers_key() {
    let report = test(&typed()).await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, SignIn ok, Permissions ok");
    assert!(report.steps[2].what.contains(&Sshd::shared().fingerprint()), "{report:?}");
    assert_eq!(
        report.identity.unwrap().key,
        format!("{}@127.0.0.1:{}", Sshd::shared().user(), Sshd::shared().port())
    );
}

#[tokio::test]
async fn wrong_keys_and_other_servers_mark_their_fields() {
    let sshd = Sshd::shared();
    let report = test(&typed().with("private_key", &sshd.key("stranger"))).await;
    failed(&report, StepKind::SignIn, Cause::LoginRejected, &["user", "private_key"]);
    let report = test(&typed().with("method", "password").with("password", "wrong-secret")).await;
    failed(&report, StepKind::SignIn, Cause::LoginRejected, &["user", "password"]);
    let report = test(&typed().with("private_key", &sshd.key("locked"))).await;
    failed(&report, StepKind::SignIn, Cause::LoginRejected, &["passphrase"]);
    let report =
        test(&typed().with("host_key", "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")).await;
    failed(&report, StepKind::SignIn, Cause::TlsUntrusted, &["host_key"]);
}

#[tokio::test]
async fn the_newest_file_of_a_folder_is_shown_and_only_its_beginning_is_read() {
    let folder = folder("preview");
    std::fs::write(folder.join("old.csv"), "a\n1\n").unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::open(folder.join("old.csv")).unwrap().set_modified(old).unwrap();
    std::fs::write(folder.join("new.csv"), format!("id,name\n{}", "1,\"x, y\"\n".repeat(200_000)))
        .unwrap();
    std::fs::create_dir(folder.join("sub")).unwrap();
    let preview = async |path: &str, format: &str| {
        sftp::preview(
            &out(),
            &typed().account(),
            &settings(&[
                ("path", path),
                ("format", format),
                ("delimiter", ","),
                ("header", "true"),
            ]),
        )
        .await
    };
    for path in ["preview/", "preview", "preview/new.csv"] {
        let table = preview(path, "csv").await.unwrap();
        assert_eq!(table.columns, ["id", "name"], "{path}");
        assert_eq!((table.rows.len(), table.more), (20, true));
        assert_eq!(table.rows[0], [Some("1".into()), Some("x, y".into())]);
    }
    assert_eq!(preview("preview/old.csv", "csv").await.unwrap().rows, [[Some("1".to_owned())]]);
    assert_eq!(preview("preview/old.csv", "jsonl").await.unwrap_err().fields, ["format"]);
    let fault = preview("preview/gone.csv", "csv").await.unwrap_err();
    assert_eq!((fault.cause, fault.fields), (Cause::UnknownObject, vec!["path".to_owned()]));
    let fault = preview("preview/sub/", "csv").await.unwrap_err();
    assert_eq!((fault.cause, fault.fields), (Cause::UnknownObject, vec!["path".to_owned()]));
}

#[tokio::test]
async fn folders_and_files_can_be_chosen() {
    let folder = folder("choices");
    std::fs::create_dir(folder.join("inner")).unwrap();
    std::fs::write(folder.join("a file.csv"), "x").unwrap();
    let load = async |name: &str| {
        let found = sftp::choices(
            &out(),
            &typed().account(),
            &list(name),
            &settings(&[("folder", "choices/")]),
        )
        .await
        .unwrap();
        found.into_iter().map(|choice| choice.value).collect::<Vec<_>>()
    };
    assert_eq!(load("folders").await, ["choices/inner/"]);
    assert_eq!(load("files").await, ["choices/a file.csv", "choices/inner/"]);
}

#[tokio::test]
async fn a_write_check_leaves_nothing_behind() {
    let folder = folder("write");
    let check = async |place: &str| {
        sftp::test_write(&out(), &typed().account(), &settings(&[("folder", place)]), &mut |_| {})
            .await
    };
    let report = check("write/").await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, SignIn ok, Write ok, CleanUp ok");
    assert!(names(&folder).is_empty());
    assert!(check("").await.is_ok());
    assert!(names(&Sshd::shared().files()).iter().all(|name| !name.starts_with('.')));
    failed(&check("nowhere").await, StepKind::Write, Cause::UnknownObject, &["folder"]);
}
