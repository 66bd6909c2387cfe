//! Requests: what an editor asks for, and the answers of those who may add it.
pub mod list;
pub mod new;
pub mod show;

use crate::model::request::RequestState;

/// Class and icon of the badge, and the word.
fn standing(state: RequestState) -> (&'static str, &'static str, &'static str) {
    match state {
        RequestState::Open => ("info", "hourglass", "Open"),
        RequestState::Done => ("ok", "circle-check", "Done"),
        RequestState::Declined => ("mute", "ban", "Declined"),
    }
}
