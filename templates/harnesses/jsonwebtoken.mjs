// A harness for npm `jsonwebtoken`: put it into a project that has it, and run
//   tokenward audit library --harness "node jsonwebtoken.mjs"
// It has no sets of keys, so the key is chosen by `kid` here, as its documentation shows with a function for the key.

import { createPublicKey, createSecretKey } from 'node:crypto';
import { createInterface } from 'node:readline';
import jwt from 'jsonwebtoken';

const keyOf = (jwks, kid) => {
  const jwk = jwks.keys.find((each) => each.kid === kid);
  if (jwk === undefined) throw new jwt.JsonWebTokenError('no key of that name');
  if (jwk.kty === 'oct') return createSecretKey(Buffer.from(jwk.k, 'base64url'));
  return createPublicKey({ key: jwk, format: 'jwk' });
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { token, jwks, issuer, audience, algorithms, leeway } = JSON.parse(line);
  let answer;
  try {
    const kid = jwt.decode(token, { complete: true })?.header.kid;
    jwt.verify(token, keyOf(jwks, kid), { issuer, audience, algorithms, clockTolerance: leeway });
    answer = 'accept';
  } catch (error) {
    answer = error instanceof jwt.JsonWebTokenError ? `reject ${error.message.split('\n')[0]}` : `error ${error.name}`;
  }
  process.stdout.write(`${answer}\n`);
}
