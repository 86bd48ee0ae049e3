//! Where a person is signed in, and ending that: one device, or all of them.

use super::call::Visitor;
use super::confirm::{Strictness, confirmed};
use super::sign_in::{leave, poke};
use super::unbroken::unbroken;
use crate::clock::now_ms;
use crate::store::sessions::SessionHash;
use app::account::{AccountError, Device};
use sync::id::Id;

/// The sessions of this person.
pub(super) async fn devices(visitor: Visitor) -> Result<Vec<Device>, AccountError> {
    let signed = visitor.signed()?;
    let known = visitor.shared.store.devices(signed.user, now_ms()).await?;
    let devices = known.into_iter().map(|device| Device {
        id: public_name(&device.hash),
        name: device.name,
        signed_in_at_ms: device.signed_in_at_ms,
        seen_at_ms: device.seen_at_ms,
        here: device.hash == signed.session,
    });
    Ok(devices.collect())
}

/// Ends the session of one device and closes its streams; leaves word for it to erase. Whoever
/// asks shows that they are the person: on a lost device somebody else may be quicker.
pub(super) async fn revoke_device(
    visitor: Visitor,
    device: Id,
    password: String,
) -> Result<(), AccountError> {
    let user = confirmed(&visitor, password, Strictness::Either).await?.id;
    let store = &visitor.shared.store;
    let known = store.devices(user, now_ms()).await?;
    let mut known = known.iter();
    let found = known.find(|known| public_name(&known.hash) == device);
    let hash = found.ok_or(AccountError::Unknown)?.hash;
    let shared = visitor.shared.clone();
    let revoked = unbroken(async move {
        let revoked = shared.store.revoke_session(&hash, user, now_ms()).await?;
        poke(&shared, user);
        Ok(revoked)
    });
    if !revoked.await? {
        return Err(AccountError::Unknown);
    }
    tracing::info!("a device was revoked");
    Ok(())
}

/// Ends all sessions of this person, and closes all their streams.
pub(super) async fn sign_out_everywhere(mut visitor: Visitor) -> Result<(), AccountError> {
    let user = visitor.signed()?.user;
    let shared = visitor.shared.clone();
    unbroken(async move {
        shared.store.end_sessions(user).await?;
        poke(&shared, user);
        Ok(())
    })
    .await?;
    tracing::info!("all sessions of an account were ended");
    leave(&mut visitor).await?;
    Ok(())
}

/// A session's name for its person: the half of its hash, from which no cookie follows.
fn public_name(hash: &SessionHash) -> Id {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    Id::from_u128(u128::from_be_bytes(half))
}
