// npm openid-client, used as its documentation shows.
import {
  ACCESS_TOKEN, API_KEY, EXCHANGE, JWT_BEARER, expect, fetchWith, jobToken, none, openid as client, place, privateKey,
  refused, row, signIn, until,
} from './place.mjs';

const issuer = new URL(place.issuer);
const accounts = new URL(`${place.gateway}/bank/accounts`);
const forecast = new URL(`${place.gateway}/weather/forecast/berlin`);
const transfers = new URL(`${place.gateway}/bank/transfers`);
const secret = (name) => place.secrets[name];
const discover = (id, auth, options) => client.discovery(issuer, id, undefined, auth, options);

async function status(config, token, url, options) {
  try {
    return (await client.fetchProtectedResource(config, token, url, 'GET', undefined, undefined, options)).status;
  } catch (problem) {
    if (problem.status) return problem.status; // it throws on a WWW-Authenticate challenge
    throw problem;
  }
}

// The whole authorization code flow: the library checks state, iss, nonce and the ID token.
const byAddress = (config, parameters) => client.buildAuthorizationUrl(config, parameters);
async function authorized(
  config, redirect, { parameters = {}, options, change = (url) => url, ask = byAddress } = {},
) {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const url = await ask(config, {
    redirect_uri: redirect,
    scope: 'openid offline_access accounts:read transfers:write email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...parameters,
  });
  const callback = change(await signIn(url));
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  return client.authorizationCodeGrant(config, callback, checks, undefined, options);
}

await row('discovery (OpenID Connect)', async () => {
  const config = await discover('desk-app', client.None());
  expect(config.serverMetadata().supportsPKCE(), 'PKCE');
});
await row('discovery (RFC 8414)', async () => {
  const config = await discover('desk-app', client.None(), { algorithm: 'oauth2' });
  expect(config.serverMetadata().issuer === place.issuer, 'the issuer');
});

const desk = await discover('desk-app', client.None(), { execute: [client.enableNonRepudiationChecks] });
const site = await discover('site', client.ClientSecretBasic(secret('site')), { execute: [client.enableNonRepudiationChecks] });

for (const [name, config, redirect] of [['public', desk, place.redirect], ['confidential', site, place.web_redirect]]) {
  await row(`code + PKCE, ID token, ${name} client`, async () => {
    const tokens = await authorized(config, redirect);
    expect(tokens.claims().email, 'email in the ID token');
    expect(await status(config, tokens.access_token, accounts) === 200, '200');
  });
  await row(`refresh with rotation, reuse ends it, ${name} client`, async () => {
    const first = await authorized(config, redirect);
    const second = await client.refreshTokenGrant(config, first.refresh_token);
    const third = await client.refreshTokenGrant(config, second.refresh_token);
    expect(new Set([first, second, third].map((each) => each.refresh_token)).size === 3, 'a new one each time');
    await refused('invalid_grant', client.refreshTokenGrant(config, first.refresh_token));
    await refused('invalid_grant', client.refreshTokenGrant(config, third.refresh_token));
    await until(async () => await status(config, third.access_token, accounts) === 401, '401');
  });
}
await row('iss of another issuer is refused (RFC 9207)', async () => {
  const change = (url) => (url.searchParams.set('iss', 'https://other.example'), url);
  await refused('OAUTH_INVALID_RESPONSE', authorized(desk, place.redirect, { change }));
});

const aSignIn = { parameters: { scope: 'openid email' } };

await row('userinfo, JSON', async () => {
  const tokens = await authorized(site, place.web_redirect, aSignIn);
  const told = await client.fetchUserInfo(site, tokens.access_token, tokens.claims().sub);
  expect(told.email === tokens.claims().email, 'the same e-mail address');
});
await row('userinfo, signed JWT; claims parameter, ID token by ES256, pairwise subject', async () => {
  const metadata = { userinfo_signed_response_alg: 'ES256', id_token_signed_response_alg: 'ES256' };
  const options = { execute: [client.enableNonRepudiationChecks] };
  const config = await client.discovery(issuer, 'portal', metadata, client.ClientSecretBasic(secret('portal')), options);
  const claims = JSON.stringify({ userinfo: { email: { essential: true } } });
  const tokens = await authorized(config, place.web_redirect, { parameters: { scope: 'openid', claims } });
  const told = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  expect(told.email && !tokens.claims().email, 'an e-mail address in userinfo alone');
});
await row('userinfo: not by a token for an API, but by one beside it', async () => {
  const tokens = await authorized(site, place.web_redirect);
  const sub = tokens.claims().sub;
  await client.fetchUserInfo(site, tokens.access_token, sub).then(
    () => expect(false, 'a refusal'), (problem) => expect(problem.status === 401 || problem.code, 'a challenge'));
  const here = await client.refreshTokenGrant(site, tokens.refresh_token, { resource: place.issuer });
  expect((await client.fetchUserInfo(site, here.access_token, sub)).email, 'an e-mail address');
});
await row('RP-initiated logout, and back', async () => {
  const tokens = await authorized(site, place.web_redirect, aSignIn);
  const state = client.randomState();
  const url = client.buildEndSessionUrl(site, { id_token_hint: tokens.id_token, post_logout_redirect_uri: place.bye, state });
  const back = await signIn(url);
  expect(`${back.origin}${back.pathname}` === place.bye && back.searchParams.get('state') === state, 'the registered address');
});

for (const [name, id, auth] of [
  ['client_secret_basic', 'report', client.ClientSecretBasic(secret('report'))],
  ['client_secret_post', 'report', client.ClientSecretPost(secret('report'))],
  ['private_key_jwt ES256', 'payer-es256', client.PrivateKeyJwt(await privateKey('payer-es256', 'ES256'))],
  ['private_key_jwt RS256', 'payer-rs256', client.PrivateKeyJwt(await privateKey('payer-rs256', 'RS256'))],
]) {
  await row(`client credentials, ${name}`, async () => {
    const config = await discover(id, auth);
    const tokens = await client.clientCredentialsGrant(config, { scope: 'accounts:read' });
    expect(await status(config, tokens.access_token, accounts) === 200, '200');
  });
}
for (const [name, id] of [['tls_client_auth', 'billing'], ['self_signed_tls_client_auth', 'colleague']]) {
  await row(`client credentials, ${name}`, async () => {
    const config = await discover(id, client.TlsClientAuth(), { [client.customFetch]: fetchWith(id) });
    const { access_token: token } = await client.clientCredentialsGrant(config, { scope: 'accounts:read' });
    expect(await status(config, token, accounts) === 200, '200 with the certificate');
    expect(await status(desk, token, accounts) === 401, '401 without it');
  });
}

const bound = async (config) => client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));

await row('DPoP: issuance with nonce, and a call', async () => {
  const config = await discover('report', client.ClientSecretBasic(secret('report')));
  const DPoP = await bound(config);
  const tokens = await client.clientCredentialsGrant(config, { scope: 'accounts:read' }, { DPoP });
  expect(tokens.token_type === 'dpop', 'the type DPoP');
  expect(await status(config, tokens.access_token, accounts, { DPoP }) === 200, '200');
});
await row('DPoP: dpop_jkt, refresh of a public client, a call of tier high', async () => {
  const DPoP = await bound(desk);
  const parameters = { dpop_jkt: await DPoP.calculateThumbprint() };
  const first = await authorized(desk, place.redirect, { parameters, options: { DPoP } });
  await refused('invalid_grant', client.refreshTokenGrant(desk, first.refresh_token, undefined, { DPoP: await bound(desk) }));
  const second = await client.refreshTokenGrant(desk, first.refresh_token, undefined, { DPoP });
  const body = JSON.stringify({ from: 'current', to: 'savings', amount: '1.00', currency: 'EUR' });
  const headers = new Headers({ 'content-type': 'application/json' });
  const answer = await client.fetchProtectedResource(desk, second.access_token, transfers, 'POST', body, headers, { DPoP });
  expect(answer.ok, `success, not ${answer.status}`);
});
await row('DPoP: a code is bound by dpop_jkt', async () => {
  const DPoP = await bound(desk);
  const parameters = { dpop_jkt: await DPoP.calculateThumbprint() };
  await refused('invalid_grant', authorized(desk, place.redirect, { parameters, options: { DPoP: await bound(desk) } }));
});
await row('PAR (RFC 9126): a public client, DPoP binds the code', async () => {
  const DPoP = await bound(desk);
  let pushed;
  const ask = async (config, parameters) => (pushed = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP }));
  const tokens = await authorized(desk, place.redirect, { ask, options: { DPoP } });
  expect([...pushed.searchParams.keys()].sort().join() === 'client_id,request_uri', 'a handle and nothing else');
  expect(await status(desk, tokens.access_token, accounts, { DPoP }) === 200, '200');
  expect((await fetch(pushed)).status === 400, 'a used handle refused');
  await refused('invalid_grant', authorized(desk, place.redirect, { ask, options: { DPoP: await bound(desk) } }));
});
await row('PAR (RFC 9126): a confidential client', async () => {
  const ask = (config, parameters) => client.buildAuthorizationUrlWithPAR(config, parameters);
  const tokens = await authorized(site, place.web_redirect, { ask });
  expect(await status(site, tokens.access_token, accounts) === 200, '200');
});
const signerKey = await privateKey('signer', 'ES256');
const signer = await discover('signer', client.PrivateKeyJwt(signerKey));
const signedRequest = (config, parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, signerKey);
await row('JAR (RFC 9101): a signed request in the address', async () => {
  const tokens = await authorized(signer, place.web_redirect, { ask: signedRequest });
  expect(await status(signer, tokens.access_token, accounts) === 200, '200');
});
await row('JAR (RFC 9101): a signed request that is pushed', async () => {
  const ask = async (config, parameters) =>
    client.buildAuthorizationUrlWithPAR(config, (await signedRequest(config, parameters)).searchParams);
  const tokens = await authorized(signer, place.web_redirect, { ask });
  expect(await status(signer, tokens.access_token, accounts) === 200, '200');
});
const bankKey = await privateKey('bank-app', 'ES256');
const bank = await client.discovery(
  issuer, 'bank-app', { id_token_signed_response_alg: 'ES256' }, client.PrivateKeyJwt(bankKey),
  { execute: [client.enableNonRepudiationChecks] });
await row('FAPI 2.0: private_key_jwt, JAR in PAR, DPoP, refresh without rotation', async () => {
  const DPoP = await bound(bank);
  const ask = async (config, parameters) => {
    const { searchParams } = await client.buildAuthorizationUrlWithJAR(config, parameters, bankKey);
    return client.buildAuthorizationUrlWithPAR(config, searchParams, { DPoP });
  };
  const tokens = await authorized(bank, place.web_redirect, { ask, options: { DPoP } });
  expect(tokens.claims().email, 'email in the ID token');
  for (let times = 0; times < 2; times++) {
    const again = await client.refreshTokenGrant(bank, tokens.refresh_token, undefined, { DPoP });
    expect(again.refresh_token === undefined, 'the same refresh token');
    expect(await status(bank, again.access_token, accounts, { DPoP }) === 200, '200');
  }
});
await row('FAPI 2.0: unsigned or not pushed is refused', async () => {
  const pushed = (config, parameters) => client.buildAuthorizationUrlWithPAR(config, parameters);
  await refused('invalid_request', authorized(bank, place.web_redirect, { ask: pushed }));
  const signed = (config, parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, bankKey);
  const answer = await fetch(await signed(bank, { redirect_uri: place.web_redirect, scope: 'openid' }), { redirect: 'manual' });
  expect(answer.status === 400 || answer.headers.get('location')?.includes('error='), 'no page that asks for consent');
});
await row('DPoP: a proof that was used is refused', async () => {
  let copied;
  const config = await discover('report', client.ClientSecretBasic(secret('report')));
  const DPoP = await bound(config);
  const { access_token: token } = await client.clientCredentialsGrant(config, { scope: 'accounts:read' }, { DPoP });
  config[client.customFetch] = (url, options) => ((copied = options), fetch(url, options));
  expect(await status(config, token, accounts, { DPoP }) === 200, '200');
  const again = await fetch(accounts, copied);
  expect(again.status === 401, `401, not ${again.status}`);
  expect(again.headers.get('www-authenticate').includes('invalid_dpop_proof'), 'invalid_dpop_proof');
});

const report = await discover('report', client.ClientSecretBasic(secret('report')));
const backend = await discover('backend', client.ClientSecretBasic(secret('backend')));

none('access token as JWT (RFC 9068), validated', 'a client only');
none('inside JWT, as a backend receives it, validated', 'a client only');
await row('token exchange (RFC 8693)', async () => {
  const subject = await client.clientCredentialsGrant(report, { scope: 'accounts:read' });
  const form = { subject_token: subject.access_token, subject_token_type: ACCESS_TOKEN, audience: `${place.gateway}/weather` };
  const tokens = await client.genericGrantRequest(backend, EXCHANGE, form);
  expect(tokens.issued_token_type === ACCESS_TOKEN, 'an access token');
  expect(await status(backend, tokens.access_token, forecast) === 200, '200');
});
await row('JWT bearer grant of a workload (RFC 7523)', async () => {
  const config = await discover('deploy-bot', client.None());
  const tokens = await client.genericGrantRequest(config, JWT_BEARER, { assertion: await jobToken() });
  expect(await status(config, tokens.access_token, accounts) === 200, '200');
});
await row('device authorization, ID token (RFC 8628)', async () => {
  const config = await discover('tv', client.None(), { execute: [client.enableNonRepudiationChecks] });
  const told = await client.initiateDeviceAuthorization(config, { scope: 'openid offline_access accounts:read email' });
  const polled = client.pollDeviceAuthorizationGrant(config, told);
  await signIn(told.verification_uri_complete);
  const tokens = await polled;
  expect(tokens.claims().email, 'email in the ID token');
  expect(await status(config, tokens.access_token, accounts) === 200, '200');
  await client.refreshTokenGrant(config, tokens.refresh_token);
});
await row('DPoP: device authorization, refresh of a device', async () => {
  const config = await discover('tv', client.None());
  const DPoP = await bound(config);
  const told = await client.initiateDeviceAuthorization(config, { scope: 'offline_access accounts:read' });
  const polled = client.pollDeviceAuthorizationGrant(config, told, undefined, { DPoP });
  await signIn(told.verification_uri_complete);
  const tokens = await polled;
  expect(await status(config, tokens.access_token, accounts, { DPoP }) === 200, '200');
  await refused('invalid_grant', client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: await bound(config) }));
  await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
});
const key = place.api_keys['openid-client'];
await row('API key exchanged for a token (RFC 8693)', async () => {
  const config = await discover('nobody', () => {}); // the key is the credential: no client is named
  const form = { subject_token: key, subject_token_type: API_KEY };
  const tokens = await client.genericGrantRequest(config, EXCHANGE, form);
  expect(await status(config, tokens.access_token, forecast) === 200, '200');
});
await row('API key at the gateway', async () => {
  const answer = await client.fetchProtectedResource(report, key, forecast, 'GET');
  expect(answer.status === 200, '200');
});

await row('introspection, JSON (RFC 7662)', async () => {
  const { access_token: token } = await client.clientCredentialsGrant(report, { scope: 'accounts:read' });
  const told = await client.tokenIntrospection(backend, token);
  expect(told.active && told.client_id === 'report', 'an active token of the client');
});
await row('introspection, signed JWT (RFC 9701), signature checked', async () => {
  const { access_token: token } = await client.clientCredentialsGrant(report, { scope: 'accounts:read' });
  const config = await client.discovery(
    issuer, 'backend', { introspection_signed_response_alg: 'RS256' }, client.ClientSecretBasic(secret('backend')),
    { execute: [client.enableNonRepudiationChecks] });
  const told = await client.tokenIntrospection(config, token);
  expect(told.active && told.client_id === 'report', 'an active token of the client');
});
await row('revocation (RFC 7009), refused within a second', async () => {
  const { access_token: token } = await client.clientCredentialsGrant(report, { scope: 'accounts:read' });
  expect(await status(report, token, accounts) === 200, '200');
  await client.tokenRevocation(report, token);
  await until(async () => await status(report, token, accounts) === 401, '401');
});
