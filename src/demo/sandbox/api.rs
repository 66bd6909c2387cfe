//! The reports API: who one is, which reports there are, their rows.
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::{PEOPLE, Sandbox, grants};

const REPORTS: [(&str, &str); 3] = [
    ("campaigns", "Campaigns, last 30 days"),
    ("orders", "Orders by day"),
    ("visits", "Visits by country"),
];

pub async fn me(request: HttpRequest, sandbox: web::Data<Sandbox>) -> HttpResponse {
    with_scope(&request, &sandbox, None, |email| {
        let name = PEOPLE.iter().find(|(known, _)| *known == email).map_or(email, |(_, name)| name);
        json!({ "id": email, "email": email, "name": name })
    })
}

pub async fn reports(request: HttpRequest, sandbox: web::Data<Sandbox>) -> HttpResponse {
    with_scope(&request, &sandbox, Some("reports.read"), |_| {
        let all: Vec<Value> =
            REPORTS.iter().map(|(id, title)| json!({ "id": id, "title": title })).collect();
        json!({ "reports": all })
    })
}

pub async fn rows(
    request: HttpRequest,
    sandbox: web::Data<Sandbox>,
    id: web::Path<String>,
) -> HttpResponse {
    if !REPORTS.iter().any(|(known, _)| *known == id.as_str()) {
        return HttpResponse::NotFound().json(json!({ "error": "no such report" }));
    }
    with_scope(&request, &sandbox, Some("reports.read"), |email| {
        let rows: Vec<Value> = (1..=30).map(|day| row(&id, email, day)).collect();
        json!({ "rows": rows })
    })
}

fn row(report: &str, email: &str, day: u32) -> Value {
    let date = format!("2026-10-{day:02}");
    match report {
        "campaigns" => {
            json!({ "date": date, "campaign": format!("Autumn {}", day % 4 + 1), "clicks": day * 37 % 211, "cost": f64::from(day * 113 % 900) / 10.0, "owner": email })
        }
        "orders" => {
            json!({ "date": date, "orders": day * 7 % 40, "revenue": f64::from(day * 997 % 9000) / 10.0 })
        }
        _ => {
            json!({ "date": date, "country": if day.is_multiple_of(2) { "HU" } else { "DE" }, "visits": day * 61 % 500 })
        }
    }
}

/// 401 without a living token, 403 without the scope.
fn with_scope(
    request: &HttpRequest,
    sandbox: &Sandbox,
    scope: Option<&str>,
    body: impl Fn(&str) -> Value,
) -> HttpResponse {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let access = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let grants = grants(sandbox);
    let Some((email, scopes)) = grants.bearer(access, sandbox.clock.now()) else {
        return HttpResponse::Unauthorized()
            .insert_header(("WWW-Authenticate", "Bearer error=\"invalid_token\""))
            .json(json!({ "error": "invalid_token", "error_description": "The access token is expired or revoked." }));
    };
    if scope.is_some_and(|needed| !scopes.iter().any(|have| have == needed)) {
        return HttpResponse::Forbidden()
            .json(json!({ "error": "insufficient_scope", "scope": scope }));
    }
    HttpResponse::Ok().json(body(email))
}
