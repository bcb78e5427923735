//! What is refused: other people's things, wrong states, wrong figures, and rows that break an invariant.

use kit::{
    error::Failure,
    id::{PartyId, SiteId},
    identity::{Role, Scope},
};
use logistics::store::reference::{Site, save_sites};
use proto::logistics::v1::{
    BreakBulk, CertifyDeliveryRequest, DispatchDeliveryRequest, ListRoutesRequest, Requirement, Route,
    SetBreakBulkRequest,
};

use crate::support::{World, reason, request_id};

fn fields(failure: Failure) -> Vec<String> {
    match failure {
        Failure::Domain(error) => error.fields().into_iter().map(|fault| fault.field).collect(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_shipment_is_refused_with_every_fault_and_changes_nothing() {
    let world = World::new().await;
    let lines = [(world.by_platform, 15, "A", ""), (world.by_platform, 100, "B", ""), (world.direct, 5, "", "")];
    let refused = world.app.announce_shipment(&world.supplier(), world.announcement(world.platform, &lines, &[])).await;
    assert_eq!(fields(refused.unwrap_err()), ["lines[2].pooled_line_id", "lines[0].units", "lines[0].units"]);
    let nowhere = world.announcement(SiteId::new(), &[], &[]);
    let refused = world.app.announce_shipment(&world.supplier(), nowhere).await;
    assert_eq!(fields(refused.unwrap_err()), ["destination_site_id"]);
    let half = world.announcement(world.platform, &[], &[(world.by_platform, 95)]);
    let refused = world.app.announce_shipment(&world.supplier(), half).await;
    assert_eq!(
        fields(refused.unwrap_err()),
        ["still_to_come[0].outstanding_units"],
        "5 units would break a closed pack"
    );
    assert_eq!(world.expected(world.by_platform).await.units_open, 100);
    assert_eq!(world.count("SELECT count(*) FROM shipment").await + world.count("SELECT count(*) FROM event").await, 0);
}

#[tokio::test]
async fn a_despatch_number_is_used_once() {
    let world = World::new().await;
    let mut request = world.announcement(world.platform, &[], &[(world.by_platform, 100)]);
    request.despatch_number = "EXP-1".into();
    world.app.announce_shipment(&world.supplier(), request.clone()).await.unwrap();
    request.request_id = request_id();
    assert_eq!(reason(world.app.announce_shipment(&world.supplier(), request).await), "DESPATCH_NUMBER_TAKEN");
}

#[tokio::test]
async fn another_suppliers_order_and_another_platforms_shipment_are_not_found() {
    let world = World::new().await;
    let rival = world.person(&[Role::Supplier], PartyId::new());
    let request = world.announcement(world.platform, &[], &[]);
    assert_eq!(reason(world.app.announce_shipment(&rival, request).await), "NOT_FOUND");
    let shipped = world.ship(100, 0).await;
    let stranger = world.person(&[Role::PlatformOperator], PartyId::new());
    assert_eq!(reason(world.app.receive_shipment(&stranger, world.receipt(&shipped, None)).await), "NOT_FOUND");
    let received = world.receive(&shipped, None).await;
    let dispatch = DispatchDeliveryRequest { request_id: request_id(), delivery_id: received.delivery_ids[0].clone() };
    assert_eq!(reason(world.app.dispatch_delivery(&stranger, dispatch).await), "NOT_FOUND");
    assert_eq!(reason(world.certify(world.b, &received.delivery_ids[0], &[]).await), "NOT_FOUND");
    assert_eq!(
        reason(world.app.prove_delivery(&world.supplier(), world.proof(&received.delivery_ids[0])).await),
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn each_step_is_refused_in_each_wrong_state() {
    let world = World::new().await;
    let shipped = world.ship(100, 0).await;
    let received = world.receive(&shipped, None).await;
    assert_eq!(
        reason(world.app.receive_shipment(&world.operator(), world.receipt(&shipped, None)).await),
        "SHIPMENT_WRONG_STATE"
    );
    let id = &received.delivery_ids[0];
    let dispatch = || DispatchDeliveryRequest { request_id: request_id(), delivery_id: id.clone() };
    let wrong = "DELIVERY_WRONG_STATE";
    assert_eq!(reason(world.app.prove_delivery(&world.operator(), world.proof(id)).await), wrong);
    assert_eq!(reason(world.certify(world.a, id, &[]).await), wrong);
    world.deliver(id).await;
    assert_eq!(reason(world.app.dispatch_delivery(&world.operator(), dispatch()).await), wrong);
    assert_eq!(reason(world.app.prove_delivery(&world.operator(), world.proof(id)).await), wrong);
    world.certify(world.a, id, &[]).await.unwrap();
    assert_eq!(reason(world.certify(world.a, id, &[]).await), wrong);
    assert_eq!(world.figures(world.line_a).await, (60, 0, 60, 60));
}

#[tokio::test]
async fn a_proof_is_not_of_the_future() {
    let world = World::new().await;
    let request = world.announcement(world.a.site, &[(world.direct, 20, "", "")], &[]);
    let shipped = world.app.announce_shipment(&world.supplier(), request).await.unwrap();
    let mut proof = world.proof(&shipped.delivery_id);
    proof.proof.as_mut().unwrap().handed_over_at = "2999-01-01T00:00:00Z".into();
    let refused = world.app.prove_delivery(&world.supplier(), proof).await;
    assert_eq!(fields(refused.unwrap_err()), ["proof.handed_over_at"]);
}

#[tokio::test]
async fn who_orders_does_not_certify_and_an_old_version_is_stale() {
    let world = World::new().await;
    let received = world.receive(&world.ship(100, 0).await, None).await;
    let id = &received.delivery_ids[0];
    world.deliver(id).await;
    let request = |expected_version| CertifyDeliveryRequest {
        request_id: request_id(),
        delivery_id: id.clone(),
        lines: Vec::new(),
        expected_version,
    };
    for role in [Role::MemberRequester, Role::PurchasingOfficer] {
        let both = world.person(&[Role::MemberReceiver, role], world.a.party);
        assert_eq!(reason(world.app.certify_delivery(&both, request(0)).await), "SEPARATION_OF_DUTIES");
    }
    assert_eq!(reason(world.app.certify_delivery(&world.operator(), request(0)).await), "ROLE_NOT_ALLOWED");
    assert_eq!(reason(world.app.certify_delivery(&world.receiver(world.a), request(2)).await), "VERSION_CHANGED");
    world.app.certify_delivery(&world.receiver(world.a), request(3)).await.unwrap();
}

#[tokio::test]
async fn the_table_refuses_figures_that_do_not_add_up() {
    let world = World::new().await;
    let mut superuser = world.test.superuser().await;
    for sql in [
        "UPDATE expected_line SET units_allocated = units_accepted + 1",
        "UPDATE expected_line SET units_delivered = 1",
        "UPDATE expected_line SET units_cancelled = -1",
        "UPDATE expected_line SET units_cancelled = 1, units_allocated = units_accepted",
    ] {
        let error = sqlx::query(sql).execute(&mut superuser).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().constraint(), Some("expected_line_conserved"), "{sql}");
    }
}

#[tokio::test]
async fn break_bulk_is_declared_by_operators_in_a_session_of_the_deployment() {
    let world = World::new().await;
    let request = SetBreakBulkRequest {
        request_id: request_id(),
        entries: vec![BreakBulk {
            platform_site_id: world.platform.to_string(),
            article_id: world.article.to_string(),
            packaging_code: "BOX".into(),
        }],
    };
    assert_eq!(reason(world.app.set_break_bulk(&world.operator(), request.clone()).await), "WRONG_SESSION");
    assert_eq!(reason(world.app.set_break_bulk(&world.officer(), request.clone()).await), "ROLE_NOT_ALLOWED");
    let mut operator = world.operator();
    operator.scope = Scope::Deployment;
    let empty = SetBreakBulkRequest { entries: Vec::new(), ..request };
    assert_eq!(fields(world.app.set_break_bulk(&operator, empty).await.unwrap_err()), ["entries"]);
    world.open_packs().await;
    let listed = proto::logistics::v1::ListBreakBulkRequest { platform_site_id: world.platform.to_string() };
    let entries = world.app.list_break_bulk(&world.officer(), listed).await.unwrap().entries;
    assert_eq!((entries.len(), entries[0].packaging_code.as_str()), (1, "BOX"));
}

#[tokio::test]
async fn routes_come_from_the_projection_with_their_reason() {
    let world = World::new().await;
    let (pharmacy, home) = (SiteId::new(), SiteId::new());
    let site = |id, codes: &[&str]| Site {
        id,
        party_id: world.a.party,
        authorisations: codes.iter().map(|&c| c.to_owned()).collect(),
    };
    let mut tx = world.test.db.begin(&world.officer()).await.unwrap();
    save_sites(tx.conn(), &[site(pharmacy, &["PUI", "STERILE_DEVICES"]), site(home, &[])], &[]).await.unwrap();
    tx.commit().await.unwrap();
    let needs = |authorisation: &str, storage_class: &str| Requirement {
        authorisation: authorisation.into(),
        storage_class: storage_class.into(),
    };
    let request = ListRoutesRequest {
        platform_site_id: world.platform.to_string(),
        requirements: vec![needs("PUI", "COLD_2_8"), needs("STERILE_DEVICES", "AMBIENT"), needs("", "AMBIENT")],
        site_ids: vec![pharmacy.to_string(), home.to_string()],
    };
    let routes = world.app.list_routes(&world.officer(), request).await.unwrap().routes;
    let seen: Vec<_> = routes
        .iter()
        .map(|route| (route.requirement, route.route(), route.reason.as_ref().unwrap().rule.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (0, Route::Platform, "PLATFORM_AUTHORISED"),
            (0, Route::Refused, "SITE_LACKS_AUTHORISATION"),
            (1, Route::Direct, "PLATFORM_LACKS_AUTHORISATION"),
            (1, Route::Refused, "SITE_LACKS_AUTHORISATION"),
            (2, Route::Platform, "PLATFORM_AUTHORISED"),
            (2, Route::Platform, "PLATFORM_AUTHORISED"),
        ]
    );
    let wrong = ListRoutesRequest {
        platform_site_id: String::new(),
        requirements: vec![needs("X", "WARM")],
        site_ids: vec!["?".into()],
    };
    let refused = world.app.list_routes(&world.officer(), wrong).await.unwrap_err();
    assert_eq!(fields(refused), ["requirements[0].authorisation", "requirements[0].storage_class", "site_ids[0]"]);
}
