//! Folders and files of an SFTP server: lists are bounded, of files only the beginning is read.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error;
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};

use super::refused;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::{CELL_CHARS, truncate_text};
use crate::outbound::framed::{FramedWire, Frames};
use crate::outbound::probe::files::{Head, Listed, newest};
use crate::outbound::ssh::Session;

/// The most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 5000;
/// What every server reads at once.
const PIECE: usize = 32 * 1024;

/// The most bytes of one session: the beginning of a file and the list of a folder.
const MAX_SESSION: u64 = 16 << 20;
/// The longest message that servers send.
const MAX_MESSAGE: u64 = 256 << 10;

pub(super) struct Files {
    sftp: RawSftpSession,
    limits: Limits,
    pub home: String,
}

/// What one session may send.
#[derive(Clone)]
struct Limits {
    left: Arc<AtomicU64>,
    is_exceeded: Arc<AtomicBool>,
}

impl Limits {
    fn fault(&self, error: &Error, field: &'static str, path: &str) -> Fault {
        if self.is_exceeded.load(Ordering::Relaxed) {
            return Fault::new(Cause::AnswerTooLarge)
                .marks(&[field])
                .detail(format!("{path}: the answer is larger than we read (16 MB)."));
        }
        refused(error, field, path)
    }
}

impl Frames for Limits {
    const HEAD: usize = 4;

    fn admit(&mut self, head: &[u8]) -> Option<u64> {
        let length = u64::from(u32::from_be_bytes(*head.first_chunk()?));
        let spend = |left: u64| left.checked_sub(length).filter(|_| length <= MAX_MESSAGE);
        let is_fit = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok();
        self.is_exceeded.fetch_or(!is_fit, Ordering::Relaxed);
        is_fit.then_some(length)
    }
}

pub(super) struct Entry {
    pub name: String,
    pub is_folder: bool,
    pub changed: i64,
}

impl Files {
    pub async fn open(session: Session) -> Result<Self, Fault> {
        let limits =
            Limits { left: Arc::new(AtomicU64::new(MAX_SESSION)), is_exceeded: Arc::default() };
        let wire = FramedWire::new(session.sftp().await?, limits.clone());
        let sftp = RawSftpSession::new(wire);
        sftp.init().await.map_err(|error| limits.fault(&error, "user", "SFTP"))?;
        let home = sftp
            .realpath(".")
            .await
            .map_err(|error| limits.fault(&error, "user", "the home folder"))?;
        let home = home.files.into_iter().next().map(|file| file.filename).unwrap_or_default();
        Ok(Self { sftp, limits, home: truncate_text(home, CELL_CHARS) })
    }

    pub async fn is_folder(&self, path: &str) -> Result<bool, Fault> {
        let attributes = self
            .sftp
            .stat(path)
            .await
            .map_err(|error| self.limits.fault(&error, "path", path))?
            .attrs;
        Ok(attributes.is_dir())
    }

    pub async fn list(&self, path: &str) -> Result<Vec<Entry>, Fault> {
        let fault = |error: &Error| self.limits.fault(error, "path", path);
        let handle = self.sftp.opendir(path).await.map_err(|error| fault(&error))?.handle;
        let mut entries: Vec<Entry> = Vec::new();
        while entries.len() < MOST_ENTRIES {
            let left = MOST_ENTRIES - entries.len();
            match self.sftp.readdir(handle.as_str()).await {
                Ok(names) => entries.extend(
                    names
                        .files
                        .into_iter()
                        .filter(|file| file.filename != "." && file.filename != "..")
                        .take(left)
                        .map(|file| {
                            let changed = file.attrs.mtime.map(i64::from).unwrap_or_default();
                            Entry { is_folder: file.attrs.is_dir(), changed, name: file.filename }
                        }),
                ),
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => break,
                Err(error) => return Err(fault(&error)),
            }
        }
        self.sftp.close(handle).await.ok();
        Ok(entries)
    }

    pub async fn newest(&self, folder: &str) -> Result<String, Fault> {
        let prefix = if folder == "." {
            String::new()
        } else {
            format!("{}/", folder.trim_end_matches('/'))
        };
        let files = self.list(folder).await?.into_iter().filter(|entry| !entry.is_folder);
        let files = files.map(|entry| Listed {
            path: format!("{prefix}{}", entry.name),
            changed: entry.changed,
        });
        let none = || {
            Fault::new(Cause::UnknownObject)
                .marks(&["path"])
                .detail(format!("{folder} has no files."))
        };
        newest(files).map(|file| file.path).ok_or_else(none)
    }

    /// Reads the first `most` bytes of a file.
    pub async fn head(&self, path: String, most: usize) -> Result<Head, Fault> {
        let fault = |error: &Error| self.limits.fault(error, "path", &path);
        let handle = self
            .sftp
            .open(path.as_str(), OpenFlags::READ, FileAttributes::empty())
            .await
            .map_err(|error| fault(&error))?
            .handle;
        let mut bytes: Vec<u8> = Vec::new();
        let mut is_whole = false;
        while bytes.len() < most {
            let length = u32::try_from(PIECE.min(most - bytes.len())).unwrap_or(u32::MAX);
            match self.sftp.read(handle.as_str(), bytes.len() as u64, length).await {
                Ok(data) if data.data.is_empty() => break,
                Ok(data) => bytes.extend_from_slice(&data.data),
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => {
                    is_whole = true;
                    break;
                }
                Err(error) => return Err(fault(&error)),
            }
        }
        self.sftp.close(handle).await.ok();
        Ok(Head { name: path, bytes, is_whole })
    }

    /// A new file; one that is there already is never touched.
    pub async fn put(&self, path: &str) -> Result<(), Fault> {
        let fault = |error: &Error| self.limits.fault(error, "folder", path);
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::WRITE;
        let handle = self
            .sftp
            .open(path, flags, FileAttributes::empty())
            .await
            .map_err(|error| fault(&error))?
            .handle;
        let written = self.sftp.write(handle.as_str(), 0, b"write check\n".to_vec()).await;
        self.sftp.close(handle).await.ok();
        if let Err(error) = written {
            self.sftp.remove(path).await.ok();
            return Err(fault(&error));
        }
        Ok(())
    }

    pub async fn delete(&self, path: &str) -> Result<(), Fault> {
        let left = |error: &Error| {
            let fault = self.limits.fault(error, "folder", path);
            let said = format!(
                "{}\nThe file {path} is left behind: delete it.",
                fault.detail.clone().unwrap_or_default()
            );
            fault.detail(said)
        };
        self.sftp.remove(path).await.map(|_| ()).map_err(|error| left(&error))
    }
}
