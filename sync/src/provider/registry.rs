//! Which providers there are, and which one is used.

use super::SyncProvider;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The providers of one program. The first one registered is used until another is chosen.
#[derive(Debug, Default)]
pub struct Registry {
    providers: Vec<Box<dyn SyncProvider>>,
    active: Option<String>,
}

/// There is no provider of this name. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no provider called {0}; register it first")]
pub struct UnknownProvider(pub String);

impl Registry {
    /// Registers a provider. Tells whether it took the place of one of the same name.
    pub fn register(&mut self, provider: Box<dyn SyncProvider>) -> bool {
        let id = provider.id().to_string();
        let same = self.providers.iter_mut().find(|present| present.id() == id);
        if let Some(same) = same {
            *same = provider;
            return true;
        }
        self.providers.push(provider);
        self.active.get_or_insert(id);
        false
    }

    /// Takes a provider out. If it was the one in use, the first of the others is from now on.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn unregister(&mut self, id: &str) -> Result<(), UnknownProvider> {
        self.known(id)?;
        self.providers.retain(|provider| provider.id() != id);
        if self.active.as_deref() == Some(id) {
            self.active = self.providers.first().map(|first| first.id().to_string());
        }
        Ok(())
    }

    /// Uses this one from now on. The device's position is its own and stays.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn set_active(&mut self, id: &str) -> Result<(), UnknownProvider> {
        self.known(id)?;
        self.active = Some(id.to_string());
        Ok(())
    }

    /// The one in use.
    pub fn active(&mut self) -> Option<&mut (dyn SyncProvider + 'static)> {
        let id = self.active.as_deref()?;
        let found = self
            .providers
            .iter_mut()
            .find(|provider| provider.id() == id);
        found.map(AsMut::as_mut)
    }

    /// The names of all of them, in the order of their registration.
    #[must_use]
    pub fn list(&self) -> Vec<&str> {
        self.providers
            .iter()
            .map(|provider| provider.id())
            .collect()
    }

    fn known(&self, id: &str) -> Result<(), UnknownProvider> {
        if self.list().contains(&id) {
            Ok(())
        } else {
            Err(UnknownProvider(id.to_string()))
        }
    }
}

/// The provider that an address asks for by its scheme: `ws` and `wss` a socket, `http`,
/// `https` and a bare host a stream, `gateway` polling, `memory` the server in this program.
#[must_use]
pub fn provider_of(url: &str) -> &'static str {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("ws" | "wss") => "websocket",
        Some("gateway") => "gateway",
        Some("memory") => "memory",
        _ => "sse",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::RULES;
    use crate::provider::memory::{Memory, MemoryServer};
    use alloc::vec;

    fn registry(ids: &[&'static str]) -> Registry {
        let server = MemoryServer::new(RULES);
        let mut registry = Registry::default();
        for id in ids {
            assert!(!registry.register(Box::new(Memory::named(id, server.clone()))));
        }
        registry
    }

    fn active(registry: &mut Registry) -> Option<String> {
        registry.active().map(|provider| provider.id().to_string())
    }

    #[test]
    fn the_first_one_registered_is_used_until_another_is_chosen() {
        let mut registry = registry(&["sse", "websocket"]);
        assert_eq!(registry.list(), vec!["sse", "websocket"]);
        assert_eq!(active(&mut registry).as_deref(), Some("sse"));
        registry.set_active("websocket").expect("known");
        assert_eq!(active(&mut registry).as_deref(), Some("websocket"));
        registry.unregister("websocket").expect("known");
        assert_eq!(active(&mut registry).as_deref(), Some("sse"));
        registry.unregister("sse").expect("known");
        assert_eq!(active(&mut registry), None);
    }

    #[test]
    fn an_unknown_name_is_an_error_and_changes_nothing() {
        let mut registry = registry(&["sse"]);
        let unknown = UnknownProvider("carrier-pigeon".to_string());
        assert_eq!(registry.set_active("carrier-pigeon"), Err(unknown.clone()));
        assert_eq!(registry.unregister("carrier-pigeon"), Err(unknown));
        assert_eq!(active(&mut registry).as_deref(), Some("sse"));
    }

    #[test]
    fn the_same_name_again_takes_the_first_ones_place() {
        let mut registry = registry(&["sse", "websocket"]);
        let server = MemoryServer::new(RULES);
        assert!(registry.register(Box::new(Memory::named("sse", server))));
        assert_eq!(registry.list(), vec!["sse", "websocket"]);
    }

    #[test]
    fn an_address_picks_its_provider_by_its_scheme() {
        for (url, id) in [
            ("wss://journal.example/api/sync", "websocket"),
            ("ws://localhost:3000", "websocket"),
            ("https://journal.example", "sse"),
            ("journal.example", "sse"),
            ("gateway://journal.example", "gateway"),
            ("memory://", "memory"),
        ] {
            assert_eq!(provider_of(url), id, "{url}");
        }
    }
}
