//! The steps of a test as they are drawn.
use crate::domain::Actor;
use crate::model::cause::Cause;
use crate::model::problems::{Complaint, Problems};
use crate::model::report::{Report, Step, StepKind, StepVerdict};
use crate::model::role::Permission;

use super::wording;

pub struct ReportView {
    pub steps: Vec<StepView>,
    /// The service's own answers, for those who may see them.
    pub details: Vec<String>,
}

pub struct StepView {
    pub kind: &'static str,
    pub icon: &'static str,
    pub name: &'static str,
    pub verdict: &'static str,
    pub took: String,
    pub say: String,
    pub cure: Option<String>,
    /// A statement, scope or policy to copy.
    pub copy: Option<String>,
}

impl ReportView {
    pub fn new(steps: &[Step], service: &str, actor: &Actor) -> Self {
        let may_see = actor.may(Permission::Administer);
        let details =
            steps.iter().filter_map(|step| step.detail.clone()).filter(|_| may_see).collect();
        Self { steps: steps.iter().map(|step| step_view(step, service)).collect(), details }
    }
}

fn step_view(step: &Step, service: &str) -> StepView {
    let (kind, icon, verdict) = match step.verdict {
        StepVerdict::Passed => ("ok", "check", "Passed"),
        StepVerdict::Failed => ("bad", "x", "Failed"),
        StepVerdict::Warned => ("warn", "alert-triangle", "Passed with a warning"),
        StepVerdict::Skipped => ("skip", "circle-dashed", "Not reached"),
    };
    let words = step.cause.map(|cause| wording::cause(cause, service));
    let what = step.what.trim_end_matches('.');
    let say = match &words {
        Some(words) if what.is_empty() => format!("{}. {}", words.title, words.text),
        Some(words) => format!("{what}: {}. {}", words.title, words.text),
        None if what.is_empty() => String::new(),
        None => format!("{what}."),
    };
    StepView {
        kind,
        icon,
        name: name(step.kind),
        verdict,
        took: if step.verdict == StepVerdict::Skipped {
            "Not reached".to_owned()
        } else {
            format!("{} ms", step.millis)
        },
        say,
        cure: words.map(|words| words.cure),
        copy: step.cure.clone(),
    }
}

pub fn name(kind: StepKind) -> &'static str {
    match kind {
        StepKind::ServiceFile => "Service file",
        StepKind::FindHost => "Find host",
        StepKind::Connect => "Connect",
        StepKind::Tunnel => "SSH tunnel",
        StepKind::Tls => "TLS",
        StepKind::Token => "Access token",
        StepKind::SignIn => "Sign in",
        StepKind::Identity => "Identity",
        StepKind::Permissions => "Permissions",
        StepKind::Read => "Read",
        StepKind::Write => "Write check",
        StepKind::CleanUp => "Clean up",
    }
}

/// The fields that a failed test marks, with the cause in words.
pub fn marks(report: &Report, service: &str) -> Problems {
    let mut problems = Problems::new();
    let Some(step) = report.failure() else {
        return problems;
    };
    let words = wording::cause(step.cause.unwrap_or(Cause::MalformedAnswer), service);
    for field in &step.fields {
        problems.add(field, Complaint::Refused { say: format!("{}.", words.title) });
    }
    if step.fields.is_empty() {
        problems.add_general(Complaint::Say(format!(
            "The test failed: {}. {}",
            words.title, words.cure
        )));
    }
    problems
}

/// `Failed at step 4 of 6: Sign in`
pub fn failed_at(steps: &[Step]) -> Option<String> {
    let at = steps.iter().position(|step| step.verdict == StepVerdict::Failed)?;
    let step = steps.get(at)?;
    Some(format!("Failed at step {} of {}: {}", at + 1, steps.len(), name(step.kind)))
}
