//! The token endpoint (RFC 6749 §3.2) and the revocation endpoint (RFC 7009).
use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;

use super::grants::{ACCESS_LIFETIME, Issued};
use super::{CLIENT_ID, CLIENT_SECRET, Sandbox, grants};

type Form = web::Form<BTreeMap<String, String>>;

pub async fn token(request: HttpRequest, sandbox: web::Data<Sandbox>, form: Form) -> HttpResponse {
    if !is_client(&request, &form) {
        return refuse(401, "invalid_client", "Client ID or client secret is wrong.");
    }
    let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let now = sandbox.clock.now();
    let issued = match of("grant_type") {
        "authorization_code" => {
            grants(&sandbox).redeem(of("code"), (of("redirect_uri"), of("code_verifier")), now)
        }
        "refresh_token" => grants(&sandbox).refresh(of("refresh_token"), now),
        _ => {
            return refuse(
                400,
                "unsupported_grant_type",
                "Only authorization_code and refresh_token.",
            );
        }
    };
    match issued {
        Some(issued) => {
            HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(answer(&issued))
        }
        None => refuse(
            400,
            "invalid_grant",
            "The code or refresh token is unknown, used, expired or revoked.",
        ),
    }
}

pub async fn revoke(request: HttpRequest, sandbox: web::Data<Sandbox>, form: Form) -> HttpResponse {
    if !is_client(&request, &form) {
        return refuse(401, "invalid_client", "Client ID or client secret is wrong.");
    }
    grants(&sandbox).revoke(form.get("token").map(String::as_str).unwrap_or_default());
    HttpResponse::Ok().finish()
}

fn answer(issued: &Issued) -> serde_json::Value {
    serde_json::json!({
        "access_token": issued.access,
        "token_type": "Bearer",
        "expires_in": ACCESS_LIFETIME.as_secs(),
        "refresh_token": issued.refresh,
        "scope": issued.scopes.join(" "),
    })
}

fn refuse(status: u16, error: &str, description: &str) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    HttpResponse::build(status)
        .json(serde_json::json!({ "error": error, "error_description": description }))
}

/// By Basic header or in the body.
fn is_client(request: &HttpRequest, form: &BTreeMap<String, String>) -> bool {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if let Some(encoded) = header.and_then(|value| value.strip_prefix("Basic ")) {
        let expected = base64::engine::general_purpose::STANDARD
            .encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        return encoded == expected;
    }
    let has = |name: &str, value: &str| form.get(name).is_some_and(|sent| sent == value);
    has("client_id", CLIENT_ID) && has("client_secret", CLIENT_SECRET)
}
