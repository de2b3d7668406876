//! What a campaign makes of a bus that is away.

use crate::harness::campaign::rows_by_host;
use crate::harness::stored::Stored;
use crate::harness::world::{World, on_both};

on_both! {
    /// A frozen Redis fails no agent, loses no row, and keeps no viewer from the end: the store says it all.
    async fn f09_frozen_bus(world: World) {
        let mut hosts = world.hosts(4).await;
        let id = world.admin.start("select name").await;
        let mut before = world.admin.follow(&id, None).await;
        assert!(before.batch().await, "the first batch comes at once");
        let redis = world.server.private_redis();
        redis.inspect(|redis| redis.freeze());
        for host in &mut hosts {
            host.poll().await.expect("agents notice nothing");
        }
        let during = world.admin.follow(&id, None).await;
        world.server.tick().await;
        let events = before.to_the_end().await;
        assert_eq!(rows_by_host(&events).len(), 4);
        assert_eq!(during.to_the_end().await, events);
        redis.inspect(|redis| redis.thaw());
        Stored::read(&world.server, &id).await.assert_laws();
    }
}
