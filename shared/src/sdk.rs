//! How every AWS client is configured.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_types::timeout::TimeoutConfig;

/// The SDK waits for an answer without end unless it is told otherwise, and a hung socket would
/// eat the whole invocation. Three attempts of this length fit into the operation's.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(5);
const OPERATION: Duration = Duration::from_secs(15);

/// The configuration from the environment, as every AWS tool reads it, with bounds on waiting.
pub async fn config() -> SdkConfig {
    bounded(&aws_config::load_defaults(BehaviorVersion::latest()).await)
}

/// The same configuration with bounds on waiting.
#[must_use]
pub fn bounded(config: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    config.to_builder().timeout_config(timeouts).build()
}
