// npm oauth4webapi, the floor beneath openid-client: each request and each check by hand.
import {
  ACCESS_TOKEN, API_KEY, EXCHANGE, JWT_BEARER, expect, fetchWith, jobToken, none, jose, oauth, place, privateKey, refused, row,
  signIn, until,
} from './place.mjs';

const issuer = new URL(place.issuer);
const accounts = new URL(`${place.gateway}/bank/accounts`);
const transfers = new URL(`${place.gateway}/bank/transfers`);
const forecast = new URL(`${place.gateway}/weather/forecast/berlin`);
const discover = async (algorithm) =>
  oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm }));

await row('discovery (OpenID Connect)', async () => expect((await discover('oidc')).jwks_uri, 'keys'));
await row('discovery (RFC 8414)', async () => expect((await discover('oauth2')).token_endpoint, 'a token endpoint'));

const as = await discover('oidc');
const report = { client_id: 'report' };
const reportAuth = oauth.ClientSecretBasic(place.secrets.report);
const backend = { client_id: 'backend' };
const backendAuth = oauth.ClientSecretBasic(place.secrets.backend);

async function call(token, url, options) {
  try {
    return (await oauth.protectedResourceRequest(token, 'GET', url, undefined, undefined, options)).status;
  } catch (problem) {
    if (problem.status && !oauth.isDPoPNonceError(problem)) return problem.status;
    throw problem;
  }
}

// What RFC 9449 §8 asks of a client: the same once more, with the nonce that the answer brought.
async function withNonce(send) {
  try {
    return await send();
  } catch (problem) {
    if (!oauth.isDPoPNonceError(problem)) throw problem;
    return send();
  }
}

async function clientToken(client, auth, options, scope = 'accounts:read') {
  const form = new URLSearchParams({ scope });
  return oauth.processClientCredentialsResponse(
    as, client, await oauth.clientCredentialsGrantRequest(as, client, auth, form, options));
}

async function pushed(client, auth, parameters, options) {
  const response = () => oauth.pushedAuthorizationRequest(as, client, auth, parameters, options);
  return withNonce(async () => oauth.processPushedAuthorizationResponse(as, client, await response()));
}

// The parameters of the address, for those of the request.
const byAddress = (parameters) => parameters;

async function authorized(
  client, auth, redirect, { options, parameters = {}, change = (url) => url, ask = byAddress } = {},
) {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const url = new URL(as.authorization_endpoint);
  url.search = await ask(new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirect,
    response_type: 'code',
    scope: 'openid offline_access accounts:read',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    max_age: '3600',
    state,
    nonce,
    ...parameters,
  }));
  const answered = oauth.validateAuthResponse(as, client, change(await signIn(url)), state);
  return withNonce(async () => {
    const response = await oauth.authorizationCodeGrantRequest(as, client, auth, answered, redirect, verifier, options);
    const checks = { expectedNonce: nonce, requireIdToken: true, maxAge: 3600 };
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, checks);
    await oauth.validateApplicationLevelSignature(as, response);
    return tokens;
  });
}

const refreshed = (client, auth, token, options) => withNonce(async () => oauth.processRefreshTokenResponse(
  as, client, await oauth.refreshTokenGrantRequest(as, client, auth, token, options)));

const generic = async (client, auth, grant, form) => oauth.processGenericTokenEndpointResponse(
  as, client, await oauth.genericTokenEndpointRequest(as, client, auth, grant, form),
  { recognizedTokenTypes: { n_a: () => {} } });

const desk = { client_id: 'desk-app' };
const site = { client_id: 'site' };
for (const [name, client, auth, redirect] of [
  ['public', desk, oauth.None(), place.redirect],
  ['confidential', site, oauth.ClientSecretPost(place.secrets.site), place.web_redirect],
]) {
  await row(`code + PKCE, ID token, ${name} client`, async () => {
    const tokens = await authorized(client, auth, redirect);
    expect(oauth.getValidatedIdTokenClaims(tokens).auth_time, 'auth_time');
    expect(await call(tokens.access_token, accounts) === 200, '200');
  });
  await row(`refresh with rotation, reuse ends it, ${name} client`, async () => {
    const first = await authorized(client, auth, redirect);
    const second = await refreshed(client, auth, first.refresh_token);
    const third = await refreshed(client, auth, second.refresh_token);
    await refused('invalid_grant', refreshed(client, auth, first.refresh_token));
    await refused('invalid_grant', refreshed(client, auth, third.refresh_token));
    await until(async () => await call(third.access_token, accounts) === 401, '401');
  });
}
await row('iss of another issuer is refused (RFC 9207)', async () => {
  const change = (url) => (url.searchParams.delete('iss'), url);
  await refused('OAUTH_INVALID_RESPONSE', authorized(desk, oauth.None(), place.redirect, { change }));
});

await row('PAR (RFC 9126): a public client, DPoP binds the code', async () => {
  const DPoP = oauth.DPoP(desk, await oauth.generateKeyPair('ES256'));
  const ask = async (parameters) => {
    const { request_uri, expires_in } = await pushed(desk, oauth.None(), parameters, { DPoP });
    expect(expires_in === 60, 'a minute');
    return new URLSearchParams({ client_id: 'desk-app', request_uri });
  };
  const tokens = await authorized(desk, oauth.None(), place.redirect, { ask, options: { DPoP } });
  expect(tokens.token_type === 'dpop', 'the type DPoP');
  const other = oauth.DPoP(desk, await oauth.generateKeyPair('ES256'));
  await refused('invalid_grant', authorized(desk, oauth.None(), place.redirect, { ask, options: { DPoP: other } }));
});
await row('PAR (RFC 9126): a confidential client', async () => {
  const auth = oauth.ClientSecretBasic(place.secrets.site);
  const ask = async (parameters) => {
    const { request_uri } = await pushed(site, auth, parameters);
    return new URLSearchParams({ client_id: 'site', request_uri });
  };
  const tokens = await authorized(site, auth, place.web_redirect, { ask });
  expect(await call(tokens.access_token, accounts) === 200, '200');
});
const signer = { client_id: 'signer' };
const signerKey = await privateKey('signer', 'ES256');
const signerAuth = oauth.PrivateKeyJwt(signerKey);
const signedRequest = async (parameters) => new URLSearchParams(
  { client_id: 'signer', request: await oauth.issueRequestObject(as, signer, parameters, signerKey) });
await row('JAR (RFC 9101): a signed request in the address', async () => {
  const tokens = await authorized(signer, signerAuth, place.web_redirect, { ask: signedRequest });
  expect(await call(tokens.access_token, accounts) === 200, '200');
});
await row('JAR (RFC 9101): a signed request that is pushed', async () => {
  const ask = async (parameters) => {
    const { request_uri } = await pushed(signer, signerAuth, await signedRequest(parameters));
    return new URLSearchParams({ client_id: 'signer', request_uri });
  };
  const tokens = await authorized(signer, signerAuth, place.web_redirect, { ask });
  expect(await call(tokens.access_token, accounts) === 200, '200');
});
const bank = { client_id: 'bank-app', id_token_signed_response_alg: 'ES256' };
const bankKey = await privateKey('bank-app', 'ES256');
const bankAuth = oauth.PrivateKeyJwt(bankKey);
await row('FAPI 2.0: private_key_jwt, JAR in PAR, DPoP, refresh without rotation', async () => {
  const DPoP = oauth.DPoP(bank, await oauth.generateKeyPair('ES256'));
  const ask = async (parameters) => {
    const request = await oauth.issueRequestObject(as, bank, parameters, bankKey);
    const { request_uri } = await pushed(bank, bankAuth, new URLSearchParams({ client_id: 'bank-app', request }), { DPoP });
    return new URLSearchParams({ client_id: 'bank-app', request_uri });
  };
  const tokens = await authorized(bank, bankAuth, place.web_redirect, { ask, options: { DPoP } });
  const again = await refreshed(bank, bankAuth, tokens.refresh_token, { DPoP });
  expect(again.refresh_token === undefined, 'the same refresh token');
  await refreshed(bank, bankAuth, tokens.refresh_token, { DPoP });
});
await row('FAPI 2.0: unsigned or not pushed is refused', async () => {
  await refused('invalid_request', pushed(bank, bankAuth, new URLSearchParams({ client_id: 'bank-app', scope: 'openid' })));
});

for (const [name, client, auth] of [
  ['client_secret_basic', report, reportAuth],
  ['client_secret_post', report, oauth.ClientSecretPost(place.secrets.report)],
  ['private_key_jwt ES256', { client_id: 'payer-es256' }, oauth.PrivateKeyJwt(await privateKey('payer-es256', 'ES256'))],
  ['private_key_jwt RS256', { client_id: 'payer-rs256' }, oauth.PrivateKeyJwt(await privateKey('payer-rs256', 'RS256'))],
]) {
  await row(`client credentials, ${name}`, async () => {
    const { access_token: token } = await clientToken(client, auth);
    expect(await call(token, accounts) === 200, '200');
  });
}

for (const [name, id] of [['tls_client_auth', 'billing'], ['self_signed_tls_client_auth', 'colleague']]) {
  await row(`client credentials, ${name}`, async () => {
    const options = { [oauth.customFetch]: fetchWith(id) };
    const { access_token: token } = await clientToken({ client_id: id }, oauth.TlsClientAuth(), options);
    expect(await call(token, accounts, options) === 200, '200 with the certificate');
    expect(await call(token, accounts) === 401, '401 without it');
  });
}

const prover = async (client, alg = 'ES256') => oauth.DPoP(client, await oauth.generateKeyPair(alg));

await row('DPoP: issuance with nonce, and a call', async () => {
  for (const alg of as.dpop_signing_alg_values_supported) {
    const DPoP = await prover(report, alg);
    const { access_token: token } = await withNonce(() => clientToken(report, reportAuth, { DPoP }));
    expect(await withNonce(() => call(token, accounts, { DPoP })) === 200, `200 with ${alg}`);
    const other = await prover(report, alg);
    expect(await withNonce(() => call(token, accounts, { DPoP: other })) === 401, '401 by another key');
  }
}, 'with every algorithm that the metadata names');
await row('DPoP: dpop_jkt, refresh of a public client, a call of tier high', async () => {
  const DPoP = await prover(desk);
  const parameters = { dpop_jkt: await DPoP.calculateThumbprint(), scope: 'openid offline_access transfers:write' };
  const first = await authorized(desk, oauth.None(), place.redirect, { parameters, options: { DPoP } });
  await refused('invalid_grant', refreshed(desk, oauth.None(), first.refresh_token));
  const second = await refreshed(desk, oauth.None(), first.refresh_token, { DPoP });
  const body = JSON.stringify({ from: 'current', to: 'savings', amount: '1.00', currency: 'EUR' });
  const headers = new Headers({ 'content-type': 'application/json' });
  const answer = await withNonce(() => oauth.protectedResourceRequest(
    second.access_token, 'POST', transfers, headers, body, { DPoP }));
  expect(answer.ok, `success, not ${answer.status}`);
});
await row('DPoP: a code is bound by dpop_jkt', async () => {
  const parameters = { dpop_jkt: await (await prover(desk)).calculateThumbprint() };
  const options = { DPoP: await prover(desk) };
  await refused('invalid_grant', authorized(desk, oauth.None(), place.redirect, { parameters, options }));
});
await row('DPoP: a proof that was used is refused', async () => {
  const DPoP = await prover(report);
  const { access_token: token } = await withNonce(() => clientToken(report, reportAuth, { DPoP }));
  let copied;
  const options = { DPoP, [oauth.customFetch]: (url, sent) => ((copied = sent), fetch(url, sent)) };
  expect(await withNonce(() => call(token, accounts, options)) === 200, '200');
  const again = await fetch(accounts, copied);
  expect(again.status === 401, `401, not ${again.status}`);
  expect(again.headers.get('www-authenticate').includes('invalid_dpop_proof'), 'invalid_dpop_proof');
});

await row('access token as JWT (RFC 9068), validated', async () => {
  const { access_token: token } = await clientToken({ client_id: 'reader' }, oauth.ClientSecretBasic(place.secrets.reader));
  const request = new Request(accounts, { headers: { authorization: `Bearer ${token}` } });
  const claims = await oauth.validateJwtAccessToken(as, request, `${place.gateway}/bank`);
  expect(claims.client_id === 'reader', 'the client');
  expect(await call(token, accounts) === 200, '200');
});
await row('inside JWT, as a backend receives it, validated', async () => {
  const { access_token: token } = await clientToken(report, reportAuth);
  const answer = await oauth.protectedResourceRequest(token, 'GET', accounts);
  const inside = (await answer.json()).authorization.split(' ')[1];
  const inner = `${place.gateway}/.well-known/tokenward`;
  const keys = jose.createRemoteJWKSet(new URL(`${inner}/jwks.json`));
  await jose.jwtVerify(inside, keys, { issuer: inner, audience: `${place.gateway}/bank`, typ: 'at+jwt' });
}, 'by jose');
await row('token exchange (RFC 8693)', async () => {
  const { access_token: subject } = await clientToken(report, reportAuth);
  const form = { subject_token: subject, subject_token_type: ACCESS_TOKEN, resource: `${place.gateway}/weather` };
  const tokens = await generic(backend, backendAuth, EXCHANGE, form);
  expect(await call(tokens.access_token, forecast) === 200, '200');
});
await row('JWT bearer grant of a workload (RFC 7523)', async () => {
  const tokens = await generic({ client_id: 'deploy-bot' }, oauth.None(), JWT_BEARER, { assertion: await jobToken() });
  expect(await call(tokens.access_token, accounts) === 200, '200');
});
await row('device authorization, ID token (RFC 8628)', async () => {
  const tv = { client_id: 'tv' };
  const asked = await oauth.deviceAuthorizationRequest(as, tv, oauth.None(), { scope: 'openid accounts:read' });
  const told = await oauth.processDeviceAuthorizationResponse(as, tv, asked);
  const poll = async () => oauth.processDeviceCodeResponse(
    as, tv, await oauth.deviceCodeGrantRequest(as, tv, oauth.None(), told.device_code));
  await refused('authorization_pending', poll());
  await refused('slow_down', poll());
  await signIn(told.verification_uri_complete);
  const tokens = await poll();
  expect(oauth.getValidatedIdTokenClaims(tokens).sub, 'an ID token');
  expect(await call(tokens.access_token, accounts) === 200, '200');
});
none('DPoP: device authorization, refresh of a device', 'as openid-client, which stands on it');
const siteAuth = oauth.ClientSecretBasic(place.secrets.site);
await row('userinfo, JSON', async () => {
  const parameters = { scope: 'openid email' };
  const tokens = await authorized(site, siteAuth, place.web_redirect, { parameters });
  const response = await oauth.userInfoRequest(as, site, tokens.access_token);
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  expect((await oauth.processUserInfoResponse(as, site, sub, response)).email, 'an e-mail address');
});
await row('userinfo, signed JWT; claims parameter, ID token by ES256, pairwise subject', async () => {
  const portal = { client_id: 'portal', userinfo_signed_response_alg: 'ES256', id_token_signed_response_alg: 'ES256' };
  const auth = oauth.ClientSecretBasic(place.secrets.portal);
  const parameters = { scope: 'openid', claims: JSON.stringify({ userinfo: { email: null } }) };
  const tokens = await authorized(portal, auth, place.web_redirect, { parameters });
  const response = await oauth.userInfoRequest(as, portal, tokens.access_token);
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  expect((await oauth.processUserInfoResponse(as, portal, sub, response)).email, 'an e-mail address');
  await oauth.validateApplicationLevelSignature(as, response);
});
none('userinfo: not by a token for an API, but by one beside it', 'as openid-client, which stands on it');
none('RP-initiated logout, and back', 'not in the library');
const key = place.api_keys.oauth4webapi;
await row('API key exchanged for a token (RFC 8693)', async () => {
  const form = { subject_token: key, subject_token_type: API_KEY };
  const tokens = await generic({ client_id: 'nobody' }, () => {}, EXCHANGE, form);
  expect(await call(tokens.access_token, forecast) === 200, '200');
});
await row('API key at the gateway', async () => expect(await call(key, forecast) === 200, '200'));

await row('introspection, JSON (RFC 7662)', async () => {
  const { access_token: token } = await clientToken(report, reportAuth);
  const response = await oauth.introspectionRequest(as, backend, backendAuth, token, { requestJwtResponse: false });
  expect((await oauth.processIntrospectionResponse(as, backend, response)).active, 'an active token');
});
await row('introspection, signed JWT (RFC 9701), signature checked', async () => {
  const { access_token: token } = await clientToken(report, reportAuth);
  const response = await oauth.introspectionRequest(as, backend, backendAuth, token, { requestJwtResponse: true });
  expect((await oauth.processIntrospectionResponse(as, backend, response)).active, 'an active token');
  await oauth.validateApplicationLevelSignature(as, response);
});
await row('revocation (RFC 7009), refused within a second', async () => {
  const { access_token: token } = await clientToken(report, reportAuth);
  expect(await call(token, accounts) === 200, '200');
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, report, reportAuth, token));
  await until(async () => await call(token, accounts) === 401, '401');
});
