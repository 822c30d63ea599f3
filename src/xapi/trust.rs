//! Trust: a host is the one whose certificate has the pinned SHA-256.
//!
//! XCP-ng's certificates are self-signed, so no authority can vouch for them.
//! What counts is the fingerprint in the settings, and nothing turns that off.
//!
//! Source: rustls, `ServerCertVerifier`.

use super::error::XapiError;
use super::http::Endpoint;
use crate::clock::TlsTime;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError,
    SignatureScheme,
};

/// The SHA-256 of a certificate in DER form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of the certificate CONTENT, in DER form.
    pub fn of(content: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(content).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(formatter, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A fingerprint that is not 32 bytes in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedFingerprint;

impl FromStr for Fingerprint {
    type Err = MalformedFingerprint;

    /// Colons, white space, case and openssl's `sha256 Fingerprint=` do not matter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.rsplit('=').next().unwrap_or(text);
        let digits: Vec<u8> = digits
            .chars()
            .filter(|character| *character != ':' && !character.is_whitespace())
            .map(|character| character.to_digit(16).map(|digit| digit as u8))
            .collect::<Option<_>>()
            .ok_or(MalformedFingerprint)?;
        if digits.len() != 64 {
            return Err(MalformedFingerprint);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair[0] * 16 + pair[1];
        }
        Ok(Fingerprint(bytes))
    }
}

/// What a TLS handshake fails with when nobody has pinned the certificate.
#[derive(Debug)]
pub struct NotPinned {
    pub seen: Fingerprint,
}

impl fmt::Display for NotPinned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "certificate {} is not pinned", self.seen)
    }
}

impl std::error::Error for NotPinned {}

/// The fingerprint that a failed handshake has seen, if that was the reason.
pub fn not_pinned(error: &std::io::Error) -> Option<Fingerprint> {
    let tls = error.get_ref()?.downcast_ref::<Error>()?;
    let Error::InvalidCertificate(CertificateError::Other(OtherError(other))) = tls else {
        return None;
    };
    other.downcast_ref::<NotPinned>().map(|it| it.seen)
}

/// What keeps ERROR's handshake from succeeding for good, and what to do about it;
/// `None` when it may be the network.
pub fn incompatible(error: &std::io::Error) -> Option<(String, &'static str)> {
    const RENEW: &str = "give the host another certificate: an X.509 version 3 one with an RSA \
         key of 2048 bits or more, or an ECDSA key on P-256 or P-384; `xe \
         host-emergency-reset-server-certificate` on the host makes one";
    const SPEAK: &str = "the host must speak TLS 1.2 with ECDHE and AES-GCM or ChaCha20, or TLS \
         1.3: XenServer 7.3 and later and every XCP-ng do unless they are set up otherwise";
    let tls = error.get_ref()?.downcast_ref::<Error>()?;
    match tls {
        // The pin was right, so the certificate is the host's, and of no use.
        Error::InvalidCertificate(CertificateError::BadSignature) => Some((
            "the host's certificate is the pinned one, but its key cannot be used: this program \
             takes no RSA keys of less than 2048 bits, and no signature of it that it can check"
                .to_owned(),
            RENEW,
        )),
        Error::InvalidCertificate(reason) => Some((
            format!("the host's certificate cannot be used: {reason}"),
            RENEW,
        )),
        Error::PeerIncompatible(reason) => Some((
            format!("host and client have no kind of TLS in common: {reason:?}"),
            SPEAK,
        )),
        Error::AlertReceived(
            alert @ (AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity),
        ) => Some((
            format!("host and client have no kind of TLS in common; the host said {alert:?}"),
            SPEAK,
        )),
        _ => None,
    }
}

/// The fingerprint of the certificate that is shown at HOST, an URL, for somebody
/// to compare with the host's own; nothing is said to the host.
pub async fn shown_certificate(host: &str) -> Result<String, XapiError> {
    match Endpoint::new(host, Vec::new())?.connect().await {
        Err(XapiError::Trust { seen, .. }) => Ok(seen),
        Err(error) => Err(error),
        Ok(_) => unreachable!("without a pinned certificate nobody is trusted"),
    }
}

/// Accepts the pinned certificates and no other.
#[derive(Debug)]
struct Pinned {
    pins: Vec<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seen = Fingerprint::of(end_entity);
        if self.pins.contains(&seen) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::Other(
            OtherError(Arc::new(NotPinned { seen })),
        )))
    }

    // The host must also prove that it has the certificate's key.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A TLS configuration that trusts the hosts with these certificates.
pub fn client_config(pins: Vec<Fingerprint>) -> Arc<ClientConfig> {
    let mut provider = ring::default_provider();
    // Images are large, and 128 bits are as far out of reach as 256.
    provider
        .cipher_suites
        .sort_by_key(|suite| !format!("{:?}", suite.suite()).contains("AES_128"));
    let provider = Arc::new(provider);
    let verifier = Arc::new(Pinned {
        pins,
        provider: provider.clone(),
    });
    let config = ClientConfig::builder_with_details(provider, Arc::new(TlsTime))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for the default versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Arc::new(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_openssl_and_xapi_write_it() {
        let text = Fingerprint::of(b"certificate").to_string();
        assert_eq!(text.len(), 95);
        let openssl = format!("sha256 Fingerprint={text}");
        let bare = text.replace(':', "").to_lowercase();
        for form in [text.as_str(), &openssl, &bare] {
            assert_eq!(form.parse(), Ok(Fingerprint::of(b"certificate")), "{form}");
        }
        for form in ["", "AA:BB", "no fingerprint", &format!("{bare}00")] {
            assert_eq!(form.parse::<Fingerprint>(), Err(MalformedFingerprint));
        }
    }
}
