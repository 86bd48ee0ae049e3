//! A list of networks, written as `10.0.0.0/8, ::1`.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::net::IpAddr;
use std::str::FromStr;

/// Networks and single addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// The text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address such as 10.0.0.7 nor a network such as 10.0.0.0/8")]
pub struct NetworkError(String);

impl Networks {
    /// This machine.
    #[must_use]
    pub fn loopback() -> Self {
        let v4 = ipnet::Ipv4Net::new_assert([127, 0, 0, 0].into(), 8);
        let v6 = ipnet::Ipv6Net::new_assert(1.into(), 128);
        Self(vec![v4.into(), v6.into()])
    }

    /// Whether the address is in one of them. An IPv4 address in IPv6 form is that address.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(text: &str) -> Result<IpNet, NetworkError> {
    let text = text.trim();
    let single = || text.parse().map(|address: IpAddr| IpNet::from(address));
    let parsed = text.parse().or_else(|_| single());
    parsed.map_err(|_| NetworkError(text.to_owned()))
}

impl FromStr for Networks {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = Vec::<String>::deserialize(deserializer)?;
        let networks = parts.iter().map(|part| network(part));
        let networks: Result<_, _> = networks.collect();
        networks.map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_network_in_whichever_form_it_is_written() {
        let networks: Networks = "10.1.0.0/16, 192.0.2.7,2001:db8::/32"
            .parse()
            .expect("three");
        let contains = |text: &str| networks.contain(text.parse().expect("an address"));
        for inside in ["10.1.255.3", "192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"] {
            assert!(contains(inside), "{inside}");
        }
        for outside in ["10.2.0.1", "192.0.2.8", "2001:db9::1", "127.0.0.1"] {
            assert!(!contains(outside), "{outside}");
        }
        let nobody: Networks = "".parse().expect("none");
        assert!(!nobody.contain(IpAddr::from([127, 0, 0, 1])));
        let here = Networks::loopback();
        assert!(here.contain(IpAddr::from([127, 8, 0, 1])));
        assert!(here.contain("::1".parse().expect("an address")));
    }

    #[test]
    fn what_is_no_network_is_named() {
        let error = "10.0.0.1, proxy.example".parse::<Networks>();
        assert_eq!(error, Err(NetworkError("proxy.example".into())));
    }
}
