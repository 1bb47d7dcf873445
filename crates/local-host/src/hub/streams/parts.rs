//! Answers to turns that come in parts, because one message would be too long.
//!
//! Invariant: an answer is complete, or it is not used at all.

use std::collections::BTreeMap;

use durable_protocol::messages::{OrchestratorAction, OrchestratorResponse};
use prost::Message as _;

/// The longest answer in parts.
const LONGEST: usize = 128 * 1024 * 1024;

/// The actions of the parts so far, by their index.
#[derive(Debug, Default)]
pub(in crate::hub) struct Parts {
    actions: BTreeMap<i32, (usize, Vec<OrchestratorAction>)>,
    length: usize,
}

impl Parts {
    /// Adds a part. One that comes twice, because its first answer was lost, counts once.
    ///
    /// # Errors
    /// All parts together are too long, or the part has no index.
    pub(super) fn add(&mut self, part: OrchestratorResponse) -> Result<(), &'static str> {
        let Some(index) = part.chunk_index else {
            return Err("The part of the answer has no index.");
        };
        let length = part.encoded_len();
        let before = self.actions.get(&index).map_or(0, |(length, _)| *length);
        let all = self.length - before + length;
        if all > LONGEST {
            return Err("The parts of the answer are longer than 128 MiB together.");
        }
        self.length = all;
        self.actions.insert(index, (length, part.actions));
        Ok(())
    }

    /// The whole answer.
    ///
    /// # Errors
    /// A part is missing.
    pub(in crate::hub) fn join(
        self,
        mut last: OrchestratorResponse,
    ) -> Result<OrchestratorResponse, &'static str> {
        let count = i32::try_from(self.actions.len()).unwrap_or(i32::MAX);
        let is_complete = self.actions.keys().copied().eq(0..count)
            && last.chunk_index.is_none_or(|index| index == count);
        if !is_complete {
            return Err("A part of the answer is missing.");
        }
        let mut actions: Vec<_> = self
            .actions
            .into_values()
            .flat_map(|(_, actions)| actions)
            .collect();
        actions.append(&mut last.actions);
        Ok(OrchestratorResponse { actions, ..last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(index: Option<i32>, ids: &[i32]) -> OrchestratorResponse {
        OrchestratorResponse {
            actions: ids
                .iter()
                .map(|id| OrchestratorAction {
                    id: *id,
                    ..OrchestratorAction::default()
                })
                .collect(),
            chunk_index: index,
            ..OrchestratorResponse::default()
        }
    }

    fn ids(parts: Parts, last: OrchestratorResponse) -> Result<Vec<i32>, &'static str> {
        let answer = parts.join(last)?;
        Ok(answer.actions.iter().map(|action| action.id).collect())
    }

    #[test]
    fn parts_are_joined_by_their_index_and_one_that_comes_twice_counts_once() {
        let mut parts = Parts::default();
        for index in [1, 0, 1] {
            parts
                .add(part(Some(index), &[2 * index, 2 * index + 1]))
                .unwrap();
        }
        assert_eq!(ids(parts, part(Some(2), &[4])).unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(ids(Parts::default(), part(None, &[7])).unwrap(), [7]);
    }

    #[test]
    fn an_answer_with_a_missing_part_is_refused() {
        let mut parts = Parts::default();
        parts.add(part(Some(1), &[1])).unwrap();
        assert!(ids(parts, part(Some(2), &[2])).is_err());
        assert!(ids(Parts::default(), part(Some(1), &[2])).is_err());
        assert!(Parts::default().add(part(None, &[])).is_err());
    }
}
