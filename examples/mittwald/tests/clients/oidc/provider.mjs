// The configuration under which MCP clients pass oidc-provider.
//
// Three settings differ from its defaults: a registered client is not held to the scope
// of its registration (clients register with the first challenge and step up later), a
// request without a scope gets a default one, and `offline_access` always comes with
// `prompt=consent` (it is dropped otherwise).

import { randomBytes } from 'node:crypto';
import Provider, { errors } from 'oidc-provider';

const cookieKeys = [randomBytes(32).toString('base64url')];
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

function resourceServer({ resources, opaque, scope, alg, accessTokenTtl, ...settings }) {
  return (ctx, resource) => {
    const known = resources.length > 0 ? resources.includes(resource) : LOOPBACK.has(new URL(resource).hostname);
    if (!known) throw new errors.InvalidTarget();
    const accessTokenFormat = opaque.has(resource) ? 'opaque' : settings.accessTokenFormat;
    return {
      scope,
      audience: resource,
      accessTokenFormat,
      accessTokenTTL: accessTokenTtl,
      ...(accessTokenFormat === 'jwt' ? { jwt: { sign: { alg } } } : {}),
    };
  };
}

/** Makes the authorization request one that the defaults of oidc-provider accept. */
function completeRequest(defaultScope) {
  return async (ctx, next) => {
    if (ctx.path === '/auth' && ctx.method === 'GET') {
      const query = new URLSearchParams(ctx.querystring);
      if (!query.get('scope')) query.set('scope', defaultScope);
      if (query.get('scope').split(' ').includes('offline_access') && !query.has('prompt')) query.set('prompt', 'consent');
      ctx.querystring = query.toString();
    }
    await next();
  };
}

/** A provider for `settings` that signs with the first key of `jwks`. */
export function createProvider(settings, jwks) {
  const { issuer, users, store, resources, scope, alg, accessTokenTtl } = settings;
  const provider = new Provider(issuer, {
    adapter: store,
    jwks,
    cookies: { keys: cookieKeys },
    scopes: ['openid', 'offline_access', ...scope.split(' ')],
    findAccount: (ctx, id) => (users.has(id) ? { accountId: id, claims: () => ({ sub: id }) } : undefined),
    interactions: { url: (ctx, { uid }) => `/interaction/${uid}` },
    clientDefaults: {
      id_token_signed_response_alg: alg,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    },
    responseTypes: ['code'],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: { dPoPSigningAlgValues: ['ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256'] },
    // Not part of the schema, so the provider asks the validator, which drops the held scope.
    extraClientMetadata: {
      properties: ['mcp_unbound_scope'],
      validator(ctx, key, value, metadata) { delete metadata.scope; },
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      registration: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx, client, oneOf) => oneOf ?? resources[0],
        useGrantedResource: () => true,
        getResourceServerInfo: resourceServer(settings),
      },
    },
    clientBasedCORS: () => true,
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    pkce: { required: () => true },
    ttl: {
      AccessToken: accessTokenTtl, AuthorizationCode: 60, IdToken: 3600, RefreshToken: 86_400,
      Interaction: 600, Session: 3600, Grant: 86_400,
    },
  });
  provider.use(completeRequest(scope.split(' ').filter((name) => name.endsWith(':read')).join(' ')));
  provider.on('server_error', (ctx, error) => process.stderr.write(`${error.stack}\n`));
  return provider;
}
