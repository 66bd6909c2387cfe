//! The main ways, walked in Chromium with page scripts switched off.
mod ways;
