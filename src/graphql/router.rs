//! Where the API is served, and the answers of campaigns as files.

use std::sync::Arc;

use async_graphql::Executor;
use axum::Router;
use axum::routing::any;

use super::export;
use super::graphiql;
use super::loader::WithLoaders;
use super::precheck::types::Types;
use super::schema;
use super::transport::engine::Engine;
use super::transport::identity::Identity;
use super::transport::points::Points;
use super::transport::{Transport, TransportSettings, http};
use crate::fleet::Fleet;

/// The routes of the API: `/graphql`, by POST, by GET for queries, as server-sent events and as a WebSocket; for browsers,
/// a page. And the exports of campaigns.
///
/// Callers pay with `points`. The listener should put `ConnectInfo<SocketAddr>` into each request.
///
/// # Panics
/// When the library can't read the SDL that it writes; a test reads that of our schema.
pub fn router(fleet: &Fleet, settings: TransportSettings, points: Points) -> Router {
    let types = Types::from_sdl(&schema::sdl()).expect("the library reads the SDL that it writes");
    let executor = WithLoaders::new(schema::build(fleet.clone()), fleet.clone());
    let engine = Engine::new(executor, schema::validator(), types, points, &settings);
    let has_page = settings.graphiql;
    let transport = Transport::new(engine, Identity::of_fleet(fleet), settings);
    let exports = export::routes(fleet, &transport);
    let api = routes(transport);
    exports.merge(if has_page { graphiql::beside(api) } else { api })
}

/// The route of GraphQL, for any engine and any source of identities.
pub(super) fn routes<E: Executor>(transport: Arc<Transport<E>>) -> Router {
    Router::new().route("/graphql", any(http::serve::<E>)).with_state(transport)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::types::OperationType;

    use super::*;

    #[test]
    fn the_types_of_our_schema_are_read() {
        let types = Types::from_sdl(&schema::sdl()).expect("the library reads the SDL that it writes");
        let query = types.root(OperationType::Query).expect("a query root");
        assert!(types.field(query, "viewer").is_some_and(|field| field.ty.nullable));
        assert!(types.root(OperationType::Subscription).is_some());
    }
}
