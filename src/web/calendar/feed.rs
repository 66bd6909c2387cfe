//! The feed: no session, no cookie; its address is the secret.
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, web};

use crate::domain::{Ctx, Error, calendar};
use crate::model::credentials::Secret;
use crate::model::ending::EndingRow;
use crate::model::time::Moment;
use crate::web::caller::Caller;
use crate::web::{Frame, paths, wording};

use super::ics::{Calendar, Event, Start};

pub async fn get(
    ctx: web::Data<Ctx>,
    frame: web::Data<Frame>,
    caller: Caller,
    token: web::Path<String>,
) -> HttpResponse {
    let limits = &frame.calendar_limits;
    if let Err(wait) = limits.take_network(caller.network(), ctx.clock.uptime()) {
        let seconds = wait.seconds().to_string();
        return secret(
            HttpResponse::TooManyRequests().insert_header((header::RETRY_AFTER, seconds)),
        )
        .body("Too many wrong addresses. Wait a little.\n");
    }
    match calendar::read(&ctx, &Secret::new(token.as_str())).await {
        Ok(rows) => {
            limits.give_back_network(caller.network());
            let body = write(&ctx, &rows, ctx.clock.now());
            secret(&mut HttpResponse::Ok()).content_type("text/calendar; charset=utf-8").body(body)
        }
        Err(Error::NotFound) => {
            secret(&mut HttpResponse::NotFound()).body("There is no calendar at this address.\n")
        }
        Err(error) => {
            limits.give_back_network(caller.network());
            tracing::error!(%error, "a calendar could not be written");
            secret(&mut HttpResponse::ServiceUnavailable())
                .body("The calendar cannot be read just now.\n")
        }
    }
}

/// What an answer at a secret address must not leave behind.
fn secret(answer: &mut actix_web::HttpResponseBuilder) -> &mut actix_web::HttpResponseBuilder {
    answer
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((HeaderName::from_static("x-robots-tag"), "noindex"))
}

fn write(ctx: &Ctx, rows: &[EndingRow], now: Moment) -> String {
    let events = rows.iter().map(|row| event(ctx, row, now)).collect();
    Calendar { name: "Authorizers: what ends when", events }.write()
}

fn event(ctx: &Ctx, row: &EndingRow, now: Moment) -> Event {
    let service = ctx.catalog.get(row.service_id.as_str());
    let service =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let ends = wording::end_row(row, &service);
    let stops = match wording::stops(&row.stops) {
        Some(stops) if row.at <= now => format!("Stopped: {stops}."),
        Some(stops) => format!("What stops then: {stops}."),
        None => "Nothing uses it.".to_owned(),
    };
    let is_known = row.kind == crate::model::authorizer::EndKind::Known;
    Event {
        // The same event whenever it moves; another one when something else ends.
        uid: format!(
            "{}-{}@authorizers",
            row.id,
            row.reason.map_or("end", crate::model::ending::EndReason::code)
        ),
        changed: row.updated_at,
        // An estimate has a day, not an hour.
        start: if is_known { Start::At(row.at) } else { Start::Day(row.at) },
        summary: format!("{service} \u{2013} {} {}", row.name, wording::must(row)),
        description: format!("{ends}\n{stops}"),
        url: format!("{}{}", ctx.site.public_url, paths::authorizer(&row.id)),
    }
}
