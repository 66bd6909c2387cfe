//! Reads and parses single settings, and collects what is wrong with them.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::{DatabaseUrl, Keys, mail};
use crate::model::mail::MailSettings;

const KEEP: &str = "AUTHORIZERS_KEEP_ACTIVITY_DAYS";
/// Two years: the year before can be looked up for the whole of this one.
const KEEP_DAYS: u32 = 730;

pub struct Reader<'a> {
    pub values: &'a BTreeMap<String, String>,
    pub wrong: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Empty is as good as not set.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    pub fn parsed<T: std::str::FromStr>(&mut self, name: &str, form: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.wrong.push(format!("{name} must be {form}."));
        }
        parsed
    }

    /// Whole hours, at most `most`; zero is `None`.
    pub fn hours(&mut self, name: &str, unset: u64, most: u64) -> Option<Duration> {
        let Some(text) = self.text(name) else {
            return Some(Duration::from_secs(unset * 3600));
        };
        match text.parse::<u64>() {
            Ok(0) => None,
            Ok(hours) if hours <= most => Some(Duration::from_secs(hours * 3600)),
            _ => {
                self.wrong.push(format!(
                    "{name} must be a number of hours from 1 to {most}, or 0 for never."
                ));
                None
            }
        }
    }

    pub fn keep_activity_days(&mut self) -> u32 {
        let days = self.parsed(KEEP, "a number of days, from 7 to 36500").unwrap_or(KEEP_DAYS);
        if !(7..=36_500).contains(&days) {
            self.wrong.push(format!("{KEEP} must be from 7 to 36500 days."));
        }
        days
    }

    pub fn nets(&mut self, name: &str) -> Vec<IpNet> {
        let mut nets = Vec::new();
        for part in
            self.text(name).unwrap_or_default().split([',', ' ']).filter(|part| !part.is_empty())
        {
            let net = part
                .parse::<IpNet>()
                .ok()
                .or_else(|| part.parse::<std::net::IpAddr>().ok().map(IpNet::from));
            match net {
                Some(net) => nets.push(net),
                None => self.wrong.push(format!(
                    "{name}: `{part}` must be an address or network such as 10.0.0.0/8."
                )),
            }
        }
        nets
    }

    pub fn public_url(&mut self) -> Option<String> {
        let text = self.text("AUTHORIZERS_PUBLIC_URL")?;
        let parsed = url::Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.path() == "/"
                && url.query().is_none()
        });
        if parsed.is_none() {
            self.wrong
                .push("AUTHORIZERS_PUBLIC_URL must be an address without a path, such as https://authorizers.example.com.".into());
        }
        parsed.map(|url| url.as_str().trim_end_matches('/').to_owned())
    }

    pub fn database_url(&mut self) -> Option<DatabaseUrl> {
        let text = self.text("AUTHORIZERS_DATABASE_URL")?;
        let is_known = ["sqlite://", "postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        if !is_known {
            self.wrong.push(
                "AUTHORIZERS_DATABASE_URL must begin with sqlite:// (and a path) or postgres:// (user:password@host/database)."
                    .into(),
            );
        }
        Some(DatabaseUrl(text.to_owned()))
    }

    pub fn keys(&mut self, data_dir: &Path) -> Keys {
        match (self.text("AUTHORIZERS_KEYS"), self.text("AUTHORIZERS_KEYS_FILE")) {
            (Some(_), Some(_)) => {
                self.wrong.push(
                    "AUTHORIZERS_KEYS and AUTHORIZERS_KEYS_FILE are both set; set one of them."
                        .into(),
                );
                Keys::File { path: data_dir.join("keys"), is_default: true }
            }
            (Some(text), None) => Keys::Text(zeroize::Zeroizing::new(text.to_owned())),
            (None, Some(path)) => Keys::File { path: PathBuf::from(path), is_default: false },
            (None, None) => Keys::File { path: data_dir.join("keys"), is_default: true },
        }
    }

    pub fn mail(&mut self) -> Option<MailSettings> {
        let (url, from) = (self.text("AUTHORIZERS_SMTP_URL"), self.text("AUTHORIZERS_MAIL_FROM"));
        let server = url.map(mail::server).and_then(|read| {
            read.map_err(|why| {
                self.wrong.push(format!("AUTHORIZERS_SMTP_URL must be {}: {why}.", mail::URL_FORM))
            })
            .ok()
        });
        let sender = from.and_then(|from| {
            let sender = mail::sender(from);
            if sender.is_none() {
                self.wrong.push(format!("AUTHORIZERS_MAIL_FROM must be {}.", mail::FROM_FORM));
            }
            sender
        });
        match (url, from) {
            (Some(_), None) => {
                self.wrong.push(format!(
                    "AUTHORIZERS_SMTP_URL is set, and AUTHORIZERS_MAIL_FROM is not: {}.",
                    mail::FROM_FORM
                ));
            }
            (None, Some(_)) => {
                self.wrong.push(format!(
                    "AUTHORIZERS_MAIL_FROM is set, and AUTHORIZERS_SMTP_URL is not: {}.",
                    mail::URL_FORM
                ));
            }
            _ => {}
        }
        Some(MailSettings { server: server?, from: sender? })
    }

    pub fn is_json(&mut self) -> bool {
        match self.text("AUTHORIZERS_LOG_FORMAT") {
            None | Some("text") => false,
            Some("json") => true,
            Some(_) => {
                self.wrong.push("AUTHORIZERS_LOG_FORMAT must be text or json.".into());
                false
            }
        }
    }
}
