// npm oidc-provider as an issuer that is not ours: JWTs for one API, opaque tokens and introspection for another.
// Usage: node oidc_provider.mjs PORT JWT_AUDIENCE OPAQUE_AUDIENCE..., with CLIENT_SECRET and GATEWAY_SECRET in the
// environment. It is imported from .cache/interop, where scripts/interop-tools.sh installs it.

// oidc-provider warns that its development adapter and keys are in use; here that is meant.
console.warn = () => {};
console.info = () => {};

const { default: Provider } = await import('../../../.cache/interop/node_modules/oidc-provider/lib/index.js');

const [port, jwtAudience] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const client = (client_id, client_secret, more = {}) => ({
  client_id, client_secret, redirect_uris: [], response_types: [], grant_types: ['client_credentials'],
  scope: 'accounts:read transfers:write', token_endpoint_auth_method: 'client_secret_basic', ...more,
});

const provider = new Provider(issuer, {
  clients: [
    client('their-app', process.env.CLIENT_SECRET),
    client('gateway', process.env.GATEWAY_SECRET, { introspection_signed_response_alg: 'RS256' }),
  ],
  scopes: ['accounts:read', 'transfers:write'],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    jwtIntrospection: { enabled: true },
    revocation: { enabled: true, allowedPolicy: () => true },
    dPoP: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, audience) => ({
        scope: 'accounts:read transfers:write', audience, accessTokenTTL: 600,
        accessTokenFormat: audience === jwtAudience ? 'jwt' : 'opaque',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

provider.listen(Number(port), '127.0.0.1');
