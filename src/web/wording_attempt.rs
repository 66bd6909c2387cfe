//! Why an attempt to authorize did not succeed. Nothing of it is stored, and nobody tries again automatically: the words of a
//! stored account would be untrue.
use crate::model::attempt::Attempt;
use crate::model::cause::Cause;
use crate::model::time::Moment;

use super::wording::{Words, cause as of_account};

/// Returns what happened, and what to do.
pub fn attempt(attempt: &Attempt, service: &str, now: Moment) -> Words {
    let cause = attempt.cause.unwrap_or(Cause::AttemptExpired);
    let is_kept = attempt.grant_until.is_some_and(|until| until > now);
    let again = match (is_kept, &attempt.authorizer_id) {
        (true, _) => format!(
            "Try again within 10 minutes: your sign-in at {service} is kept until then, and you \
             won't have to repeat it."
        ),
        (false, None) => "Nothing was stored. Try again.".to_owned(),
        (false, Some(_)) => "Nothing was changed. Try again.".to_owned(),
    };
    let words = of_account(cause, service);
    let Some(own) = of_attempt(cause) else {
        let cure = if cause.is_passing() { again } else { words.cure };
        return Words { cure, ..words };
    };
    let fill = |text: &str| text.replace("{}", service);
    Words {
        title: own.title.map_or(words.title, fill),
        text: fill(own.text),
        cure: own.cure.map_or(again, fill),
    }
}

/// Where a stored account has other words. What is `None` stays as it is there; a cure of `None` is to try again.
struct Own {
    title: Option<&'static str>,
    text: &'static str,
    cure: Option<&'static str>,
}

fn of_attempt(cause: Cause) -> Option<Own> {
    let own = |title, text, cure| Some(Own { title, text, cure });
    match cause {
        Cause::Timeout => own(None, "{} took too long to answer.", None),
        Cause::RateLimited => own(None, "Too many calls were made in a short time.", None),
        Cause::ProviderDown => own(None, "It returned a server error.", None),
        Cause::GrantRevoked => own(
            Some("{} did not accept the sign-in"),
            "The code that it sent back was used before, came too late, or belongs to another app.",
            None,
        ),
        Cause::TokenExpired | Cause::SecretRejected => own(
            Some("{} refused its own token"),
            "It gave us a token, and then refused a call with it.",
            None,
        ),
        Cause::AppRejected => own(
            None,
            "Its client ID or client secret is wrong or expired, the app was disabled, or {} expects it \
             to identify itself in another way.",
            Some("An admin corrects the OAuth app. Then try again."),
        ),
        Cause::Interrupted => own(None, "It was cut off before it was finished.", None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attempt::AttemptState;

    fn failed(cause: Cause) -> Attempt {
        let at = Moment::from_micros(0);
        Attempt {
            id: "a".into(),
            user_id: "u".into(),
            service_id: "acme".into(),
            auth_id: "oauth".to_owned(),
            authorizer_id: None,
            oauth_app_id: None,
            draft_id: None,
            name: String::new(),
            state: AttemptState::Failed,
            cause: Some(cause),
            detail: None,
            missing_scopes: Vec::new(),
            result_authorizer_id: None,
            created_at: at,
            expires_at: at,
            taken_at: None,
            grant_until: None,
        }
    }

    #[test]
    fn nobody_is_promised_that_an_attempt_is_tried_again_automatically() {
        for cause in Cause::ALL {
            let words = attempt(&failed(*cause), "Acme", Moment::from_micros(1));
            assert!(!words.cure.contains("Nothing to do"), "{cause:?}: {}", words.cure);
            assert!(!words.cure.contains("automatically"), "{cause:?}: {}", words.cure);
            if cause.is_passing() {
                assert_eq!(words.cure, "Nothing was stored. Try again.", "{cause:?}");
            }
        }
    }

    #[test]
    fn a_grant_that_is_kept_needs_no_second_sign_in() {
        let mut row = failed(Cause::ProviderDown);
        row.grant_until = Some(Moment::from_micros(2));
        let cure = |now| attempt(&row, "Acme", Moment::from_micros(now)).cure;
        assert!(cure(1).contains("won't have to repeat it"));
        assert_eq!(cure(2), "Nothing was stored. Try again.");
    }
}
