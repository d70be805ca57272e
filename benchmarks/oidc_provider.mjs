// The peer of the issuer's benchmark: npm oidc-provider, one process, opaque tokens; in memory, or on Redis.
// Usage: node oidc_provider.mjs PORT, with CLIENT_ID, CLIENT_SECRET and CLIENT_JWK in the environment, and with
// REDIS_PORT where it keeps its state there.
// It is imported from benchmarks/.cache, where scripts/bench-tools.sh installs it.

// oidc-provider warns that its development adapter and keys are in use; that is what is measured here.
console.warn = () => {};
console.info = () => {};

const { default: Provider } = await import('./.cache/node_modules/oidc-provider/lib/index.js');

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const audience = `${issuer}/weather`;
const api = { scope: 'forecast:read', audience, accessTokenFormat: 'opaque', accessTokenTTL: 600 };

// With MATERIAL set, codes and tokens are made before they are used, more of them than the provider's own
// adapter keeps (1000). This one keeps everything, and does as little for it.
const rows = new Map();
class Everything {
  constructor(model) { this.model = model; }
  async upsert(id, payload) { rows.set(`${this.model}:${id}`, payload); }
  async find(id) { return rows.get(`${this.model}:${id}`); }
  async consume(id) { rows.get(`${this.model}:${id}`).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { rows.delete(`${this.model}:${id}`); }
  async revokeByGrantId() {}
}

async function adapter() {
  if (process.env.REDIS_PORT) {
    const { redisAdapter } = await import('./redis_adapter.mjs');
    return { adapter: await redisAdapter(Number(process.env.REDIS_PORT)) };
  }
  return process.env.MATERIAL ? { adapter: Everything } : {};
}

const client = {
  client_id: process.env.CLIENT_ID,
  client_secret: process.env.CLIENT_SECRET,
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: ['https://app.example/cb'],
  scope: 'offline_access forecast:read',
};

const provider = new Provider(issuer, {
  ...await adapter(),
  clients: [
    client,
    {
      ...client,
      client_id: `${client.client_id}-jwt`,
      client_secret: undefined,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [JSON.parse(process.env.CLIENT_JWK)] },
    },
    ...Array.from({ length: Number(process.env.PUSHING) }, (_, number) => (
      { ...client, client_id: `${client.client_id}-${number}` }
    )),
    {
      client_id: `${client.client_id}-device`,
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      response_types: [],
      redirect_uris: [],
      scope: 'forecast:read',
    },
  ],
  scopes: ['openid', 'offline_access', 'forecast:read'],
  findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  rotateRefreshToken: true,
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: { enabled: true, defaultResource: () => audience, getResourceServerInfo: () => api },
    deviceFlow: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    devInteractions: { enabled: false },
  },
});

const made = {
  async tokens(of) {
    const token = new provider.ClientCredentials({ client: of, scope: 'forecast:read' });
    token.resourceServer = new provider.ResourceServer(audience, api);
    return token.save();
  },
  codes: (of) => granted(of, provider.AuthorizationCode, {
    redirectUri: 'https://app.example/cb', codeChallenge: process.env.CODE_CHALLENGE, codeChallengeMethod: 'S256',
  }),
  refresh_tokens: (of) => granted(of, provider.RefreshToken, { rotations: 0 }),
  async personal_tokens(of) {
    const grant = new provider.Grant({ accountId: 'ada', clientId: of.clientId });
    grant.addOIDCScope('openid');
    return new provider.AccessToken({
      accountId: 'ada', client: of, grantId: await grant.save(), scope: 'openid', gty: 'authorization_code',
    }).save();
  },
};

async function granted(of, Model, more) {
  const grant = new provider.Grant({ accountId: 'ada', clientId: of.clientId });
  grant.addOIDCScope('offline_access');
  grant.addResourceScope(audience, 'forecast:read');
  return new Model({
    accountId: 'ada', client: of, grantId: await grant.save(), scope: 'offline_access forecast:read',
    resource: audience, gty: 'authorization_code', ...more,
  }).save();
}

// GET /interaction/UID: a person who signs in and says yes, without pages.
provider.use(async (context, next) => {
  if (!context.path.startsWith('/interaction/')) return next();
  const { params } = await provider.interactionDetails(context.req, context.res);
  const grant = new provider.Grant({ accountId: 'ada', clientId: params.client_id });
  grant.addOIDCScope('forecast:read');
  grant.addResourceScope(audience, 'forecast:read');
  const result = { login: { accountId: 'ada' }, consent: { grantId: await grant.save() } };
  context.respond = false;
  await provider.interactionFinished(context.req, context.res, result);
});

// GET /made/KIND/COUNT: so many fresh ones, a line each.
provider.use(async (context, next) => {
  const [, first, kind, count] = context.path.split('/');
  if (first !== 'made') return next();
  const of = await provider.Client.find(client.client_id);
  const texts = [];
  // Many at once, which share the disk's syncs where there are any.
  while (texts.length < Number(count)) {
    const some = Math.min(500, Number(count) - texts.length);
    texts.push(...await Promise.all(Array.from({ length: some }, () => made[kind](of))));
  }
  context.body = texts.join('\n');
});

provider.on('server_error', (_context, error) => console.error(error.stack));
provider.listen(port, '127.0.0.1');
