// What each scenario does once a session is connected.

import { demand, step } from './report.mjs';

const REFRESH_DEADLINE_MS = 30_000;
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const textOf = (result) => result.content?.map((part) => part.text ?? '').join('') ?? '';

/** A call whose result must be a success; `detail` is short and carries no upstream data. */
async function succeed(name, operation) {
  const result = await operation();
  demand(name, result.isError !== true, result.isError ? textOf(result).slice(0, 300) : `${textOf(result).length} characters`);
}

const scopes = (session) => new Set((session.provider.tokens()?.scope ?? '').split(' '));

const rawCall = { jsonrpc: '2.0', id: 1, method: 'ping' };

/** The status and challenge of a request outside the SDK, for what the SDK hides. */
async function raw(session, token) {
  const response = await fetch(session.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(rawCall),
  });
  await response.body?.cancel();
  return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '' };
}

/** 401 → sign-in → list → read → refused write → step-up → write. */
async function full(session) {
  const first = session.traffic.find(({ mcp }) => mcp);
  demand('challenge', first?.status === 401 && /resource_metadata="/.test(first.challenge ?? '') && /scope="/.test(first.challenge ?? ''),
    { status: first?.status, challenge: first?.challenge });
  const registered = session.traffic.find(({ method, path, status }) => method === 'POST' && status === 201 && !path.endsWith('/token'));
  demand('registered', registered !== undefined, registered?.path ?? 'no registration answered 201');

  const { tools } = await session.client.listTools();
  demand('tools', tools.length > 0, tools.map(({ name }) => name).sort());
  await succeed('read', () => session.read());

  const before = scopes(session);
  const { scope, questions } = session.service;
  demand('not_granted', !before.has(scope), [...before]);
  const mark = session.traffic.length;
  await succeed('write', () => session.withAuthorization('step_up', () => session.write()));
  demand('asked', session.asked.length === questions, session.asked);
  const refusal = session.traffic.slice(mark).find(({ mcp, status }) => mcp && status === 403);
  demand('insufficient_scope', /error="insufficient_scope"/.test(refusal?.challenge ?? '') && refusal.challenge.includes(scope),
    { status: refusal?.status, challenge: refusal?.challenge });

  const after = scopes(session);
  demand('stepped_up', after.has(scope), [...after]);
  step('kept_scopes', [...before].every((scope) => after.has(scope)), [...after]);
  await succeed('read_again', () => session.read());
  demand('authorizations', session.authorizations === 2, session.authorizations);
}

/** Calls until the short-lived token has been refreshed by the SDK itself. */
async function refresh(session) {
  // From the first authorization: on a busy machine the SDK may have refreshed already.
  const first = session.issued;
  demand('refresh_token', first?.refresh !== undefined, 'a refresh token was issued');
  await succeed('first_call', () => session.read());
  const started = Date.now();
  let calls = 1;
  while (!session.traffic.some(({ grant, status }) => grant === 'refresh_token' && status === 200)) {
    if (Date.now() - started > REFRESH_DEADLINE_MS) demand('refreshed', false, `no refresh within ${REFRESH_DEADLINE_MS} ms`);
    await sleep(200);
    const result = await session.read();
    if (result.isError) demand('call', false, textOf(result).slice(0, 300));
    calls += 1;
  }
  demand('refreshed', true, { calls, after_ms: Date.now() - started });
  await succeed('call_after_refresh', () => session.read());
  const used = session.traffic.filter(({ mcp, bearer, status }) => mcp && bearer && status === 200).at(-1)?.bearer;
  demand('another_token', used !== undefined && used !== first.access, 'the last accepted call carried another token');
  demand('rotated', session.provider.tokens().refresh_token !== first.refresh, 'the refresh token was replaced');
  demand('authorizations', session.authorizations === 1, session.authorizations);
}

async function revoke(session, name, token, hint) {
  const metadata = session.provider.discoveryState()?.authorizationServerMetadata;
  demand(`${name}.endpoint`, typeof metadata?.revocation_endpoint === 'string', metadata?.revocation_endpoint ?? 'not in the metadata');
  const response = await fetch(metadata.revocation_endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token, token_type_hint: hint, client_id: session.provider.clientInformation().client_id }),
  });
  await response.arrayBuffer();
  demand(name, response.status === 200, response.status);
}

/** Revokes both tokens; the next call must lead to a new authorization. */
async function revoked(session) {
  await succeed('first_call', () => session.read());
  const { access_token: access, refresh_token: refreshToken } = session.provider.tokens();
  const digest = session.tokenInUse();
  const mark = session.traffic.length;
  await revoke(session, 'revoke_access', access, 'access_token');
  const refused = await raw(session, access);
  demand('refused', refused.status === 401 && /error="invalid_token"/.test(refused.challenge), refused);
  if (refreshToken) await revoke(session, 'revoke_refresh', refreshToken, 'refresh_token');
  await succeed('call_after_revocation', () => session.withAuthorization('reauthorize', () => session.read()));
  demand('sdk_saw_401', session.traffic.slice(mark).some(({ mcp, status }) => mcp && status === 401), 'the SDK met a 401');
  demand('another_token', session.tokenInUse() !== digest, 'the call carried another token');
  demand('authorizations', session.authorizations === 2, session.authorizations);
}

export const scenarios = { full, refresh, revoked };
