//! Reads and lints all service files.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::service::Service;
use super::{embedded, parse};

/// All services; a broken file disables that service only.
#[derive(Default)]
pub struct Catalog {
    services: Vec<Service>,
    broken: Vec<BrokenService>,
}

/// A file that was not taken in, and why. A file with several faults is named once for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenService {
    pub file: String,
    /// Counted from 1; `None` where the file could not be read at all.
    pub line: Option<usize>,
    pub problem: String,
}

impl std::fmt::Display for BrokenService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

impl Catalog {
    /// The embedded services, and those of `extra_dir` (`AUTHORIZERS_SERVICES_DIR`), which add to them or
    /// stand in their place. Never fails: what is wrong is in [`Catalog::broken`]. Services marked `demo`
    /// are there only if `demo` is.
    pub fn load(extra_dir: Option<&Path>, demo: bool) -> Self {
        let mut files: BTreeMap<String, (String, Result<String, String>)> = embedded::SERVICES
            .iter()
            .map(|(id, text)| ((*id).to_owned(), (format!("{id}.toml"), Ok((*text).to_owned()))))
            .collect();
        let mut catalog = Self::default();
        if let Some(dir) = extra_dir {
            catalog.read_dir(dir, &mut files);
        }
        for (id, (name, text)) in files {
            catalog.take(&name, &id, text, demo);
        }
        catalog.services.sort_by_key(|service| service.head.name.to_lowercase());
        catalog
    }

    /// A catalogue of the given files alone: file name and text. For tests and for `check`.
    pub fn of(files: &[(&str, &str)], demo: bool) -> Self {
        let mut catalog = Self::default();
        for (name, text) in files {
            catalog.take(name, name.trim_end_matches(".toml"), Ok((*text).to_owned()), demo);
        }
        catalog
    }

    pub fn get(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id().as_str() == id)
    }

    /// By name.
    pub fn all(&self) -> &[Service] {
        &self.services
    }

    pub fn broken(&self) -> &[BrokenService] {
        &self.broken
    }

    /// Whether there is a file of this service that was not taken in.
    pub fn is_broken(&self, id: &str) -> bool {
        let is_of = |file: &str| {
            Path::new(file).file_stem().is_some_and(|stem| stem.to_string_lossy() == id)
        };
        self.broken.iter().any(|broken| is_of(&broken.file))
    }

    fn take(&mut self, name: &str, id: &str, text: Result<String, String>, demo: bool) {
        let read = text
            .map_err(|problem| vec![BrokenService { file: name.to_owned(), line: None, problem }]);
        match read.and_then(|text| parse::parse(name, id, &text)) {
            Ok(service) if service.head.demo && !demo => {}
            Ok(service) => self.services.push(service),
            Err(problems) => self.broken.extend(problems),
        }
    }

    fn read_dir(
        &mut self,
        dir: &Path,
        files: &mut BTreeMap<String, (String, Result<String, String>)>,
    ) {
        let paths = std::fs::read_dir(dir).and_then(|entries| {
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()
        });
        match paths {
            Ok(paths) => {
                for path in paths
                    .iter()
                    .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
                {
                    let id = path
                        .file_stem()
                        .map(|stem| stem.to_string_lossy().into_owned())
                        .unwrap_or_default();
                    let text = std::fs::read_to_string(path)
                        .map_err(|error| format!("cannot be read: {error}"));
                    files.insert(id, (path.display().to_string(), text));
                }
            }
            Err(error) => self.broken.push(BrokenService {
                file: dir.display().to_string(),
                line: None,
                problem: format!("the folder of service files cannot be read: {error}"),
            }),
        }
    }
}
