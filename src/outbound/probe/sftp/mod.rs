//! Files over SSH.
mod folder;

use super::files::{self, HEAD_BYTES};
use super::road::{self, need, port};
use super::steps::{Found, Planned, Steps, clean};
use crate::catalog::field::Load;
use crate::model::authorizer::Identity;
use crate::model::cause::Cause;
use crate::model::report::{Fault, Report, StepKind};
use crate::model::table::{LoadedChoice, MAX_CHOICES, Table};
use crate::model::values::Values;
use crate::outbound::ssh::{self, Login, Proof, SFTP};
use crate::outbound::{Account, OnStep, Outbound};

use folder::Files;

/// Finds, connects, signs in, opens the home folder.
pub async fn test(out: &Outbound, account: &Account<'_>, on_step: OnStep<'_>) -> Report {
    let mut steps = Steps::new(account, on_step);
    let result = async {
        let place = Place::of(account)?;
        steps.plan(place.plan());
        steps.plan(vec![Planned::new(StepKind::Permissions, "Read the home folder", 5, &[])]);
        let (files, identity) = open(out, &place, &mut steps).await?;
        let look = async {
            let found = files.list(".").await?;
            Ok(Found::new(()).told(format!("{} has {} files and folders", files.home, found.len())))
        };
        steps.run(StepKind::Permissions, look).await?;
        Ok(identity)
    };
    let result = result.await;
    steps.end(result)
}

/// `folders` or `files` within the folder of the settings.
pub async fn choices(
    out: &Outbound,
    account: &Account<'_>,
    load: &Load,
    settings: &Values,
) -> Result<Vec<LoadedChoice>, Fault> {
    let files = open_silently(out, account).await?;
    let list = load.list.as_deref().unwrap_or_default();
    let folder = settings
        .get("folder")
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .unwrap_or(".");
    let found =
        files.list(folder).await.map_err(|fault| clean(account, fault.marks(&["folder"])))?;
    let prefix =
        if folder == "." { String::new() } else { format!("{}/", folder.trim_end_matches('/')) };
    let wanted = found
        .into_iter()
        .filter(|entry| !entry.name.starts_with('.') && (entry.is_folder || list == "files"));
    let mut names: Vec<String> = wanted
        .map(|entry| format!("{prefix}{}{}", entry.name, if entry.is_folder { "/" } else { "" }))
        .collect();
    names.sort();
    names.truncate(MAX_CHOICES);
    Ok(names.into_iter().filter_map(|name| LoadedChoice::new(name.clone(), name)).collect())
}

/// The first rows of a file, or of the newest file of a folder.
pub async fn preview(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
) -> Result<Table, Fault> {
    let files = open_silently(out, account).await?;
    let shown = async {
        let path = settings
            .get("path")
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
            .unwrap_or(".");
        let file =
            if files.is_folder(path).await? { files.newest(path).await? } else { path.to_owned() };
        let head = files.head(file, HEAD_BYTES).await?;
        files::preview(out, head, settings).await
    };
    shown.await.map_err(|fault| clean(account, fault))
}

/// Puts a small file and deletes it.
pub async fn test_write(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
    on_step: OnStep<'_>,
) -> Report {
    let mut steps = Steps::new(account, on_step);
    let result = async {
        let place = Place::of(account)?;
        let folder = settings
            .get("folder")
            .map(|text| text.trim().trim_end_matches('/'))
            .unwrap_or_default();
        let is_top = settings.get("folder").is_none_or(|text| text.trim().is_empty());
        let path = if is_top {
            files::scratch_name()
        } else {
            format!("{folder}/{}", files::scratch_name())
        };
        steps.plan(place.plan());
        steps.plan(vec![
            Planned::new(StepKind::Write, format!("Write {path}"), 5, &["folder"]),
            Planned::new(StepKind::CleanUp, format!("Delete {path}"), 5, &["folder"]),
        ]);
        let (files, identity) = open(out, &place, &mut steps).await?;
        steps.run(StepKind::Write, async { files.put(&path).await.map(Found::new) }).await?;
        steps.run(StepKind::CleanUp, async { files.delete(&path).await.map(Found::new) }).await?;
        Ok(identity)
    };
    let result = result.await;
    steps.end(result)
}

struct Place<'a> {
    host: &'a str,
    port: u16,
    login: Login<'a>,
}

impl<'a> Place<'a> {
    fn of(account: &'a Account<'_>) -> Result<Self, Fault> {
        let by_key = match account.value("method") {
            Some(method) => method == "key",
            None => account.value("private_key").is_some(),
        };
        let proof = if by_key {
            Proof::Key {
                pem: need(account, "private_key")?,
                passphrase: account.value("passphrase"),
            }
        } else {
            Proof::Password(need(account, "password")?)
        };
        let login = Login {
            user: need(account, "user")?,
            proof,
            pinned: account.value("host_key"),
            words: SFTP,
        };
        Ok(Self { host: need(account, "host")?, port: port(account, "port", 22)?, login })
    }

    fn plan(&self) -> Vec<Planned> {
        vec![
            Planned::new(StepKind::FindHost, self.host, 4, &["host"]),
            Planned::new(
                StepKind::Connect,
                format!("{}, port {}", self.host, self.port),
                5,
                &["host", "port"],
            ),
            Planned::new(StepKind::SignIn, self.login.user, 6, &["host", "port"]),
        ]
    }
}

async fn open(
    out: &Outbound,
    place: &Place<'_>,
    steps: &mut Steps<'_>,
) -> Result<(Files, Identity), Fault> {
    let wire = road::reach(out, steps, place.host, place.port, SFTP.at).await?;
    let signed_in = steps.run(StepKind::SignIn, async {
        let session = ssh::sign_in(wire, &place.login, out.compute()).await?;
        let told = format!("{}, server key {}", place.login.user, session.fingerprint());
        let files = Files::open(session).await?;
        Ok(Found::new(files).told(told))
    });
    let files = signed_in.await?;
    let key = format!("{}@{}:{}", place.login.user, place.host.trim().to_lowercase(), place.port);
    Ok((files, Identity { label: key.clone(), key }))
}

async fn open_silently(out: &Outbound, account: &Account<'_>) -> Result<Files, Fault> {
    let mut ignore = |_| {};
    let mut steps = Steps::new(account, &mut ignore);
    let place = Place::of(account)?;
    steps.plan(place.plan());
    Ok(open(out, &place, &mut steps).await?.0)
}

/// What the server's refusal means; the fields are the setting's.
fn refused(error: &russh_sftp::client::error::Error, field: &'static str, path: &str) -> Fault {
    use russh_sftp::client::error::Error;
    use russh_sftp::protocol::StatusCode;
    let said = format!("{path}: {error}");
    let cause = match error {
        Error::Status(status) => match status.status_code {
            StatusCode::NoSuchFile => Cause::UnknownObject,
            StatusCode::PermissionDenied => Cause::Forbidden,
            _ => Cause::RequestRejected,
        },
        Error::Timeout => Cause::Timeout,
        _ => Cause::MalformedAnswer,
    };
    Fault::new(cause).marks(&[field]).detail(said)
}
