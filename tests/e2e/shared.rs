//! One stack with the small season done, for all tests that only look.

use e2e::{Ended, Stack, small_season};
use tokio::sync::OnceCell;

use crate::trace::Collector;

/// The shared stack.
pub struct Shared {
    /// Running until the end of the test run.
    pub stack: Stack,
    /// How its season went.
    pub season: Ended,
    /// What its processes told of their work.
    pub collector: Collector,
}

static SHARED: OnceCell<Shared> = OnceCell::const_new();

/// The shared stack, started and run by whoever asks first.
pub async fn shared() -> &'static Shared {
    SHARED
        .get_or_init(|| async {
            let collector = Collector::start();
            let stack = Stack::start(
                "shared",
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url), ("OTEL_METRIC_EXPORT_INTERVAL", "2000")],
            )
            .await
            .shared();
            let season = stack.season(&small_season()).await;
            Shared { stack, season, collector }
        })
        .await
}
