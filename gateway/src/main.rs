//! The gateway's process: configuration, telemetry, listener, then [`gateway::run`] until a signal.

use std::process::ExitCode;

use kit::{server::stop_on_signal, telemetry::Telemetry};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(start()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Telemetry may not have started: standard error is all there is.
            #[expect(clippy::print_stderr, reason = "last words of a process")]
            {
                eprintln!("gateway: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<(), String> {
    let config = gateway::Config::read().map_err(|error| error.to_string())?;
    let telemetry = Telemetry::start("gateway").map_err(|error| error.to_string())?;
    let outcome = match TcpListener::bind(&config.listen).await {
        Ok(listener) => gateway::run(config, listener, stop_on_signal()).await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("CENTRALE_LISTEN {}: {error}", config.listen)),
    };
    // Whatever happened is worth telling.
    telemetry.flush();
    outcome
}
