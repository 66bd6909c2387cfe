//! Sample data by the database's own means: a million rows one by one would take longer than what is measured.
use authorizers::store::{AnyConnection, Place};
use diesel::connection::SimpleConnection;

const SERVICES: [&str; 12] = [
    "google-ads",
    "linkedin-ads",
    "meta-ads",
    "hubspot",
    "salesforce",
    "shopify",
    "slack",
    "github",
    "notion",
    "xero",
    "stripe",
    "postgresql",
];
const CITIES: [&str; 10] =
    ["Berlin", "Paris", "London", "Madrid", "Rome", "Vienna", "Oslo", "Dublin", "Lisbon", "Prague"];

/// `count` authorizers in every state, half of them with a source, a fifth with a destination.
pub fn fill(url: &str, count: u64, now: i64) {
    let mut conn = Place::parse(url).expect("a database URL").connect().expect("a connection");
    let packed = match &mut conn {
        AnyConnection::Sqlite(_) => "randomblob(600)",
        AnyConnection::Pg(conn) => {
            conn.set_unlimited(true);
            "decode(repeat(md5(CAST(i AS TEXT)), 38), 'hex')"
        }
    };
    let sql = statements(count, now, packed);
    conn.batch_execute(&format!("{}BEGIN;{sql}COMMIT;{}", limits(&conn), upkeep(&conn)))
        .expect("the sample data goes in");
}

fn limits(conn: &AnyConnection) -> &'static str {
    match conn {
        AnyConnection::Sqlite(_) => "PRAGMA cache_size = -500000;",
        AnyConnection::Pg(_) => "SET statement_timeout = 0;",
    }
}

/// What the app or the database itself would do a little later.
fn upkeep(conn: &AnyConnection) -> &'static str {
    match conn {
        AnyConnection::Sqlite(_) => "PRAGMA analysis_limit = 1000; PRAGMA optimize = 0x10002;",
        AnyConnection::Pg(_) => "ANALYZE;",
    }
}

fn pick(names: &[&str], by: &str) -> String {
    let cases: String =
        names.iter().enumerate().map(|(at, name)| format!(" WHEN {at} THEN '{name}'")).collect();
    format!("CASE ({by}) % {}{cases} END", names.len())
}

fn statements(count: u64, now: i64, packed: &str) -> String {
    let (service, city) = (pick(&SERVICES, "i"), pick(&CITIES, "i * 7 + i / 100"));
    let day = 86_400_000_000_i64;
    format!(
        "INSERT INTO authorizers (id, service, auth, name, name_folded, search_text, lifecycle, health, attention, cause, cause_fields,
           identity_key, identity_label, granted_scopes, missing_scopes, sealed, sealed_key, ends_at, end_kind, last_ok_at, last_checked_at,
           failure_count, credential_version, version, created_at, updated_at)
         WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < {count}),
         named AS (SELECT i, {service} AS service, {city} AS city, substr(CAST(10000000 + i AS TEXT), 2) AS number, i % 100 AS k FROM numbers),
         full_named AS (SELECT named.*, city || ' client ' || number || ' ' || service AS name,
           number || '@' || lower(city) || '.example' AS label FROM named)
         SELECT '01990000-0000-7000-8000-00000' || number, service, 'oauth', name, lower(name),
           lower(name || ' ' || label || ' ' || service || ' ' || replace(service, '-', ' ')),
           CASE WHEN k < 5 THEN 'revoked' ELSE 'active' END,
           CASE WHEN k < 5 THEN 'ok' WHEN k < 10 THEN 'needs_reauthorization' WHEN k < 13 THEN 'retrying' WHEN k < 20 THEN 'unverified' ELSE 'ok' END,
           CASE WHEN k < 5 THEN 4 WHEN k < 10 THEN 0 WHEN k < 13 THEN 1 WHEN k < 20 THEN 2 ELSE 3 END,
           CASE WHEN k < 5 THEN NULL WHEN k < 10 THEN 'grant_revoked' WHEN k < 13 THEN 'timeout' END, '[]',
           label, label, '[\"read\"]', '[]', {packed},
           (SELECT substr(name, 11) FROM facts WHERE name LIKE 'key_proof:%'),
           CASE WHEN k < 60 THEN 9007199254740991 WHEN k = 60 THEN {now} + {day} ELSE {now} + (31 + k) * {day} END, 'unknown',
           {now}, {now} - i * 1000, 0, 1, 1, {now} - i * 600, {now}
         FROM full_named;
         INSERT INTO sources (id, name, name_folded, service, authorizer_id, settings, version, created_at, updated_at)
         SELECT 's' || id, 's' || id, 's' || id, service, id, '{{}}', 1, 1, 1 FROM authorizers WHERE attention <> 2;
         INSERT INTO destinations (id, name, name_folded, service, authorizer_id, settings, version, created_at, updated_at)
         SELECT 'd' || id, 'd' || id, 'd' || id, service, id, '{{}}', 1, 1, 1 FROM authorizers WHERE attention < 2;"
    )
}
