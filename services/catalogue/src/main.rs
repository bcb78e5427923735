//! The catalogue process: `catalogue migrate` brings its schema up to date, `catalogue` serves.

fn main() -> std::process::ExitCode {
    kit::service::main("catalogue", &catalogue::MIGRATIONS, catalogue::build)
}
