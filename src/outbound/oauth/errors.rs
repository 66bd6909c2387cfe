//! What a refusal at the token endpoint means (RFC 6749 §5.2), the service's own rules first.
use serde_json::Value;

use crate::catalog::auth::OAuth2Spec;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::outbound::api;
use crate::outbound::http::HttpAnswer;

pub fn malformed(said: &str) -> Fault {
    Fault::new(Cause::MalformedAnswer).detail(said)
}

/// A yes without its token: told by the names of its members, for what they hold may be a token under another name.
pub fn without_token(place: &str, answer: &Value) -> String {
    let names: Vec<&str> =
        answer.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    format!("{place} → no token where it should be; the answer has: {}", names.join(", "))
}

/// `soft`: the code of an error that came with HTTP 200.
pub fn of(
    spec: &OAuth2Spec,
    answer: &HttpAnswer,
    (parsed, soft): (Option<&Value>, Option<&str>),
    said: String,
) -> Fault {
    let told = parsed.and_then(|value| value.get("error")).map(|error| match error {
        Value::Object(object) => {
            object.get("code").or_else(|| object.get("type")).map(api::plain).unwrap_or_default()
        }
        other => api::plain(other),
    });
    let code = soft.map(str::to_owned).or(told).unwrap_or_default();
    let rule = spec.errors.iter().find(|rule| {
        rule.status.is_none_or(|status| status == answer.status)
            && rule.error.as_ref().is_none_or(|error| *error == code)
            && rule.contains.as_ref().is_none_or(|part| said.contains(part.as_str()))
    });
    let meaning = rule.map_or_else(
        || general(answer.status, &code, &said),
        |rule| Meaning { cause: rule.cause, is_unexplained: false },
    );
    let mut fault = Fault::new(meaning.cause).detail(said);
    fault.is_unexplained = meaning.is_unexplained;
    fault.cure = rule.and_then(|rule| rule.cure.clone());
    fault.retry_after = answer.retry_after();
    fault
}

/// What an answer says of the refusal.
struct Meaning {
    cause: Cause,
    /// It gives no reason that we know.
    is_unexplained: bool,
}

fn general(status: u16, code: &str, said: &str) -> Meaning {
    let known = match code {
        "invalid_grant" | "bad_refresh_token" if said.contains("redirect_uri") => {
            Some(Cause::RedirectMismatch)
        }
        "invalid_grant" | "bad_refresh_token" | "bad_verification_code" => {
            Some(Cause::GrantRevoked)
        }
        "invalid_client" | "unauthorized_client" | "incorrect_client_credentials" => {
            Some(Cause::AppRejected)
        }
        "redirect_uri_mismatch" | "invalid_redirect_uri" => Some(Cause::RedirectMismatch),
        "invalid_scope" => Some(Cause::MissingScope),
        "access_denied" => Some(Cause::UserDenied),
        "temporarily_unavailable" | "server_error" => Some(Cause::ProviderDown),
        "slow_down" => Some(Cause::RateLimited),
        _ => None,
    };
    let explained = |cause| Meaning { cause, is_unexplained: false };
    let unexplained = |cause| Meaning { cause, is_unexplained: true };
    match (known, status) {
        (Some(cause), _) => explained(cause),
        (None, 429) => explained(Cause::RateLimited),
        (None, 500..) => explained(Cause::ProviderDown),
        (None, 300..=399) => explained(Cause::MalformedAnswer),
        // RFC 6749 §5.2 answers 401 where the client cannot be authenticated. A code that we don't know says otherwise.
        (None, 401) if code.is_empty() => unexplained(Cause::AppRejected),
        (None, 400..=403) if code.is_empty() => unexplained(Cause::MalformedAnswer),
        (None, _) if code.is_empty() => explained(Cause::MalformedAnswer),
        (None, _) => unexplained(Cause::RequestRejected),
    }
}

/// What came back by the callback in place of a code (RFC 6749 §4.1.2.1).
pub fn of_callback(code: &str, description: &str) -> Fault {
    let cause = match code {
        "access_denied"
        | "user_cancelled_login"
        | "user_cancelled_authorize"
        | "consent_required" => Cause::UserDenied,
        "unauthorized_client" | "invalid_client" => Cause::AppRejected,
        "invalid_scope" => Cause::MissingScope,
        "server_error" | "temporarily_unavailable" => Cause::ProviderDown,
        "redirect_uri_mismatch" => Cause::RedirectMismatch,
        _ => Cause::RequestRejected,
    };
    let told: Vec<&str> = [code, description].into_iter().filter(|part| !part.is_empty()).collect();
    Fault::new(cause).detail(format!("callback: {}", told.join(" ")))
}
