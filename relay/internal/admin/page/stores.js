// The stores whose relays forward to this one; those that are silent or behind come first.
import { $, h, text, num, ago } from "./dom.js";
import { get } from "./api.js";

const every = 10_000, silent = 10 * 60_000, most = 50;

/** showStores reads the list again if the last one is old enough. */
let asked = 0;
export async function showStores(now, started) {
  if (Date.now() - asked < every) return;
  asked = Date.now();
  let list;
  try { list = await get("/api/v1/stores"); } catch { return; } // the live indicator shows that relay is unreachable
  $("stores").hidden = list.length === 0;
  const quiet = (s) => now - new Date(s.last_seen || started) > silent;
  const since = (s) => (s.last_seen ? new Date(s.last_seen).getTime() : 0);
  list.sort((a, b) => quiet(b) - quiet(a) || (quiet(a) ? since(a) - since(b) : b.waiting - a.waiting) || (a.store < b.store ? -1 : 1));
  const gone = list.filter(quiet).length, waiting = list.reduce((n, s) => n + s.waiting, 0);
  const shown = list.length > most ? `; the first ${most} are shown` : "";
  text($("stores-note"), `${num(list.length)} in all, ${num(gone)} silent; ${num(waiting)} events waiting there${shown}`);
  const mark = JSON.stringify(list.slice(0, most)) + Math.floor(now / 60_000);
  if ($("stores").dataset.was === mark) return;
  $("stores").dataset.was = mark;
  $("stores-rows").replaceChildren(...list.slice(0, most).map((s) => h("tr", {},
    h("td", {}, s.store),
    h("td", {}, s.last_seen ? ago(s.last_seen, now) : "not since start"),
    h("td", {}, num(s.waiting)), h("td", {}, s.waiting && s.oldest ? ago(s.oldest, now) : ""), h("td", {}, num(s.events)), h("td", {}, s.version),
    h("td", {}, quiet(s) ? h("span", { class: "chip stop" }, "silent") : s.waiting ? h("span", { class: "chip wait" }, "behind") : h("span", { class: "chip ok" }, "up to date"),
      s.forgets_waiting ? ` ${s.forgets_waiting} forgets pending` : ""))));
}
