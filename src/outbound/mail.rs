//! Mails leave here, by the operator's own SMTP server: it is named in the settings, so no guard stands before it.
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use lettre::address::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransport, Error};
use lettre::{AsyncTransport, Tokio1Executor};

use super::redact;
use crate::model::mail::{MailSettings, SmtpTls};
use crate::model::time::Moment;

/// A whole mail, from connecting to the server's last word. A claim on it lasts longer.
pub const MAIL_LIMIT: Duration = Duration::from_secs(15);
/// One command of it.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// Of the server's words, so much is kept.
const SAID_MAX: usize = 200;

/// One mail to one person.
pub struct Mail<'a> {
    /// The same for each try: who got it twice can tell.
    pub id: &'a str,
    pub to_name: &'a str,
    pub to_address: &'a str,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub at: Moment,
}

/// Why a mail was not taken. `said` is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFault {
    /// The server will never take it.
    pub is_final: bool,
    pub code: Option<u16>,
    pub said: String,
}

/// Cheap to clone. Never `Debug`: it holds a password.
#[derive(Clone)]
pub struct Mailer {
    transport: Arc<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
    domain: String,
    secrets: Vec<String>,
    limit: Duration,
}

impl Mailer {
    /// The error says what the settings lack.
    pub fn new(settings: &MailSettings) -> Result<Self, String> {
        Self::with_limit(settings, MAIL_LIMIT)
    }

    /// No mail takes longer.
    pub fn with_limit(settings: &MailSettings, limit: Duration) -> Result<Self, String> {
        let server = &settings.server;
        let address: Address = settings
            .from
            .address
            .parse()
            .map_err(|_| "the sender's address is not one for mails".to_owned())?;
        let tls = || {
            TlsParameters::new(server.host.clone())
                .map_err(|_| "TLS cannot be set up for this host".to_owned())
        };
        let tls = match server.tls {
            SmtpTls::Wrapped => Tls::Wrapper(tls()?),
            SmtpTls::StartTls => Tls::Required(tls()?),
            SmtpTls::None => Tls::None,
        };
        let domain = settings.from.domain().to_owned();
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
                .port(server.port)
                .tls(tls)
                .timeout(Some(COMMAND_LIMIT))
                .hello_name(ClientId::Domain(domain.clone()));
        let mut secrets = Vec::new();
        if let Some((user, password)) = &server.login {
            builder =
                builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
            secrets.push(password.expose().to_owned());
        }
        let from = Mailbox::new(settings.from.name.clone(), address);
        Ok(Self { transport: Arc::new(builder.build()), from, domain, secrets, limit })
    }

    /// Who mails come from.
    pub fn from(&self) -> String {
        self.from.email.to_string()
    }

    /// Done when the server has taken it. After an error nobody knows whether it has, unless the server said so.
    pub async fn send(&self, mail: Mail<'_>) -> Result<(), MailFault> {
        let message = self.message(mail)?;
        match tokio::time::timeout(self.limit, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.fault(&error)),
            Err(_) => Err(too_late()),
        }
    }

    /// Connects, greets, signs in; sends nothing.
    pub async fn check(&self) -> Result<(), MailFault> {
        match tokio::time::timeout(self.limit, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(MailFault {
                is_final: false,
                code: None,
                said: "The mail server does not answer.".to_owned(),
            }),
            Ok(Err(error)) => Err(self.fault(&error)),
            Err(_) => Err(too_late()),
        }
    }

    fn message(&self, mail: Mail<'_>) -> Result<Message, MailFault> {
        let unfit = |said: &str| MailFault { is_final: true, code: None, said: said.to_owned() };
        let to: Address =
            mail.to_address.parse().map_err(|_| unfit("No mail can be sent to this address."))?;
        let at = UNIX_EPOCH + Duration::from_micros(u64::try_from(mail.at.micros()).unwrap_or(0));
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(mail.to_name.to_owned()), to))
            .subject(mail.subject)
            .date(at)
            .message_id(Some(format!("<{}@{}>", mail.id, self.domain)))
            // Nobody's holiday answer is wanted.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .multipart(MultiPart::alternative_plain_html(mail.text, mail.html))
            .map_err(|_| unfit("The mail could not be put together."))
    }

    fn fault(&self, error: &Error) -> MailFault {
        let code = error.status().map(u16::from);
        // 530 to 538 are about us signing in: an operator can mend that, and then the mail goes.
        let is_final =
            error.is_permanent() && !code.is_some_and(|code| (530..=538).contains(&code));
        let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        let words = |error: &Error| {
            let text = std::error::Error::source(error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            redact::clean(&text, &secrets).chars().take(SAID_MAX).collect::<String>()
        };
        let said = match code {
            _ if error.is_tls() || is_of_tls(error) => {
                format!("No encrypted connection to the mail server: {}", words(error))
            }
            _ if error.is_timeout() => return too_late(),
            Some(code) => format!("The mail server answered {code}: {}", words(error)),
            None => format!("The mail server cannot be reached, or broke off: {}", words(error)),
        };
        MailFault { is_final, code, said }
    }
}

/// A connection that was encrypted from its first byte fails as a connection; what it wraps tells more.
fn is_of_tls(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if super::http::tls_error(inner).is_some() {
            return true;
        }
        source = inner.source();
    }
    false
}

fn too_late() -> MailFault {
    MailFault {
        is_final: false,
        code: None,
        said: "The mail server did not answer in time.".to_owned(),
    }
}
