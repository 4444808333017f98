// Signing keys, made when the server starts and never written anywhere.

import { generateKeyPair, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

async function newKey(alg) {
  const { privateKey } = alg === 'RS256'
    ? await generate('rsa', { modulusLength: 2048 })
    : await generate('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg };
}

/** The keys a provider signs with and publishes; the newest comes first and signs. */
export class KeyRing {
  #keys = [];

  static async create(alg) {
    if (alg !== 'ES256' && alg !== 'RS256') throw new Error(`--alg is ES256 or RS256, not ${alg}`);
    const ring = new KeyRing();
    ring.alg = alg;
    await ring.rotate();
    return ring;
  }

  /** Adds a new signing key and returns its id; older keys stay published. */
  async rotate() {
    const key = await newKey(this.alg);
    this.#keys.unshift(key);
    return key.kid;
  }

  /** Withdraws all keys but the newest; returns the withdrawn ids. */
  retire() {
    return this.#keys.splice(1).map(({ kid }) => kid);
  }

  jwks() {
    return { keys: this.#keys.map((key) => ({ ...key })) };
  }
}
