// Dead letters: filter, show one, retry, drop.
import { $, h, text, num, ago, dateTime, ask, toast } from "./dom.js";
import { get, getSecret, post, lines, onSignIn } from "./api.js";
import { laneName } from "./lanes.js";

const step = 100;
const plain = (r) => summary.plain[r] || r.replaceAll("_", " ");

let shown = [];       // letters in the table
let picked = new Set(); // ids
let summary = { total: 0, reasons: {}, event_sets: {}, plain: {} };
let last = -1;        // number of letters when the list was read
let signedIn = false;
let turn = 0;         // answers to an older filter are ignored

function filter() {
  const f = {};
  if ($("dead-search").value.trim()) f.search = $("dead-search").value.trim();
  if ($("dead-reason").value) f.reason = $("dead-reason").value;
  if ($("dead-set").value) f.event_set = $("dead-set").value;
  return f;
}

export function setupDead() {
  onSignIn((yes) => {
    signedIn = yes;
    for (const id of ["dead-form", "dead-list"]) $(id).hidden = !yes;
    if (yes) refresh();
    else { turn++; shown = []; picked.clear(); $("detail").close(); rows(); }
  });
  let timer = 0;
  $("dead-form").onsubmit = (e) => { e.preventDefault(); refresh(); };
  $("dead-search").oninput = () => { clearTimeout(timer); timer = setTimeout(refresh, 250); };
  $("dead-reason").onchange = refresh;
  $("dead-set").onchange = refresh;
  $("dead-more").onclick = () => load(shown.length ? shown[shown.length - 1].id : "");
  $("dead-all").onchange = (e) => { picked = new Set(e.target.checked ? shown.map((d) => d.id) : []); rows(); };
  $("dead-retry").onclick = () => retry(choice());
  $("dead-drop").onclick = () => drop(choice());
}

/** deadCount gets the number of letters with every status, and reads the list again if it changed. */
export function deadCount(n) {
  if (n !== last) { last = n; refresh(); }
}

async function refresh() {
  if (!signedIn) return;
  const mine = ++turn;
  try {
    const sum = await get("/api/v1/dead/summary");
    if (mine !== turn) return;
    summary = sum;
    options($("dead-reason"), Object.entries(sum.reasons).map(([k, n]) => [k, `${plain(k)} (${num(n)})`]));
    options($("dead-set"), Object.entries(sum.event_sets).filter(([k]) => k).map(([k, n]) => [k, `${laneName(k)} (${num(n)})`]));
    await load("", mine);
  } catch (e) {
    if (!e.signIn) text($("dead-note"), e.message);
  }
}

function options(select, list) {
  const was = select.value;
  list.sort((a, b) => a[1].localeCompare(b[1]));
  select.replaceChildren(h("option", { value: "" }, "all"), ...list.map(([v, t]) => h("option", { value: v }, t)));
  if (list.some(([v]) => v === was)) select.value = was;
}

async function load(after, mine = ++turn) {
  const q = new URLSearchParams({ ...filter(), limit: String(step + 1) });
  if (after) q.set("after", after);
  const got = await lines("/api/v1/dead?" + q);
  if (mine !== turn) return;
  $("dead-more").hidden = got.length <= step;
  got.length = Math.min(got.length, step);
  shown = after ? shown.concat(got) : got;
  picked = new Set([...picked].filter((id) => shown.some((d) => d.id === id)));
  rows();
}

function rows() {
  const now = Date.now();
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.id : "";
  $("dead-rows").replaceChildren(...shown.map((d) => {
    const box = h("input", { type: "checkbox", "aria-label": `Select ${d.event || "message"} ${d.message_id || d.id}` });
    box.checked = picked.has(d.id);
    box.onchange = () => { box.checked ? picked.add(d.id) : picked.delete(d.id); bar(); };
    const words = d.reason === "rejected" || d.code ? `${d.message} (code ${d.code}${d.subcode ? "/" + d.subcode : ""})` : d.message;
    return h("tr", {},
      h("td", { class: "pick" }, box),
      h("td", { class: "when" }, h("time", { datetime: d.received_at, title: dateTime(d.received_at) }, ago(d.received_at, now))),
      h("td", {}, h("button", { type: "button", class: "open", "data-id": d.id, onclick: () => detail(d.id) }, d.event || "(no event name)"), h("span", { class: "msg mono" }, d.message_id || "no messageId")),
      h("td", {}, d.event_set ? laneName(d.event_set) : "–"),
      h("td", { class: "why" }, h("b", {}, plain(d.reason)), h("span", {}, words)));
  }));
  if (focused) { const b = $("dead-rows").querySelector(`[data-id="${CSS.escape(focused)}"]`); if (b) b.focus(); }
  const f = Object.keys(filter()).length > 0;
  $("dead-empty").hidden = !signedIn || shown.length > 0;
  text($("dead-empty"), f ? "No dead letter matches." : "No dead letters: no event was held or refused.");
  text($("dead-note"), summary.total ? `${num(summary.total)} kept, oldest first` : "");
  bar();
}

function choice() {
  if (picked.size) return { what: `${num(picked.size)} dead letter${picked.size > 1 ? "s" : ""}`, body: { ids: [...picked] } };
  const f = filter();
  return Object.keys(f).length ? { what: "every dead letter that matches the filter", body: f } : { what: "every dead letter", body: { all: true } };
}

function bar() {
  $("dead-bar").hidden = shown.length === 0;
  text($("dead-picked"), picked.size ? `${num(picked.size)} selected` : "None selected: acts on all that match");
  $("dead-all").checked = shown.length > 0 && picked.size === shown.length;
  $("dead-all").indeterminate = picked.size > 0 && picked.size < shown.length;
}

async function retry({ what, body }) {
  try {
    const see = await post("/api/v1/dead/retry", { ...body, dry_run: true });
    const list = [];
    const say = (n, t) => { if (n) list.push(h("li", {}, h("b", {}, num(n)), " " + t)); };
    say(see.would_pass, "would be sent");
    for (const [r, n] of Object.entries(see.would_hold)) say(n, "would become dead letters again: " + plain(r));
    for (const [r, n] of Object.entries(see.would_skip)) say(n, "would be skipped: " + r.replaceAll("_", " "));
    say(see.unrouted, "would stay: " + see.unrouted_because);
    if (!see.redriven) { await ask({ title: "Nothing to retry", yes: "OK", body: ["None of them can be sent again.", h("ul", { class: "checks" }, list)] }); return; }
    const ok = await ask({ title: `Retry ${num(see.redriven)} of ${num(see.matched)}?`, yes: `Retry ${num(see.redriven)}`, body: [`With the current mapping, of ${what}:`, h("ul", { class: "checks" }, list)] });
    if (!ok) return;
    const res = await post("/api/v1/dead/retry", body);
    toast(res.success ? `${num(res.redriven)} put back into the queue.` : `${num(res.redriven)} put back into the queue, then: ${res.message}`, !res.success);
    $("detail").close();
    picked.clear();
    refresh();
  } catch (e) { toast(e.message, true); }
}

async function drop({ what, body }) {
  try {
    const see = await post("/api/v1/dead/drop", { ...body, dry_run: true });
    if (!see.matched) { toast("These dead letters no longer exist. They were retried or dropped meanwhile."); refresh(); return; }
    const ok = await ask({ title: `Drop ${num(see.matched)} permanently?`, yes: "Drop", danger: true, body: `${what[0].toUpperCase() + what.slice(1)} will never be delivered. This cannot be undone.` });
    if (!ok) return;
    const res = await post("/api/v1/dead/drop", body);
    toast(`${num(res.dropped)} dropped.`);
    $("detail").close();
    picked.clear();
    refresh();
  } catch (e) { toast(e.message, true); }
}

async function detail(id, whole) {
  try {
    const path = "/api/v1/dead/" + encodeURIComponent(id);
    const d = whole ? await getSecret(path + "?body=full") : await get(path);
    const facts = h("dl", { class: "facts" });
    const fact = (k, v) => { if (v) facts.append(h("dt", {}, k), h("dd", {}, v)); };
    fact("Reason", `${plain(d.reason)}: ${d.message}`);
    fact("Meta's error code", d.code ? `${d.code}${d.subcode ? " / " + d.subcode : ""}` : "");
    fact("Trace id", d.fbtrace_id);
    fact("Event set", d.event_set ? `${laneName(d.event_set)}${laneName(d.event_set) === d.event_set ? "" : " · " + d.event_set}` : "");
    fact("Message id", d.message_id);
    fact("Received", dateTime(d.received_at));
    fact("Dead letter since", dateTime(d.dead_at));
    fact("Retried by itself", d.release_at ? dateTime(d.release_at) : "");
    fact("Attempts", d.attempts ? String(d.attempts) : "");
    fact("Mapping then", d.mapping);
    const one = { what: "this dead letter", body: { ids: [id] } };
    text($("detail-title"), d.event || "Message without event name");
    $("detail-body").replaceChildren(facts,
      h("p", { class: "note" }, d.masked ? "The event as it arrived. Values that might be personal are masked: a and A for letters, 9 for digits." : "The event as it arrived, unmasked."),
      h("pre", { class: "json", tabindex: "0" }, d.text !== undefined ? d.text : JSON.stringify(d.body, null, 2)),
      h("div", { class: "acts" },
        d.masked && h("button", { type: "button", onclick: () => detail(id, true) }, "Show unmasked"),
        h("button", { type: "button", class: "danger", onclick: () => drop(one) }, "Drop…"),
        h("button", { type: "button", class: "primary", onclick: () => retry(one) }, "Retry…")));
    if (!$("detail").open) $("detail").showModal();
  } catch (e) { toast(e.message, true); }
}
