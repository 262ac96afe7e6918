// Talking to relay: requests with the token, lists, streams.
import { $ } from "./dom.js";

const key = "relay-admin-token";
const token = () => sessionStorage.getItem(key) || "";

export class ApiError extends Error {
  constructor(status, body) {
    super((body && body.message) || "relay answered " + status);
    this.status = status;
    this.body = body;
  }
}

async function raw(path, options = {}) {
  const headers = { ...options.headers };
  if (token()) headers.Authorization = "Bearer " + token();
  const res = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  if (res.ok) return res;
  let body = null;
  try { body = await res.json(); } catch { /* not relay's form */ }
  throw new ApiError(res.status, body);
}

/** withToken asks for the token when relay wants one, and tries again. */
async function withToken(fn) {
  for (let first = true; ; first = false) {
    try {
      return await fn();
    } catch (e) {
      if (e.status !== 401 || !(await askToken(!first))) throw e;
    }
  }
}

export const get = (path) => raw(path).then((r) => r.json());
export const getSecret = (path) => withToken(() => get(path));

export const post = (path, body) => withToken(() =>
  raw(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body || {}) }).then((r) => r.json()));

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

let asking = null;

/** askToken opens the dialog; resolves to whether a token was given. */
export function askToken(wrong) {
  if (asking) return asking;
  const dialog = $("token");
  $("token-bad").hidden = !wrong;
  $("token-input").value = "";
  asking = new Promise((resolve) => {
    $("token-form").onsubmit = (e) => {
      e.preventDefault();
      const v = $("token-input").value.trim();
      if (!v) return;
      sessionStorage.setItem(key, v);
      dialog.onclose = null;
      dialog.close();
      resolve(true);
    };
    $("token-forget").onclick = () => { sessionStorage.removeItem(key); dialog.close(); };
    dialog.onclose = () => resolve(false);
    dialog.showModal();
  }).finally(() => { asking = null; });
  return asking;
}
