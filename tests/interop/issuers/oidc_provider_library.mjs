// npm oidc-provider as the server of an application that uses our library: refresh tokens rotate at each use, and
// one that is used twice ends the sign-in at once. Tokens of SHORT live two seconds.
// Usage: node oidc_provider_library.mjs PORT SHORT, with CLIENT_SECRET and CLIENT_JWKS in the environment.
// It is imported from .cache/interop, as the others.

// oidc-provider warns that its development adapter, keys and pages are in use; here that is meant.
console.warn = () => {};
console.info = () => {};

const { default: Provider } = await import('../../../.cache/interop/node_modules/oidc-provider/lib/index.js');

const [port, short] = process.argv.slice(2);
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const service = { redirect_uris: [], response_types: [], grant_types: ['client_credentials'], scope: 'notes:read' };
const native = {
  application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none',
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { ...service, client_id: 'by-secret', client_secret: process.env.CLIENT_SECRET },
    {
      ...service, client_id: 'by-key', jwks: JSON.parse(process.env.CLIENT_JWKS),
      token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256',
    },
    { ...native, client_id: 'app' },
    { ...native, client_id: 'pushing-app', require_pushed_authorization_requests: true },
    { ...native, client_id: 'tv', redirect_uris: [], response_types: [], grant_types: [DEVICE, 'refresh_token'] },
  ],
  scopes: ['openid', 'notes:read'],
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  pkce: { required: () => true },
  cookies: { keys: [process.env.CLIENT_SECRET] },
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, process.env.CLIENT_SECRET), requireNonce: () => true },
    pushedAuthorizationRequests: { enabled: true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, audience) => ({
        scope: 'notes:read', audience, accessTokenFormat: 'opaque', accessTokenTTL: audience === short ? 2 : 600,
      }),
      useGrantedResource: () => true,
    },
  },
});

provider.listen(Number(port), '127.0.0.1');
