//! The client certificate of a connection (RFC 8705).

use std::fmt;

use aws_lc_rs::digest;

use super::Thumbprint;

/// The certificate that the client of this connection proved to hold. The host that ends TLS puts it into the request's
/// extensions; it comes from the connection and never from a header.
///
/// ```
/// use mcp_auth_core::verify::ClientCertificate;
///
/// let der = b"the certificate in DER";
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(ClientCertificate::from_der(der));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientCertificate {
    thumbprint: Thumbprint,
}

impl ClientCertificate {
    /// The certificate with these bytes (DER): the end entity's, without its chain.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Self { thumbprint: Thumbprint::new(bytes) }
    }

    /// The SHA-256 of the certificate, as `x5t#S256` names it (RFC 8705, section 3.1).
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}
