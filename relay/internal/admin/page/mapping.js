// The mapping: the text in use, and the mistakes of a refused file.
import { $, h, text, cls, ago } from "./dom.js";
import { get, onSignIn } from "./api.js";

let seen = "";
let signedIn = false;
let m = null;

export function setupMapping() {
  onSignIn((yes) => {
    signedIn = yes;
    seen = "";
    $("map-code").hidden = !yes;
    if (!yes) { m = null; $("map-code").replaceChildren(); $("map-problems").replaceChildren(); }
  });
}

/** mappingState gets the state with every status, and reads the text again if it changed. */
export async function mappingState(s, now) {
  const bad = s.refused;
  const warn = !bad && s.warnings && s.warnings.length;
  cls($("map-chip"), "chip " + (bad ? "stop" : warn ? "wait" : s.digest ? "ok" : "off"));
  text($("map-chip"), bad ? "new file refused" : s.from_store ? "last valid version" : warn ? "in use, with warnings" : s.digest ? "in use" : "none yet");
  const base = s.file ? s.file.split(/[\\/]/).pop() : "";
  const parts = [base, s.digest ? s.digest.slice(0, 12) : "", s.loaded_at ? "loaded " + ago(s.loaded_at, now) : ""].filter(Boolean);
  text($("map-note"), (bad ? `A new file was refused ${ago(bad.at, now)}; the previous mapping stays in use. ` : "") + parts.join(" · "));
  $("map-note").title = s.file || "";
  const mark = JSON.stringify([s.digest, s.generation, bad && bad.at, bad && bad.message]);
  if (mark === seen || !signedIn || (!s.digest && !bad)) return;
  try {
    m = await get("/api/v1/mapping");
    seen = mark;
    code();
  } catch { /* retried with the next status */ }
}

function code() {
  const refused = Boolean(m.refused);
  const problems = (refused ? m.refused.problems : m.warnings) || [];
  const list = problems.length ? problems : refused ? [{ line: 0, message: m.refused.message }] : [];
  const where = (p) => `line ${p.line}${p.column ? ":" + p.column : ""}`;
  $("map-problems").replaceChildren(...list.map((p) => h("li", { class: refused ? "" : "warning" },
    !p.line ? null : refused ? h("b", {}, where(p) + " of the refused file") : h("button", { type: "button", onclick: () => jump(p.line) }, where(p)),
    (p.line ? " " : "") + p.message + (p.hint ? " – " + p.hint : ""))));
  const src = m.text || "";
  const marks = new Map();
  if (!refused) for (const p of problems) if (p.line) marks.set(p.line, [...(marks.get(p.line) || []), p.message]);
  const out = [];
  src.replace(/\n$/, "").split("\n").forEach((line, i) => {
    if (!src) return;
    const why = marks.get(i + 1);
    out.push(h("div", { class: why ? "bad" : "", id: "map-line-" + (i + 1) }, h("i", { "aria-hidden": "true" }, String(i + 1)), h("span", {}, paint(line))));
    if (why) for (const w of why) out.push(h("div", { class: "why" }, w));
  });
  $("map-code").replaceChildren(...out);
  $("map-code").scrollTop = 0;
}

/** paint highlights keys and comments; the simple rule is good enough for reading. */
function paint(line) {
  const com = /(^|\s)#.*$/.exec(line);
  const body = com ? line.slice(0, com.index) : line;
  const k = /^(\s*(?:- )?)([^\s:#][^:#]*)(:)(?=\s|$)/.exec(body);
  const parts = k ? [k[1], h("span", { class: "k" }, k[2]), body.slice(k[1].length + k[2].length)] : [body];
  if (com) parts.push(h("span", { class: "com" }, line.slice(com.index)));
  return parts;
}

function jump(line) {
  const el = $("map-line-" + line);
  if (el) { $("map-code").scrollTop = el.offsetTop - $("map-code").offsetTop - 60; $("map-code").focus(); }
}
