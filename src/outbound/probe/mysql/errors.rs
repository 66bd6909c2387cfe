//! What MySQL's and MariaDB's errors mean, by number.
use super::connection::Trouble;
use crate::model::cause::Cause;
use crate::model::report::Fault;

/// Whose connection it is.
pub(super) struct About {
    pub user: String,
    pub database: Option<String>,
    pub is_encrypted: bool,
    /// `'user'@'host'` as the server knows us; empty before the sign-in.
    pub grantee: String,
}

impl About {
    pub fn fault(&self, trouble: &Trouble) -> Fault {
        match trouble {
            Trouble::Broken(said) => {
                Fault::new(Cause::MalformedAnswer).marks(&["host", "port"]).detail(said)
            }
            Trouble::NoRead(why) => {
                Fault::new(Cause::RequestRejected).marks(&["query"]).detail(*why)
            }
            Trouble::TooLarge(said) => Fault::new(Cause::AnswerTooLarge).detail(said),
            Trouble::Refused { code, state, message } => {
                let mark = if state.is_empty() { String::new() } else { format!(" ({state})") };
                let said = format!("{code}{mark}: {message}");
                // An account that demands TLS is refused like one with a wrong password.
                let hint = if *code == 1045 && !self.is_encrypted {
                    "\nIf the password is right, the account may demand encryption."
                } else {
                    ""
                };
                self.meaning(*code).detail(format!("{said}{hint}"))
            }
        }
    }

    fn meaning(&self, code: u16) -> Fault {
        match code {
            1045 | 1698 | 3118 | 4151 => {
                Fault::new(Cause::LoginRejected).marks(&["user", "password"])
            }
            2059 | 1251 => {
                Fault::new(Cause::LoginRejected).marks(&["user"]).cure(self.other_login())
            }
            1130 => Fault::new(Cause::LoginRejected).marks(&["user"]).cure(self.user_of_ours()),
            1820 | 1862 => Fault::new(Cause::SecretRejected)
                .marks(&["password"])
                .cure(format!("ALTER USER {} IDENTIFIED BY '...';", self.grantee())),
            3159 => Fault::new(Cause::TlsRequired).marks(&["tls"]),
            1044 => Fault::new(Cause::Forbidden).marks(&["database"]).cure(self.right(
                "SELECT",
                self.database.as_deref(),
                None,
            )),
            1049 => Fault::new(Cause::UnknownDatabase).marks(&["database"]),
            1046 => Fault::new(Cause::UnknownDatabase).marks(&["schema"]),
            1142 | 1143 | 1227 | 1370 | 1419 => Fault::new(Cause::Forbidden),
            1146 | 1051 => Fault::new(Cause::UnknownObject).marks(&["table"]),
            1129 => Fault::new(Cause::ProviderDown).cure("FLUSH HOSTS;"),
            1226 => Fault::new(Cause::RateLimited),
            1040 | 1041 | 1053 | 1077 | 1079 | 1203 => Fault::new(Cause::ProviderDown),
            1205 | 1317 | 1969 | 3024 => Fault::new(Cause::Timeout),
            1290 | 1836 => Fault::new(Cause::Forbidden).marks(&["host"]),
            _ => Fault::new(Cause::RequestRejected),
        }
    }

    fn grantee(&self) -> String {
        if self.grantee.is_empty() {
            format!("{}@'%'", literal(&self.user))
        } else {
            self.grantee.clone()
        }
    }

    fn user_of_ours(&self) -> String {
        format!("CREATE USER {}@'<our address>' IDENTIFIED BY '...';", literal(&self.user))
    }

    fn other_login(&self) -> String {
        format!("ALTER USER {} IDENTIFIED WITH caching_sha2_password BY '...';", self.grantee())
    }

    /// `GRANT SELECT ON ...`
    pub fn right(&self, right: &str, schema: Option<&str>, table: Option<&str>) -> String {
        let schema = schema.map_or("*".to_owned(), quoted);
        let table = table.map_or("*".to_owned(), quoted);
        format!("GRANT {right} ON {schema}.{table} TO {};", self.grantee())
    }
}

/// An identifier, safe in a statement whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\0', "").replace('`', "``"))
}

/// A text as it is shown to people, in a statement to copy.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A text in a statement of ours: hexadecimal, so that no server setting changes how it is read.
pub(super) fn text(value: &str) -> String {
    if value.is_empty() {
        return "''".to_owned();
    }
    let hex = value.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("CONVERT(0x{hex} USING utf8mb4)")
}
