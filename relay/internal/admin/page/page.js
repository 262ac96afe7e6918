// The status page: a stream of status events keeps every section up to date.
import { $, h, text, cls, num, rate, bytes, span, ago, timeOf, toast } from "./dom.js";
import { post, stream, askToken, onSignIn, whoAmI, takeCode, signOut } from "./api.js";
import { kind, laneName, showLanes, stateWord } from "./lanes.js";
import { setupDead, deadCount } from "./dead.js";
import { setupMapping, mappingState } from "./mapping.js";
import { showStores } from "./stores.js";
import { showRelays } from "./relays.js";
import { setupCharts } from "./charts.js";

function show(s) {
  const now = new Date(s.now);
  figures(s, now);
  showLanes(s.lanes, now); // before verdict, which uses their names
  verdict(s);
  deadCount(s.queue.dead);
  mappingState(s.mapping, now);
  spool(s.spool);
  showStores(now, s.started_at);
  showRelays(s.relays || []);
  keys(s.match_keys);
  foot(s, now);
}

function figure(id, value, unit, sub, level) {
  const el = $(id);
  const key = value + "|" + unit;
  if (el.dataset.was !== key) { el.dataset.was = key; el.replaceChildren(value, unit ? h("small", {}, " " + unit) : ""); }
  cls(el, level || "");
  if (sub !== undefined) text(el.nextElementSibling, sub || "\u00a0");
}

function figures(s, now) {
  const q = s.queue;
  figure("f-pending", num(q.pending), "", q.pending && q.oldest_at ? `oldest ${ago(q.oldest_at, now)}` : "no events");
  const forwards = s.lanes.length > 0 && s.lanes.every((l) => l.lane === "forward"); // the hub maps and uploads
  $("mapping").hidden = $("match-keys").hidden = forwards;
  figure("f-in", rate(s.rates.in), "/s", s.relays ? `${num(s.relays.reduce((n, r) => n + r.stored, 0))} at all relays` : `${num(q.appended)} since start`);
  figure("f-out", rate(s.rates.delivered), "/s", `${num(s.totals.delivered)} since start`);
  if (!q.pending) figure("f-drain", "now", "", "the queue is empty");
  else if (q.drain_seconds === null) figure("f-drain", "–", "", s.lanes.some((l) => l.pending && kind(l.state) !== "ok" && kind(l.state) !== "wait") ? (forwards ? "the hub accepts nothing" : "an event set is stopped") : "not draining yet", "warn");
  else { const [n, ...u] = span(q.drain_seconds).split(" "); figure("f-drain", n === "under" ? "1" : n, n === "under" ? "s" : u.join(" "), "at the current rate"); }
  const conflicts = s.totals.received.id_conflict;
  figure("f-dead", num(q.dead), "", conflicts ? `${num(conflicts)} with a reused messageId` : q.dead ? bytes(q.dead_bytes) : "none", conflicts ? "alarm" : q.dead ? "warn" : "");
  const share = q.max_bytes ? q.bytes / q.max_bytes : 0;
  figure("f-disk", bytes(q.bytes), "", q.full ? "full: new events are refused" : q.max_bytes ? `${Math.round(share * 100)} % of ${bytes(q.max_bytes)}` : "", q.full ? "alarm" : share > 0.8 ? "warn" : "");
}

function verdict(s) {
  const stop = s.lanes.filter((l) => kind(l.state) === "stop");
  const wait = s.lanes.filter((l) => kind(l.state) === "wait" && l.state !== "rate_limited");
  const say = (k, word, t) => { cls($("verdict-chip"), "chip " + k); text($("verdict-chip"), word); text($("verdict-text"), t); };
  if (!s.ready) return say("stop", "not storing", `New events cannot be stored: ${s.not_ready.join("; ")}.`);
  if (s.queue.full) return say("stop", "queue full", "New events are refused until stored events are delivered or space is freed.");
  if (stop.length) return say("stop", "needs you", stop.length === 1 ? `${laneName(stop[0].lane)}: ${stop[0].headline.toLowerCase()}. Its events are kept.` : `${stop.length} event sets are stopped. Their events are kept.`);
  if (s.mapping.refused) return say("stop", "needs you", "The new mapping file is invalid. relay still uses the previous one.");
  if (s.config.refused) return say("stop", "needs you", "The new relay.yaml is invalid. relay still uses the previous settings: " + s.config.refused.message);
  const conflicts = s.queue.dead && s.totals.received.id_conflict;
  if (conflicts) return say("stop", "needs you", `${conflicts === 1 ? "1 event has" : num(conflicts) + " events have"} the messageId of another event and became dead letters. The sender must give each event its own messageId.`);
  if (s.spool && s.spool.problem) return say("stop", "needs you", `Spool files are not imported: ${s.spool.problem}.`);
  if (s.spool && s.spool.says) return say("wait", "check files", `Sales in spool files are not stored: ${s.spool.says.map((x) => x.what).join("; ")}. See Spool files.`);
  if (s.config.need_restart && s.config.need_restart.length) return say("wait", "restart", `relay.yaml has changed. Restart relay to apply: ${s.config.need_restart.join(", ")}.`);
  if (wait.length) return say("wait", "waiting", wait.length === 1 ? `${laneName(wait[0].lane)} will retry by itself.` : `${wait.length} event sets will retry by themselves.`);
  const off = s.lanes.filter((l) => kind(l.state) === "off" && l.pending);
  if (off.length) return say("off", "on hold", off.length === 1 ? `${laneName(off[0].lane)}: ${off[0].headline.toLowerCase()}.` : `${off.length} event sets are on hold.`);
  say("ok", "all well", s.queue.pending ? "Events are being stored and delivered." : "All received events have been processed.");
}

// spool shows the state of the spool directory, if there is one.
function spool(d) {
  $("spool").hidden = !d;
  if (!d) return;
  text($("spool-note"), `${num(d.waiting)} waiting, ${num(d.done)} in done, ${num(d.refused)} in refused`);
  const says = d.says || [], mark = JSON.stringify(says);
  if ($("spool").dataset.was === mark) return;
  $("spool").dataset.was = mark;
  $("spool-says").replaceChildren(...says.map((s) => h("li", { class: s.about === "directory" ? "" : "warning" }, `${{ directory: "", not_taken: "Not imported: ", refused: "Not stored: " }[s.about]}${s.what}. ${s.todo}.`)));
}

function keys(list) {
  const used = list.filter((k) => k.sent || k.unusable);
  const total = list.length ? list[0].sent + list[0].missing + list[0].unusable : 0;
  $("keys-empty").hidden = used.length > 0;
  text($("keys-note"), total ? `of ${num(total)} delivered since start` : "");
  const mark = JSON.stringify(used);
  if ($("keys").dataset.was === mark) return;
  $("keys").dataset.was = mark;
  $("keys").replaceChildren(...used.map((k) => {
    const sent = h("i", { class: "sent" }), bad = h("i", { class: "unusable" });
    sent.style.width = (100 * k.sent) / total + "%";
    bad.style.width = (100 * k.unusable) / total + "%";
    const pct = Math.round((100 * k.sent) / total);
    return h("tr", {}, h("th", { scope: "row", class: "kname" }, k.key.replaceAll("_", " ")),
      h("td", {}, h("div", { class: "share", role: "img", "aria-label": `${pct} % sent, ${num(k.unusable)} unusable, ${num(k.missing)} missing`, title: `${num(k.sent)} sent, ${num(k.unusable)} unusable, ${num(k.missing)} missing` }, sent, bad)),
      h("td", {}, pct + " %"));
  }));
}

function foot(s, now) {
  const skew = Math.abs(s.clock_skew_seconds) >= 5 ? `clock ${Math.abs(Math.round(s.clock_skew_seconds))} s ${s.clock_skew_seconds > 0 ? "ahead of" : "behind"} ${s.forwards_to ? "the hub's" : "Meta's"}` : "";
  const bits = [`relay ${s.build.version}`, `up ${span((now - new Date(s.started_at)) / 1000)}`, `process ${s.pid}`, s.queue.unmapped ? `${num(s.queue.unmapped)} unmapped events kept for a later mapping change` : "",
    s.queue.damaged_chunks ? `${num(s.queue.damaged_chunks)} damaged chunks quarantined` : "", skew].filter(Boolean);
  const mark = bits.join("|");
  if ($("foot").dataset.was === mark) return;
  $("foot").dataset.was = mark;
  $("foot").replaceChildren(...bits.map((b) => h("span", {}, b)), h("a", { href: "/metrics" }, "metrics"), h("a", { href: "/api/v1/status" }, "status as JSON"));
}

// ---- live

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

function line(state, word) { cls($("live"), "live " + state); text($("live"), word); }

async function keepAlive(path, on, onState) {
  for (let wait = 500; ; ) {
    try {
      await stream(path, (event, data) => { wait = event === "later" ? 5000 : 500; onState("on"); on(event, data); });
      if (wait === 5000) { await sleep(wait); continue; }
    } catch (e) {
      if (e.signIn) { onState("lost", "sign in"); await askToken(false); await sleep(2000); continue; }
    }
    onState("lost", "not connected");
    await sleep(wait);
    wait = Math.min(wait * 2, 10000);
  }
}

const kinds = { delivered: "ok", received: "off", skip: "off", dead: "stop", attempt: "wait", refused: "stop", state: "off", missed: "off" };
let held = false;
let buffer = [];

function outcome(event, o) {
  if (event === "missed") o.outcome = "missed";
  o.time = o.time || new Date().toISOString();
  buffer.push(o);
  if (!held) requestAnimationFrame(flush);
}

function flush() {
  if (held || !buffer.length) return;
  const list = $("tail");
  for (const o of buffer.splice(0).slice(-60)) {
    const what = [o.outcome === "received" ? num(o.count) + (o.count === 1 ? " event" : " events") : o.count > 1 || o.outcome === "missed" ? num(o.count) + " ×" : "", o.event || "", o.reason ? (o.outcome === "state" ? stateWord(o.reason) : o.reason.replaceAll("_", " ")) : "", o.event_set ? "→ " + laneName(o.event_set) : "", o.message || "", o.message_id || ""].filter(Boolean).join(" ");
    list.prepend(h("li", { class: kinds[o.outcome] || "off" }, h("time", { datetime: o.time }, timeOf(o.time)), h("b", {}, o.outcome), h("span", {}, what)));
  }
  while (list.children.length > 60) list.lastChild.remove();
  $("tail-empty").hidden = !signedIn || list.children.length > 0;
}

// ---- start

setupDead();
setupMapping();
setupCharts();
let signedIn = false;
$("token-open").onclick = async () => { if (signedIn) { await signOut(); toast("Signed out."); } else await askToken(false); };
for (const b of document.querySelectorAll(".sign-in")) b.onclick = () => askToken(false);
onSignIn((yes) => {
  signedIn = yes;
  text($("token-open"), yes ? "Sign out" : "Sign in");
  document.body.classList.toggle("signed-out", !yes);
  for (const p of document.querySelectorAll(".locked")) p.hidden = yes;
  $("tail-empty").hidden = !yes || $("tail").children.length > 0;
  if (!yes) $("tail").replaceChildren();
});
addEventListener("hashchange", () => signIn());

/** signIn uses the code of a sign-in link that was opened in this tab. */
async function signIn() {
  try { await takeCode(); } catch (e) { toast(e.message, true); }
  try { await whoAmI(); } catch { /* the live indicator shows that relay is unreachable */ }
}

$("reload").onclick = async (e) => {
  e.target.disabled = true;
  try {
    const r = await post("/api/v1/reload");
    toast(r.changed.length ? "Reloaded: " + r.changed.join(", ") + "." : "No file has changed.");
  } catch (err) {
    toast(err.message, true);
  } finally { e.target.disabled = false; }
};
$("tail-pause").onclick = (e) => { held = !held; e.target.setAttribute("aria-pressed", String(held)); text(e.target, held ? "Resume" : "Pause"); flush(); };
document.addEventListener("keydown", (e) => {
  if (e.key === "/" && !e.ctrlKey && !e.metaKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) && !document.querySelector("dialog[open]")) { e.preventDefault(); $("dead-search").focus(); }
});

/** follow streams outcomes into the list while this tab is signed in. */
async function follow() {
  for (;;) {
    if (signedIn) {
      try {
        await stream("/api/v1/tail", outcome);
      } catch (e) {
        if (e.signIn) try { await whoAmI(); } catch { /* relay is unreachable */ }
      }
    }
    await sleep(1000);
  }
}

await signIn();
keepAlive("/api/v1/live", (event, data) => { if (event === "status") show(data); }, (state, word) => line(state, word || "live"));
follow();
