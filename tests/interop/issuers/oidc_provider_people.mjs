// npm oidc-provider as the identity provider through which people sign in to us: two clients, by secret and by key.
// And two more, which are an application that signs people in by our library.
// Usage: node oidc_provider_people.mjs PORT ORIGIN_OF_OURS, with CLIENT_SECRET and CLIENT_JWKS in the environment.
// Whatever somebody types as a login is who they are. It is imported from .cache/interop, as the other one.

// oidc-provider warns that its development adapter, keys and pages are in use; here that is meant.
console.warn = () => {};
console.info = () => {};

const { default: Provider } = await import('../../../.cache/interop/node_modules/oidc-provider/lib/index.js');

const [port, ours] = process.argv.slice(2);
const client = (name, more) => ({
  client_id: `ours-${name}`, redirect_uris: [`${ours}/sign-in/from/${name}`], post_logout_redirect_uris: [`${ours}/`],
  backchannel_logout_uri: `${ours}/sign-in/from/${name}/logout`, backchannel_logout_session_required: true, ...more,
});

const application = (path) => ({
  redirect_uris: [`${ours}/${path}/callback`], backchannel_logout_uri: `${ours}/${path}/backchannel-logout`,
  grant_types: ['authorization_code', 'refresh_token'],
});
const by_secret = { client_secret: process.env.CLIENT_SECRET, token_endpoint_auth_method: 'client_secret_basic' };
const by_key = {
  jwks: JSON.parse(process.env.CLIENT_JWKS),
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'ES256',
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    client('secret', by_secret),
    client('key', by_key),
    client('shop', { ...by_secret, ...application('auth') }),
    client('shop-key', { ...by_key, ...application('staff') }),
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username', 'groups'] },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, preferred_username: id, email: `${id}@corp.example`, email_verified: true, groups: ['staff'],
    }),
  }),
  // Without the dispatcher by which it refuses addresses of this machine: here, that is where we are.
  fetch: (url, { dispatcher: _, ...options }) => globalThis.fetch(url, options),
  pkce: { required: () => true },
  cookies: { keys: [process.env.CLIENT_SECRET] },
  features: { backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true } },
});

provider.listen(Number(port), '127.0.0.1');
