import { call, session, signIn, signOut } from "./session.js";

const shown = (id) => document.getElementById(id);
const HERE = location.pathname;

async function list() {
  const { notes } = await (await call("/api/notes")).json();
  shown("list").replaceChildren(...notes.map((text) => {
    const item = document.createElement("li");
    item.textContent = text; // never innerHTML: notes are whatever people write
    return item;
  }));
}

async function publish() {
  const answer = await call("/api/notes/publish", { method: "POST" }, `${HERE}#publish`);
  shown("told").textContent = answer.ok ? "Published." : (await answer.json()).title;
}

shown("sign-in").addEventListener("click", () => signIn());
shown("sign-out").addEventListener("click", signOut);
shown("publish").addEventListener("click", publish);
shown("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ text: shown("text").value });
  await call("/api/notes", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  event.target.reset();
  await list();
});

const who = await session();
shown("who").textContent = who.signed_in ? `Signed in as ${who.claims.name ?? who.subject}` : "Not signed in";
shown("sign-in").hidden = who.signed_in;
shown("sign-out").hidden = shown("notes").hidden = !who.signed_in;
if (who.signed_in) {
  await list();
  if (location.hash === "#publish") { // back from a better sign-in, to what it was for
    history.replaceState(null, "", HERE);
    await publish();
  }
}
