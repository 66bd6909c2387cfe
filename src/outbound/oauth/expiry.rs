//! When tokens end: in the many ways in which services say it.
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::catalog::auth::{ExpiresUnit, OAuth2Spec};
use crate::model::time::Moment;
use crate::outbound::api;

/// Seconds that the access token lives from now; `None` if nothing is known.
pub fn lifetime(spec: &OAuth2Spec, object: &Value, access: &str, now: Moment) -> Option<u64> {
    let told = object.get(&spec.expires.key).filter(|value| !value.is_null()).map(api::plain);
    let seconds = told.and_then(|told| seconds(&told, spec.expires.unit, now));
    // Zero and less are not lifetimes: such an answer says nothing.
    seconds
        .filter(|seconds| *seconds > 0)
        .or(spec.expires.missing_s)
        .or_else(|| jwt_lifetime(access, now))
}

fn seconds(told: &str, unit: ExpiresUnit, now: Moment) -> Option<u64> {
    let until = |micros: i64| Some(Moment::from_micros(micros).since(now).as_secs());
    match unit {
        ExpiresUnit::Rfc3339 => until(told.parse::<jiff::Timestamp>().ok()?.as_microsecond()),
        ExpiresUnit::EpochSeconds => until(whole(told)?.checked_mul(1_000_000)?),
        ExpiresUnit::Millis => u64::try_from(whole(told)? / 1000).ok(),
        ExpiresUnit::Seconds => u64::try_from(whole(told)?).ok(),
    }
}

/// `3600`, `"3600"`, `3600.0`
fn whole(told: &str) -> Option<i64> {
    told.trim().split('.').next()?.parse().ok()
}

/// The `exp` of a token that is a JWT (RFC 7519 §4.1.4). Nothing is believed of it but when it ends.
fn jwt_lifetime(access: &str, now: Moment) -> Option<u64> {
    let mut parts = access.split('.');
    let (Some(_), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let end = claims.get("exp").and_then(Value::as_i64)?.checked_mul(1_000_000)?;
    Some(Moment::from_micros(end).since(now).as_secs()).filter(|seconds| *seconds > 0)
}

/// `refresh_token_expires_in` and its relatives.
pub fn refresh_end(object: &Value, now: Moment) -> Option<Moment> {
    let names = ["refresh_token_expires_in", "x_refresh_token_expires_in", "refresh_expires_in"];
    let told = names.iter().find_map(|name| object.get(*name)).map(api::plain)?;
    let seconds = u64::try_from(whole(&told)?).ok().filter(|seconds| *seconds > 0)?;
    Some(now.plus(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_in_every_unit() {
        let now = Moment::from_micros(1_000_000_000);
        assert_eq!(seconds("3600", ExpiresUnit::Seconds, now), Some(3600));
        assert_eq!(seconds("3600.9", ExpiresUnit::Seconds, now), Some(3600));
        assert_eq!(seconds("60000", ExpiresUnit::Millis, now), Some(60));
        assert_eq!(seconds("1060", ExpiresUnit::EpochSeconds, now), Some(60));
        assert_eq!(seconds("1970-01-01T00:17:40Z", ExpiresUnit::Rfc3339, now), Some(60));
        assert_eq!(seconds("-5", ExpiresUnit::Seconds, now), None);
        assert_eq!(seconds("soon", ExpiresUnit::Seconds, now), None);
    }

    #[test]
    fn a_jwt_tells_its_end() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"exp":1060}"#);
        assert_eq!(
            jwt_lifetime(&format!("a.{payload}.c"), Moment::from_micros(1_000_000_000)),
            Some(60)
        );
        assert_eq!(jwt_lifetime("opaque", Moment::from_micros(0)), None);
    }
}
