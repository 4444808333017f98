// A client is registered (RFC 7591) at the authorization server that an issuer names.

import * as oauth from 'oauth4webapi';

/** Loopback without TLS. */
export const plain = { [oauth.allowInsecureRequests]: true };

export async function discover(issuer) {
  const url = new URL(issuer);
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, plain));
}

/** Registers a client that authenticates by the method `by`; a key is made for it where it needs one. */
export async function register(server, { by, alg = 'ES256', grants = [] }) {
  const wish = { token_endpoint_auth_method: by, grant_types: grants, response_types: [], redirect_uris: [] };
  const pair = by === 'private_key_jwt' ? await oauth.generateKeyPair(alg, { extractable: true }) : undefined;
  if (pair) {
    wish.token_endpoint_auth_signing_alg = alg;
    wish.jwks = { keys: [await crypto.subtle.exportKey('jwk', pair.publicKey)] };
  }
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(server, wish, plain));
  return { client, pair };
}
