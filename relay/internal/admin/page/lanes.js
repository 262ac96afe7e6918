// One card per event set. Cards are updated in place, so that the focus and a screen
// reader's position survive.
import { $, h, text, cls, num, rate, span, ago, dateTime, ask, toast } from "./dom.js";
import { post } from "./api.js";

/** kind groups the states: ok, wait (ends by itself), stop (needs a person), off (on purpose). */
export function kind(state) {
  switch (state) {
    case "idle": case "sending": return "ok";
    case "waiting_retry": case "throttled": case "rate_limited": case "standby": return "wait";
    case "manually_paused": case "retired": case "dry_run": return "off";
    default: return "stop";
  }
}

const words = {
  idle: "idle", sending: "sending", waiting_retry: "will retry", throttled: "throttled", rate_limited: "waiting", manually_paused: "paused",
  retired: "retired", dry_run: "dry run", paused_token: "token refused", paused_permission: "not allowed", paused_config: "settings wrong",
  breaker: "stopped", no_token: "no token", storage: "disk", dead_letters_full: "dead letters full", standby: "standby", no_mapping: "no mapping",
};
export const stateWord = (s) => words[s] || s.replaceAll("_", " ");

const cards = new Map();
let all = [];

export const laneName = (id) => { const l = all.find((x) => x.lane === id); return l && l.name ? l.name : id === "forward" ? "the hub" : id; };

export function showLanes(lanes, now) {
  all = lanes;
  const box = $("cards");
  const order = { stop: 0, wait: 1, ok: 2, off: 3 };
  const sorted = [...lanes].sort((a, b) => order[kind(a.state)] - order[kind(b.state)]);
  for (const [id, c] of cards) if (!lanes.some((l) => l.lane === id)) { c.el.remove(); cards.delete(id); }
  sorted.forEach((l, i) => {
    let c = cards.get(l.lane);
    if (!c) { c = card(l.lane); cards.set(l.lane, c); }
    if (box.children[i] !== c.el) box.insertBefore(c.el, box.children[i] || null);
    c.show(l, now);
  });
  $("cards-empty").hidden = lanes.length > 0;
  const waiting = lanes.filter((l) => l.pending > 0).length;
  text($("sets-note"), lanes.length ? `${lanes.length} in all, ${waiting} with events waiting` : "");
}

function card(id) {
  const title = h("h3", { id: "set-" + id });
  const sub = h("p", { class: "id mono" });
  const chip = h("span", { class: "chip" });
  const headline = h("b");
  const rest = document.createTextNode("");
  const next = h("p", { class: "next" }, headline, rest);
  const f = {};
  const field = (k, label) => { f[k] = h("dd"); return h("div", {}, h("dt", {}, label), f[k]); };
  const facts = h("dl", {}, field("pending", "Waiting"), field("lag", "Behind"), field("rate", "Per second"), field("success", "Last success"));
  const bar = h("i");
  const meter = h("div", { class: "meter", role: "meter", "aria-label": "Share of Meta's rate limit used", "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
  const share = h("span");
  const usage = h("div", { class: "usage" }, h("span", {}, "Meta's limit"), meter, share);
  const advice = h("p"), said = h("p", { class: "words" });
  const err = h("div", { class: "err" }, advice, said);
  const pause = h("button", { type: "button" });
  const move = h("button", { type: "button" }, "Move…");
  const drop = h("button", { type: "button", class: "danger" }, "Drop…");
  const extra = h("span", { class: "note" });
  const el = h("article", { class: "card", "aria-labelledby": "set-" + id },
    h("header", {}, h("div", {}, title, sub), chip), next, facts, usage, err, h("div", { class: "acts" }, pause, move, drop, extra));
  let lane = null;
  pause.onclick = () => act(pause, lane, lane.paused ? "resume" : kind(lane.state) === "stop" || kind(lane.state) === "wait" ? "resume" : "pause");
  move.onclick = () => moveLane(lane);
  drop.onclick = () => dropLane(lane);

  return {
    el,
    show(l, now) {
      lane = l;
      const k = kind(l.state);
      cls(el, "card " + k);
      text(title, laneName(l.lane));
      text(sub, [l.name ? l.lane : "", l.api === "offline" ? "offline format" : "", l.test_event_code ? "test events" : ""].filter(Boolean).join(" · "));
      cls(chip, "chip " + k);
      text(chip, stateWord(l.state));
      text(headline, l.headline + ".");
      const rst = " " + l.next;
      if (rest.data !== rst) rest.data = rst;
      text(f.pending, num(l.pending));
      text(f.lag, l.pending ? span(l.lag_seconds) : "–");
      text(f.rate, rate(l.rate));
      text(f.success, l.last_success_at ? ago(l.last_success_at, now) : "not yet");
      f.success.title = l.last_success_at ? dateTime(l.last_success_at) : "since this relay started";
      const pct = Math.round((l.usage_ratio || 0) * 100);
      usage.hidden = !pct;
      bar.style.width = Math.min(100, pct) + "%";
      cls(meter, "meter" + (pct >= 95 ? " alarm" : pct >= 75 ? " warn" : ""));
      meter.setAttribute("aria-valuenow", String(Math.min(100, pct)));
      text(share, pct + " %");
      const e = l.last_error;
      const old = e && l.last_success_at && new Date(l.last_success_at) > new Date(e.at);
      err.hidden = !e || (old && k === "ok");
      if (e) {
        text(advice, k === "ok" ? "" : e.advice || "");
        advice.hidden = !advice.textContent;
        const code = e.code ? ` (code ${e.code}${e.subcode ? "/" + e.subcode : ""})` : "";
        text(said, `${ago(e.at, now)}: ${e.message}${code}${e.fbtrace_id ? " · trace " + e.fbtrace_id : ""}`);
      }
      const retired = l.state === "retired";
      pause.hidden = retired;
      text(pause, l.paused ? "Resume" : k === "stop" || k === "wait" ? "Try now" : "Pause");
      pause.setAttribute("aria-label", pause.textContent + " " + (l.name || l.lane));
      move.hidden = drop.hidden = !retired;
      text(extra, [l.in_doubt ? "one unanswered request will be repeated unchanged" : "", l.dead ? num(l.dead) + (l.dead === 1 ? " dead letter" : " dead letters") : ""].filter(Boolean).join(" · "));
    },
  };
}

async function act(button, l, action) {
  button.disabled = true;
  try {
    const done = await post(`/api/v1/lanes/${encodeURIComponent(l.lane)}/${action}`);
    toast(done.message);
  } catch (e) {
    toast(e.message, true);
  } finally {
    button.disabled = false;
  }
}

async function moveLane(l) {
  const select = h("select", { id: "move-to" }, all.filter((x) => x.lane !== l.lane && x.state !== "retired")
    .map((x) => h("option", { value: x.lane }, x.name ? `${x.name} (${x.lane})` : x.lane)));
  if (!select.children.length) { toast("The mapping has no other event set.", true); return; }
  const ok = await ask({ title: `Move ${num(l.pending)} events`, yes: "Move", body: [`Move the waiting events of ${l.name || l.lane} to another event set.`, h("label", {}, "To", select)] });
  if (!ok) return;
  try {
    const done = await post(`/api/v1/lanes/${encodeURIComponent(l.lane)}/move`, { to: select.value });
    toast(`${num(done.count)} events: ${done.message}`);
  } catch (e) { toast(e.message, true); }
}

async function dropLane(l) {
  const ok = await ask({ title: `Drop ${num(l.pending)} events permanently?`, yes: "Drop", danger: true, body: `The waiting events of ${l.name || l.lane} will never be delivered. This cannot be undone.` });
  if (!ok) return;
  try {
    const done = await post(`/api/v1/lanes/${encodeURIComponent(l.lane)}/drop`, { confirm: l.lane });
    toast(`${num(done.count)} events dropped.`);
  } catch (e) { toast(e.message, true); }
}
