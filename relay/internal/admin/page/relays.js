// The relays that share the queue: which one delivers, and what differs between them.
import { $, h, text, num, span } from "./dom.js";

const late = 10; // seconds

export function showRelays(list) {
  $("relays").hidden = list.length < 2;
  if (list.length < 2) return;
  const at = list.find((r) => r.delivers);
  text($("relays-note"), !at ? "none delivers at this moment; one takes over by itself" : at.here ? "this one delivers" : `${at.name} delivers, and does what is asked here`);
  const mark = JSON.stringify(list.map((r) => [r.name, r.here, r.delivers, r.version, r.mapping, r.stored, r.seen_seconds > late && Math.floor(r.seen_seconds)]));
  if ($("relays").dataset.was === mark) return;
  $("relays").dataset.was = mark;
  $("relays-rows").replaceChildren(...list.map((r) => h("tr", {},
    h("td", {}, r.name + (r.here ? " (this one)" : "")),
    h("td", {}, num(r.stored)), h("td", {}, r.version),
    h("td", {}, r.mapping === list[0].mapping ? (r.here ? "" : "the same") : h("span", { class: "chip wait" }, "another one")),
    h("td", {}, r.seen_seconds > late ? h("span", { class: "chip wait" }, `silent for ${span(r.seen_seconds)}`) : r.delivers ? h("span", { class: "chip ok" }, "delivers") : h("span", { class: "chip off" }, "standby")))));
}
