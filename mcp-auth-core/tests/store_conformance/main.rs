//! The kit passes what is right, and each kind of wrong is caught by the check that is meant for it.
#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broken;

use std::sync::Arc;

use broken::{Broken, Flaw, Storage};
use mcp_auth_core::store::conformance::{self, Failures};
use mcp_auth_core::store::{KeyRing, MemoryStore, Sealed};
use mcp_auth_core::time::{Clock, Timestamp};

fn clock() -> Clock {
    Clock::manual(Timestamp::from_secs(1_000_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_passes() {
    conformance::check(|| async {
        let clock = clock();
        (MemoryStore::new(clock.clone(), 10_000), clock)
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn sealed_memory_passes_on_one_thread() {
    conformance::check(|| async {
        let clock = clock();
        (Sealed::new(MemoryStore::new(clock.clone(), 10_000), KeyRing::generate().unwrap()), clock)
    })
    .await
    .unwrap();
}

async fn checked(flaw: Flaw) -> Result<(), Failures> {
    conformance::check(|| async {
        let clock = clock();
        (Broken::new(flaw, clock.clone()), clock)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn each_flaw_is_caught_by_its_check() {
    checked(Flaw::None).await.unwrap();
    for (flaw, check) in [
        (Flaw::CountsVersionsAnew, "versions_are_never_reused"),
        (Flaw::KeepsToTheEdge, "an_entry_is_gone_at_its_expiry"),
        (Flaw::CountsExpiredAsPresent, "an_expired_entry_is_absent"),
        (Flaw::ScansExpired, "a_scan_leaves_out_what_expired"),
        (Flaw::ScansBackwards, "a_scan_is_ordered_by_id"),
        (Flaw::RepeatsTheLastOfAPage, "pages_follow_each_other"),
        (Flaw::CutsIdsAtZero, "odd_ids_are_kept_apart"),
        (Flaw::JoinsKeys, "partitions_and_collections_are_apart"),
        (Flaw::WritesHalf, "a_commit_is_atomic"),
        (Flaw::SpansPartitions, "a_commit_stays_in_one_partition"),
        (Flaw::ForgetsVersions, "conditions_hold_or_nothing_is_written"),
        (Flaw::ChecksThenWrites, "one_of_many_inserts_wins"),
        (Flaw::ChecksThenWrites, "no_increment_is_lost"),
        (Flaw::TellsNothing, "every_change_is_told"),
        (Flaw::IsNeverAlive, "a_quiet_watch_is_alive"),
    ] {
        let failures = checked(flaw).await.expect_err(&format!("{flaw:?} passes"));
        assert!(failures.iter().any(|failure| failure.check == check), "{flaw:?}, {check}: {failures}");
        assert!(failures.to_string().contains(check));
    }
}

#[tokio::test(start_paused = true)]
async fn the_model_catches_what_no_check_was_written_for_and_makes_it_small() {
    for flaw in [Flaw::WritesHalf, Flaw::CountsExpiredAsPresent, Flaw::ScansBackwards] {
        let failures = checked(flaw).await.unwrap_err();
        let model = failures.iter().find(|failure| failure.check == "random_operations_match_the_model");
        let why = &model.unwrap_or_else(|| panic!("{flaw:?}: {failures}")).why;
        assert!(why.matches("Commit(").count() <= 8, "made small: {why}");
    }
}

async fn reopened(flaw: Flaw) -> Result<(), Failures> {
    let clock = clock();
    let storage = Arc::new(Broken::new(flaw, clock.clone()));
    conformance::check_reopened(|| async { (Storage(Arc::clone(&storage)), clock.clone()) }).await
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_between_two_openings_is_caught() {
    reopened(Flaw::None).await.unwrap();
    for (flaw, check) in [
        (Flaw::LosesTheNewestWhenDropped, "what_was_written_is_there_after_reopening"),
        (Flaw::LosesTheNewestWhenDropped, "a_crash_in_the_middle_loses_nothing_acknowledged"),
        (Flaw::CountsVersionsAnew, "versions_grow_across_reopening"),
        (Flaw::KeepsToTheEdge, "an_entry_expires_while_closed"),
    ] {
        let failures = reopened(flaw).await.expect_err(&format!("{flaw:?} passes"));
        assert!(failures.iter().any(|failure| failure.check == check), "{flaw:?}, {check}: {failures}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_a_readable_list() {
    let failures = checked(Flaw::TellsNothing).await.unwrap_err();
    let shown = format!("{failures:?}");
    assert!(
        shown.starts_with("2 checks of the store failed:\n- every_change_is_told: not told within"),
        "{shown}"
    );
}
