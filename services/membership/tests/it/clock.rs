//! Business time.

use chrono::{DateTime, TimeDelta, Utc};
use kit::{Role, clock::technical_now};
use proto::membership::v1::{GetClockRequest, GetClockResponse, ListMembersRequest};

use crate::support::{World, as_party, gateway, hospital, in_group, member};

/// As a demo's clock would.
const FORTY_DAYS_AHEAD: &str = "CREATE OR REPLACE FUNCTION public.clock_offset() RETURNS interval LANGUAGE sql STABLE PARALLEL SAFE RETURN interval '40 days'";

fn distance_s(clock: &GetClockResponse) -> i64 {
    let now: DateTime<Utc> = clock.now.parse().unwrap();
    (now - technical_now()).num_seconds()
}

#[tokio::test]
async fn anybody_reads_the_clock_and_how_far_it_was_moved() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a"]).await;
    for caller in [gateway(), in_group(&group, None, Role::Auditor), as_party(&ids[0], Role::Supplier)] {
        let clock = world.app.get_clock(&caller, GetClockRequest {}).await.unwrap();
        assert_eq!(clock.offset_s, 0);
        assert!(distance_s(&clock).abs() <= 2, "{clock:?}");
    }
    world.tamper(FORTY_DAYS_AHEAD).await;
    let clock = world.app.get_clock(&gateway(), GetClockRequest {}).await.unwrap();
    assert_eq!(clock.offset_s, 40 * 86_400);
    assert!((distance_s(&clock) - 40 * 86_400).abs() <= 2, "{clock:?}");
}

#[tokio::test]
async fn todays_members_are_those_of_business_time() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a"]).await;
    let newcomer = world.parties(vec![hospital("b")]).await.remove(0);
    let in_a_month = (technical_now() + TimeDelta::days(30)).date_naive().to_string();
    world.members(&group, vec![member(&newcomer, &in_a_month, "")]).await;
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let members = async || world.app.list_members(&officer, ListMembersRequest::default()).await.unwrap().members.len();
    assert_eq!(members().await, 1);
    world.tamper(FORTY_DAYS_AHEAD).await;
    assert_eq!(members().await, 2);
}
