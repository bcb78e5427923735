//! The logistics process: `logistics migrate` brings its schema up to date, `logistics` serves.

fn main() -> std::process::ExitCode {
    kit::service::main("logistics", &logistics::MIGRATIONS, logistics::build)
}
