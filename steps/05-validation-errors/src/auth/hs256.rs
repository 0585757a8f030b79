//! HMAC with SHA-256 (HS256, RFC 7518 section 3.2) for the crate `jsonwebtoken`, which leaves the
//! cryptography to others. Its own choices for that bring a dozen algorithms along; we take one.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::Sha256;

/// Makes `jsonwebtoken` sign and verify with HS256, and with nothing else.
pub fn install() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| Ok(Box::new(Hs256::for_signing(*algorithm, key)?)),
        verifier_factory: |algorithm, key| Ok(Box::new(Hs256::for_verifying(*algorithm, key)?)),
        key_utils: KeyUtils::new_unimplemented(),
    };
    // A second call finds this provider installed, which is what it wants.
    let _ = PROVIDER.install_default();
}

/// A key, ready to sign or verify.
struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn for_signing(algorithm: Algorithm, key: &EncodingKey) -> Result<Self, Error> {
        match key.family() {
            AlgorithmFamily::Hmac => Self::new(algorithm, key.as_bytes()),
            _ => Err(ErrorKind::InvalidKeyFormat.into()),
        }
    }

    fn for_verifying(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, Error> {
        match key.family() {
            AlgorithmFamily::Hmac => Self::new(algorithm, key.try_get_as_bytes()?),
            _ => Err(ErrorKind::InvalidKeyFormat.into()),
        }
    }

    fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, Error> {
        if algorithm != Algorithm::HS256 {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        let hmac = Hmac::new_from_slice(key).map_err(|_| ErrorKind::InvalidKeyFormat)?;
        Ok(Self(hmac))
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signature = self.0.clone().chain_update(message).finalize();
        Ok(signature.into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        // This comparison takes the same time wherever the first wrong byte is.
        let expected = self.0.clone().chain_update(message);
        expected
            .verify_slice(signature)
            .map_err(SignatureError::from_source)
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
