//! Parses the command line and calls one command.
fn main() -> std::process::ExitCode {
    authorizers::commands::main()
}
