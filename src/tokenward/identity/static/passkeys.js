// Asks the browser for a passkey, or to make one, and sends what it says with the page's own form. Such a form is
// hidden until this script knows that the browser can; everything else works without it.
"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const listed = (keys) => (keys || []).map((key) => ({ ...key, id: bytes(key.id) }));

// WebAuthn Level 3 §5.1.8 and §5.1.9 by hand: browsers of a year ago cannot do it themselves.
const read = {
  get: (json) => ({ ...json, challenge: bytes(json.challenge), allowCredentials: listed(json.allowCredentials) }),
  create: (json) => ({
    ...json,
    challenge: bytes(json.challenge),
    user: { ...json.user, id: bytes(json.user.id) },
    excludeCredentials: listed(json.excludeCredentials),
  }),
};

function written(credential) {
  const { response } = credential;
  const said = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) said[name] = text(response[name]);
  }
  if (response.getTransports) said.transports = response.getTransports();
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment || undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: said,
  });
}

// One request at a time: a browser that offers passkeys while somebody types must let go when a button asks.
let waiting = null;

async function ask(form, kind, more = {}) {
  if (waiting) waiting.abort();
  waiting = new AbortController();
  const options = { publicKey: read[kind](JSON.parse(form.dataset[kind])), signal: waiting.signal, ...more };
  const credential = await navigator.credentials[kind](options);
  form.elements.credential.value = written(credential);
  form.submit();
}

function prepare(form) {
  const kind = form.dataset.create ? "create" : "get";
  const problem = form.querySelector("[role=alert]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    try {
      await ask(form, kind);
    } catch (error) {
      problem.hidden = error.name === "AbortError";
    }
  });
}

async function offerWhileTyping(form) {
  const can = PublicKeyCredential.isConditionalMediationAvailable;
  if (!can || !(await can.call(PublicKeyCredential))) return;
  try {
    await ask(form, "get", { mediation: "conditional" });
  } catch {
    // Nobody asked for it, so nobody need hear that it did not happen.
  }
}

if (window.PublicKeyCredential) {
  document.querySelectorAll("form.passkey").forEach(prepare);
  const form = document.querySelector("form[data-autofill]");
  if (form) offerWhileTyping(form);
}
