//! Checks the parameters of a callback: `error`, `iss` and a service's own signature.
use std::collections::BTreeMap;

use super::{Arrival, errors};
use crate::catalog::auth::{CallbackCheck, OAuth2Spec};
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::outbound::{Account, render};

/// `error`, `iss` (RFC 9207) and a service's own signature.
pub(super) fn check_callback(
    account: &Account<'_>,
    spec: &OAuth2Spec,
    arrival: &Arrival,
) -> Result<(), Fault> {
    let of = |name: &str| arrival.params.get(name).map(String::as_str);
    if let Some(told) = of("iss") {
        let lookup = |name: &str| account.value(name).map(str::to_owned);
        let expected = spec.issuer.as_ref().and_then(|issuer| render::text(issuer, &lookup));
        if expected
            .is_some_and(|expected| expected.trim_end_matches('/') != told.trim_end_matches('/'))
        {
            return Err(Fault::new(Cause::IssuerMismatch).detail(format!("callback: iss {told}")));
        }
    }
    if let Some(code) = of("error") {
        return Err(errors::of_callback(code, of("error_description").unwrap_or_default()));
    }
    match spec.callback_check {
        Some(CallbackCheck::ShopifyHmac) if !is_signed(account, &arrival.params) => {
            Err(Fault::new(Cause::IssuerMismatch)
                .detail("callback: its signature is not the service's"))
        }
        _ => Ok(()),
    }
}

/// HMAC-SHA256 over the sorted parameters without `hmac`, with the client secret, as hexadecimal.
fn is_signed(account: &Account<'_>, params: &BTreeMap<String, String>) -> bool {
    let Some(secret) = account.app.and_then(|app| app.client_secret.as_ref()) else {
        return false;
    };
    let message: Vec<String> = params
        .iter()
        .filter(|(name, _)| *name != "hmac")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = ring::hmac::sign(&key, message.join("&").as_bytes());
    let expected: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    crate::crypto::token::is_same(
        &expected,
        params.get("hmac").map(String::as_str).unwrap_or_default(),
    )
}
