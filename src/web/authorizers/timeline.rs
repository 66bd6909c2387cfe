//! An authorizer's history: one line for each thing that happened, who did it, and why.
use crate::domain::Ctx;
use crate::model::activity::Activity;
use crate::model::cause::Cause;
use crate::model::page::Page;
use crate::model::time::Moment;
use crate::web::paths;
use crate::web::ui::{ManageLink, Pager, When};
use crate::web::wording_activity as words;

pub struct Timeline {
    pub events: Vec<EventView>,
    /// The page that goes on with what is older.
    pub older: Option<String>,
    /// Back to the newest, where this is not the newest.
    pub newest: Option<String>,
}

pub struct EventView {
    pub mark: &'static str,
    pub icon: &'static str,
    pub text: String,
    pub time: When,
    /// Where access can be removed that we could not revoke.
    pub manage: Option<ManageLink>,
}

pub fn timeline(
    ctx: &Ctx,
    (id, service): (&str, &str),
    page: Page<Activity>,
    is_later: bool,
) -> Timeline {
    let here = paths::authorizer(id);
    let at_history = |path: String| format!("{path}#tl");
    Timeline {
        events: page.rows.into_iter().map(|event| view(ctx, event, service)).collect(),
        older: page.next.map(|after| at_history(Pager::link(&here, &[], Some(&after)))),
        newest: is_later.then(|| at_history(here.clone())),
    }
}

fn view(ctx: &Ctx, event: Activity, service: &str) -> EventView {
    let now = ctx.clock.now();
    let (mark, icon) = mark(&event);
    EventView {
        mark,
        icon,
        text: text(&event, service, now),
        time: When::ago(event.at, now),
        manage: ManageLink::for_line(ctx, &event),
    }
}

fn mark(event: &Activity) -> (&'static str, &'static str) {
    let is_passing = Cause::from_code(&event.note).is_some_and(Cause::is_passing);
    match event.verb.as_str() {
        "authorized" | "reauthorized" | "switched" => ("mark-ok", "key"),
        "tested" if event.note == "passed" => ("mark-ok", "stethoscope"),
        "tested" => ("mark-bad", "stethoscope"),
        "refreshed" => ("", "refresh"),
        "failed" if is_passing => ("mark-warn", "alert-triangle"),
        "failed" => ("mark-bad", "alert-octagon"),
        "recovered" => ("mark-ok", "circle-check"),
        "used_by" | "let_go" => ("mark-info", "link"),
        "replaced" | "took_over" | "swap_undone" => ("mark-info", "arrow-right"),
        "revoked" | "removed" => ("mark-warn", "unlink"),
        verb if verb.ends_with("_grant_revoked") => ("", "unlink"),
        verb if verb.ends_with("_grant_left") => ("mark-warn", "unlink"),
        _ => ("", "pencil"),
    }
}

/// `Tested by Anna: the host was not found`
fn text(event: &Activity, service: &str, now: Moment) -> String {
    let what = words::verb(&event.verb);
    let times = words::times(event, now).map(|times| format!(", {times}")).unwrap_or_default();
    let by = if event.actor_name.is_empty() {
        String::new()
    } else {
        format!(" by {}", event.actor_name)
    };
    let note = words::note(&event.verb, &event.note, service);
    match event.verb.as_str() {
        "used_by" | "let_go" => format!("{what} {note}{by}"),
        "replaced" | "took_over" => format!("{what} {note},{by}"),
        _ if note.is_empty() => format!("{what}{by}{times}"),
        _ => format!("{what}{by}{times}: {}", words::lower(&note)),
    }
}
