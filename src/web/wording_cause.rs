//! Every cause in plain words: what happened, and what to do. One table, so that no code is without words.
use crate::model::cause::Cause;

/// `title` names what happened, without a full stop; `text` says more; `cure` says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub title: String,
    pub text: String,
    pub cure: String,
}

/// `service` is its name as people know it.
pub fn cause(cause: Cause, service: &str) -> Words {
    let (title, text, cure) = template(cause);
    let fill = |text: &str| text.replace("{}", service);
    Words { title: fill(title), text: fill(text), cure: fill(cure) }
}

type Row = (&'static str, &'static str, &'static str);

fn template(cause: Cause) -> Row {
    match cause {
        Cause::HostUnknown
        | Cause::PortRefused
        | Cause::Unreachable
        | Cause::Timeout
        | Cause::TlsRequired
        | Cause::TlsUntrusted
        | Cause::TlsUnsupported
        | Cause::TunnelRefused
        | Cause::TunnelLoginRejected
        | Cause::BlockedAddress => network(cause),
        Cause::LoginRejected
        | Cause::SecretRejected
        | Cause::UnknownDatabase
        | Cause::UnknownAccount
        | Cause::UnknownObject
        | Cause::Forbidden
        | Cause::KeyMissing => account(cause),
        Cause::RateLimited
        | Cause::ProviderDown
        | Cause::MalformedAnswer
        | Cause::FreshTokenRefused
        | Cause::RenewalRefused
        | Cause::AnswerTooLarge
        | Cause::RequestRejected => answer(cause),
        Cause::ServiceFileMissing
        | Cause::ServiceFileBroken
        | Cause::MethodGone
        | Cause::FieldsMissing
        | Cause::DestinationChanged => service_file(cause),
        _ => oauth(cause),
    }
}

fn network(cause: Cause) -> Row {
    match cause {
        Cause::HostUnknown => (
            "The host was not found",
            "No address is known for this host name.",
            "Check the spelling of the host. If the name exists only inside your network, this installation must be able to look it up.",
        ),
        Cause::PortRefused => (
            "Nothing answers on this port",
            "The host is there, but it refused the connection.",
            "Check the port, that the server runs, and that its firewall lets this installation in.",
        ),
        Cause::Unreachable => (
            "The host cannot be reached",
            "There is no way through the network to this address.",
            "Check the network and the firewalls between this installation and the host.",
        ),
        Cause::Timeout => (
            "There was no answer in time",
            "The connection was begun, and then nothing came back.",
            "A firewall may be dropping the packets: let this installation in. Or try again later.",
        ),
        Cause::TlsRequired => (
            "The server wants encryption",
            "It refuses connections that are not encrypted.",
            "Choose an encrypted connection.",
        ),
        Cause::TlsUntrusted => (
            "The server's certificate is not trusted",
            "It was made by somebody unknown, is for another host, or has ended.",
            "Upload the certificate of the authority that made it, or correct the host.",
        ),
        Cause::TlsUnsupported => (
            "The server does not offer encryption",
            "An encrypted connection was asked for, and the server cannot give one.",
            "Switch encryption on at the server, or connect through an SSH tunnel.",
        ),
        Cause::TunnelRefused => (
            "The SSH tunnel could not be built",
            "The SSH server cannot be reached, or does not forward to this address.",
            "Check the SSH host and port, and that forwarding is allowed there. The service itself was not reached.",
        ),
        Cause::TunnelLoginRejected => (
            "The SSH server refused the sign-in",
            "It does not accept this user with this password or key. The service itself was not reached.",
            "Correct the SSH user, password or key.",
        ),
        _ => (
            "This address may not be called",
            "It lies in a network that is closed to this installation.",
            "An admin can open it with the setting AUTHORIZERS_ALLOW_ADDRESSES.",
        ),
    }
}

fn account(cause: Cause) -> Row {
    match cause {
        Cause::LoginRejected => (
            "{} does not accept the user or the password",
            "It was probably changed, or has a slip in it.",
            "Ask whoever runs it for the current password, then enter it here.",
        ),
        Cause::SecretRejected => (
            "{} does not accept the key",
            "It was probably replaced or withdrawn.",
            "Make a new key there, then enter it here.",
        ),
        Cause::UnknownDatabase => (
            "There is no such database",
            "The server is there and accepts the user, but does not know this database.",
            "Correct the name of the database.",
        ),
        Cause::UnknownAccount => (
            "{} does not know this account",
            "The account or tenant does not exist, or this user does not belong to it.",
            "Correct its name or ID.",
        ),
        Cause::UnknownObject => (
            "What was asked for is not there",
            "The table, bucket, file or address does not exist.",
            "Correct its name, or load the choices again.",
        ),
        Cause::Forbidden => (
            "A permission is missing",
            "{} knows the account, but does not allow this.",
            "Give the account the permission that is named below, or use an account that has it.",
        ),
        _ => (
            "The stored secret cannot be opened",
            "The key that sealed it is not on this server. Only this authorizer is affected.",
            "An admin restores the key, or you enter the secret again.",
        ),
    }
}

fn service_file(cause: Cause) -> Row {
    match cause {
        Cause::ServiceFileMissing => (
            "Service file missing",
            "The file that describes {} isn't there. Until it is back, this authorizer can't be tested, renewed or used. \
             Nothing was lost.",
            "An admin puts the file back into the folder of service files and restarts the program.",
        ),
        Cause::ServiceFileBroken => (
            "Service file has errors",
            "The file that describes {} can't be read. Until it is corrected, this authorizer can't be tested, renewed or \
             used. Nothing was lost.",
            "An admin corrects the lines that are named under Services and restarts the program.",
        ),
        Cause::MethodGone => (
            "Service file no longer has this method",
            "The file that describes {} was changed: the method by which this account was authorized is gone.",
            "An admin restores the method in the file. Or authorize the account again by another method, and replace this \
             authorizer with it.",
        ),
        Cause::FieldsMissing => (
            "Service file asks for more",
            "The file that describes {} was changed: it asks for something that was never entered here.",
            "Reauthorize and fill in what is missing, or have an admin restore the file.",
        ),
        _ => (
            "Service file names other hosts",
            "The file that describes {} was changed: it names hosts that it didn't name when the secrets were entered. \
             We don't send them there.",
            "An admin confirms the hosts under Services, or you reauthorize and enter the secrets again.",
        ),
    }
}

fn answer(cause: Cause) -> Row {
    match cause {
        Cause::RateLimited => (
            "{} asks us to slow down",
            "Too many calls were made in a short time. Nothing is wrong with the account.",
            "Nothing to do. We try again automatically.",
        ),
        Cause::ProviderDown => (
            "{} is having problems",
            "It returned a server error. Nothing is wrong with the account.",
            "Nothing to do. We try again automatically.",
        ),
        Cause::FreshTokenRefused => (
            "{} refused a token that it has just issued",
            "We renewed the token, and {} refused the new one. That says nothing of the account.",
            "Nothing to do. We try again automatically. If it lasts, tell an admin.",
        ),
        Cause::RenewalRefused => (
            "{} did not renew the token",
            "It gave no reason that we know. We use the current token as long as it works.",
            "Nothing to do. We try again automatically.",
        ),
        Cause::MalformedAnswer => (
            "{} gave an answer that cannot be read",
            "It was not in the form that its documentation promises.",
            "Try again later. If it stays, tell an admin: the service may have changed.",
        ),
        Cause::AnswerTooLarge => (
            "{} sent more than we read",
            "Its answer is larger than the limit.",
            "Ask for less, such as fewer rows or columns.",
        ),
        _ => (
            "{} does not accept the request",
            "It says that something in it is wrong.",
            "Check the settings. Its own answer is below.",
        ),
    }
}

fn oauth(cause: Cause) -> Row {
    match cause {
        Cause::GrantRevoked => (
            "{} no longer accepts this sign-in",
            "The password was changed, the access was withdrawn, or it was not used for too long.",
            "Sign in again with the same account. Nothing has to be set up anew.",
        ),
        Cause::TokenExpired => (
            "The access has ended",
            "The token of {} no longer works, and there is none to renew it with.",
            "Sign in again with the same account.",
        ),
        Cause::PeriodEnded => (
            "The access period is over",
            "{} grants access for a limited time, and that time has passed.",
            "Sign in again with the same account.",
        ),
        Cause::RotationLost => (
            "The token can't be renewed any more",
            "An earlier renewal was interrupted, so a new token may have been lost on the way. {} \
             no longer accepts the old one.",
            "Sign in again with the same account.",
        ),
        Cause::AppRejected => (
            "{} does not accept our OAuth app",
            "Its client ID or client secret is wrong or has expired, the app was disabled, or {} expects it to identify \
             itself in another way. All authorizers of this app are affected.",
            "An admin corrects the OAuth app. Then everything works again, without a new sign-in.",
        ),
        Cause::RedirectMismatch => (
            "The redirect URL is not registered at {}",
            "It sends people back only to addresses that its OAuth app names.",
            "An admin adds the redirect URL, exactly as it stands under OAuth apps, to the app at {}.",
        ),
        Cause::MissingScope => (
            "A permission was not given",
            "{} did not grant everything that is needed.",
            "Sign in again and leave every box ticked.",
        ),
        Cause::MissingRefreshToken => (
            "{} gave no lasting access",
            "It sent a token that soon ends, and none to renew it with.",
            "Remove this app from the account at {}, then sign in again. If it stays, an admin checks the OAuth app.",
        ),
        _ => trip(cause),
    }
}

/// The way to the provider and back.
fn trip(cause: Cause) -> Row {
    match cause {
        Cause::UserDenied => (
            "The access was denied",
            "Somebody chose not to allow it at {}. Nothing was changed.",
            "Try again, and allow it this time.",
        ),
        Cause::AttemptExpired => (
            "It took too long",
            "An authorization must be finished within 10 minutes.",
            "Try again.",
        ),
        Cause::AttemptUsed => (
            "This authorization is over",
            "Its address was used before, or is not one of ours. Nothing was changed.",
            "Look at the list of authorizers: it may have worked the first time. If not, start again.",
        ),
        Cause::Interrupted => (
            "The authorization was interrupted",
            "It was cut off before it was finished.",
            "Try again.",
        ),
        Cause::OtherBrowser => (
            "This authorization was begun in another browser",
            "For safety it can only be finished in the browser in which it was begun.",
            "Go back to that browser, or start again in this one.",
        ),
        Cause::OtherUser => (
            "This authorization was begun by somebody else",
            "For safety only the person who began it can finish it.",
            "Sign in as that person, or start again.",
        ),
        Cause::OtherAccount => (
            "This is another account",
            "The account at {} is not the one that the authorizer belongs to.",
            "Choose what is to be done.",
        ),
        _ => (
            "The answer did not come from {}",
            "It names another sender than expected, or none. Nothing was changed.",
            "Start again. If it happens again, tell an admin: the issuer that we expect may be wrong.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_words_of_its_own() {
        let titles: std::collections::BTreeSet<String> =
            Cause::ALL.iter().map(|code| cause(*code, "Acme").title).collect();
        assert_eq!(titles.len(), Cause::ALL.len());
        for code in Cause::ALL {
            let words = cause(*code, "Acme");
            assert!(
                !words.title.ends_with('.')
                    && words.text.ends_with('.')
                    && words.cure.ends_with('.'),
                "{words:?}"
            );
            assert!(!words.title.contains("{}") && !words.cure.contains("{}"));
        }
    }
}
