//! Folders and files of an SFTP server: lists are bounded, of files only the beginning is read.
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error;
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};

use super::refused;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::outbound::probe::files::{Listed, newest};
use crate::outbound::ssh::Session;

/// The most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 5000;
/// What every server reads at once.
const PIECE: usize = 32 * 1024;

pub(super) struct Files {
    sftp: RawSftpSession,
    pub home: String,
}

pub(super) struct Entry {
    pub name: String,
    pub is_folder: bool,
    pub changed: i64,
}

impl Files {
    pub async fn open(session: Session) -> Result<Self, Fault> {
        let sftp = RawSftpSession::new(session.sftp().await?);
        sftp.init().await.map_err(|error| refused(&error, "user", "SFTP"))?;
        let home =
            sftp.realpath(".").await.map_err(|error| refused(&error, "user", "the home folder"))?;
        let home = home.files.into_iter().next().map(|file| file.filename).unwrap_or_default();
        Ok(Self { sftp, home })
    }

    pub async fn is_folder(&self, path: &str) -> Result<bool, Fault> {
        let attributes =
            self.sftp.stat(path).await.map_err(|error| refused(&error, "path", path))?.attrs;
        Ok(attributes.is_dir())
    }

    pub async fn list(&self, path: &str) -> Result<Vec<Entry>, Fault> {
        let fault = |error: &Error| refused(error, "path", path);
        let handle = self.sftp.opendir(path).await.map_err(|error| fault(&error))?.handle;
        let mut entries = Vec::new();
        while entries.len() < MOST_ENTRIES {
            match self.sftp.readdir(handle.as_str()).await {
                Ok(names) => entries.extend(
                    names
                        .files
                        .into_iter()
                        .filter(|file| file.filename != "." && file.filename != "..")
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
        let files = files
            .map(|entry| Listed { path: format!("{prefix}{}", entry.name), changed: entry.changed })
            .collect();
        let none = || {
            Fault::new(Cause::UnknownObject)
                .marks(&["path"])
                .detail(format!("{folder} has no files."))
        };
        newest(files).map(|file| file.path).ok_or_else(none)
    }

    /// The beginning of a file, and whether it is all of it.
    pub async fn head(&self, path: &str, most: usize) -> Result<(Vec<u8>, bool), Fault> {
        let fault = |error: &Error| refused(error, "path", path);
        let handle = self
            .sftp
            .open(path, OpenFlags::READ, FileAttributes::empty())
            .await
            .map_err(|error| fault(&error))?
            .handle;
        let mut head: Vec<u8> = Vec::new();
        let mut is_whole = false;
        while head.len() < most {
            let length = u32::try_from(PIECE.min(most - head.len())).unwrap_or(u32::MAX);
            match self.sftp.read(handle.as_str(), head.len() as u64, length).await {
                Ok(data) if data.data.is_empty() => break,
                Ok(data) => head.extend_from_slice(&data.data),
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => {
                    is_whole = true;
                    break;
                }
                Err(error) => return Err(fault(&error)),
            }
        }
        self.sftp.close(handle).await.ok();
        Ok((head, is_whole))
    }

    /// A new file; one that is there already is never touched.
    pub async fn put(&self, path: &str) -> Result<(), Fault> {
        let fault = |error: &Error| refused(error, "folder", path);
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
            let fault = refused(error, "folder", path);
            let said = format!(
                "{}\nThe file {path} is left behind: delete it.",
                fault.detail.clone().unwrap_or_default()
            );
            fault.detail(said)
        };
        self.sftp.remove(path).await.map(|_| ()).map_err(|error| left(&error))
    }
}
