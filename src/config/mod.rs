//! Settings from the environment: one prefix, everything wrong told at once. The only room that reads it.
mod mail;
mod names;
mod reader;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::model::mail::MailSettings;

use reader::Reader;

/// Everything that an operator can set. Tests fill one by hand.
#[derive(Clone, Debug)]
pub struct Config {
    /// `AUTHORIZERS_BIND`
    pub bind: SocketAddr,
    /// `AUTHORIZERS_PUBLIC_URL`, without a slash at the end; `None`: `http://` and the bound address.
    pub public_url: Option<String>,
    /// `AUTHORIZERS_DATA_DIR`
    pub data_dir: PathBuf,
    /// `AUTHORIZERS_DATABASE_URL`; `None`: an SQLite file in the data folder. May hold a password: never printed.
    pub database_url: Option<DatabaseUrl>,
    /// Where the key ring comes from.
    pub keys: Keys,
    /// `AUTHORIZERS_SERVICES_DIR`
    pub services_dir: Option<PathBuf>,
    /// `AUTHORIZERS_ALLOW_ADDRESSES`
    pub allow_addresses: Vec<IpNet>,
    /// `AUTHORIZERS_TRUSTED_PROXIES`
    pub trusted_proxies: Vec<IpNet>,
    /// `AUTHORIZERS_RETEST_HOURS`; `None`: never.
    pub retest_every: Option<Duration>,
    /// `AUTHORIZERS_SMTP_URL` and `AUTHORIZERS_MAIL_FROM`; `None`: nothing is mailed.
    pub mail: Option<MailSettings>,
    /// `AUTHORIZERS_LOG`
    pub log: String,
    /// `AUTHORIZERS_LOG_FORMAT`
    pub log_json: bool,
    /// `AUTHORIZERS_KEEP_ACTIVITY_DAYS`
    pub keep_activity_days: u32,
    /// The demonstration runs.
    pub is_demo: bool,
}

/// Never printed: it may hold a password.
#[derive(Clone)]
pub struct DatabaseUrl(pub String);

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.split_once("://").map_or("", |(scheme, _)| scheme))
    }
}

#[derive(Clone)]
pub enum Keys {
    /// A file; made on the first start if it is the one in the data folder.
    File { path: PathBuf, is_default: bool },
    /// `AUTHORIZERS_KEYS`: the ring itself.
    Text(zeroize::Zeroizing<String>),
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, .. } => write!(f, "file {}", path.display()),
            Self::Text(_) => f.write_str("AUTHORIZERS_KEYS"),
        }
    }
}

/// One line for each thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    pub fn from_env() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let all = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::from_values(&all.collect())
    }

    /// What `from_env` reads, from any list of names and values.
    pub fn from_values(values: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut reader = Reader { values, wrong: names::unknown(values) };
        let data_dir = PathBuf::from(reader.text("AUTHORIZERS_DATA_DIR").unwrap_or("data"));
        let config = Self {
            bind: reader
                .parsed("AUTHORIZERS_BIND", "an address and port such as 127.0.0.1:8080")
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url: reader.public_url(),
            keys: reader.keys(&data_dir),
            database_url: reader.database_url(),
            services_dir: reader.text("AUTHORIZERS_SERVICES_DIR").map(PathBuf::from),
            allow_addresses: reader.nets("AUTHORIZERS_ALLOW_ADDRESSES"),
            trusted_proxies: reader.nets("AUTHORIZERS_TRUSTED_PROXIES"),
            retest_every: reader.hours("AUTHORIZERS_RETEST_HOURS", 24, 24 * 30),
            mail: reader.mail(),
            log: reader.text("AUTHORIZERS_LOG").unwrap_or("info").to_owned(),
            log_json: reader.is_json(),
            keep_activity_days: reader.keep_activity_days(),
            is_demo: false,
            data_dir,
        };
        if reader.wrong.is_empty() { Ok(config) } else { Err(ConfigError(reader.wrong)) }
    }

    /// The database to open.
    pub fn database(&self) -> String {
        match &self.database_url {
            Some(url) => url.0.clone(),
            None => format!("sqlite://{}", self.data_dir.join("authorizers.db").display()),
        }
    }
}

/// Where the system keeps what may be lost (`TMPDIR`).
pub fn temporary_folder() -> PathBuf {
    std::env::temp_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_values(
            &pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn nothing_needs_to_be_set() {
        let config = read(&[]).unwrap();
        assert_eq!(config.bind.to_string(), "127.0.0.1:8080");
        assert_eq!(config.database(), "sqlite://data/authorizers.db");
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_the_form_it_wants() {
        let error = read(&[
            ("AUTHORIZERS_BIND", "8080"),
            ("AUTHORIZERS_DATABASE_URL", "mysql://x"),
            ("AUTHORIZERS_BNID", "x"),
        ])
        .unwrap_err();
        assert_eq!(error.0.len(), 3, "{error}");
        assert!(
            error
                .to_string()
                .contains("AUTHORIZERS_BNID is not known; did you mean AUTHORIZERS_BIND?"),
            "{error}"
        );
    }

    #[test]
    fn a_database_url_and_keys_are_not_printed() {
        let config = read(&[
            ("AUTHORIZERS_DATABASE_URL", "postgres://u:geheim@h/d"),
            ("AUTHORIZERS_KEYS", "k:geheim"),
        ])
        .unwrap();
        assert!(!format!("{config:?}").contains("geheim"));
    }

    #[test]
    fn activity_is_kept_for_two_years_or_as_long_as_is_set() {
        assert_eq!(read(&[]).unwrap().keep_activity_days, 730);
        assert_eq!(
            read(&[("AUTHORIZERS_KEEP_ACTIVITY_DAYS", "90")]).unwrap().keep_activity_days,
            90
        );
        for wrong in ["0", "6", "36501", "-1", "a year"] {
            let error = read(&[("AUTHORIZERS_KEEP_ACTIVITY_DAYS", wrong)]).unwrap_err();
            assert!(error.0.len() == 1 && error.to_string().contains("36500"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_mail_server_is_read_and_its_password_is_not_printed() {
        let both = [
            ("AUTHORIZERS_SMTP_URL", "smtps://u:geheim@mail.example.com"),
            ("AUTHORIZERS_MAIL_FROM", "a@example.com"),
        ];
        let config = read(&both).unwrap();
        assert!(config.mail.is_some() && !format!("{config:?}").contains("geheim"));
        let error =
            read(&[("AUTHORIZERS_SMTP_URL", "u:geheim@mail.example.com")]).unwrap_err().to_string();
        assert!(
            error.contains("AUTHORIZERS_SMTP_URL must be smtps://")
                && error.contains("AUTHORIZERS_MAIL_FROM is not"),
            "{error}"
        );
        assert!(!error.contains("geheim"), "{error}");
    }

    #[test]
    fn networks_and_single_addresses_are_taken() {
        let config = read(&[("AUTHORIZERS_ALLOW_ADDRESSES", "10.0.0.0/8, 192.168.1.7")]).unwrap();
        assert_eq!(config.allow_addresses.len(), 2);
    }
}
