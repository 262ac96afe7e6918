// The relays that share the queue, and which one delivers.
import { $, h, text, num, span } from "./dom.js";

const late = 10; // seconds without a sign of life

export function showRelays(list) {
  $("relays").hidden = list.length < 2;
  if (list.length < 2) return;
  const at = list.find((r) => r.delivers);
  text($("relays-note"), !at ? "none is delivering now; one takes over by itself" : at.here ? "this relay delivers" : `${at.name} delivers and carries out commands given here`);
  const mark = JSON.stringify(list.map((r) => [r.name, r.here, r.delivers, r.version, r.mapping, r.stored, r.seen_seconds > late && Math.floor(r.seen_seconds)]));
  if ($("relays").dataset.was === mark) return;
  $("relays").dataset.was = mark;
  $("relays-rows").replaceChildren(...list.map((r) => h("tr", {},
    h("td", {}, r.name + (r.here ? " (this one)" : "")),
    h("td", {}, num(r.stored)), h("td", {}, r.version),
    h("td", {}, r.mapping === list[0].mapping ? (r.here ? "" : "the same") : h("span", { class: "chip wait" }, "different")),
    h("td", {}, r.seen_seconds > late ? h("span", { class: "chip wait" }, `silent for ${span(r.seen_seconds)}`) : r.delivers ? h("span", { class: "chip ok" }, "delivers") : h("span", { class: "chip off" }, "standby")))));
}
