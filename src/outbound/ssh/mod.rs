//! The SSH client: signs in, opens a way to a database behind the server, or a channel for SFTP.
//! The same code serves both; `Words` says which causes and fields are meant, so that a tunnel's fault never marks the
//! database's fields, nor the other way round.
mod key;
mod streams;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelId, ChannelOpenFailure};

use super::compute::Compute;
use super::dial::{Marks, Wire};
use crate::model::cause::Cause;
use crate::model::credentials::Secret;
use crate::model::report::Fault;
use streams::{KeepAlive, Tunnelled, closable};

/// A session in which nothing happens is closed.
const IDLE: Duration = Duration::from_secs(20);

/// The causes and field keys of one use of SSH.
#[derive(Clone, Copy)]
pub struct Words {
    pub broken: Cause,
    pub rejected: Cause,
    /// Another server answers than the one that was pinned.
    pub other_server: Cause,
    pub at: Marks,
    pub user: &'static str,
    pub password: &'static str,
    pub key: &'static str,
    pub passphrase: &'static str,
    pub host_key: &'static str,
}

/// The fields of a tunnel to a database.
pub const TUNNEL: Words = Words {
    broken: Cause::TunnelRefused,
    rejected: Cause::TunnelLoginRejected,
    other_server: Cause::TunnelRefused,
    at: Marks { host: "ssh_host", port: "ssh_port" },
    user: "ssh_user",
    password: "ssh_password",
    key: "ssh_key",
    passphrase: "ssh_key_passphrase",
    host_key: "ssh_host_key",
};

/// The fields of a file server.
pub const SFTP: Words = Words {
    broken: Cause::MalformedAnswer,
    rejected: Cause::LoginRejected,
    other_server: Cause::TlsUntrusted,
    at: Marks { host: "host", port: "port" },
    user: "user",
    password: "password",
    key: "private_key",
    passphrase: "passphrase",
    host_key: "host_key",
};

/// How to prove who we are.
pub enum Proof<'a> {
    Password(&'a str),
    Key { pem: &'a str, passphrase: Option<&'a str> },
}

pub struct Login<'a> {
    pub user: &'a str,
    pub proof: Proof<'a>,
    /// `SHA256:…`; `None` believes whoever answers.
    pub pinned: Option<&'a str>,
    pub words: Words,
}

/// A signed-in session. Dropping it ends it.
pub struct Session {
    handle: Handle<Watcher>,
    seen: Arc<Mutex<Seen>>,
    words: Words,
    keep_alive: KeepAlive,
}

/// What the server told besides its answers.
#[derive(Default)]
struct Seen {
    fingerprint: String,
    refusal: String,
}

struct Watcher {
    pinned: Option<String>,
    seen: Arc<Mutex<Seen>>,
}

impl Watcher {
    fn note(&self, change: impl FnOnce(&mut Seen)) {
        if let Ok(mut seen) = self.seen.lock() {
            change(&mut seen);
        }
    }
}

impl client::Handler for Watcher {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let key = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
            PublicKeyOrCertificate::Certificate(certificate) => {
                PublicKey::from(certificate.public_key().clone())
            }
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let is_expected = self
            .pinned
            .as_deref()
            .is_none_or(|pinned| pinned.trim().trim_end_matches('=') == fingerprint);
        self.note(|seen| seen.fingerprint = fingerprint);
        Ok(is_expected)
    }

    async fn channel_open_failure(
        &mut self,
        _: ChannelId,
        _: ChannelOpenFailure,
        description: &str,
        _: &str,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.note(|seen| description.clone_into(&mut seen.refusal));
        Ok(())
    }
}

/// Greets the server on `wire`, checks its key and signs in.
pub async fn sign_in(wire: Wire, login: &Login<'_>, compute: &Compute) -> Result<Session, Fault> {
    let words = login.words;
    let key = match login.proof {
        Proof::Key { pem, passphrase } => {
            let pem = Secret::new(pem);
            let passphrase = passphrase.map(Secret::new);
            let read =
                move || key::read(pem.expose(), passphrase.as_ref().map(Secret::expose), words);
            Some(compute.run(read).await??)
        }
        Proof::Password(_) => None,
    };
    let seen = Arc::new(Mutex::new(Seen::default()));
    let watcher = Watcher { pinned: login.pinned.map(str::to_owned), seen: Arc::clone(&seen) };
    let config = client::Config { inactivity_timeout: Some(IDLE), ..client::Config::default() };
    let (wire, keep_alive) = closable(wire);
    let handle = client::connect_stream(Arc::new(config), wire, watcher).await;
    let handle = handle.map_err(|error| not_greeted(&error, login, &seen))?;
    let mut session = Session { handle, seen, words, keep_alive };
    let taken = match (&login.proof, key) {
        (Proof::Password(password), _) => session.by_password(login.user, password).await,
        (Proof::Key { .. }, Some(key)) => session.by_key(login.user, key).await,
        (Proof::Key { .. }, None) => Ok(Err("no key".to_owned())),
    };
    match taken {
        Ok(Ok(())) => Ok(session),
        Ok(Err(said)) => {
            let field =
                if matches!(login.proof, Proof::Password(_)) { words.password } else { words.key };
            Err(Fault::new(words.rejected).marks(&[words.user, field]).detail(said))
        }
        Err(error) => Err(Fault::new(words.broken)
            .marks(&[words.at.host, words.at.port])
            .detail(error.to_string())),
    }
}

/// An answer of the server: taken, or refused with these words.
type Taken = Result<(), String>;

impl Session {
    /// `SHA256:…` of the server's key.
    pub fn fingerprint(&self) -> String {
        self.seen.lock().map(|seen| seen.fingerprint.clone()).unwrap_or_default()
    }

    async fn by_password(&mut self, user: &str, password: &str) -> Result<Taken, russh::Error> {
        let AuthResult::Failure { remaining_methods, partial_success } =
            self.handle.authenticate_password(user, password).await?
        else {
            return Ok(Ok(()));
        };
        // Servers that ask by PAM take the password as the answer to a question.
        if remaining_methods.contains(&russh::MethodKind::KeyboardInteractive)
            && self.by_questions(user, password).await?
        {
            return Ok(Ok(()));
        }
        Ok(Err(refusal(&remaining_methods, partial_success)))
    }

    async fn by_questions(&mut self, user: &str, password: &str) -> Result<bool, russh::Error> {
        let mut answer = self.handle.authenticate_keyboard_interactive_start(user, None).await?;
        for _ in 0..4 {
            answer = match answer {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                    let answers = prompts.iter().map(|prompt| {
                        if prompt.echo { String::new() } else { password.to_owned() }
                    });
                    self.handle.authenticate_keyboard_interactive_respond(answers.collect()).await?
                }
            };
        }
        Ok(false)
    }

    async fn by_key(
        &mut self,
        user: &str,
        key: russh::keys::PrivateKey,
    ) -> Result<Taken, russh::Error> {
        let hash = if key.algorithm().is_rsa() {
            self.handle.best_supported_rsa_hash().await?.flatten()
        } else {
            None
        };
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        Ok(match self.handle.authenticate_publickey(user, key).await? {
            AuthResult::Success => Ok(()),
            AuthResult::Failure { remaining_methods, partial_success } => {
                Err(refusal(&remaining_methods, partial_success))
            }
        })
    }

    /// A way to `host:port` as the server sees them. What is refused behind the server is the fault of what is there.
    pub async fn through(self, host: &str, port: u16, behind: Marks) -> Result<Wire, Fault> {
        let opened =
            self.handle.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0).await;
        match opened {
            Ok(channel) => Ok(Box::new(Tunnelled {
                channel: channel.into_stream(),
                _session: self.handle,
                _keep_alive: self.keep_alive,
            })),
            Err(russh::Error::ChannelOpenFailure(reason)) => {
                let said = self.seen.lock().map(|seen| seen.refusal.clone()).unwrap_or_default();
                Err(not_opened(reason, &said, self.words, behind))
            }
            Err(error) => Err(Fault::new(self.words.broken)
                .marks(&[self.words.at.host])
                .detail(error.to_string())),
        }
    }

    /// A channel of the server's `sftp` subsystem. The session lives as long as it does.
    pub async fn sftp(self) -> Result<Wire, Fault> {
        let fault =
            |said: String| Fault::new(Cause::Forbidden).marks(&[self.words.user]).detail(said);
        let channel =
            self.handle.channel_open_session().await.map_err(|error| fault(error.to_string()))?;
        channel
            .request_subsystem(true, "sftp")
            .await
            .map_err(|error| fault(format!("The server offers no SFTP: {error}")))?;
        Ok(Box::new(Tunnelled {
            channel: channel.into_stream(),
            _session: self.handle,
            _keep_alive: self.keep_alive,
        }))
    }
}

fn refusal(left: &russh::MethodSet, is_partial: bool) -> String {
    let names: Vec<String> =
        left.iter().map(|method| <&'static str>::from(method).to_owned()).collect();
    match (is_partial, names.is_empty()) {
        (true, _) => format!("Accepted, but the server asks for more: {}", names.join(", ")),
        (false, true) => "Permission denied".to_owned(),
        (false, false) => format!("Permission denied ({})", names.join(",")),
    }
}

fn not_greeted(error: &russh::Error, login: &Login<'_>, seen: &Mutex<Seen>) -> Fault {
    let words = login.words;
    if let (russh::Error::UnknownKey, Some(pinned)) = (error, login.pinned) {
        let shown = seen.lock().map(|seen| seen.fingerprint.clone()).unwrap_or_default();
        let said = format!("The server shows another key than the expected {}.", pinned.trim());
        return Fault::new(words.other_server).marks(&[words.host_key]).detail(said).cure(shown);
    }
    if let russh::Error::PacketSize(_) = error {
        return Fault::new(Cause::AnswerTooLarge)
            .marks(&[words.at.host, words.at.port])
            .detail("A message of the SSH server is larger than we read (256 KB).");
    }
    let said = match error {
        russh::Error::Version | russh::Error::Disconnect | russh::Error::HUP => {
            format!("This is no SSH server, or it hung up: {error}")
        }
        other => other.to_string(),
    };
    Fault::new(words.broken).marks(&[words.at.host, words.at.port]).detail(said)
}

fn not_opened(reason: ChannelOpenFailure, said: &str, words: Words, behind: Marks) -> Fault {
    let text = said.to_lowercase();
    let said = format!(
        "The SSH server answers: {}",
        if said.is_empty() { format!("{reason:?}") } else { said.to_owned() }
    );
    if reason != ChannelOpenFailure::ConnectFailed {
        return Fault::new(words.broken)
            .marks(&[words.user])
            .detail(format!("{said} (it may forbid forwarding for this user)"));
    }
    let fault =
        if text.contains("not known") || text.contains("resolution") || text.contains("no address")
        {
            Fault::new(Cause::HostUnknown).marks(&[behind.host])
        } else if text.contains("timed out") {
            Fault::new(Cause::Timeout).marks(&[behind.host, behind.port])
        } else if text.contains("route") || text.contains("unreachable") {
            Fault::new(Cause::Unreachable).marks(&[behind.host, behind.port])
        } else {
            Fault::new(Cause::PortRefused).marks(&[behind.host, behind.port])
        };
    fault.detail(said)
}
