// What every client on Node needs: the place that it visits, the person who signs in there, and the rows that it prints.
import { readFileSync } from 'node:fs';

const MODULES = '../../../.cache/interop/node_modules';
export const openid = await import(`${MODULES}/openid-client/build/index.js`);
export const oauth = await import(`${MODULES}/oauth4webapi/build/index.js`);
export const jose = await import(`${MODULES}/jose/dist/webapi/index.js`);
const undici = await import(`${MODULES}/undici/index.js`);

// Arguments: the place, and the rows that are wanted, where it is not all of them.
const wanted = process.argv.slice(3);
const isWanted = (flow) => wanted.length === 0 || wanted.includes(flow);
export const place = JSON.parse(readFileSync(process.argv[2], 'utf8'));
export const file = (name) => readFileSync(`${place.directory}/${name}`, 'utf8');

// One flow, one row, with a note of what a reader has to know. Of an error, what the library says of it: never a token.
export async function row(flow, run, note = '') {
  if (!isWanted(flow)) return;
  let error = '';
  try {
    await run();
  } catch (problem) {
    error = [problem.code, problem.error, problem.message, problem.cause?.message, problem.cause?.code]
      .filter(Boolean).join(' ') || String(problem);
  }
  console.log(JSON.stringify({ flow, works: !error, note: error || note }));
}

// A flow that the library has not, and why.
export function none(flow, why) {
  if (isWanted(flow)) console.log(JSON.stringify({ flow, works: null, note: why }));
}

export function expect(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}

// That a promise fails with that OAuth error code.
export async function refused(code, promise) {
  let problem;
  try {
    await promise;
  } catch (caught) {
    problem = caught;
  }
  const said = [problem?.error, problem?.cause?.[0]?.parameters?.error, problem?.cause?.error, problem?.code];
  expect(said.includes(code), `${code}, not ${problem ? said.filter(Boolean).join(' ') || problem.message : 'success'}`);
}

// The person opens the address, signs in and allows it; where the browser is sent then.
export async function signIn(url) {
  const answer = await fetch(`${place.person}?url=${encodeURIComponent(url)}`);
  const text = await answer.text();
  expect(answer.ok, `a sign-in, not: ${text}`);
  return new URL(text);
}

// fetch as it is on a connection with that client certificate.
export function fetchWith(name) {
  const connect = { cert: file(`${name}.pem`), key: file(`${name}.key`), ca: file('server.pem') };
  const dispatcher = new undici.Agent({ connect });
  return (url, options) => undici.fetch(url, { ...options, headers: [...new Headers(options.headers)], dispatcher });
}

export async function until(condition, what) {
  const start = performance.now();
  while (performance.now() - start < 1000) {
    if (await condition()) return;
  }
  throw new Error(`expected ${what} within a second`);
}

export const privateKey = async (name, alg) => ({
  key: await jose.importPKCS8(file(`${name}.key`), alg),
  kid: file(`${name}.kid`),
});

let serial = 0;

// What a CI system says of a job on main of octo/app.
export async function jobToken() {
  const key = await jose.importPKCS8(file('job.pem'), 'RS256');
  return new jose.SignJWT({ repository: 'octo/app', repository_owner: 'octo', ref: 'refs/heads/main', event_name: 'push' })
    .setProtectedHeader({ alg: 'RS256', kid: place.platform_kid, typ: 'JWT' })
    .setIssuer(place.platform).setSubject('repo:octo/app:ref:refs/heads/main').setAudience(place.issuer)
    .setJti(`node-${process.pid}-${serial++}`).setIssuedAt().setExpirationTime('5m').sign(key);
}

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const API_KEY = 'urn:tokenward:token-type:api_key';
