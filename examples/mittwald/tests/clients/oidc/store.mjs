// What the provider remembers, kept outside of it so that it survives a change of keys.

const GRANTABLE = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);

/** An adapter factory for oidc-provider over one map. */
export function createStore() {
  const entries = new Map();
  const live = (key) => {
    const entry = entries.get(key);
    if (entry && entry.until > Date.now()) return entry.payload;
    entries.delete(key);
    return undefined;
  };
  const findBy = (model, field, value) => {
    for (const key of entries.keys()) {
      const payload = key.startsWith(`${model}:`) ? live(key) : undefined;
      if (payload?.[field] === value) return payload;
    }
    return undefined;
  };
  return (model) => ({
    async upsert(id, payload, expiresIn) {
      entries.set(`${model}:${id}`, { payload, until: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
    },
    async find(id) { return live(`${model}:${id}`); },
    async findByUid(uid) { return findBy(model, 'uid', uid); },
    async findByUserCode(code) { return findBy(model, 'userCode', code); },
    async consume(id) {
      const payload = live(`${model}:${id}`);
      if (payload) payload.consumed = Math.floor(Date.now() / 1000);
    },
    async destroy(id) { entries.delete(`${model}:${id}`); },
    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of entries) {
        if (GRANTABLE.has(key.slice(0, key.indexOf(':'))) && payload.grantId === grantId) entries.delete(key);
      }
    },
  });
}
