// Where oidc-provider keeps its state when it is deployed: Redis, by the adapter that its documentation describes.
// What one model writes goes in one MULTI, a single command goes alone, and lives are set without asking first.

const { default: redis } = await import('./.cache/node_modules/redis/dist/index.js');

// Models that are marked as used are hashes, so that the mark is one command; the others are plain values.
const consumable = new Set([
  'AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest',
  'PushedAuthorizationRequest', 'PreAuthorizedCode',
]);
const grantable = new Set([
  'AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest',
  'PreAuthorizedCode',
]);

export async function redisAdapter(port) {
  const client = redis.createClient({ socket: { host: '127.0.0.1', port } });
  client.on('error', (error) => console.error(error.stack));
  await client.connect();

  return class {
    constructor(model) {
      this.model = model;
      this.consumable = consumable.has(model);
      this.grantable = grantable.has(model);
    }

    key(id) { return `${this.model}:${id}`; }

    async upsert(id, payload, expiresIn) {
      const key = this.key(id);
      const life = expiresIn ? { EX: expiresIn } : {};
      const grant = this.grantable && payload.grantId;
      if (!this.consumable && !grant && !payload.userCode && !payload.uid) {
        await client.set(key, JSON.stringify(payload), life);
        return;
      }
      const multi = client.multi();
      if (this.consumable) {
        multi.hSet(key, 'payload', JSON.stringify(payload));
        if (expiresIn) multi.expire(key, expiresIn);
      } else {
        multi.set(key, JSON.stringify(payload), life);
      }
      if (grant) {
        const members = `grant:${grant}`;
        multi.rPush(members, key);
        // The list lives as long as the longest of its members: a first life, or a longer one.
        if (expiresIn) multi.expire(members, expiresIn, 'NX').expire(members, expiresIn, 'GT');
      }
      if (payload.userCode) multi.set(`userCode:${payload.userCode}`, id, life);
      if (payload.uid) multi.set(`uid:${payload.uid}`, id, life);
      await multi.exec();
    }

    async find(id) {
      if (!this.consumable) {
        const text = await client.get(this.key(id));
        return text === null ? undefined : JSON.parse(text);
      }
      const { payload, consumed } = await client.hGetAll(this.key(id));
      if (payload === undefined) return undefined;
      return { ...JSON.parse(payload), ...(consumed && { consumed: Number(consumed) }) };
    }

    async findByUserCode(userCode) { return this.findBy(`userCode:${userCode}`); }

    async findByUid(uid) { return this.findBy(`uid:${uid}`); }

    async findBy(index) {
      const id = await client.get(index);
      return id === null ? undefined : this.find(id);
    }

    async consume(id) { await client.hSet(this.key(id), 'consumed', Math.floor(Date.now() / 1000)); }

    async destroy(id) { await client.del(this.key(id)); }

    async revokeByGrantId(grantId) {
      const members = `grant:${grantId}`;
      const keys = await client.lRange(members, 0, -1);
      await client.del([...keys, members]);
    }
  };
}
