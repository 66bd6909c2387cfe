//! Both versions of what two people edited at once, beside each other.

/// One line of the comparison: what it is, what is stored now, what was typed here.
pub struct Difference {
    pub what: String,
    pub stored: String,
    pub typed: String,
}

/// Of lines `(what, stored, typed)` those that differ.
pub fn differing(lines: Vec<(String, String, String)>) -> Vec<Difference> {
    let differing = lines.into_iter().filter(|(_, stored, typed)| stored != typed);
    differing.map(|(what, stored, typed)| Difference { what, stored, typed }).collect()
}
