//! The words for a database that can't do what was asked.
use crate::model::outage::Outage;

pub struct OutageWords {
    pub title: &'static str,
    pub text: &'static str,
    pub icon: &'static str,
}

/// What happened, what it means for the last step, and what to do.
pub fn words(outage: Outage) -> OutageWords {
    let make = |title, text, icon| OutageWords { title, text, icon };
    match outage {
        Outage::Busy => {
            make("The database is busy", "Nothing was saved. Try again in a moment.", "hourglass")
        }
        Outage::Unreachable => make(
            "The database doesn't answer",
            "Your last change may not have been saved. We keep trying to reach the database. \
             Try again in a moment.",
            "hourglass",
        ),
        Outage::ReadOnly => make(
            "The database is read-only",
            "Nothing was saved. You can read pages, and save again once the database accepts \
             changes. Tell the person who runs this installation.",
            "lock",
        ),
        Outage::DiskFull => make(
            "The disk that holds the database is full",
            "Nothing was saved. You can read pages, and save again once there is free space. \
             Tell the person who runs this installation.",
            "alert-octagon",
        ),
        Outage::DiskFailed => make(
            "The disk that holds the database has a problem",
            "Your last change was probably not saved. The disk may be full or failing. \
             Tell the person who runs this installation: the log has the details.",
            "alert-octagon",
        ),
    }
}

/// For the sign-in page, whose own form stays there.
pub fn sign_in_problem(outage: Outage) -> String {
    let text = match outage {
        Outage::Busy | Outage::Unreachable => "You can't sign in right now. Try again in a moment.",
        Outage::ReadOnly | Outage::DiskFull | Outage::DiskFailed => {
            "You can't sign in until that is fixed. Tell the person who runs this installation."
        }
    };
    format!("{}. {text}", words(outage).title)
}

/// In seconds.
pub fn retry_after(outage: Outage) -> &'static str {
    match outage {
        Outage::Busy => "5",
        Outage::Unreachable => "10",
        Outage::ReadOnly | Outage::DiskFull | Outage::DiskFailed => "60",
    }
}
