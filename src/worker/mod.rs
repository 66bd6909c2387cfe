//! Duties in the background; each is a `run_once(&Ctx)` that tests call.
