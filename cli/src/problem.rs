//! How a command ends that did not do what was asked, and what is said of it.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use shared::Failure;
use shared::failure::{Kind, Reason};

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Problem {
    /// Something was found wrong, or nothing matched.
    Found(String),
    /// The command was not understood.
    Usage(String),
    /// AWS could not be reached, or refused.
    Aws(String),
}

impl Problem {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Found(_) => 1.into(),
            Self::Usage(_) => 2.into(),
            Self::Aws(_) => 3.into(),
        }
    }

    /// An AWS call that failed: what could not be done, why, and what to look at.
    pub(crate) fn aws<E>(what: impl fmt::Display, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let failure = Failure::from(error);
        Self::Aws(format!("{what}: {failure}{}", advice(&failure)))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Found(sentence) | Self::Usage(sentence) | Self::Aws(sentence)) = self;
        f.write_str(sentence)
    }
}

fn advice(failure: &Failure) -> &'static str {
    let Failure { kind, reason } = failure;
    if reason.message.contains("credentials") {
        return "; expected credentials: --profile, AWS_PROFILE, or those of the environment";
    }
    match (kind, reason.code.as_str()) {
        (_, Reason::CONNECTION_FAILED | Reason::TIMED_OUT) => {
            "; look at the network, at --region, and at AWS_ENDPOINT_URL_... where it is set"
        }
        (
            _,
            "ResourceNotFoundException"
            | "QueueDoesNotExist"
            | "AWS.SimpleQueueService.NonExistentQueue",
        ) => "; look at --region, --profile, --stack-name, and the names given on the command line",
        (Kind::Denied, _) => "; expected credentials that may do this: look at --profile",
        (Kind::Transient | Kind::ServerFault, _) => "; try again in a moment",
        _ => "",
    }
}
