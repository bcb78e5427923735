//! The membership process: `membership migrate` brings its schema up to date, `membership` serves.

fn main() -> std::process::ExitCode {
    kit::service::main("membership", &membership::MIGRATIONS, membership::build)
}
