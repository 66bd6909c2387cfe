//! Complaints in words: what is wrong and what to do, without blame.
use super::state::{FieldState, InputKind};
use crate::model::problems::Complaint;

/// What stands at the field.
pub fn say(complaint: &Complaint, field: &FieldState) -> String {
    match complaint {
        Complaint::Required => missing(field),
        Complaint::EncryptedKey => "The key is encrypted. Enter its passphrase, too.".to_owned(),
        Complaint::TypeAgain => {
            format!("Enter the {} again. It was entered for another address.", small(&field.label))
        }
        Complaint::Wrong if field.secret => {
            format!("This {} is not right. Enter it again.", small(&field.label))
        }
        other => words(other),
    }
}

/// What stands on top, where it belongs to no field.
pub fn say_general(complaint: &Complaint) -> String {
    words(complaint)
}

fn missing(field: &FieldState) -> String {
    let what = small(&field.label);
    match field.kind {
        InputKind::Select | InputKind::Choice => format!("Choose the {what}."),
        InputKind::File => format!("Add the {what}."),
        InputKind::Checkbox => "Tick this box.".to_owned(),
        _ => format!("Enter the {what}."),
    }
}

/// `Password` → `password`, but `API key` stays.
fn small(label: &str) -> String {
    let mut chars = label.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(label.chars().skip(1)).collect()
        }
        _ => label.to_owned(),
    }
}

fn words(complaint: &Complaint) -> String {
    match complaint {
        Complaint::Required => "Something is missing here.".to_owned(),
        Complaint::TooLong { max } => format!("Use at most {max} characters."),
        Complaint::TooShort { min } => format!("Use at least {min} characters."),
        Complaint::NotANumber => "Use a whole number.".to_owned(),
        Complaint::OutOfRange { min, max } => range(*min, *max),
        Complaint::NotAHost => "Enter the name or the address alone, without https:// and without a port.".to_owned(),
        Complaint::NotAUrl => "Enter a whole address that begins with https://.".to_owned(),
        Complaint::NotHttps => {
            "Use an address that begins with https://. Without it, secrets would cross the network in clear text.".to_owned()
        }
        Complaint::NotAnEmail => "Enter an e-mail address, like name@example.com.".to_owned(),
        Complaint::NotJson => "This is not JSON. Paste the whole file, from the first { to the last }.".to_owned(),
        Complaint::NotAChoice => "Choose one of the entries.".to_owned(),
        Complaint::NotPem => "Paste the whole file, from the line with BEGIN to the line with END.".to_owned(),
        Complaint::PublicKey => "This is a public key. Paste the private one; it starts with BEGIN and PRIVATE KEY.".to_owned(),
        Complaint::EncryptedKey => "The key is encrypted. Enter its passphrase.".to_owned(),
        Complaint::Pattern { hint } if hint.is_empty() => "This does not look as it should.".to_owned(),
        Complaint::Pattern { hint } => format!("Expected: {hint}."),
        Complaint::FileTooLarge { max } => format!("The file is too large. It may have at most {} KB.", max / 1024),
        Complaint::Control => "There are characters in it that cannot be typed. Enter it by hand.".to_owned(),
        Complaint::Taken => "This is taken already. Choose another.".to_owned(),
        Complaint::Wrong => "This is not right.".to_owned(),
        Complaint::TypeAgain => "Enter it again. It was entered for another address.".to_owned(),
        Complaint::Refused { say } | Complaint::Say(say) => say.clone(),
    }
}

fn range(min: i64, max: i64) -> String {
    match (min, max) {
        (i64::MIN, max) => format!("Use a number up to {max}."),
        (min, i64::MAX) => format!("Use a number from {min} on."),
        (min, max) => format!("Use a number from {min} to {max}."),
    }
}
