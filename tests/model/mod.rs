//! What people may type: each bound from both sides.
use std::time::Duration;

use authorizers::domain::account::{PASSWORD_MAX, PASSWORD_MIN, check_password};
use authorizers::model::credentials::Secret;
use authorizers::model::email::Email;
use authorizers::model::name::{NAME_MAX, Name};
use authorizers::model::problems::{Complaint, Problems};
use authorizers::model::swap::{Side, Swap, SwapState};
use authorizers::model::time::Moment;

#[test]
fn a_name_has_up_to_a_hundred_and_twenty_characters_and_none_that_is_not_seen() {
    assert_eq!(NAME_MAX, 120);
    for right in ["a".to_owned(), "ä".repeat(120), format!("  {}  ", "a".repeat(120))] {
        assert_eq!(
            Name::parse(&right).map(|name| name.as_str().to_owned()),
            Ok(right.trim().into())
        );
    }
    assert_eq!(Name::parse(&"ä".repeat(121)), Err(Complaint::TooLong { max: 120 }));
    assert_eq!(Name::parse(" \t "), Err(Complaint::Required));
    for control in ["a\nb", "a\u{0}b", "a\u{7f}b", "a\u{85}b"] {
        assert_eq!(Name::parse(control), Err(Complaint::Control), "{control:?}");
    }
    assert_eq!(Name::parse("ÄRGER").map(|name| name.folded()), Ok("ärger".to_owned()));
}

#[test]
fn an_address_has_a_part_before_and_a_part_behind_its_at_sign() {
    let long = |length: usize| format!("{}@example.com", "a".repeat(length - "@example.com".len()));
    for right in ["a@b", "ann.lee+x@mail.example.com", " ann@example.com ", &long(254)] {
        assert_eq!(
            Email::parse(right).map(|email| email.as_str().to_owned()),
            Ok(right.trim().into())
        );
    }
    assert_eq!(Email::parse(&long(255)), Err(Complaint::TooLong { max: 254 }));
    assert_eq!(Email::parse("  "), Err(Complaint::Required));
    for wrong in [
        "ann",
        "@example.com",
        "ann@",
        "a b@example.com",
        "ann@exam ple.com",
        "a\u{7}b@example.com",
        "ann@exa\u{7}mple.com",
        "ann@bob@example.com",
        "ann@.example.com",
        "ann@example.com.",
    ] {
        assert_eq!(Email::parse(wrong), Err(Complaint::NotAnEmail), "{wrong:?}");
    }
    assert_eq!(
        Email::parse("Ann@Example.COM").map(|email| email.folded()),
        Ok("ann@example.com".into())
    );
}

#[test]
fn a_password_has_ten_to_two_hundred_characters() {
    assert_eq!((PASSWORD_MIN, PASSWORD_MAX), (10, 200));
    let said = |password: &str| {
        let mut problems = Problems::new();
        check_password("password", &Secret::new(password), &mut problems);
        problems.of("password").next().cloned()
    };
    assert_eq!(said(""), Some(Complaint::Required));
    assert_eq!(said(&"ä".repeat(9)), Some(Complaint::TooShort { min: 10 }));
    assert_eq!(said(&"ä".repeat(10)), None);
    assert_eq!(said(&"ä".repeat(200)), None);
    assert_eq!(said(&"ä".repeat(201)), Some(Complaint::TooLong { max: 200 }));
}

#[test]
fn results_of_checks_hold_for_a_quarter_of_an_hour_and_a_way_back_for_a_day() {
    let at = |seconds: u64| Moment::from_micros(0).plus(Duration::from_secs(seconds));
    let mut swap = Swap {
        id: "s".into(),
        service_id: "postgresql".into(),
        from: Side { id: None, name: String::new() },
        to: Side { id: None, name: String::new() },
        to_version: 1,
        state: SwapState::Checked,
        started_by: None,
        started_by_name: String::new(),
        started_at: at(0),
        replaced_at: None,
    };
    assert!(!swap.is_stale(at(900)) && swap.is_stale(at(901)));
    assert_eq!(swap.way_back(at(0)), None, "nothing was replaced");
    swap.replaced_at = Some(at(0));
    assert_eq!(swap.way_back(at(0)), None, "it was undone");
    swap.state = SwapState::Replaced;
    assert_eq!(swap.way_back(at(86_399)), Some(at(86_400)));
    assert_eq!(swap.way_back(at(86_400)), None);
}
