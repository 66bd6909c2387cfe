//! A connection to MySQL or MariaDB: greeting, TLS, sign-in, statements. Values come as text.
//!
//! Ours, because a connection must run over a stream that is there already (through a tunnel, to a checked address),
//! and TLS must be a step of its own. It sends one statement at a time and never a local file.
use mysql_common::crypto;
use mysql_common::scramble::{scramble_native, scramble_sha256};

use super::answer::refused;
use super::packet::{Packets, Reader};
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::outbound::dial::Wire;
use crate::outbound::tls::Tls;

const CONNECT_WITH_DB: u32 = 0x8;
const SSL: u32 = 0x800;
const PLUGIN_AUTH: u32 = 0x8_0000;
/// LONG_PASSWORD, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH. Neither several statements nor local files.
const WANTED: u32 = 0x1 | 0x200 | 0x2000 | 0x8000 | PLUGIN_AUTH;
const UTF8MB4: u8 = 45;

/// A key of 16,384 bits, as PEM.
const MAX_PUBLIC_KEY: usize = 4096;

/// Why a connection does not go on.
pub(super) enum Trouble {
    Refused {
        code: u16,
        state: String,
        message: String,
    },
    Broken(String),
    /// The answer is larger than is read, and by which measure.
    TooLarge(String),
    /// The query does not read, and why.
    NoRead(&'static str),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "The server closed the connection.".to_owned(),
            _ => error.to_string(),
        })
    }
}

/// Whose certificate was checked decides what may be sent in the clear.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cover {
    None,
    Encrypted,
    Verified,
}

pub(super) struct Connection {
    packets: Packets,
    pub version: String,
    capabilities: u32,
    nonce: Vec<u8>,
    plugin: String,
    cover: Cover,
}

impl Connection {
    /// Reads the greeting. A server that lets nobody in says so here.
    pub async fn greet(wire: Wire) -> Result<Self, Trouble> {
        let mut packets = Packets::new(wire);
        let greeting = packets.read().await?;
        if greeting.first() == Some(&0xff) {
            return Err(refused(&greeting));
        }
        let read = || {
            let mut reader = Reader(&greeting);
            let protocol = reader.byte()?;
            let version = String::from_utf8_lossy(reader.text()).into_owned();
            reader.take(4)?;
            let mut nonce = reader.take(8)?.to_vec();
            reader.take(1)?;
            let low = reader.number(2)?;
            reader.take(3)?;
            let high = reader.number(2)?;
            let length = usize::from(reader.byte()?);
            reader.take(10)?;
            nonce.extend_from_slice(
                reader.take(length.saturating_sub(8).max(13).min(reader.0.len()))?,
            );
            nonce.resize(20, 0);
            let capabilities = u32::try_from(low | high << 16).ok()?;
            let plugin = String::from_utf8_lossy(reader.text()).into_owned();
            (protocol == 10).then_some((version, capabilities, nonce, plugin))
        };
        let Some((version, capabilities, nonce, plugin)) = read() else {
            return Err(Trouble::Broken(
                "This is no MySQL server, or one older than 4.1.".to_owned(),
            ));
        };
        Ok(Self { packets, version, capabilities, nonce, plugin, cover: Cover::None })
    }

    /// Asks for TLS and makes the handshake.
    pub async fn encrypt(
        mut self,
        tls: &Tls,
        with_database: bool,
    ) -> Result<(Self, String), Fault> {
        if self.capabilities & SSL == 0 {
            return Err(Fault::new(Cause::TlsUnsupported)
                .marks(&["tls"])
                .detail("The server answers that it does not encrypt."));
        }
        // The server keeps to what is said here, whatever the login says afterwards.
        let head = head(WANTED | SSL | if with_database { CONNECT_WITH_DB } else { 0 });
        let broken = |_| {
            Fault::new(Cause::Unreachable).marks(&["host", "port"]).detail("The server hung up.")
        };
        self.packets.write(&head).await.map_err(broken)?;
        let next = self.packets.next();
        let cover = if tls.is_verified() { Cover::Verified } else { Cover::Encrypted };
        let wire = self.packets.into_wire().map_err(|_| {
            Fault::new(Cause::TlsUnsupported)
                .marks(&["host", "port"])
                .detail("The server sent data before the connection was encrypted.")
        })?;
        let (wire, told) = tls.wrap(wire).await?;
        Ok((Self { packets: Packets::over(wire, next), cover, ..self }, told))
    }

    pub async fn sign_in(
        &mut self,
        user: &str,
        password: &str,
        database: Option<&str>,
    ) -> Result<(), Trouble> {
        let mut capabilities = WANTED;
        if self.cover != Cover::None {
            capabilities |= SSL;
        }
        if database.is_some() {
            capabilities |= CONNECT_WITH_DB;
        }
        if self.plugin != "caching_sha2_password" {
            "mysql_native_password".clone_into(&mut self.plugin);
        }
        let proof = self.proof(password)?;
        let mut answer = head(capabilities);
        answer.extend_from_slice(user.as_bytes());
        answer.push(0);
        answer.push(u8::try_from(proof.len()).unwrap_or_default());
        answer.extend_from_slice(&proof);
        for text in database.into_iter().chain([self.plugin.as_str()]) {
            answer.extend_from_slice(text.as_bytes());
            answer.push(0);
        }
        self.packets.write(&answer).await?;
        self.negotiate(password).await
    }

    /// What follows the first answer: done, another method, or more of this one.
    async fn negotiate(&mut self, password: &str) -> Result<(), Trouble> {
        for _ in 0..6 {
            let packet = self.packets.read().await?;
            match packet.as_slice() {
                [0x00, ..] => return Ok(()),
                [0xff, ..] => return Err(refused(&packet)),
                [0xfe, rest @ ..] => {
                    let mut reader = Reader(rest);
                    self.plugin = String::from_utf8_lossy(reader.text()).into_owned();
                    self.nonce = reader.0.strip_suffix(&[0]).unwrap_or(reader.0).to_vec();
                    let proof = self.proof(password)?;
                    self.packets.write(&proof).await?;
                }
                // caching_sha2_password: the server knows the password, or wants all of it.
                [0x01, 0x03, ..] => {}
                [0x01, 0x04, ..] => self.whole_password(password).await?,
                _ => break,
            }
        }
        Err(Trouble::Broken("The server's answer to the login is not understood.".to_owned()))
    }

    fn proof(&self, password: &str) -> Result<Vec<u8>, Trouble> {
        let password = password.as_bytes();
        match self.plugin.as_str() {
            "mysql_native_password" => Ok(scramble_native(&self.nonce, password)
                .map(|proof| proof.to_vec())
                .unwrap_or_default()),
            "caching_sha2_password" => Ok(scramble_sha256(&self.nonce, password)
                .map(|proof| proof.to_vec())
                .unwrap_or_default()),
            "mysql_clear_password" if self.cover == Cover::Verified => {
                Ok([password, &[0]].concat())
            }
            other => Err(Trouble::Refused {
                code: 2059,
                state: "HY000".to_owned(),
                message: format!("The account signs in by {other}, which is not spoken here."),
            }),
        }
    }

    async fn whole_password(&mut self, password: &str) -> Result<(), Trouble> {
        let mut bytes = [password.as_bytes(), &[0]].concat();
        if self.cover != Cover::None {
            return self.packets.write(&bytes).await;
        }
        self.packets.write(&[0x02]).await?;
        let answer = self.packets.read().await?;
        let key = answer.strip_prefix(&[0x01]).unwrap_or_default().to_vec();
        if key.len() > MAX_PUBLIC_KEY {
            return Err(Trouble::Broken("The server's public key cannot be read.".to_owned()));
        }
        for (byte, mask) in bytes.iter_mut().zip(self.nonce.iter().cycle()) {
            *byte ^= mask;
        }
        // A task of its own: the reader of the key panics at one that is none.
        let sealed = tokio::task::spawn_blocking(move || crypto::encrypt(&bytes, &key)).await;
        let sealed = sealed
            .map_err(|_| Trouble::Broken("The server's public key cannot be read.".to_owned()))?;
        self.packets.write(&sealed).await
    }

    /// Sends a command; its answer is read from the packets.
    pub async fn command(&mut self, kind: u8, body: &[u8]) -> Result<&mut Packets, Trouble> {
        self.packets.restart();
        self.packets.write(&[&[kind], body].concat()).await?;
        Ok(&mut self.packets)
    }
}

/// The beginning of a login and the whole of a request for TLS.
fn head(capabilities: u32) -> Vec<u8> {
    let mut head = capabilities.to_le_bytes().to_vec();
    head.extend_from_slice(&0x0100_0000_u32.to_le_bytes());
    head.push(UTF8MB4);
    head.extend_from_slice(&[0; 23]);
    head
}
