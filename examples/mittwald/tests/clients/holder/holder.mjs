// Holds one access token and calls a tool with it: OAuth and DPoP are `oauth4webapi`'s.
//
//   node holder.mjs RESOURCE
//
// It finds the authorization server as a client does, by the metadata of RESOURCE, and then prints
// the metadata of both. Standard input is the control: one JSON command a line, answered by one
// JSON line. It ends when standard input closes. The token itself is never printed.
//
//   {"do":"obtain","by":METHOD,"key":ALG,"resource":URL}
//       a token by client_credentials, for a new client; bound where there is a key
//   {"do":"call","bearer":true,"stranger":true,"change":{…},"twice":true}
//       calls the tool `whoami`, and tells the answer to each request: as a bearer token all the
//       same; with a proof by another key; with changed claims of the proof; the same request twice
//   {"do":"revoke"}
//       at the authorization server (RFC 7009)

import { createInterface } from 'node:readline';
import * as oauth from 'oauth4webapi';
import { discover, plain, register } from './registration.mjs';

const REVISION = '2026-07-28';
// What the tool `whoami` needs.
const SCOPE = 'notes:read';
const resource = new URL(process.argv[2]);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const metadata = await oauth.processResourceDiscoveryResponse(
  resource, await oauth.resourceDiscoveryRequest(resource, plain));
const server = await discover(metadata.authorization_servers[0]);
let held;

/** A key, and the proofs that it makes. */
async function prover(alg) {
  return oauth.DPoP(held.client, await oauth.generateKeyPair(alg), {
    [oauth.modifyAssertion]: (header, claims) => Object.assign(claims, held.change),
  });
}

/** Gets a token by client_credentials, bound to a new key if one is asked for. */
async function obtain({ by, key, resource: other }) {
  const { client, pair } = await register(server, { by, grants: ['client_credentials'] });
  const authentication = {
    client_secret_basic: () => oauth.ClientSecretBasic(client.client_secret),
    client_secret_post: () => oauth.ClientSecretPost(client.client_secret),
    private_key_jwt: () => oauth.PrivateKeyJwt(pair.privateKey),
  }[by]();
  held = { client, authentication, change: {} };
  if (key) held.proof = await prover(key);
  const parameters = { scope: SCOPE, resource: other ?? resource.href };
  const token = await oauth.processClientCredentialsResponse(server, client,
    await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, { ...plain, DPoP: held.proof }));
  held.token = token.access_token;
  return {
    client_id: client.client_id,
    token_type: token.token_type,
    format: held.token.split('.').length === 3 ? 'jwt' : 'opaque',
  };
}

/** What an answer says: a body, or the last event of a stream. */
async function read(response) {
  const text = await response.text();
  const event = text.split('\n').findLast((line) => /^data:./.test(line))?.slice('data:'.length);
  const message = JSON.parse(event ?? text);
  return {
    status: response.status,
    error: message.error?.data?.error,
    text: message.result?.content?.[0]?.text,
  };
}

/** Calls the tool; a nonce that is asked for is followed once, as section 8 of RFC 9449 says. */
async function call({ bearer, stranger, change = {}, twice }) {
  const answers = [];
  const send = async (url, request) => {
    const response = await fetch(url, request);
    answers.push(await read(response.clone()));
    if (twice) answers.push(await read(await fetch(url, request)));
    return response;
  };
  const headers = new Headers({
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': REVISION,
    'mcp-method': 'tools/call',
    'mcp-name': 'whoami',
  });
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'whoami',
      arguments: {},
      _meta: {
        'io.modelcontextprotocol/protocolVersion': REVISION,
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'holder', version: '1' },
      },
    },
  });
  const proof = stranger ? await prover('ES256') : held.proof;
  const options = { ...plain, DPoP: bearer ? undefined : proof, [oauth.customFetch]: send };
  held.change = change;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await oauth.protectedResourceRequest(held.token, 'POST', resource, headers, body, options);
    } catch (error) {
      if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
      answers.at(-1).challenges = error.cause;
      if (oauth.isDPoPNonceError(error) && attempt === 1) continue;
    }
    return { answers };
  }
}

async function revoke() {
  const response = await oauth.revocationRequest(server, held.client, held.authentication, held.token, plain);
  await oauth.processRevocationResponse(response);
  return { revoked: true };
}

const commands = { obtain, call, revoke };

say({ resource: metadata, server });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    say(await commands[command.do](command));
  } catch (error) {
    say({ failed: `${error}`, cause: error.cause });
  }
}
