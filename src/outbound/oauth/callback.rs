//! Checks the parameters of a callback: what came twice, `error`, `iss` and a service's own signature.
use super::{Arrival, errors};
use crate::catalog::auth::{CallbackCheck, OAuth2Spec};
use crate::model::callback::CallbackParams;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::outbound::{Account, render};

/// Names under which services say why they send no code, beside `error`. The most exact ones come first.
const ERROR_TEXTS: [&str; 5] =
    ["error_reason", "error_code", "error_description", "error_message", "error_uri"];

/// Refuses a callback that nobody may act on, before its code is spent.
pub(super) fn check_callback(
    account: &Account<'_>,
    spec: &OAuth2Spec,
    arrival: &Arrival,
) -> Result<(), Fault> {
    let params = &arrival.params;
    if let Some(name) = read_names(spec).into_iter().find(|name| params.is_repeated(name)) {
        return Err(errors::malformed(&format!("callback: {name} came more than once")));
    }
    let lookup = |name: &str| account.value(name).map(str::to_owned);
    let issuer = spec.issuer.as_ref().and_then(|issuer| render::text(issuer, &lookup));
    if let Some(issuer) = issuer {
        check_issuer(spec, params, &issuer)?;
    }
    if let Some(fault) = told_error(params) {
        return Err(fault);
    }
    match spec.callback_check {
        Some(CallbackCheck::ShopifyHmac) if !is_signed(account, params) => {
            Err(Fault::new(Cause::IssuerMismatch)
                .detail("callback: its signature is not the service's"))
        }
        Some(CallbackCheck::ShopifyHmac) | None => Ok(()),
    }
}

/// The parameters that are acted on.
fn read_names(spec: &OAuth2Spec) -> Vec<&str> {
    let kept = spec.keep.iter().filter_map(|keep| keep.from.strip_prefix("callback:"));
    let mut names = vec![spec.code_param.as_str(), "state", "iss", "error", "hmac"];
    names.extend(ERROR_TEXTS);
    names.extend(kept);
    names
}

/// RFC 9207 (2.4): compared as a string, without any change to either. A refusal that names no issuer stays a refusal:
/// it carries nothing that could be used.
fn check_issuer(spec: &OAuth2Spec, params: &CallbackParams, issuer: &str) -> Result<(), Fault> {
    let mismatch = |said: String| Err(Fault::new(Cause::IssuerMismatch).detail(said));
    match params.get("iss") {
        Some(told) if told != issuer => {
            mismatch(format!("callback: iss is {told}, expected {issuer}"))
        }
        None if spec.iss_required && told_error(params).is_none() => {
            mismatch(format!("callback: iss did not come, expected {issuer}"))
        }
        Some(_) | None => Ok(()),
    }
}

/// What came in place of a code (RFC 6749, 4.1.2.1), with all that the service said about it.
fn told_error(params: &CallbackParams) -> Option<Fault> {
    let texts: Vec<&str> = ERROR_TEXTS.iter().filter_map(|name| params.get(name)).collect();
    match params.get("error") {
        Some(code) => Some(errors::of_callback(code, &texts.join(" "))),
        None if params.get("error_code").is_some() || params.get("error_message").is_some() => {
            Some(errors::of_callback("", &texts.join(" ")))
        }
        None => None,
    }
}

/// HMAC-SHA256 over the sorted parameters without `hmac`, with the client secret, as hexadecimal.
fn is_signed(account: &Account<'_>, params: &CallbackParams) -> bool {
    let Some(secret) = account.app.and_then(|app| app.client_secret.as_ref()) else {
        return false;
    };
    let mut message: Vec<String> = params
        .iter()
        .filter(|(name, _)| *name != "hmac")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    message.sort();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = ring::hmac::sign(&key, message.join("&").as_bytes());
    let expected: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    crate::crypto::token::is_same(&expected, params.get("hmac").unwrap_or_default())
}
