//! Types generated from `centrale/<area>/v1/*.proto`, where every field is described. No logic.
#![allow(missing_docs, clippy::all)]

/// Types that several areas share.
pub mod common {
    pub mod v1 {
        tonic::include_proto!("centrale.common.v1");
    }
}
/// The event log of every service.
pub mod events {
    pub mod v1 {
        tonic::include_proto!("centrale.events.v1");
    }
}
/// Who is who.
pub mod membership {
    pub mod v1 {
        tonic::include_proto!("centrale.membership.v1");
    }
}
/// What can be bought.
pub mod catalogue {
    pub mod v1 {
        tonic::include_proto!("centrale.catalogue.v1");
    }
}
/// Under which contract.
pub mod tendering {
    pub mod v1 {
        tonic::include_proto!("centrale.tendering.v1");
    }
}
/// Who needs and orders what.
pub mod demand {
    pub mod v1 {
        tonic::include_proto!("centrale.demand.v1");
    }
}
/// How it gets there.
pub mod logistics {
    pub mod v1 {
        tonic::include_proto!("centrale.logistics.v1");
    }
}

/// All contracts as a `FileDescriptorSet`, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
