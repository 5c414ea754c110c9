//! The four functions' own rules, by the operation's name.

use clap::ValueEnum;
use serde_json::Value;
use shared::failure::Reason;
use shared::intent::Intent;
use shared::rules::Finding;
use shared::token::Token;
use shared::trigger::Draft;
use shared::wish::Wish;
use start_image_builder::StartImageBuilder;
use start_image_pipeline_execution::StartImagePipelineExecution;
use start_resource_state_update::StartResourceStateUpdate;
use start_streaming_session::StartStreamingSession;

/// One of the four operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
#[value(rename_all = "PascalCase")]
#[expect(clippy::enum_variant_names, reason = "these are AWS's names")]
pub(crate) enum Operation {
    #[value(alias = "start-image-pipeline-execution")]
    StartImagePipelineExecution,
    #[value(alias = "start-resource-state-update")]
    StartResourceStateUpdate,
    #[value(alias = "start-image-builder")]
    StartImageBuilder,
    #[value(alias = "start-streaming-session")]
    StartStreamingSession,
}

/// A valid intent with the identity that it keeps, whatever its operation.
#[derive(Clone, Debug)]
pub(crate) struct Valid {
    pub(crate) token: Token,
    pub(crate) target: String,
    /// The original intent with the token frozen in it.
    pub(crate) frozen: String,
}

/// Evaluates the expression with `O` as the function's own type.
macro_rules! with {
    ($operation:expr, $o:ident => $expression:expr) => {
        match $operation {
            Operation::StartImagePipelineExecution => {
                type $o = StartImagePipelineExecution;
                $expression
            }
            Operation::StartResourceStateUpdate => {
                type $o = StartResourceStateUpdate;
                $expression
            }
            Operation::StartImageBuilder => {
                type $o = StartImageBuilder;
                $expression
            }
            Operation::StartStreamingSession => {
                type $o = StartStreamingSession;
                $expression
            }
        }
    };
}

impl Operation {
    pub(crate) const ALL: [Self; 4] = [
        Self::StartImagePipelineExecution,
        Self::StartResourceStateUpdate,
        Self::StartImageBuilder,
        Self::StartStreamingSession,
    ];

    /// AWS's name of it.
    pub(crate) fn name(self) -> &'static str {
        with!(self, O => <O as shared::Operation>::NAME)
    }

    /// The operation of this name, or of the function in this folder.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::from_str(name, true).ok()
    }

    /// A token as a sender may give it.
    pub(crate) fn token(self, text: &str) -> Result<Token, String> {
        Token::parse(text, with!(self, O => <O as shared::Operation>::LONGEST_TOKEN))
    }

    /// What the function itself would make of the draft: a wish, or a refusal with its findings.
    pub(crate) fn wish(self, draft: &Draft) -> Result<Valid, Vec<Finding>> {
        with!(self, O => wish::<O>(draft))
    }
}

fn wish<O: shared::Operation>(draft: &Draft) -> Result<Valid, Vec<Finding>> {
    match Wish::<O::Request>::of::<O>(draft) {
        Ok(Wish { token, target, frozen, .. }) => Ok(Valid { token, target, frozen }),
        Err(refusal) => Err(findings::<O>(draft, &refusal.reason)),
    }
}

/// The findings behind a refusal, one by one.
fn findings<O: shared::Operation>(draft: &Draft, reason: &Reason) -> Vec<Finding> {
    if let Value::Object(fields) = &draft.intent
        && let Err(findings) = Intent::<O::Request>::parse::<O>(fields)
    {
        return findings.iter().cloned().collect();
    }
    vec![Finding { field: String::new(), problem: reason.message.clone() }]
}
