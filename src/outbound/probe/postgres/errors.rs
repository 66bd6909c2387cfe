//! What PostgreSQL's errors mean. By SQLSTATE: the texts are translated by the server.
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::limits::{Limits, Refusal};
use super::rights::quoted;
use crate::model::cause::Cause;
use crate::model::report::Fault;

/// Whose connection it is.
pub(super) struct About {
    pub user: String,
    pub database: String,
    pub is_encrypted: bool,
    pub limits: Limits,
}

impl About {
    /// A fault at sign-in or in a statement of ours.
    pub fn fault(&self, error: &Error) -> Fault {
        match self.limits.refusal() {
            Some(Refusal::TooLarge(why)) => return Fault::new(Cause::AnswerTooLarge).detail(why),
            Some(Refusal::OtherServer) => {
                return Fault::new(Cause::MalformedAnswer)
                    .marks(&["host", "port"])
                    .detail("This is no PostgreSQL server.");
            }
            None => {}
        }
        match error.as_db_error() {
            Some(said) => self.meaning(said).detail(told(said)),
            None if error.is_closed() => {
                Fault::new(Cause::ProviderDown).detail("The server closed the connection.")
            }
            None => {
                let said = std::error::Error::source(error)
                    .map_or_else(|| error.to_string(), |inner| format!("{error}: {inner}"));
                match self.is_password_missing(&said) {
                    true => {
                        Fault::new(Cause::LoginRejected).marks(&["user", "password"]).detail(said)
                    }
                    false => {
                        Fault::new(Cause::MalformedAnswer).marks(&["host", "port"]).detail(said)
                    }
                }
            }
        }
    }

    fn is_password_missing(&self, said: &str) -> bool {
        said.contains("password missing") || said.contains("authentication")
    }

    fn meaning(&self, said: &DbError) -> Fault {
        let code = said.code();
        match *code {
            SqlState::INVALID_PASSWORD => {
                Fault::new(Cause::LoginRejected).marks(&["user", "password"])
            }
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => self.not_let_in(said.message()),
            SqlState::INVALID_CATALOG_NAME => {
                Fault::new(Cause::UnknownDatabase).marks(&["database"])
            }
            SqlState::INSUFFICIENT_PRIVILEGE => {
                Fault::new(Cause::Forbidden).cure(self.connect_right())
            }
            SqlState::UNDEFINED_TABLE => Fault::new(Cause::UnknownObject).marks(&["table"]),
            SqlState::INVALID_SCHEMA_NAME => Fault::new(Cause::UnknownObject).marks(&["schema"]),
            SqlState::QUERY_CANCELED => Fault::new(Cause::Timeout).marks(&["query"]),
            SqlState::READ_ONLY_SQL_TRANSACTION => Fault::new(Cause::Forbidden),
            _ => Fault::new(by_class(code.code())),
        }
    }

    /// The rules of `pg_hba.conf` do not let us in. Unencrypted, the likeliest reason is that.
    fn not_let_in(&self, message: &str) -> Fault {
        if !message.contains("pg_hba.conf") {
            return Fault::new(Cause::LoginRejected).marks(&["user", "password"]);
        }
        let line = |user: &str, database: &str| {
            format!("hostssl  {database}  {user}  <our address>/32  scram-sha-256")
        };
        if self.is_encrypted {
            return Fault::new(Cause::LoginRejected)
                .marks(&["user", "database"])
                .cure(line(&self.user, &self.database));
        }
        Fault::new(Cause::TlsRequired).marks(&["tls"])
    }

    /// `GRANT CONNECT ...`
    pub fn connect_right(&self) -> String {
        format!("GRANT CONNECT ON DATABASE {} TO {};", quoted(&self.database), quoted(&self.user))
    }
}

/// The classes of SQLSTATE.
fn by_class(code: &str) -> Cause {
    match code.get(..2) {
        Some("28") => Cause::LoginRejected,
        Some("08" | "53" | "57" | "58" | "XX") => Cause::ProviderDown,
        _ => Cause::RequestRejected,
    }
}

/// `42P01: relation "x" does not exist`, with what the server adds.
pub(super) fn told(said: &DbError) -> String {
    let mut text = format!("{}: {}", said.code().code(), said.message());
    for more in [said.detail(), said.hint()].into_iter().flatten() {
        text.push('\n');
        text.push_str(more);
    }
    text
}
