// The peer of the issuer's benchmark: npm oidc-provider with its in-memory adapter, one process, opaque tokens.
// Usage: node oidc_provider.mjs PORT, with CLIENT_ID and CLIENT_SECRET in the environment.
// It is imported from benchmarks/.cache, where scripts/bench-tools.sh installs it.

// oidc-provider warns that its development adapter and keys are in use; that is what is measured here.
console.warn = () => {};
console.info = () => {};

const { default: Provider } = await import('./.cache/node_modules/oidc-provider/lib/index.js');

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const audience = `${issuer}/weather`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: process.env.CLIENT_ID,
      client_secret: process.env.CLIENT_SECRET,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      scope: 'forecast:read',
    },
  ],
  scopes: ['openid', 'forecast:read'],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: () => ({ scope: 'forecast:read', audience, accessTokenFormat: 'opaque', accessTokenTTL: 600 }),
    },
    devInteractions: { enabled: false },
  },
});

provider.on('server_error', (_context, error) => console.error(error.message));
provider.listen(port, '127.0.0.1');
