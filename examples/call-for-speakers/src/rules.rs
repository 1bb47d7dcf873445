//! The rules that decide a stage in place of people: each rejects a share of the submissions.
//!
//! Invariant: a decision is a function of the seed, the stage and the submission. So an activity that runs twice decides
//! the same, and a test chooses the outcome by the submission that it sends.

use sha2::{Digest, Sha256};

use crate::{Stage, submission::Submission};

/// Whether the stage approves the submission. Moderation rejects one of six, shortlisting one of two, selection two of
/// six.
#[must_use]
pub fn approves(seed: u32, stage: Stage, submission: &Submission) -> bool {
    let digest = Sha256::new()
        .chain_update(seed.to_be_bytes())
        .chain_update(stage.name())
        .chain_update(b"\0")
        .chain_update(&submission.speaker.email)
        .chain_update(b"\0")
        .chain_update(&submission.title)
        .finalize();
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let (rejected, of) = match stage {
        Stage::Moderation => (1, 6),
        Stage::Shortlisting => (1, 2),
        Stage::Selection => (2, 6),
    };
    number % of >= rejected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submission::Speaker;

    fn submission(title: &str) -> Submission {
        Submission {
            id: String::new(),
            speaker: Speaker {
                name: "Ada Lovelace".to_owned(),
                email: "ada@example.com".to_owned(),
                bio: String::new(),
                country: "United Kingdom".to_owned(),
            },
            title: title.to_owned(),
            description: "Notes".to_owned(),
            track: "Engines".to_owned(),
        }
    }

    /// The stage that rejects a submission; `None` when all approve it.
    fn rejected_by(seed: u32, title: &str) -> Option<Stage> {
        let submission = submission(title);
        let mut stages = Stage::ALL.into_iter();
        stages.find(|stage| !approves(seed, *stage, &submission))
    }

    #[test]
    fn the_same_submission_has_the_same_outcome_in_every_version() {
        for (title, expected) in [
            ("Talk 10", None),
            ("Talk 2", Some(Stage::Moderation)),
            ("Talk 1", Some(Stage::Shortlisting)),
            ("Talk 0", Some(Stage::Selection)),
        ] {
            assert_eq!(rejected_by(0, title), expected, "{title}");
        }
    }

    #[test]
    fn another_seed_gives_other_outcomes() {
        let outcomes = |seed| (0..20).map(move |n| rejected_by(seed, &format!("Talk {n}")));
        assert!(outcomes(0).ne(outcomes(1)));
        assert!(outcomes(1).eq(outcomes(1)));
    }

    #[test]
    fn each_stage_rejects_its_share() {
        const MANY: u32 = 6_000;
        for (stage, expected) in [
            (Stage::Moderation, 1_000),
            (Stage::Shortlisting, 3_000),
            (Stage::Selection, 2_000),
        ] {
            let titles = (0..MANY).map(|n| submission(&format!("Talk {n}")));
            let rejected = titles.filter(|it| !approves(7, stage, it)).count();
            assert!(rejected.abs_diff(expected) < 200, "{stage:?}: {rejected}");
        }
    }
}
