// A harness for npm `jose`: put it into a project that has it, and run
//   tokenward audit library --harness "node jose.mjs"
// A line of JSON comes in for each token; a line goes out: accept, reject REASON, or error NAME where it was refused by
// an exception that the library does not document. One set of options is kept for as long as the questions are alike.

import { createInterface } from 'node:readline';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';

let before = '';
let keys;

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { token, jwks, issuer, audience, algorithms, leeway } = JSON.parse(line);
  let answer;
  try {
    const now = JSON.stringify(jwks);
    if (now !== before) {
      before = '';
      keys = createLocalJWKSet(jwks);
      before = now;
    }
    await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms,
      clockTolerance: leeway,
      typ: 'at+jwt',
      requiredClaims: ['exp', 'iat', 'sub'],
    });
    answer = 'accept';
  } catch (error) {
    answer = error instanceof errors.JOSEError ? `reject ${error.code}` : `error ${error.name}`;
  }
  process.stdout.write(`${answer}\n`);
}
