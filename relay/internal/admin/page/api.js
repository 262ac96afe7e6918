// Requests, lists, streams and the sign-in.
import { $ } from "./dom.js";

// The session belongs to this tab and is sent in a header, because cookies ignore ports.
const key = "relay-session";
const token = () => sessionStorage.getItem(key) || "";

export class ApiError extends Error {
  constructor(status, body) {
    super((body && body.message) || "relay answered " + status);
    this.status = status;
    this.body = body;
    /** whether the call needs a sign-in */
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
  try { body = await res.json(); } catch { /* not JSON, so not an answer of relay's */ }
  throw new ApiError(res.status, body);
}

/** signed calls fn; if it needs a sign-in, it opens the dialog and calls fn again. */
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

/** stream reads server-sent events. It uses fetch, because EventSource cannot send a token. */
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
const listeners = [];

/** onSignIn calls fn now, and whenever this tab is signed in or out. */
export function onSignIn(fn) { listeners.push(fn); fn(here.signed_in); }

/** whoAmI asks relay whether this tab is signed in. */
export async function whoAmI() {
  const was = here.signed_in;
  here = await get("/api/v1/ping");
  if (!here.signed_in) sessionStorage.removeItem(key);
  if (here.signed_in !== was) for (const fn of listeners) fn(here.signed_in);
  return here.signed_in;
}

/** takeCode signs in with the code in the address, and removes it from the address. */
export async function takeCode() {
  const m = /^#sign-in=([A-Za-z0-9]+)$/.exec(location.hash);
  if (!m) return;
  history.replaceState(null, "", location.pathname);
  const res = await raw("/api/v1/session", { method: "POST", body: JSON.stringify({ code: m[1] }) });
  sessionStorage.setItem(key, (await res.json()).session);
  if (asking) $("token").close();
}

/** signOut ends the session here and at relay. */
export async function signOut() {
  try { await raw("/api/v1/session/end", { method: "POST" }); } catch { /* signed in by token, or relay is unreachable */ }
  sessionStorage.removeItem(key);
  await whoAmI();
}

let asking = null;

/** askToken opens the sign-in dialog; it resolves to whether this tab is then signed in. */
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
      try { ok = await whoAmI(); } catch { /* relay is unreachable */ }
      $("token-bad").hidden = ok;
      if (!ok) { $("token-input").value = ""; return; }
      dialog.close();
    };
    $("token-close").onclick = () => dialog.close();
    dialog.onclose = async () => { let ok = false; try { ok = await whoAmI(); } catch { /* relay is unreachable */ } resolve(ok); };
    dialog.showModal();
  }).finally(() => { asking = null; });
  return asking;
}
