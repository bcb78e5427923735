//! The demand process: `demand migrate` brings its schema up to date, `demand` serves.

fn main() -> std::process::ExitCode {
    kit::service::main("demand", &demand::MIGRATIONS, demand::build)
}
