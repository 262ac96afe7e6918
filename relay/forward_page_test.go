package main

import (
	"net/http"
	"strings"
	"testing"

	"relay/relay/internal/chromium"
)

// TestForwardPage: the status page of a store's relay whose hub does not know its key
// says so once, with what to do, and what was seen beside it; once that is mended all is
// well.
func TestForwardPage(t *testing.T) {
	t.Parallel()
	b := chromium.Open(t)
	hub, url := hubHome(t, "127.0.0.1:1", "")
	edge := edgeHome(t, url, "a-wrong-key")
	hp, ep := hub.start(t), edge.start(t)
	for _, id := range []string{"p-1", "p-2"} {
		if status, body := post(t, ep.url+"/v1/track", order(id)); status != http.StatusOK {
			t.Fatal(status, body)
		}
	}
	b.Goto(ep.admin, 1200, 900, false)
	b.Until("the card says what the hub says", `document.querySelector(".card") && document.querySelector(".card").innerText.includes("The hub does not know this key.")`)
	b.Shot("edge-1-key")
	if n := string(b.Eval(`document.body.innerText.split("The hub does not know this key.").length - 1`)); n != "1" {
		t.Errorf("it is said %s times: %s", n, b.Text("body"))
	}
	b.Until("the verdict names the hub", `document.getElementById("verdict").innerText.includes("the hub: settings are wrong")`)
	if got := b.Text("body"); strings.Contains(got, "Mapping") || strings.Contains(got, "Match keys") {
		t.Errorf("a mapping, at a relay that maps nothing: %s", got)
	}
	edge.write(t, "relay.yaml", edgeConfig(url, storeKey))
	b.Until("all is well", `document.getElementById("f-pending").innerText === "0" && document.getElementById("verdict").innerText.includes("all well")`)
	b.Until("two came and two were handed over", `document.body.innerText.split("2 since start").length === 3`)
	b.Shot("edge-2-well")
	b.CheckClean(ep.admin)
	ep.stop(t)
	hp.stop(t)
}
