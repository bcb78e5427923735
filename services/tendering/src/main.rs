//! The tendering process: `tendering migrate` brings its schema up to date, `tendering` serves.

fn main() -> std::process::ExitCode {
    kit::service::main("tendering", &tendering::MIGRATIONS, tendering::build)
}
