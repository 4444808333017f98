// An SDK client whose authorization is walked without a person, and a record of its traffic.

import { createHash } from 'node:crypto';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { MemoryProvider } from './provider.mjs';
import { demand, keepSecret, step } from './report.mjs';
import { walk } from './walker.mjs';

const MODERN = '2026-07-28';

const fingerprint = (token) => createHash('sha256').update(token).digest('base64url');

/** One client, its provider, its transport and what went over the wire. */
export class Session {
  /** Every exchange: `{ method, path, status, challenge, bearer, grant }`; tokens only as digests. */
  traffic = [];
  /** What the first authorization gave: the digest of the access token, the refresh token. */
  issued;
  /** How often a person was asked; a background stream may prepare requests that nobody walks. */
  authorizations = 0;

  /** What a person was shown before a write. */
  asked = [];

  constructor({ url, user, password, era, service }) {
    keepSecret(password);
    this.url = new URL(url);
    this.person = { user, password };
    this.era = era;
    this.service = service;
    // No listener is needed: the walker stops in front of the redirect URI.
    this.provider = new MemoryProvider(`${service.name} test client (TypeScript)`, `http://127.0.0.1:${49152 + Math.floor(Math.random() * 16000)}/callback`);
  }

  #fetch = async (input, init) => {
    const request = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init?.headers);
    const bearer = headers.get('authorization')?.replace(/^Bearer /, '');
    const grant = init?.body instanceof URLSearchParams ? init.body.get('grant_type') ?? undefined : undefined;
    const response = await fetch(input, init);
    this.traffic.push({
      method: init?.method ?? 'GET',
      path: request.pathname,
      mcp: request.href === this.url.href,
      status: response.status,
      challenge: response.headers.get('www-authenticate') ?? undefined,
      bearer: bearer && fingerprint(bearer),
      grant,
    });
    return response;
  };

  #connectOnce() {
    this.client = new Client(
      { name: `${this.service.name}-test-client`, version: '1.0.0' },
      {
        capabilities: { elicitation: {} },
        versionNegotiation: { mode: this.era === 'modern' ? { pin: MODERN } : 'legacy' },
      },
    );
    // A person who reads the question and types the words that it demands.
    this.client.setRequestHandler('elicitation/create', async ({ params }) => {
      this.asked.push(params.message);
      const words = params.requestedSchema.properties.phrase.title.replace(/^Type (.*) to go on$/, '$1');
      return { action: 'accept', content: { phrase: words } };
    });
    this.transport = new StreamableHTTPClientTransport(this.url, { authProvider: this.provider, fetch: this.#fetch });
    return this.client.connect(this.transport);
  }

  /** Walks the authorization request the SDK has prepared and hands the code back to it. */
  async authorize(name) {
    const url = this.provider.takePending();
    demand(`${name}.requested`, url !== undefined, 'the SDK prepared an authorization request');
    const query = url.searchParams;
    demand(`${name}.request`, query.get('code_challenge_method') === 'S256' && query.has('resource') && query.has('state'),
      { scope: query.get('scope'), resource: query.get('resource'), prompt: query.get('prompt') });
    this.authorizations += 1;
    const { params, signedIn, consented } = await walk(url, this.person);
    keepSecret(params.get('code'));
    demand(`${name}.walked`, params.has('code'), { signedIn, consented, error: params.get('error') });
    const metadata = this.provider.discoveryState()?.authorizationServerMetadata;
    demand(`${name}.iss`, params.get('iss') === metadata?.issuer && metadata.authorization_response_iss_parameter_supported === true,
      { iss: params.get('iss'), issuer: metadata?.issuer });
    await this.transport.finishAuth(params);
    this.issued ??= { access: this.tokenInUse(), refresh: this.provider.tokens()?.refresh_token };
    step(`${name}.tokens`, true, {
      scope: this.provider.tokens()?.scope,
      expires_in: this.provider.tokens()?.expires_in,
      refresh: this.provider.tokens()?.refresh_token !== undefined,
    });
  }

  /** Connects; the first attempt is expected to end in a 401. */
  async connect() {
    try {
      await this.#connectOnce();
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await this.authorize('authorize');
      await this.#connectOnce();
    }
    step('connect', true, { era: this.era, version: this.client.getNegotiatedProtocolVersion() });
  }

  /** Runs `operation`; when the SDK asks for authorization, walks it (as `name`) and runs it again. */
  async withAuthorization(name, operation) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await this.authorize(name);
      return operation();
    }
  }

  /** The service's tool that the first scopes allow. */
  read() {
    return this.client.callTool(this.service.read);
  }

  /** The service's tool that takes one scope more. */
  write() {
    return this.client.callTool(this.service.write);
  }

  /** The digest of the token in use now. */
  tokenInUse() {
    const token = this.provider.tokens()?.access_token;
    return token && fingerprint(token);
  }

  async close() {
    if (this.era === 'legacy') await this.transport.terminateSession();
    await this.client.close();
  }
}
