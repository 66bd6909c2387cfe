//! Puts the app together: the only room that reads config.
