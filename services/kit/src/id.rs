//! Typed ids: UUIDv7 inside, `need_…` outside, so that a wrong id neither compiles nor parses.

use std::{fmt, marker::PhantomData, str::FromStr};

use uuid::Uuid;

/// What an id names; gives the prefix of its text form.
pub trait Kind: Send + Sync + 'static {
    /// Three letters before the underscore.
    const PREFIX: &'static str;
}

/// An id of one kind.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// A new id; later ones sort later. Call it outside `domain/`: ids are arguments of rules.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7(), PhantomData)
    }

    /// Wraps a UUID that is known to be of this kind, e.g. read from its table.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The bare UUID, as stored.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K> Default for Id<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, self.0.simple())
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not an id of the kind wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of the form {prefix}_ and 32 hexadecimal digits, got {text:?}")]
pub struct IdError {
    /// The prefix wanted.
    pub prefix: &'static str,
    /// What came, cut at 60 characters.
    pub text: String,
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError { prefix: K::PREFIX, text: text.chars().take(60).collect() };
        let hex = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or_else(wrong)?;
        if hex.len() != 32 {
            return Err(wrong());
        }
        Uuid::try_parse(hex).map(Self::from_uuid).map_err(|_| wrong())
    }
}

impl<K: Kind> serde::Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> serde::Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "db")]
mod sql {
    use sqlx::{
        Decode, Encode, Postgres, Type,
        encode::IsNull,
        error::BoxDynError,
        postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
    };
    use uuid::Uuid;

    use super::Id;

    impl<K> Type<Postgres> for Id<K> {
        fn type_info() -> PgTypeInfo {
            <Uuid as Type<Postgres>>::type_info()
        }
    }
    impl<K> PgHasArrayType for Id<K> {
        fn array_type_info() -> PgTypeInfo {
            <Uuid as PgHasArrayType>::array_type_info()
        }
    }
    impl<K> Encode<'_, Postgres> for Id<K> {
        fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
            <Uuid as Encode<'_, Postgres>>::encode_by_ref(&self.0, buffer)
        }
    }
    impl<'r, K> Decode<'r, Postgres> for Id<K> {
        fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
            <Uuid as Decode<'r, Postgres>>::decode(value).map(Self::from_uuid)
        }
    }
}

/// Declares the kinds: marker, prefix, alias of the id.
macro_rules! kinds {
    ($($(#[$doc:meta])* $marker:ident $alias:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $marker {}
        impl Kind for $marker { const PREFIX: &'static str = $prefix; }
        $(#[$doc])*
        pub type $alias = Id<$marker>;
    )*};
}

kinds! {
    /// A group that buys together.
    Group GroupId "grp";
    /// A party of the registry.
    Party PartyId "pty";
    /// A place where goods are received.
    Site SiteId "sit";
    /// A person.
    Person PersonId "prs";
    /// A decision of a group's assembly.
    Decision DecisionId "dcs";
    /// A mandate: an office held for a time.
    Mandate MandateId "mnd";
    /// A seat in a commission.
    Seat SeatId "set";
    /// An invoice of contributions.
    Invoice InvoiceId "inv";
    /// A declared saving.
    DeclaredSaving DeclaredSavingId "dsv";
    /// A delegation of signature.
    Delegation DelegationId "dlg";
    /// A change of a member, from its preview on.
    MemberChange MemberChangeId "mch";
    /// A service of a group's bouquet.
    Service ServiceId "svc";
    /// A practitioner who belongs to a group.
    Practitioner PractitionerId "pra";
    /// A practitioner's subscription to a service.
    Subscription SubscriptionId "sbs";
    /// An audit of the quality label.
    LabelAudit LabelAuditId "lau";
    /// An article.
    Article ArticleId "art";
    /// A price of an article under a lot.
    Price PriceId "prc";
    /// A framework agreement.
    Agreement AgreementId "agr";
    /// A lot of an agreement.
    Lot LotId "lot";
    /// A reservation on a ceiling.
    Reservation ReservationId "rsv";
    /// A consultation.
    Consultation ConsultationId "cns";
    /// A sealed tender.
    Tender TenderId "tnd";
    /// An order round.
    Round RoundId "rnd";
    /// A need.
    Need NeedId "ned";
    /// What a member consumed before, in a month.
    Consumption ConsumptionId "csm";
    /// A frozen set of needs.
    Snapshot SnapshotId "snp";
    /// A pooled plan.
    Plan PlanId "pln";
    /// A line of a plan and of the pooled order made from it.
    PlanLine PlanLineId "pll";
    /// A pooled order.
    PooledOrder PooledOrderId "por";
    /// A placed order on its way to its supplier.
    Dispatch DispatchId "dsp";
    /// A buyer's order form.
    OrderForm OrderFormId "orf";
    /// One article for one delivery point.
    OrderLine OrderLineId "orl";
    /// A supplier's shipment.
    Shipment ShipmentId "shp";
    /// A line of a shipment.
    ShipmentLine ShipmentLineId "shl";
    /// A receipt at a platform.
    Receipt ReceiptId "rcp";
    /// A sharing-out.
    Allocation AllocationId "alc";
    /// A delivery to a site.
    Delivery DeliveryId "dlv";
    /// A line of a delivery.
    DeliveryLine DeliveryLineId "dll";
}

/// The group of deployment-wide rows in the event log.
pub const NO_GROUP: GroupId = GroupId::from_uuid(Uuid::nil());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_round_trips_and_another_kind_is_refused() {
        let id = NeedId::new();
        let text = id.to_string();
        assert!(text.starts_with("ned_"));
        assert_eq!(text.parse::<NeedId>(), Ok(id));
        assert!(text.parse::<PlanId>().is_err());
        assert!("ned_123".parse::<NeedId>().is_err());
        assert!(format!("ned_{}", id.uuid()).parse::<NeedId>().is_err(), "one text form only");
    }
}
