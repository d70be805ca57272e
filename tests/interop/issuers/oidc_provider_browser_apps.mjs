// npm oidc-provider as the issuer of a browser app of our gateway: JWTs for one API that end soon, refresh tokens that
// rotate, and one that is used twice ends the sign-in at once.
// Usage: node oidc_provider_browser_apps.mjs HOST PORT ORIGIN PATH AUDIENCE, with CLIENT_SECRET in the environment.
// Whatever somebody types as a login is who they are. GET /counted tells what it was asked. It is imported from
// .cache/interop, as the others.

// oidc-provider warns that its development adapter, keys and pages are in use; here that is meant.
console.warn = () => {};
console.info = () => {};

const { default: Provider } = await import('../../../.cache/interop/node_modules/oidc-provider/lib/index.js');

const [host, port, ours, path, audience] = process.argv.slice(2);
const api = {
  scope: 'accounts:read', audience, accessTokenTTL: 6, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
};

const provider = new Provider(`http://${host}:${port}`, {
  clients: [{
    client_id: 'gateway', client_secret: process.env.CLIENT_SECRET, token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [`${ours}${path}/callback`],
    post_logout_redirect_uris: [`${ours}/`], backchannel_logout_uri: `${ours}${path}/backchannel-logout`,
    backchannel_logout_session_required: true,
  }],
  scopes: ['openid', 'offline_access', 'accounts:read'],
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  // Without the dispatcher by which it refuses addresses of this machine: here, that is where we are.
  fetch: (url, { dispatcher: _, ...options }) => globalThis.fetch(url, options),
  rotateRefreshToken: true,
  pkce: { required: () => true },
  cookies: { keys: [process.env.CLIENT_SECRET] },
  features: {
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true, defaultResource: () => audience, getResourceServerInfo: () => api, useGrantedResource: () => true,
    },
  },
});

const counted = { refreshed: 0, refused: 0, revoked: 0 };
provider.on('grant.success', (context) => {
  if (context.oidc.params.grant_type === 'refresh_token') counted.refreshed += 1;
});
provider.on('grant.error', () => { counted.refused += 1; });
provider.on('refresh_token.destroyed', () => { counted.revoked += 1; });
provider.use(async (context, next) => {
  if (context.path !== '/counted') return next();
  context.body = counted;
});

provider.listen(Number(port), host);
