//! iCalendar (RFC 5545), as much of it as events with a start need. Written here: the crates for it fold a last line one octet
//! too late and bring a second calendar of dates; the tests read what this writes by one of them.
use jiff::Timestamp;

use crate::model::time::Moment;

pub struct Calendar {
    pub name: &'static str,
    pub events: Vec<Event>,
}

pub struct Event {
    /// Stays the same while the event moves.
    pub uid: String,
    pub changed: Moment,
    pub start: Start,
    pub summary: String,
    pub description: String,
    pub url: String,
}

pub enum Start {
    At(Moment),
    /// The whole day (UTC).
    Day(Moment),
}

impl Calendar {
    pub fn write(&self) -> String {
        let mut out = String::new();
        for fixed in [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Authorizers//Forecast//EN",
            "CALSCALE:GREGORIAN",
        ] {
            line(&mut out, fixed);
        }
        line(&mut out, &format!("X-WR-CALNAME:{}", text(self.name)));
        for fixed in ["REFRESH-INTERVAL;VALUE=DURATION:PT6H", "X-PUBLISHED-TTL:PT6H"] {
            line(&mut out, fixed);
        }
        for event in &self.events {
            event.write(&mut out);
        }
        line(&mut out, "END:VCALENDAR");
        out
    }
}

impl Event {
    fn write(&self, out: &mut String) {
        line(out, "BEGIN:VEVENT");
        line(out, &format!("UID:{}", text(&self.uid)));
        line(out, &format!("DTSTAMP:{}", stamp(self.changed, "%Y%m%dT%H%M%SZ")));
        match self.start {
            Start::At(at) => line(out, &format!("DTSTART:{}", stamp(at, "%Y%m%dT%H%M%SZ"))),
            Start::Day(at) => line(out, &format!("DTSTART;VALUE=DATE:{}", stamp(at, "%Y%m%d"))),
        }
        line(out, &format!("SUMMARY:{}", text(&self.summary)));
        line(out, &format!("DESCRIPTION:{}", text(&self.description)));
        line(out, &format!("URL:{}", self.url));
        line(out, "TRANSP:TRANSPARENT");
        line(out, "END:VEVENT");
    }
}

fn stamp(at: Moment, format: &str) -> String {
    Timestamp::from_microsecond(at.micros())
        .map(|at| at.strftime(format).to_string())
        .unwrap_or_default()
}

/// §3.3.11: what has a meaning of its own is escaped; other control characters have no place in a text.
fn text(plain: &str) -> String {
    let mut out = String::new();
    for c in plain.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// §3.1: at most 75 octets; a longer line goes on after a space, never in the middle of a character.
fn line(out: &mut String, content: &str) {
    let mut octets = 0;
    for c in content.chars() {
        if octets + c.len_utf8() > 75 {
            out.push_str("\r\n ");
            octets = 1;
        }
        out.push(c);
        octets += c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_longer_than_75_octets_and_none_breaks_a_character() {
        for length in 60..240 {
            let mut out = String::new();
            let content = format!("SUMMARY:{}é😀x", "ab".repeat(length / 2));
            line(&mut out, &content);
            assert!(out.split("\r\n").all(|line| line.len() <= 75), "{out:?}");
            assert_eq!(out.replace("\r\n ", "").trim_end(), content);
        }
    }

    #[test]
    fn a_text_cannot_become_a_property() {
        assert_eq!(text("a, b; c\\\r\nEND:VEVENT"), "a\\, b\\; c\\\\\\nEND:VEVENT");
    }
}
