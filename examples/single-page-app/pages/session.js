// The whole of what a page needs: it holds no token, so there is none to keep, to refresh or to lose.

const OWN_PAGE = { "Tokenward-CSRF": "1" }; // no form, link or image of another site can set it

/** Who is signed in: {signed_in, issuer, subject, claims, ends_at}. */
export async function session() {
  return (await fetch("/bff/session", { headers: OWN_PAGE })).json();
}

/** Leave for the sign-in, and come back to this page. */
export function signIn(wanted = {}, next = location.pathname + location.search) {
  location.assign("/bff/login?" + new URLSearchParams({ next, ...wanted }));
}

/** End the session here, then at the provider. */
export async function signOut() {
  const answer = await fetch("/bff/logout", { method: "POST", headers: OWN_PAGE });
  location.assign((await answer.json()).location);
}

/** `fetch`, in the name of who is signed in. Where a better sign-in is needed, `again` is where it leads. */
export async function call(path, options = {}, again) {
  const answer = await fetch(path, { ...options, headers: { ...options.headers, ...OWN_PAGE } });
  if (answer.status === 401) {
    signIn(stepUp(answer.headers.get("WWW-Authenticate") ?? ""), again);
    await new Promise(() => {}); // the page is about to be left
  }
  return answer;
}

/** What a challenge says that the sign-in lacks (RFC 9470 §3); nothing where there is simply no session. */
function stepUp(challenge) {
  const names = ["acr_values", "max_age"];
  const found = names.map((name) => [name, new RegExp(`\\b${name}="([^"]*)"`).exec(challenge)?.[1]]);
  return Object.fromEntries(found.filter(([, value]) => value));
}
