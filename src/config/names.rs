//! The names that are known. An unknown one is refused: it is a slip, and would be ignored silently.
use std::collections::BTreeMap;

pub const NAMES: &[&str] = &[
    "AUTHORIZERS_BIND",
    "AUTHORIZERS_PUBLIC_URL",
    "AUTHORIZERS_DATA_DIR",
    "AUTHORIZERS_DATABASE_URL",
    "AUTHORIZERS_KEYS",
    "AUTHORIZERS_KEYS_FILE",
    "AUTHORIZERS_SERVICES_DIR",
    "AUTHORIZERS_ALLOW_ADDRESSES",
    "AUTHORIZERS_TRUSTED_PROXIES",
    "AUTHORIZERS_RETEST_HOURS",
    "AUTHORIZERS_KEEP_ACTIVITY_DAYS",
    "AUTHORIZERS_SMTP_URL",
    "AUTHORIZERS_MAIL_FROM",
    "AUTHORIZERS_LOG",
    "AUTHORIZERS_LOG_FORMAT",
];

/// A line for each name with our prefix that is not ours. `AUTHORIZERS_TEST_…` is left to the tests.
pub fn unknown(values: &BTreeMap<String, String>) -> Vec<String> {
    let ours = values
        .keys()
        .filter(|name| name.starts_with("AUTHORIZERS_") && !name.starts_with("AUTHORIZERS_TEST_"));
    ours.filter(|name| !NAMES.contains(&name.as_str())).map(|name| line(name)).collect()
}

fn line(name: &str) -> String {
    let nearest = NAMES.iter().map(|known| (distance(name, known), known)).min();
    match nearest {
        Some((steps, known)) if steps <= 6 => format!("{name} is not known; did you mean {known}?"),
        _ => format!("{name} is not known. Known are: {}.", NAMES.join(", ")),
    }
}

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let above = *cell;
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
