//! A mail server (npm `smtp-server`) that keeps what it takes, and can be told to refuse, to hang and to vanish.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use authorizers::model::credentials::Secret;
use authorizers::model::mail::{MailSettings, Sender, SmtpServer as Place, SmtpTls};
use serde_json::{Value, json};

use crate::support::client::http;
use crate::support::server::{Server, Signal, folder, free_port, root};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub struct SmtpServer {
    server: Server,
    control: SocketAddr,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub raw: String,
}

impl SmtpServer {
    /// `options`: `starttls` offers it with a certificate that nobody trusts, `login` asks for one.
    pub fn start(options: &[&str]) -> Self {
        Self::at(free_port(HOST), options)
    }

    pub fn at(address: SocketAddr, options: &[&str]) -> Self {
        let control = free_port(HOST);
        let mut node = Command::new("node");
        node.arg(root().join("tests/services/node/smtp.mjs"))
            .arg(HOST.to_string())
            .arg(address.port().to_string());
        node.arg(control.port().to_string()).args(options);
        Self { server: Server::start(folder("smtp"), address, Signal::Term, &node), control }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// What an operator would set.
    pub fn settings(&self, tls: SmtpTls, login: Option<(&str, &str)>) -> MailSettings {
        MailSettings {
            server: Place {
                host: HOST.to_string(),
                port: self.server.address.port(),
                tls,
                login: login.map(|(user, password)| (user.to_owned(), Secret::new(password))),
            },
            from: Sender {
                name: Some("Authorizers".to_owned()),
                address: "authorizers@mail.example".to_owned(),
            },
        }
    }

    /// The next mails meet this: `{"at": "rcpt" | "data", "code": 451, "hang": true, "vanish": true, "times": 1}`.
    pub async fn fault(&self, fault: Value) {
        let request = http().post(format!("http://{}/fault", self.control)).body(fault.to_string());
        request.send().await.expect("an answer");
    }

    /// What it took, in order.
    pub async fn mails(&self) -> Vec<Mail> {
        self.kept("mails").await
    }

    /// What it was given, whether it took it or not.
    pub async fn tries(&self) -> Vec<Mail> {
        self.kept("tries").await
    }

    async fn kept(&self, what: &str) -> Vec<Mail> {
        let request = http().get(format!("http://{}/mails", self.control));
        let text = request.send().await.expect("an answer").text().await.expect("text");
        let all: Value = serde_json::from_str(&text).expect("JSON");
        let read = |mail: &Value| Mail {
            to: mail["to"][0].as_str().unwrap_or_default().to_owned(),
            raw: mail["raw"].as_str().unwrap_or_default().to_owned(),
        };
        all[what].as_array().expect("a list").iter().map(read).collect()
    }
}

impl Mail {
    /// Of the whole mail; folded lines are joined.
    pub fn header(&self, name: &str) -> String {
        let head = self.raw.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
            .unwrap_or_default()
    }

    /// The plain text and the HTML, decoded.
    pub fn parts(&self) -> (String, String) {
        let part = |kind: &str| {
            let from = self
                .raw
                .find(&format!("Content-Type: {kind}"))
                .unwrap_or_else(|| panic!("no {kind} in {}", self.raw));
            let (head, rest) = self.raw[from..].split_once("\r\n\r\n").expect("a body");
            let body = rest.split("\r\n--").next().expect("an end").to_owned();
            if head.to_lowercase().contains("quoted-printable") { unquoted(&body) } else { body }
        };
        (part("text/plain"), part("text/html"))
    }

    pub fn text(&self) -> String {
        self.parts().0
    }
}

/// `=C3=A4` → `ä`
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::new();
    let text = text.replace("=\r\n", "");
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |at: Option<u8>| at.and_then(|digit| char::from(digit).to_digit(16));
        let decoded = if byte == b'=' { hex(rest.next()).zip(hex(rest.next())) } else { None };
        bytes.push(
            decoded.map_or(byte, |(high, low)| u8::try_from(high * 16 + low).expect("a byte")),
        );
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// `{"at": "data", "code": 451}`
pub fn refuse(code: u16) -> Value {
    json!({ "at": "data", "code": code })
}
