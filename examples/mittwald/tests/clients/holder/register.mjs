// Registers a client for somebody else, and prints its secret or its private key (PKCS#8).
//
//   node register.mjs ISSUER client_secret_basic|client_secret_post|private_key_jwt ES256|RS256

import { discover, register } from './registration.mjs';

const [issuer, by, alg] = process.argv.slice(2);
const { client, pair } = await register(await discover(issuer), { by, alg });
const key = pair && Buffer.from(await crypto.subtle.exportKey('pkcs8', pair.privateKey)).toString('base64');
process.stdout.write(`${JSON.stringify({
  client_id: client.client_id,
  client_secret: client.client_secret,
  private_key: key && `-----BEGIN PRIVATE KEY-----\n${key.match(/.{1,64}/g).join('\n')}\n-----END PRIVATE KEY-----\n`,
})}\n`);
