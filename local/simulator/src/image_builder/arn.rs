//! The ARNs of pipelines and of images.

use super::rules::matching;
use crate::error::ServiceError;

const PIPELINE: &str =
    r"^arn:aws[^:]*:imagebuilder:[^:]+:(?:[0-9]{12}|aws):image-pipeline/[a-z0-9-_]+$";
const IMAGE: &str = r"^arn:aws[^:]*:imagebuilder:[^:]+:(?:[0-9]{12}|aws(?:-[a-z-]+)?):image/[a-z0-9-_]+/[0-9]+\.[0-9]+\.[0-9]+/[0-9]+$";

/// `arn:PARTITION:imagebuilder:REGION:ACCOUNT:KIND/NAME`, of an image with `/VERSION/BUILD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arn {
    pub(super) text: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) name: String,
    /// What comes after the name: `1.0.0/1`.
    pub(super) version: String,
    /// Everything up to and with the colon before the resource.
    owner: String,
}

impl Arn {
    pub(super) fn of_pipeline(text: &str) -> Result<Self, ServiceError> {
        matching(text, PIPELINE, "imagePipelineArn")?;
        Ok(Self::split(text))
    }

    pub(super) fn of_image(text: &str) -> Result<Self, ServiceError> {
        matching(text, IMAGE, "resourceArn")?;
        Ok(Self::split(text))
    }

    /// Of a text that has all of the parts.
    pub(super) fn split(text: &str) -> Self {
        let (owner, resource) = text.rsplit_once(':').unwrap_or_default();
        let mut resource = resource.splitn(3, '/').skip(1);
        let mut place = owner.split(':').skip(3);
        let next = |part: Option<&str>| part.unwrap_or_default().to_owned();
        Self {
            text: text.to_owned(),
            region: next(place.next()),
            account: next(place.next()),
            name: next(resource.next()),
            version: next(resource.next()),
            owner: format!("{owner}:"),
        }
    }

    /// The ARN of another resource of the same account and region.
    pub(super) fn sibling(&self, resource: &str) -> String {
        format!("{}{resource}", self.owner)
    }

    /// Whether both have one name in one account and region.
    pub(super) fn is_namesake_of(&self, other: &Self) -> bool {
        (&self.owner, &self.name) == (&other.owner, &other.name)
    }

    /// What client tokens are told apart by: they belong to an account in a region.
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }
}
