//! The binary: everything is in the library's `cli`.

fn main() -> std::process::ExitCode {
    fruix_scm::cli::main()
}
