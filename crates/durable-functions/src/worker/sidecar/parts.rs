//! Answers to turns that are larger than the messages that a sidecar takes.
//!
//! The protocol has an answer in parts for them: the sidecar keeps the work item open until the last part.

use durable_protocol::messages::OrchestratorResponse;
use prost::Message;

/// What field number and length add to an action, at most.
const FRAME: usize = 11;

/// The answer in one message if it is not larger than `limit` bytes, in parts otherwise.
///
/// # Errors
/// The size of an action that is larger than that by itself, in bytes.
pub(super) fn parts(
    answer: OrchestratorResponse,
    limit: usize,
) -> Result<Vec<OrchestratorResponse>, usize> {
    if answer.encoded_len() <= limit {
        return Ok(vec![answer]);
    }
    let mut answer = answer;
    let actions = std::mem::take(&mut answer.actions);
    let room = limit.saturating_sub(answer.encoded_len() + 2 * FRAME);
    let mut parts = Vec::new();
    let mut part = answer.clone();
    let mut size = 0;
    for action in actions {
        let length = action.encoded_len() + FRAME;
        if length > room {
            return Err(length);
        }
        if size + length > room {
            parts.push(std::mem::replace(&mut part, answer.clone()));
            size = 0;
        }
        size += length;
        part.actions.push(action);
    }
    parts.push(part);
    if let [_] = parts.as_slice() {
        return Ok(parts);
    }
    let last = parts.len() - 1;
    for (index, part) in parts.iter_mut().enumerate() {
        part.is_partial = index < last;
        part.chunk_index = i32::try_from(index).ok();
        // The first part stands for all events of the turn.
        part.num_events_processed = (index > 0).then_some(0);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use durable_protocol::messages::{
        OrchestratorAction, OrchestratorActionType, ScheduleTaskAction,
    };

    use super::*;

    fn answer(inputs: &[usize]) -> OrchestratorResponse {
        let action = |(id, size): (usize, &usize)| OrchestratorAction {
            id: i32::try_from(id).unwrap(),
            orchestrator_action_type: Some(OrchestratorActionType::ScheduleTask(Box::new(
                ScheduleTaskAction {
                    name: "work".to_owned(),
                    input: Some("x".repeat(*size)),
                    ..Default::default()
                },
            ))),
        };
        OrchestratorResponse {
            instance_id: "i".to_owned(),
            custom_status: Some("\"half\"".to_owned()),
            completion_token: "t".to_owned(),
            actions: inputs.iter().enumerate().map(action).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn an_answer_that_fits_is_sent_whole() {
        let whole = answer(&[100, 100]);
        let limit = whole.encoded_len();
        assert_eq!(parts(whole.clone(), limit).unwrap(), [whole]);
    }

    #[test]
    fn no_part_is_larger_than_the_limit_and_together_they_are_the_answer() {
        let whole = answer(&[400, 10, 300, 900, 1, 500, 500]);
        for limit in 1000..whole.encoded_len() {
            let parts = parts(whole.clone(), limit).unwrap();
            assert!(parts.len() > 1);
            let mut actions = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                assert!(part.encoded_len() <= limit);
                assert_eq!(part.is_partial, index < parts.len() - 1);
                assert_eq!(part.chunk_index, Some(i32::try_from(index).unwrap()));
                assert_eq!(part.num_events_processed, (index > 0).then_some(0));
                assert_eq!(part.instance_id, "i");
                assert_eq!(part.completion_token, "t");
                assert_eq!(part.custom_status, whole.custom_status);
                actions.extend(part.actions.clone());
            }
            assert_eq!(actions, whole.actions);
        }
    }

    #[test]
    fn an_action_that_is_larger_than_the_limit_is_an_error() {
        assert!(parts(answer(&[10, 2000]), 1000).unwrap_err() > 2000);
    }
}
