//! The signed link: it names one order, its group, its supplier and until when it holds, and is good for nothing else. Whoever
//! has it may read that order and answer it once, as that supplier.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kit::{
    Failure,
    clock::technical_now,
    id::{GroupId, PartyId, PooledOrderId},
};
use sha2::Sha256;
use uuid::Uuid;

/// What the signature is for: a link of another kind, signed with the same key, is none of ours.
const PURPOSE: &[u8] = b"centrale/order-reply/v1";
/// Group, order, supplier, expiry.
const BODY: usize = 16 * 3 + 8;
/// HMAC-SHA-256.
const SIGNATURE: usize = 32;
/// How long a link holds, in days: longer than suppliers take, shorter than an order is of interest.
const DAYS: i64 = 60;

/// The keys of links, the same in every replica. The first signs, all are accepted, so that keys can be changed.
#[derive(Clone)]
pub struct LinkKey(Vec<Vec<u8>>);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Group of the order.
    pub group: GroupId,
    /// The order.
    pub order: PooledOrderId,
    /// Its supplier.
    pub supplier: PartyId,
    /// Seconds since 1970 until when it holds, technical time.
    pub expires: i64,
}

impl LinkKey {
    /// From comma-separated keys in hexadecimal.
    ///
    /// # Errors
    /// When there is none, or one is not hexadecimal or shorter than 32 bytes.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let keys = text.split(',').map(|key| {
            let key = hex::decode(key.trim()).map_err(|error| format!("not hexadecimal: {error}"))?;
            if key.len() < 32 { Err(format!("{} bytes are too few, 32 at least", key.len())) } else { Ok(key) }
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// The token of a link to answer an order, from now on for 60 days.
    ///
    /// # Errors
    /// When demand's ids are not ids.
    pub fn reply_to(&self, group: GroupId, order: &str, supplier: &str) -> Result<String, Failure> {
        let (order, supplier) =
            (order.parse().map_err(Failure::internal)?, supplier.parse().map_err(Failure::internal)?);
        let expires = technical_now().timestamp() + DAYS * 86_400;
        self.seal(Link { group, order, supplier, expires })
    }

    /// Signs a link.
    ///
    /// # Errors
    /// Only for a key that cannot be used.
    pub fn seal(&self, link: Link) -> Result<String, Failure> {
        let mut bytes = Vec::with_capacity(BODY + SIGNATURE);
        for id in [link.group.uuid(), link.order.uuid(), link.supplier.uuid()] {
            bytes.extend_from_slice(id.as_bytes());
        }
        bytes.extend_from_slice(&link.expires.to_be_bytes());
        let key = self.0.first().ok_or_else(|| Failure::internal("no key signs links"))?;
        let signature = mac(key, &bytes)?.finalize().into_bytes();
        bytes.extend_from_slice(&signature);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a link. Whatever is wrong with it, the answer is none: it says nothing about what there is.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<Link> {
        if token.len() > 2 * (BODY + SIGNATURE) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == BODY + SIGNATURE)?;
        let (body, signature) = bytes.split_at(BODY);
        let signed = |key: &Vec<u8>| mac(key, body).is_ok_and(|mac| mac.verify_slice(signature).is_ok());
        if !self.0.iter().any(signed) {
            return None;
        }
        let id = |at: usize| Uuid::from_slice(&body[at..at + 16]).ok();
        let link = Link {
            group: GroupId::from_uuid(id(0)?),
            order: PooledOrderId::from_uuid(id(16)?),
            supplier: PartyId::from_uuid(id(32)?),
            expires: i64::from_be_bytes(body[48..].try_into().ok()?),
        };
        (technical_now().timestamp() <= link.expires).then_some(link)
    }
}

fn mac(key: &[u8], body: &[u8]) -> Result<Hmac<Sha256>, Failure> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(Failure::internal)?;
    mac.update(PURPOSE);
    mac.update(body);
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(expires_in: i64) -> Link {
        Link {
            group: GroupId::new(),
            order: PooledOrderId::new(),
            supplier: PartyId::new(),
            expires: technical_now().timestamp() + expires_in,
        }
    }

    #[test]
    fn a_link_reads_back_and_no_bit_of_it_may_change() {
        let key = LinkKey::from_hex(&"0f".repeat(32)).unwrap();
        let link = link(60);
        let token = key.seal(link).unwrap();
        assert_eq!(key.open(&token), Some(link));
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(&URL_SAFE_NO_PAD.encode(forged)), None, "bit {bit}");
        }
        for wrong in ["", "x", &token[1..], &format!("{token}AA"), &"A".repeat(5_000)] {
            assert_eq!(key.open(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_link_ends_and_keys_can_be_changed() {
        let (old, new) = ("0f".repeat(32), "f0".repeat(32));
        let before = LinkKey::from_hex(&old).unwrap();
        let changing = LinkKey::from_hex(&format!("{new},{old}")).unwrap();
        let after = LinkKey::from_hex(&new).unwrap();
        assert_eq!(before.open(&before.seal(link(-1)).unwrap()), None, "expired");
        let sent = before.seal(link(60)).unwrap();
        assert!(changing.open(&sent).is_some() && after.open(&sent).is_none());
        assert!(after.open(&changing.seal(link(60)).unwrap()).is_some(), "the first key signs");
        assert!(LinkKey::from_hex("0f").is_err() && LinkKey::from_hex("x").is_err() && LinkKey::from_hex("").is_err());
    }
}
