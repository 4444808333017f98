// Signing keys, made when the server starts and never written anywhere.

import { generateKeyPair, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

const KINDS = {
  ES256: ['ec', { namedCurve: 'P-256' }],
  RS256: ['rsa', { modulusLength: 2048 }],
  Ed25519: ['ed25519', {}],
};

async function newKey(alg) {
  const { privateKey } = await generate(...KINDS[alg]);
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg };
}

/** The keys a provider signs with and publishes; the newest comes first and signs. */
export class KeyRing {
  #keys = [];

  static async create(alg) {
    if (!Object.hasOwn(KINDS, alg)) throw new Error(`--alg is one of ${Object.keys(KINDS)}, not ${alg}`);
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
