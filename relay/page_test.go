package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"relay/relay/internal/chromium"
	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// TestPageThroughADay lives through what a shop lives through, at the status
// page of a real relay: the line goes, comes back, a sale without a currency
// becomes a dead letter, a first mend of the mapping has a mistake, the second
// has none, and the letter is delivered.
func TestPageThroughADay(t *testing.T) {
	t.Parallel()
	b := chromium.Open(t)
	sb, addr := startSandbox(t, sandbox.Options{})
	const noCurrency = "version: 1\nevents:\n  Order Completed: stores\nevent_sets:\n  stores: { id: \"701000000000001\" }\ndefault_country: US\n"
	h := newHome(t, strings.Replace(testConfig(addr, ""), "admin: { listen: 127.0.0.1:0 }", "admin: { listen: 127.0.0.1:0, token: k3J9x0Qv2LmZt7wB }", 1), noCurrency)
	if err := sb.SetMode(sandbox.Down); err != nil {
		t.Fatal(err)
	}
	p := h.start(t)
	sale := func(id, currency string) {
		t.Helper()
		body := strings.Replace(order(id), `"currency":"USD"`, currency, 1)
		if status, answer := post(t, p.url+"/v1/track", body); status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
	}

	b.Goto(p.admin, 1200, 900, false)
	b.Until("all is well", `document.getElementById("verdict").innerText.includes("all well")`)
	for i := range 5 {
		sale(fmt.Sprintf("day-%d", i), `"currency":"USD"`)
	}
	b.Until("the card says that it tries again", `/tries again/i.test(document.querySelector(".card").innerText)`)
	b.Until("five wait", `document.getElementById("f-pending").innerText === "5"`)
	b.Shot("day-1-outage")

	if err := sb.SetMode(sandbox.OK); err != nil {
		t.Fatal(err)
	}
	b.Until("nothing waits any more", `document.getElementById("f-pending").innerText === "0" && document.getElementById("verdict").innerText.includes("all well")`)
	if n := sb.Stats().Unique; n != 5 {
		t.Errorf("%d of 5 arrived", n)
	}

	sale("no-currency", `"note":"x"`)
	// A stranger at this machine sees how many there are; the shop's own browser
	// is signed in.
	b.Until("the number of letters", `document.getElementById("f-dead").innerText === "1"`)
	if got := b.Text("body"); strings.Contains(got, "no-currency") || strings.Contains(got, "purchase without a currency") {
		t.Errorf("a letter for anybody: %s", got)
	}
	link, code := h.command(t, "page", "--config", h.path("relay.yaml"))
	if code != exit.OK || !strings.HasPrefix(link, p.admin+"/#sign-in=") {
		t.Fatalf("%d %s", code, link)
	}
	b.Eval(fmt.Sprintf("location.href = %q", strings.TrimSpace(link)))
	b.Until("the dead letter is listed", `document.querySelectorAll("#dead-rows tr").length === 1`)
	if got := b.Text("#dead-rows"); !strings.Contains(got, "purchase without a currency") {
		t.Errorf("dead letter: %q", got)
	}
	// By keyboard: the search has a key, the letter opens with Enter, and
	// closes with Escape.
	b.Press("/")
	b.Until("the search has the focus", `document.activeElement.id === "dead-search"`)
	b.Type("nothing like it")
	b.Until("the search finds nothing", `document.getElementById("dead-empty").innerText.includes("No dead letter matches")`)
	b.Eval(`document.getElementById("dead-search").value = ""; document.getElementById("dead-form").requestSubmit()`)
	b.Until("the letter is back", `document.querySelectorAll("#dead-rows tr").length === 1`)
	b.Eval(`document.querySelector("#dead-rows button.open").focus()`)
	b.Press("Enter")
	b.Until("the letter is open", `document.getElementById("detail").open`)
	if got := b.Text("#detail"); strings.Contains(got, "example.com") || strings.Contains(got, "loyal-no") || !strings.Contains(got, "aaaaaa.aa-aaaaaaaa@") {
		t.Errorf("the event is not masked: %s", got)
	}
	b.Shot("day-2-letter")
	b.Press("Escape")
	b.Until("the letter is closed", `!document.getElementById("detail").open`)

	h.write(t, "mapping.yaml", noCurrency+"default_curency: USD\n")
	b.Until("the mistake is shown with its line", `document.getElementById("map-problems").innerText.includes("line 7:1")`)
	b.Until("the page says who must act", `document.getElementById("verdict").innerText.includes("mapping file is invalid")`)
	b.Shot("day-3-mistake")
	h.write(t, "mapping.yaml", noCurrency+"default_currency: USD\n")
	b.Until("the mapping is in force", `document.getElementById("map-chip").innerText === "in use"`)

	// Signed out, the token of relay.yaml does as well.
	b.Click("#token-open")
	b.Until("signed out", `document.querySelectorAll("#dead-rows tr").length === 0`)
	b.Click("#dead .sign-in")
	b.Until("the token is asked for", `document.getElementById("token").open`)
	b.Eval(`document.getElementById("token-input").focus()`)
	b.Type("wrong-token")
	b.Press("Enter")
	b.Until("a wrong token is refused", `document.getElementById("token").open && !document.getElementById("token-bad").hidden`)
	b.Eval(`document.getElementById("token-input").focus()`)
	b.Type("k3J9x0Qv2LmZt7wB")
	b.Press("Enter")
	b.Until("the letter is there again", `document.querySelectorAll("#dead-rows tr").length === 1`)
	b.Click("#dead-retry")
	b.Until("it says what would happen", `document.getElementById("ask").open && document.getElementById("ask").innerText.includes("Retry 1 of 1")`)
	b.Shot("day-4-ask")
	b.Click("#ask-yes")
	b.Until("no dead letter is left", `document.querySelectorAll("#dead-rows tr").length === 0`)
	eventually(t, "the letter was delivered", func() bool { return sb.Stats().Unique == 6 })
	b.Until("all is well again", `document.getElementById("verdict").innerText.includes("all well")`)
	b.Shot("day-5-well")
	b.CheckClean(p.admin)

	p.stop(t)
	b.Until("the page says that relay is away", `document.getElementById("live").innerText === "not connected"`)
}
