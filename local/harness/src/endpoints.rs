//! Where each client finds its service.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_types::sdk_config::Builder;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

/// The same configuration with the endpoints that the SDK itself would choose.
#[must_use]
pub fn without_endpoints(config: &SdkConfig) -> Builder {
    let mut builder = config.to_builder();
    builder.set_service_config(None::<Endpoints>);
    builder
}

/// Answers the SDK's questions about services from a map of variables, as it would itself from
/// the environment, which tests must not write to.
#[derive(Debug)]
pub(crate) struct Endpoints(pub(crate) BTreeMap<String, String>);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        self.0.get(&format!("{}_{service}", key.env())).cloned()
    }
}
