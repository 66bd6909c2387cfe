//! Service files that were changed under stored secrets: which hosts they name now that they did not name when the
//! secrets were typed, and an admin's word that the secrets may go there.
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::destinations::unknown_places;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::ids::ServiceId;
use crate::model::role::Permission;
use crate::store::bindings::BoundGroup;
use crate::store::{self, StoreError};

/// A service whose stored secrets are held back.
#[derive(Debug, Default)]
pub struct ChangedFile {
    /// Hosts that the file names now and did not name then.
    pub new_hosts: BTreeSet<String>,
    /// Hosts that the secrets were typed for.
    pub known_hosts: BTreeSet<String>,
    pub authorizer_count: i64,
    /// The client secret of its shared OAuth app is held back.
    pub has_app: bool,
}

/// Stored authorizers that no service file fits.
#[derive(Debug, Default)]
pub struct ServiceFiles {
    pub changed: BTreeMap<ServiceId, ChangedFile>,
    /// Services without a file, and how many authorizers each has.
    pub missing: BTreeMap<ServiceId, i64>,
}

/// Compares all that is stored with the files. Reads the whole table of authorizers.
pub async fn compare(ctx: &Ctx, actor: &Actor) -> Result<ServiceFiles, Error> {
    actor.must(Permission::Administer)?;
    let services: Vec<ServiceId> =
        ctx.catalog.all().iter().map(|service| service.id().clone()).collect();
    let found = ctx.db.read(move |c| {
        let groups = store::bindings::count_groups(c)?;
        let mut apps = Vec::new();
        for service in services {
            if let Some(app) =
                store::oauth_apps::find_shared(c, &service)?.filter(|app| app.has_secret)
                && let Some(bound) = store::bindings::find_app(c, &app.id)?
            {
                apps.push((service, bound));
            }
        }
        Ok::<_, StoreError>((groups, apps))
    });
    let (groups, apps) = found.await?;
    let mut files = ServiceFiles::default();
    for group in &groups {
        add_group(ctx, &mut files, group);
    }
    for (service_id, bound) in apps {
        let places = ctx.catalog.get(service_id.as_str()).map(|service| service.app_destinations());
        let unknown = unknown_places(&places.unwrap_or_default(), &bound, |_| true);
        if !unknown.is_empty() {
            let file = files.changed.entry(service_id).or_default();
            file.has_app = true;
            file.new_hosts.extend(unknown);
            file.known_hosts.extend(bound);
        }
    }
    Ok(files)
}

fn add_group(ctx: &Ctx, files: &mut ServiceFiles, group: &BoundGroup) {
    let Some(service) = ctx.catalog.get(group.service_id.as_str()) else {
        *files.missing.entry(group.service_id.clone()).or_default() += group.count;
        return;
    };
    let Some(auth) = service.auth(&group.auth_id) else { return };
    let is_open = |field: &str| {
        let is_field = auth.fields.iter().any(|spec| spec.key == field);
        !is_field || group.fields.contains(field)
    };
    let unknown = unknown_places(&service.destinations(auth), &group.destinations, is_open);
    if !unknown.is_empty() {
        let file = files.changed.entry(group.service_id.clone()).or_default();
        file.authorizer_count += group.count;
        file.new_hosts.extend(unknown);
        file.known_hosts.extend(group.destinations.iter().cloned());
    }
}

/// Lets the stored secrets of a service go to `hosts`, which are those that the admin was shown. `Stale` if the file that
/// this process has read names others.
pub async fn confirm(
    ctx: &Ctx,
    actor: &Actor,
    service_id: &ServiceId,
    hosts: &BTreeSet<String>,
) -> Result<(), Error> {
    actor.must(Permission::Administer)?;
    let service = ctx.catalog.get(service_id.as_str()).ok_or(Error::NotFound)?;
    let mut changed = compare(ctx, actor).await?.changed;
    let file = changed.remove(service_id).ok_or(Error::Stale)?;
    if file.new_hosts != *hosts {
        return Err(Error::Stale);
    }
    let ways: Vec<(String, BTreeSet<String>)> =
        service.auths.iter().map(|auth| (auth.id.clone(), service.destinations(auth))).collect();
    let app_places = service.app_destinations();
    let line = activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "hosts_confirmed",
            subject_kind: SubjectKind::System,
            subject_id: service_id.to_string(),
            subject_name: service.head.name.clone(),
            note: hosts.iter().cloned().collect::<Vec<_>>().join(", "),
        },
    );
    let service_id = service_id.clone();
    ctx.db
        .write(move |c| {
            for (auth_id, places) in &ways {
                store::bindings::confirm(c, &service_id, auth_id, places)?;
            }
            store::bindings::confirm_app(c, &service_id, &app_places)?;
            line.write(c)
        })
        .await?;
    Ok(())
}
