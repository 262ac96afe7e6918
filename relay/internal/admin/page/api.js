// Talking to relay: requests of the session, lists, streams, signing in.
import { $ } from "./dom.js";

// The session is this tab's alone, and goes in a header: cookies ignore ports.
const key = "relay-session";
const token = () => sessionStorage.getItem(key) || "";

export class ApiError extends Error {
  constructor(status, body) {
    super((body && body.message) || "relay answered " + status);
    this.status = status;
    this.body = body;
    /** whether relay shows this only to somebody who is signed in */
    this.signIn = status === 401 || (status === 404 && Boolean(body) && body.code === "not_here");
  }
}

async function raw(path, options = {}) {
  const headers = { ...options.headers };
  if (options.method === "POST") headers["X-Relay"] = "1";
  if (token()) headers.Authorization = "Bearer " + token();
  const res = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  if (res.ok) return res;
  let body = null;
  try { body = await res.json(); } catch { /* not relay's form */ }
  throw new ApiError(res.status, body);
}

/** signed asks for signing in when relay wants it, and tries again. */
async function signed(fn) {
  for (let first = true; ; first = false) {
    try {
      return await fn();
    } catch (e) {
      if (!e.signIn || !(await askToken(!first))) throw e;
    }
  }
}

export const get = (path) => raw(path).then((r) => r.json());
export const getSecret = (path) => signed(() => get(path));

export const post = (path, body) => signed(() =>
  raw(path, { method: "POST", body: JSON.stringify(body || {}) }).then((r) => r.json()));

export async function lines(path) {
  const t = await (await raw(path)).text();
  return t.split("\n").filter(Boolean).map((l) => JSON.parse(l));
}

/** stream reads server-sent events; fetch, since EventSource sends no token. */
export async function stream(path, on, signal) {
  const res = await raw(path, { signal });
  const reader = res.body.pipeThrough(new TextDecoderStream()).getReader();
  let buf = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buf += value;
    for (let end; (end = buf.indexOf("\n\n")) >= 0; buf = buf.slice(end + 2)) {
      const part = buf.slice(0, end);
      const event = /^event: (.*)$/m.exec(part);
      const data = /^data: (.*)$/m.exec(part);
      if (data) on(event ? event[1] : "message", JSON.parse(data[1]));
    }
  }
}

// ---- signing in

let here = { signed_in: false, token_configured: false };
const told = [];

/** onSignIn calls fn with whether this tab is signed in, whenever that changes. */
export function onSignIn(fn) { told.push(fn); fn(here.signed_in); }

/** whoAmI asks relay whether this tab is signed in. */
export async function whoAmI() {
  const was = here.signed_in;
  here = await get("/api/v1/ping");
  if (!here.signed_in) sessionStorage.removeItem(key);
  if (here.signed_in !== was) for (const fn of told) fn(here.signed_in);
  return here.signed_in;
}

/** takeCode signs in with the code of the address, which is taken out of it. */
export async function takeCode() {
  const m = /^#sign-in=([A-Za-z0-9]+)$/.exec(location.hash);
  if (!m) return;
  history.replaceState(null, "", location.pathname);
  const res = await raw("/api/v1/session", { method: "POST", body: JSON.stringify({ code: m[1] }) });
  sessionStorage.setItem(key, (await res.json()).session);
  if (asking) $("token").close();
}

/** signOut ends the session, at relay too. */
export async function signOut() {
  try { await raw("/api/v1/session/end", { method: "POST" }); } catch { /* it is the token, or relay is away */ }
  sessionStorage.removeItem(key);
  await whoAmI();
}

let asking = null;

/** askToken opens the dialog; resolves to whether this tab is signed in now. */
export function askToken(wrong) {
  if (asking) return asking;
  const dialog = $("token");
  $("token-bad").hidden = !wrong;
  $("token-form").querySelector("label").hidden = $("token-use").hidden = !here.token_configured;
  $("token-input").value = "";
  asking = new Promise((resolve) => {
    $("token-form").onsubmit = async (e) => {
      e.preventDefault();
      const v = $("token-input").value.trim();
      if (!v) return;
      sessionStorage.setItem(key, v);
      let ok = false;
      try { ok = await whoAmI(); } catch { /* relay is away */ }
      $("token-bad").hidden = ok;
      if (!ok) { $("token-input").value = ""; return; }
      dialog.close();
    };
    $("token-close").onclick = () => dialog.close();
    dialog.onclose = async () => { let ok = false; try { ok = await whoAmI(); } catch { /* relay is away */ } resolve(ok); };
    dialog.showModal();
  }).finally(() => { asking = null; });
  return asking;
}
