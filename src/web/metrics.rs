//! Figures for Prometheus, and the two health checks.
use std::sync::LazyLock;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

use crate::domain::{Ctx, readiness};

use super::caller;

struct Metrics {
    registry: Registry,
    requests: Option<IntCounterVec>,
    seconds: Option<HistogramVec>,
}

/// Names are constants: should one be refused, the figure is missing and the app runs on.
static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let registry = Registry::new();
    let requests = IntCounterVec::new(
        Opts::new("authorizers_http_requests_total", "Requests by method, route and status."),
        &["method", "route", "status"],
    );
    let seconds = HistogramVec::new(
        HistogramOpts::new(
            "authorizers_http_request_seconds",
            "Time to answer, in seconds, by route.",
        ),
        &["route"],
    );
    let (requests, seconds) = (requests.ok(), seconds.ok());
    let collectors = [
        requests.clone().map(|c| Box::new(c) as Box<dyn prometheus::core::Collector>),
        seconds.clone().map(|c| Box::new(c) as Box<dyn prometheus::core::Collector>),
    ];
    for collector in collectors.into_iter().flatten() {
        registry.register(collector).ok();
    }
    Metrics { registry, requests, seconds }
});

/// `route` is a pattern of the route table, never an address: figures stay few.
pub fn count_request(method: &Method, route: &str, status: u16, took: Duration) {
    let method = match *method {
        Method::GET | Method::HEAD | Method::POST => method.as_str(),
        _ => "other",
    };
    if let Some(requests) = &METRICS.requests {
        requests.with_label_values(&[method, route, &status.to_string()]).inc();
    }
    if let Some(seconds) = &METRICS.seconds {
        seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }
}

/// For the machines around this one; the world outside, which comes through a proxy, does not see it.
pub async fn get(request: HttpRequest) -> HttpResponse {
    if !caller::is_inside(&request) {
        return HttpResponse::NotFound()
            .content_type("text/plain; charset=utf-8")
            .body("There is no such page.\n");
    }
    let mut body = Vec::new();
    let encoder = TextEncoder::new();
    match encoder.encode(&METRICS.registry.gather(), &mut body) {
        Ok(()) => HttpResponse::Ok().content_type(encoder.format_type().to_owned()).body(body),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

/// The process answers.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// The process answers, and its database can be read and written; else the reason, as text.
pub async fn ready(ctx: web::Data<Ctx>) -> HttpResponse {
    match readiness::check(&ctx).await {
        Ok(()) => live().await,
        Err(reason) => HttpResponse::ServiceUnavailable()
            .content_type("text/plain; charset=utf-8")
            .body(format!("not ready: {reason}\n")),
    }
}
