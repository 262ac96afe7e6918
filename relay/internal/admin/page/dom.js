// Helpers: elements, formatting of numbers and times, notices, questions.

export const $ = (id) => document.getElementById(id);

/** h makes an element. Strings become text nodes: nothing here parses HTML. */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(props || {})) {
    if (v === undefined || v === null || v === false) continue;
    if (k === "class") el.className = v;
    else if (k.startsWith("on")) el.addEventListener(k.slice(2), v);
    else if (v === true) el.setAttribute(k, "");
    else el.setAttribute(k, v);
  }
  for (const c of children.flat()) if (c !== null && c !== undefined && c !== false) el.append(c);
  return el;
}

/** text sets the text of an element only if it changed, so as not to disturb screen readers and selections. */
export function text(el, s) {
  s = String(s);
  if (el.textContent !== s) el.textContent = s;
}

export function cls(el, name) { if (el.className !== name) el.className = name; }

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const num = (n) => (n >= 1e6 ? short.format(n) : whole.format(n));

export function rate(n) {
  if (!n) return "0";
  return n >= 100 ? whole.format(n) : n >= 10 ? n.toFixed(0) : n.toFixed(1);
}

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return (i && n < 10 ? n.toFixed(1) : Math.round(n)) + " " + units[i];
}

/** span formats a number of seconds in one unit. */
export function span(s) {
  if (s < 1) return "under 1 s";
  if (s < 90) return Math.round(s) + " s";
  if (s < 5400) return Math.round(s / 60) + " min";
  if (s < 129600) return Math.round(s / 3600) + " h";
  return Math.round(s / 86400) + " days";
}

export function ago(t, now) {
  const s = (now - new Date(t)) / 1000;
  return s < 1 ? "just now" : span(s) + " ago";
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
export const timeOf = (t) => clock.format(new Date(t));
export const dateTime = (t) => full.format(new Date(t));

export function toast(message, bad) {
  const el = h("div", { class: "toast" + (bad ? " bad" : "") }, message);
  $("toasts").append(el);
  setTimeout(() => el.remove(), bad ? 9000 : 5000);
}

/** ask shows a question and resolves to whether the answer was yes. */
export function ask({ title, body, yes, danger }) {
  const dialog = $("ask");
  text($("ask-title"), title);
  $("ask-body").replaceChildren(...[body].flat().map((b) => (typeof b === "string" ? h("p", {}, b) : b)));
  text($("ask-yes"), yes);
  cls($("ask-yes"), "primary" + (danger ? " danger" : ""));
  $("ask-yes").disabled = false;
  return new Promise((resolve) => {
    const done = (v) => { dialog.onclose = null; dialog.close(); resolve(v); };
    $("ask-form").onsubmit = (e) => { e.preventDefault(); done(true); };
    $("ask-no").onclick = () => done(false);
    dialog.onclose = () => resolve(false);
    dialog.showModal();
    (danger ? $("ask-no") : $("ask-yes")).focus();
  });
}
