//! Getting in and out.
mod set_up;
mod sign_in;
