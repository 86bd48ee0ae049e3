//! The suite's world in memory: a server, its clock, and ways to it that may be faulty.

use crate::faulty::{Fault, Faulty};
use crate::journal::RULES;
use sync::id::Mint;
use sync::provider::SyncProvider;
use sync::provider::conformance::World;
use sync::provider::memory::{Memory, MemoryServer};
use sync::rules::Rules;

/// How many turns there are between two heartbeats.
const BEAT_TURNS: u64 = 50;

/// The world.
pub(crate) struct InMemory {
    server: MemoryServer,
    fault: Option<Fault>,
    now_ms: u64,
    minted: u64,
}

impl InMemory {
    /// A world whose providers have this fault.
    pub(crate) fn with(fault: Option<Fault>) -> Self {
        let world = Self {
            server: MemoryServer::new(RULES),
            fault,
            now_ms: 1_795_219_200_000,
            minted: 0,
        };
        world.server.set_time(world.now_ms);
        world
    }
}

impl World for InMemory {
    fn rules(&self) -> Rules {
        RULES
    }

    fn mint(&mut self) -> Mint {
        self.minted += 1;
        Mint::new(self.now_ms, [self.minted, 7])
    }

    fn provider(&mut self) -> Box<dyn SyncProvider> {
        let memory = Memory::to(self.server.clone());
        match self.fault {
            None => Box::new(memory),
            Some(fault) => Box::new(Faulty::over(memory, fault)),
        }
    }

    async fn turn(&mut self) {
        self.now_ms += 1;
        if self.now_ms.is_multiple_of(BEAT_TURNS) {
            self.server.beat(self.now_ms);
        }
    }

    fn heartbeat_turns(&self) -> Option<u32> {
        Some(2 * u32::try_from(BEAT_TURNS).expect("a small number"))
    }
}
