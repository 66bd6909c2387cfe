//! Parses the command line and calls one command.
fn main() -> anyhow::Result<()> {
    authorizers::commands::run()
}
