//! What AppStream knows: image builders by name.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::Answer;
use super::builder::Builder;
use super::description::Description;
use super::requests::{Describe, Start};
use crate::error::ServiceError;
use crate::service::Done;

/// The state of the service.
#[derive(Debug)]
pub struct Fleet {
    pub(super) start_time: Duration,
    pub(super) stop_time: Duration,
    /// The code and status that a start is refused with where the builder is not STOPPED.
    pub(super) refusal: (String, u16),
    pub(super) leaves_out_unknown_names: bool,
    builders: BTreeMap<String, Builder>,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            start_time: Duration::from_mins(5),
            stop_time: Duration::from_mins(2),
            refusal: ("OperationNotPermittedException".to_owned(), 400),
            leaves_out_unknown_names: false,
            builders: BTreeMap::new(),
        }
    }
}

impl Fleet {
    pub(super) fn start(
        &mut self,
        start: &Start,
        now: SystemTime,
    ) -> Result<Done<Answer>, ServiceError> {
        let (name, agent_version) = (start.name()?, start.agent_version()?);
        let (time, refusal) = (self.start_time, self.refusal.clone());
        let builder = self.builder(name)?;
        builder.refuse_unless_stopped(refusal, now)?;
        builder.refuse_without_base_image()?;
        builder.start(agent_version, now, time);
        let image_builder = Box::new(Description::of(builder, now));
        Ok(Done::to(name, Answer::Started { image_builder }))
    }

    pub(super) fn describe(
        &self,
        describe: &Describe,
        now: SystemTime,
    ) -> Result<Done<Answer>, ServiceError> {
        let names = &describe.names;
        let unknown = names.iter().find(|name| !self.builders.contains_key(*name));
        if let (Some(name), false) = (unknown, self.leaves_out_unknown_names) {
            return Err(not_found(name));
        }
        let wanted = |builder: &&Builder| names.is_empty() || names.contains(&builder.name);
        let wanted = self.builders.values().filter(wanted);
        let image_builders = wanted.map(|builder| Description::of(builder, now)).collect();
        Ok(Answer::Described { image_builders }.into())
    }

    pub(super) fn create(&mut self, name: &str, state: &str, now: SystemTime) {
        self.builders.insert(name.to_owned(), Builder::new(name, state, now));
    }

    pub(super) fn stop(&mut self, name: &str, now: SystemTime) -> Result<(), ServiceError> {
        let time = self.stop_time;
        self.builder(name)?.stop(now, time);
        Ok(())
    }

    pub(super) fn finish(&mut self, now: SystemTime) {
        self.builders.values_mut().for_each(|builder| builder.finish(now));
    }

    pub(super) fn builder(&mut self, name: &str) -> Result<&mut Builder, ServiceError> {
        self.builders.get_mut(name).ok_or_else(|| not_found(name))
    }

    pub(super) fn states(&self, now: SystemTime) -> BTreeMap<String, String> {
        let states = self.builders.iter();
        states.map(|(name, builder)| (name.clone(), builder.state(now).to_owned())).collect()
    }
}

fn not_found(name: &str) -> ServiceError {
    let message = format!("the image builder '{name}' cannot be found");
    ServiceError::new("ResourceNotFoundException", 400, message)
}
