// The OAuth provider that the SDK asks for: in memory, one client, one person.

import { createHash, randomBytes } from 'node:crypto';
import { keepSecret } from './report.mjs';

const challengeOf = (verifier) => createHash('sha256').update(verifier).digest('base64url');

/**
 * Keeps everything a flow needs. `redirectToAuthorization` only remembers the URL:
 * the flow walks it when the SDK has handed control back.
 */
export class MemoryProvider {
  #client;
  #tokens;
  #verifiers = new Map();
  #walked;
  #discovery;
  #pending;

  constructor(name, redirectUrl) {
    this.name = name;
    this.redirectUrl = redirectUrl;
  }

  get clientMetadata() {
    return {
      client_name: this.name,
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  state() { return randomBytes(24).toString('base64url'); }

  clientInformation() { return this.#client; }

  saveClientInformation(client) {
    keepSecret(client.client_secret);
    this.#client = client;
  }

  tokens() { return this.#tokens; }

  saveTokens(tokens) {
    keepSecret(tokens.access_token);
    keepSecret(tokens.refresh_token);
    this.#tokens = tokens;
  }

  // A background stream may authorize beside a call: verifiers are kept by their challenge.
  saveCodeVerifier(verifier) {
    keepSecret(verifier);
    this.#verifiers.set(challengeOf(verifier), verifier);
  }

  codeVerifier() {
    const verifier = this.#verifiers.get(this.#walked);
    if (!verifier) throw new Error('no code verifier belongs to the walked authorization request');
    return verifier;
  }

  redirectToAuthorization(url) {
    this.#pending = url;
  }

  /** The authorization URL to walk next, once. */
  takePending() {
    const url = this.#pending;
    this.#pending = undefined;
    this.#walked = url?.searchParams.get('code_challenge');
    return url;
  }

  saveDiscoveryState(state) { this.#discovery = state; }

  discoveryState() { return this.#discovery; }

  invalidateCredentials(scope) {
    if (scope === 'all' || scope === 'client') this.#client = undefined;
    if (scope === 'all' || scope === 'tokens') this.#tokens = undefined;
    if (scope === 'all' || scope === 'discovery') this.#discovery = undefined;
  }
}
