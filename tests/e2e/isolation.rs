//! One group never sees another's rows, by any route and any role; a supplier never sees another supplier's. But one hospital
//! in two groups has one list, and a supplier of two groups one account and one inbox.
//!
//! What is expected is worked out here from the access table, the season's grants and the database as a superuser sees it, never
//! from what the gateway or a service says about itself.

mod bodies;
mod database;
mod gates;
mod governed;
mod parties;
mod routes;
mod statements;
mod world;
