// A real OpenID provider on loopback, as an authorization server that is not ours.
//
//   node server.mjs [--port 0] [--user NAME:PASSWORD]… [--resource URL]… [--scope 'a b …']
//                   [--alg ES256|RS256|Ed25519] [--access-token-ttl 3600] [--access-token-format jwt|opaque]
//
// First line of output: {"issuer":…}. Standard input is the control: `rotate` signs with a new
// key and still publishes the old ones, `retire` publishes the newest alone, `opaque URL` makes the
// tokens for that resource opaque from now on; each is answered by one JSON line. The server ends
// when standard input closes.

import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createInteractions } from './interactions.mjs';
import { KeyRing } from './keys.mjs';
import { createProvider } from './provider.mjs';
import { createStore } from './store.mjs';

const DEFAULT_SCOPE = ['user', 'customer', 'project', 'app', 'database']
  .flatMap((of) => [`${of}:read`, `${of}:write`, `${of}:delete`]).join(' ');

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    user: { type: 'string', multiple: true, default: ['demo:demo'] },
    resource: { type: 'string', multiple: true, default: [] },
    scope: { type: 'string', default: DEFAULT_SCOPE },
    alg: { type: 'string', default: 'ES256' },
    'access-token-ttl': { type: 'string', default: '3600' },
    'access-token-format': { type: 'string', default: 'jwt' },
  },
});

const users = new Map(values.user.map((pair) => {
  const colon = pair.indexOf(':');
  return [pair.slice(0, colon), pair.slice(colon + 1)];
}));

// Standard output carries the protocol of this script alone.
console.log = console.info = console.warn = (...words) => process.stderr.write(`${words.join(' ')}\n`);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const server = createServer();
await new Promise((resolve) => { server.listen(Number(values.port), '127.0.0.1', resolve); });
const issuer = `http://127.0.0.1:${server.address().port}`;

const keys = await KeyRing.create(values.alg);
const store = createStore();
const settings = {
  issuer,
  users,
  store,
  resources: values.resource,
  opaque: new Set(),
  scope: values.scope,
  alg: values.alg,
  accessTokenTtl: Number(values['access-token-ttl']),
  accessTokenFormat: values['access-token-format'],
};
const interactions = createInteractions(users);

// Keys are fixed for the life of a provider: a rotation replaces the provider, the store stays.
let current;
const renew = () => {
  const provider = createProvider(settings, keys.jwks());
  const callback = provider.callback();
  current = { provider, callback };
};
renew();

server.on('request', (request, response) => {
  const { provider, callback } = current;
  if (!interactions.accepts(request)) { callback(request, response); return; }
  interactions.handle(provider, request, response).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    response.writeHead(400, { 'content-type': 'text/plain; charset=utf-8' }).end('This sign-in is not valid any more.');
  });
});

say({ issuer });

const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  const command = line.trim();
  if (command === 'rotate') {
    say({ rotated: await keys.rotate() });
    renew();
  } else if (command === 'retire') {
    say({ retired: keys.retire() });
    renew();
  } else if (command.startsWith('opaque ')) {
    settings.opaque.add(command.slice('opaque '.length));
    say({ opaque: [...settings.opaque] });
  } else if (command) {
    say({ unknown: command });
  }
}
server.closeAllConnections();
server.close();
process.exit(0);
