//! The mail server, from its URL, and who mails come from. A password in it is never told again.
use url::Url;

use crate::model::credentials::Secret;
use crate::model::email::Email;
use crate::model::mail::{Sender, SmtpServer, SmtpTls};

pub const URL_FORM: &str = "smtps://user:password@host:465, or smtp://user:password@host:587 for STARTTLS; \
     smtp://host:25?tls=none sends without encryption";
pub const FROM_FORM: &str = "an e-mail address, such as Authorizers <authorizers@example.com>";

/// The error is what is wrong with it, without its text.
pub fn server(text: &str) -> Result<SmtpServer, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no URL")?;
    let tls = match (url.scheme(), tls_of(&url)?) {
        ("smtps", None | Some("required")) => SmtpTls::Wrapped,
        ("smtp", None | Some("required")) => SmtpTls::StartTls,
        ("smtp", Some("none")) => SmtpTls::None,
        ("smtp" | "smtps", _) => return Err("tls can be required, or none with smtp://"),
        _ => return Err("it begins with neither smtp:// nor smtps://"),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?.to_owned();
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err("nothing stands behind the port but ?tls=");
    }
    let port = url.port().unwrap_or(match tls {
        SmtpTls::Wrapped => 465,
        SmtpTls::StartTls => 587,
        SmtpTls::None => 25,
    });
    let login = match (url.username(), url.password()) {
        ("", None) => None,
        (user, Some(password)) if !user.is_empty() => {
            Some((decoded(user), Secret::new(decoded(password))))
        }
        _ => return Err("user and password belong together"),
    };
    if tls == SmtpTls::None && login.is_some() && !is_this_machine(&host) {
        return Err("with tls=none the password would cross the network in clear text");
    }
    Ok(SmtpServer { host: host.trim_matches(['[', ']']).to_owned(), port, tls, login })
}

fn tls_of(url: &Url) -> Result<Option<&str>, &'static str> {
    match url.query() {
        None => Ok(None),
        Some(query) => {
            query.strip_prefix("tls=").map(Some).ok_or("?tls= is all that it may ask for")
        }
    }
}

/// `%40` → `@`; a plus is a plus.
fn decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// `Name <address>`, or an address alone.
pub fn sender(text: &str) -> Option<Sender> {
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.strip_suffix('>')?),
        None => ("", text),
    };
    let address = Email::parse(address).ok()?.as_str().to_owned();
    let is_plain = !address.contains(['<', '>', ',', '"']) && !name.contains(['<', '>', '"']);
    is_plain
        .then(|| Sender { name: Some(name.to_owned()).filter(|name| !name.is_empty()), address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_read() {
        let read = |text| server(text).map(|server| (server.host, server.port, server.tls));
        assert_eq!(
            read("smtps://mail.example.com"),
            Ok(("mail.example.com".into(), 465, SmtpTls::Wrapped))
        );
        assert_eq!(
            read("smtp://mail.example.com:2525"),
            Ok(("mail.example.com".into(), 2525, SmtpTls::StartTls))
        );
        assert_eq!(read("smtp://[::1]?tls=none"), Ok(("::1".into(), 25, SmtpTls::None)));
        let login = server("smtps://ann%40example.com:p%2Bw+%26d@h").unwrap().login.unwrap();
        assert_eq!((login.0.as_str(), login.1.expose()), ("ann@example.com", "p+w+&d"));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "mail.example.com",
            "https://mail.example.com",
            "smtp://h?tls=maybe",
            "smtps://h?tls=none",
            "smtp://h?starttls=1",
            "smtp://user@h",
            "smtp://h/path",
            "smtp://user:geheim@mail.example.com?tls=none",
        ] {
            assert!(server(text).is_err_and(|why| !why.contains("geheim")), "{text}");
        }
        assert!(server("smtp://user:password@127.0.0.1?tls=none").is_ok());
    }

    #[test]
    fn a_sender_has_an_address_and_may_have_a_name() {
        assert_eq!(sender("a@example.com").unwrap().name, None);
        let named = sender("\"Our Authorizers\" <a@example.com>").unwrap();
        assert_eq!(
            (named.name.as_deref(), named.domain()),
            (Some("Our Authorizers"), "example.com")
        );
        for text in [
            "",
            "nobody",
            "a@example.com, b@example.com",
            "<a@example.com",
            "a <b> <c@example.com>",
        ] {
            assert_eq!(sender(text), None, "{text}");
        }
    }
}
