//! The behaviour suite: what every guarded MCP server must do, asked over HTTP.
//!
//! 1. A case knows a URL and who signs tokens ([`Fixture`]); how the server is served is the adapter's ([`Serve`]).
//! 2. [`suite!`] makes every case a test of the adapter's. An adapter has no case of its own except about its framework.
//! 3. After each refusal a case asks what really ran: nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod api;
mod ask;
pub mod cases;
pub mod compression;
mod fixture;
pub mod http2;
pub mod message;
pub mod ordinary;
pub mod raw;
mod server;
mod store;
mod stream;
mod verdicts;

pub use api::Api;
pub use ask::{Answer, Ask, parameter};
pub use fixture::{Fixture, MakeVerifier, Running, Serve, Setup};
pub use server::{Mcp, Notes, Ran};
pub use store::TestStore;
pub use stream::Stream;
pub use verdicts::Verdicts;

/// Makes every case a test of its own, for a type that implements [`Serve`].
#[macro_export]
macro_rules! suite {
    ($serve:ty) => {
        $crate::suite! { $serve;
            flow {
                a_client_is_led_to_what_it_may,
            }
            tokens {
                bad_tokens_are_refused_alike,
                a_revoked_token_and_a_key_that_was_rotated_out_are_refused,
                every_good_token_is_taken,
            }
            credentials {
                no_token_is_asked_for,
                malformed_authorization_is_a_bad_request,
                the_scheme_is_read_in_any_case,
                a_folded_or_huge_header_reaches_nothing,
                too_many_failures_are_slowed_down,
                no_verdict_is_no_refusal,
                the_credential_stays_with_the_guard,
            }
            proofs {
                a_bound_token_needs_a_proof_each_time,
                bad_proofs_are_refused_alike,
                proofs_of_every_algorithm,
                a_nonce_is_handed_out_and_asked_for,
                unbound_tokens_are_refused_where_proofs_are_required,
                a_store_that_is_down_lets_no_proof_pass,
                a_token_that_is_bound_to_a_certificate,
                used_proofs_are_kept_for_their_window,
            }
            api_keys {
                keys_are_taken_beside_tokens,
                keys_alone_point_to_no_authorization_server,
                bad_keys_are_refused_alike,
                a_revoked_key_is_refused_at_once,
                a_key_that_is_revoked_elsewhere_is_refused,
                a_rotated_key_overlaps,
                a_key_that_is_due_says_so,
                a_key_with_too_little_is_told_what_is_missing,
                a_store_that_fails_is_no_refusal,
                a_key_in_the_query_is_not_taken,
            }
            introspection {
                active_tokens_are_taken,
                bad_answers_refuse_alike,
                too_little_is_no_bad_token,
                a_server_that_fails_is_no_refusal,
                a_slow_server_is_not_waited_for,
                a_server_that_fails_is_left_alone,
                a_refusal_is_remembered,
                one_question_for_many_requests,
            }
            upstream {
                a_role_decides_what_may_be_done,
                the_credential_reaches_tools_sealed,
                the_apis_failures_are_no_refusals,
                only_its_own_tokens_are_shown,
            }
            revocations {
                each_name_ends_what_it_names,
                a_principal_is_revoked_until_a_time,
                a_key_is_revoked_by_its_id,
                what_is_revoked_elsewhere_is_refused,
                a_silent_store_is_asked,
            }
            flood {
                ten_thousand_bad_tokens_cost_a_budget,
                bad_tokens_at_once_cost_a_budget,
                good_tokens_at_once_are_no_flood,
            }
            limits {
                a_known_token_passes_beside_a_flood,
                requests_in_a_minute,
                requests_at_once,
            }
            source {
                origins,
                hosts,
                preflight,
            }
            place {
                methods,
                other_spellings_of_the_path_reach_nothing,
                old_http,
                documents,
            }
            bodies {
                over_the_limit,
                slow_or_broken,
                two_framings_are_never_read_twice,
                media_types,
                not_one_strict_message,
                keys_that_readers_take_differently,
                a_write_as_a_notification,
            }
            headers {
                mirrored_headers_say_what_the_body_says,
                mirrored_parameters_say_what_the_body_says,
                lying_headers_decide_nothing_in_the_legacy_era,
            }
            sessions {
                a_session_is_its_owners,
                an_answer_is_not_replayed,
                a_modern_request_has_none,
            }
            lists {
                tools_are_filtered_in_both_eras,
                resources_and_prompts_are_filtered,
                answers_are_private,
                hidden_is_nonexistent_to_the_byte,
            }
            policy {
                a_public_tool_needs_no_token,
                nobody_takes_without_bound,
                scopes_by_arguments,
                scopes_of_resources_and_prompts,
            }
            confirmations {
                a_form_is_answered_by_a_retry,
                an_answer_is_good_for_one_call,
                a_client_that_cannot_ask_is_refused,
                two_steps_where_the_rule_allows_them,
                a_question_in_a_session,
                an_answer_from_elsewhere_changes_nothing,
                a_client_that_leaves_makes_room,
                nothing_runs_for_a_client_that_leaves,
                nothing_runs_for_a_credential_that_ended,
                a_dry_run_runs_nothing,
                a_write_budget_is_kept,
                a_tool_that_asks_itself_keeps_its_state,
            }
            approvals {
                a_page_beside_the_documents,
            }
            records {
                calls_and_refusals_are_taken_down,
                an_error_is_taken_down,
                a_write_runs_when_its_intent_is_kept,
                a_confirmation_is_taken_down,
                a_shutdown_writes_the_record,
                a_stream_that_is_ended_in_order_has_succeeded,
                nobody_fills_the_record_by_what_is_public,
            }
            fields {
                a_write_says_all_that_is_known,
                a_key_is_named,
                a_session_is_told_by_its_hash,
                a_refusal_says_what_was_missing,
                whoever_said_no_is_named,
            }
            means {
                how_somebody_came_in_is_said,
            }
            streams {
                progress_passes_at_once,
                a_client_that_leaves_cancels,
                a_stream_ends_with_its_token,
                a_stream_ends_when_it_is_revoked,
                a_lease_of_everything_cuts_calls,
                a_stream_ends_at_shutdown,
            }
        }
    };
    ($serve:ty; $($module:ident { $($case:ident,)+ })+) => {
        $(mod $module {
            use super::*;
            $(#[tokio::test]
            async fn $case() {
                $crate::cases::$module::$case::<$serve>().await;
            })+
        })+
    };
}
