//! Reads and lints all service files.
use super::Service;

/// All services; a broken file disables that service only.
#[derive(Default)]
pub struct Catalog {
    services: Vec<Service>,
    broken: Vec<BrokenService>,
}

/// A file that was not taken in, and why.
#[derive(Clone, Debug)]
pub struct BrokenService {
    pub file: String,
    pub line: Option<usize>,
    pub problem: String,
}

impl Catalog {
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
}
