package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// spellings are lines for `relay forget`, each with what an event has of the person.
var spellings = []struct{ line, members string }{
	{"ada@x.example", `"context":{"traits":{"email":"ada@x.example"}}`},
	{"ada@x.example", `"context":{"traits":{"email":"  ADA@X.example "}}`},
	{"ADA@X.EXAMPLE", `"context":{"traits":{"email":"ada@x.example"}}`},
	{"ada@x.example", `"context":{"traits":{"email":"mailto:ada@x.example"}}`},
	{"ada@x.example", `"context":{"traits":{"email":"Ada Lovelace <ada@x.example>"}}`},
	{"Ada Lovelace <ada@x.example>", `"context":{"traits":{"email":"ada@x.example"}}`},
	{"mailto:ada@x.example", `"context":{"traits":{"email":"ada@x.example"}}`},
	{"ada@x.example", `"context":{"traits":{"email":"a\u200bda@x.example"}}`},
	{"ada@x.example", `"context":{"traits":{"email":"\uff41da\uff20x.example"}}`},
	{"ada@x.example", `"context":{"traits":{"email":"ada@x.example."}}`},
	{"ada@x.example", `"context":{"traits":{"email":["b@x.example","ada@x.example"]}}`},
	{"ada@x.example", `"context":{"traits":{"email":"` + sha("ada@x.example") + `"}}`},
	{"ada@x.example", `"context":{"traits":{"email":"` + strings.ToUpper(sha("ada@x.example")) + `"}}`},
	{sha("ada@x.example"), `"context":{"traits":{"email":"Ada@x.example"}}`},
	{"ada@x.example", `"traits":{"email":"ada@x.example"}`},
	{"ada@x.example", `"userId":"ada@x.example"`},
	{"ada@x.example", `"properties":{"revenue":1,"emails":"b@x.example,ada@x.example;c@x.example"}`},
	{"ada@x.example", `"properties":{"revenue":1,"note":"write to Ada@x.example, please"}`},
	{"ada@x.example", `"properties":{"revenue":1,"ada@x.example":{"seen":true}}`},
	{"ada@x.example", `"properties":{"revenue":1,"raw":"{\"who\":\"\\u0061da@x.example\"}"}`},
	{"ada@x.example", `"properties":{"revenue":1,"order_id":"ada@x.example-7"}`},
	{"ada@x.example", `"messageId":"ada@x.example-1"`},
	{"ada@x.example", `"context":{"page":{"url":"https://x.example/?e=ada%40x.example"}}`},
	{"ada@x.example", `"context":{"traits":{"email":"ada@x.example"}},"context":{"traits":{"email":"ada@x.example"}}`},
	{"ada@bücher.example", `"context":{"traits":{"email":"ada@xn--bcher-kva.example"}}`},
	{"ada@XN--bcher-kva.example", `"context":{"traits":{"email":"ada@bu\u0308cher.example"}}`},
	{"4242", `"userId":"4242"`},
	{"4242", `"userId":4242`},
	{"4242", `"userId":4242.0`},
	{"4242", `"userId":4.242e3`},
	{"4242.0", `"userId":"4242"`},
	{"4242", `"userId":"42\u200b42 "`},
	{"4242", `"anonymousId":"4242"`},
	{"4242", `"properties":{"revenue":1,"customer":{"id":4242}}`},
	{"4242", `"properties":{"revenue":1,"customers":{"4242":{}}}`},
	{"4242", `"properties":{"revenue":1,"customer_id":"` + sha("4242") + `"}`},
	{"4242", `"properties":{"revenue":1,"loyalty_card":"4242"}`},
	{"4242", `"context":{"externalIds":[{"id":"4242","type":"crm"}]}`},
	{"Cust-7", `"userId":"cust-7"`},
	{"A-1001", `"properties":{"revenue":1,"order_id":"A-1001"}`},
	{"1001", `"properties":{"revenue":1,"order_id":1001}`},
	{"1001", `"properties":{"revenue":1,"orderId":"ORD-1001"}`},
	{"+1 212 555 0147", `"context":{"traits":{"phone":"(212) 555-0147"}}`},
	{"2125550147", `"context":{"traits":{"phone":"+1 212 555 0147"}}`},
	{"+12125550147", `"context":{"traits":{"phone":2125550147}}`},
	{"+1 212 555 0147", `"context":{"traits":{"phone":"` + sha("12125550147") + `"}}`},
	{"+1 212 555 0147", `"properties":{"revenue":1,"note":"call 001-212-555-0147 after six"}`},
	{"0171 1234567", `"context":{"traits":{"phone":"+49 171 1234567","address":{"country":"DE"}}}`},
	{"l:123456", `"integrations":{"Facebook Offline Conversions":{"leadId":123456}}`},
	{"123456", `"context":{"Facebook Conversions API":{"leadId":"l:123456"}}`},
}

// neighbours are events of others, who are like the person to somebody who does not look.
var neighbours = []string{
	`"context":{"traits":{"email":"boada@x.example"}}`,
	`"context":{"traits":{"email":"ada@x.example.au"}}`,
	`"context":{"traits":{"email":"bo.ada@x.example"}}`,
	`"userId":"42420"`,
	`"userId":"14242"`,
	`"userId":"u-1","properties":{"revenue":4242,"quantity":1001,"order_id":"10010"}`,
	`"userId":"u-2","properties":{"revenue":1,"order_total":4242,"products":[{"product_id":"4242","price":1}],"order_id":"A-10011"}`,
	`"context":{"traits":{"phone":"+1 212 555 01470","email":"c@x.example"}}`,
	`"context":{"traits":{"phone":"+1 212 555 1001"}}`,
	`"userId":"cust-77"`,
}

// lyingIn is all that lies below some directories: bytes, names, and whatever of it is
// compressed, on pages that are in use or not, in lower case.
func lyingIn(t *testing.T, dirs ...string) []byte {
	t.Helper()
	var all bytes.Buffer
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&all, "\n%s\n%s\n", e.Name(), b)
			for rest := b; ; {
				i := bytes.Index(rest, []byte("\x28\xb5\x2f\xfd"))
				if i < 0 {
					return nil
				}
				rest = rest[i:]
				if z.Reset(bytes.NewReader(rest)) == nil {
					_, _ = io.Copy(&all, z) // what follows the frame is none
				}
				rest = rest[4:]
			}
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	b := all.Bytes()
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}

// holdsHers says whether her address is in b, which is in lower case, and not as part of
// another one.
func holdsHers(b []byte) bool {
	hers := []byte("ada@x.example")
	inner := func(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' }
	for at := 0; ; {
		i := bytes.Index(b[at:], hers)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(hers)
		if (from == 0 || !inner(b[from-1])) && (to == len(b) || !inner(b[to])) {
			return true
		}
		at = to
	}
}

// TestForgetLeavesNothing: however a person is spelled, in the event or by who asks, and
// wherever the event is, nothing of it is in any file once relay forget has answered,
// and no hash of theirs is ever at Meta. The neighbours stay, and are delivered.
func TestForgetLeavesNothing(t *testing.T) {
	const groups = 4 // at once: dropped files rest before they are taken
	for group := range groups {
		if testing.Short() && group > 0 {
			break
		}
		t.Run(fmt.Sprint(group), func(t *testing.T) {
			t.Parallel()
			forgetLeavesNothing(t, func(i int) bool { return i/4%groups == group })
		})
	}
}

// forgetLeavesNothing tries some of the spellings.
func forgetLeavesNothing(t *testing.T, mine func(i int) bool) {
	t.Helper()
	_, addr := startSandbox(t, sandbox.Options{KeepBodies: true})
	config := func(graph string) string { return testConfig(graph, "spool: spool") }
	h := newHome(t, config("127.0.0.1:1"), testMapping) // nobody answers
	conf := h.path("relay.yaml")
	p := h.start(t)
	for i, n := range neighbours {
		if !strings.Contains(n, `"properties"`) {
			n += `,"properties":{"revenue":1}`
		}
		if status, body := post(t, p.url+"/v1/track", fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":"n-%d",%s}`, i, n)); status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
	}
	for i, s := range spellings {
		if !mine(i) {
			continue
		}
		mark := fmt.Sprintf("mark-%d-of-hers", i)
		members := s.members
		if !strings.Contains(members, `"properties"`) {
			members += `,"properties":{"revenue":1,"mark":"` + mark + `"}`
		} else {
			members = strings.Replace(members, `"properties":{`, `"properties":{"mark":"`+mark+`",`, 1)
		}
		if !strings.Contains(members, `"messageId"`) {
			members += fmt.Sprintf(`,"messageId":"m-%d"`, i)
		}
		event := `{"type":"track","event":"Order Completed","timestamp":"` + time.Now().UTC().Format(time.RFC3339) + `",` + members + `}`
		switch i % 4 {
		case 1:
			event = strings.Replace(event, "Order Completed", "Till Opened", 1) // unmapped
		case 2:
			event = strings.Replace(event, `"revenue":1`, `"revenue":"unreadable"`, 1) // a letter
		}
		if i%4 == 3 {
			h.write(t, fmt.Sprintf("spool/till-%d.jsonl", i), event+"\n")
			eventually(t, "the dropped file is stored", func() bool {
				_, err := os.Stat(h.path(fmt.Sprintf("spool/done/till-%d.jsonl", i)))
				return err == nil
			})
		} else if status, body := post(t, p.url+"/v1/track", event); status != http.StatusOK {
			t.Fatalf("%s: %d %s", s.members, status, body)
		}
		// A page may be written anew while it is read.
		eventually(t, "the search finds what is there: "+s.members, func() bool { return bytes.Contains(lyingIn(t, h.path("data"), h.path("spool")), []byte(mark)) })
		dry := ""
		if i%4 == 0 {
			_, dry = command(t, s.line+"\n", "forget", "--dry-run", "--config", conf)
		}
		code, out := command(t, s.line+"\n", "forget", "--config", conf)
		want := "1 removed: "
		if i%4 == 3 { // and the row of the dropped file
			want = "2 removed: "
		}
		if code != exit.OK || !strings.HasPrefix(out, want) {
			t.Errorf("%q in %s: exit %d, %s", s.line, s.members, code, out)
		}
		if dry != "" && !strings.HasPrefix(dry, out[:1]+" would be removed") {
			t.Errorf("%q in %s: a dry run says %s, the real one %s", s.line, s.members, dry, out)
		}
		left := lyingIn(t, h.path("data"), h.path("spool"))
		if bytes.Contains(left, []byte(mark)) || holdsHers(left) || bytes.Contains(left, []byte(sha("ada@x.example"))) {
			t.Errorf("%q in %s: something of it is still there", s.line, s.members)
		}
	}
	// Meta answers again: what has stayed goes there, and nothing else.
	p.stop(t)
	h.write(t, "relay.yaml", config(addr))
	p = h.start(t)
	eventually(t, "the neighbours are delivered", func() bool { return p.status(t).Totals.Delivered == int64(len(neighbours)) })
	_, sent := get(t, "http://"+addr+"/sandbox/events")
	if !strings.Contains(sent, sha("boada@x.example")) {
		t.Fatal("the neighbour is not among what Meta has")
	}
	for _, name := range []string{"ada@x.example", "4242", "12125550147", "491711234567", "cust-7", "Cust-7"} {
		if strings.Contains(sent, sha(name)) {
			t.Errorf("Meta has the hash of %s", name)
		}
	}
	if strings.Contains(sent, "of-hers") || strings.Contains(sent, "123456,") {
		t.Error("Meta has an event of hers")
	}
	// With receipts, too, and with relay stopped.
	if status, body := post(t, p.url+"/v1/track", `{"type":"track","event":"Order Completed","messageId":"ada@x.example-9","context":{"traits":{"email":"ada@x.example"}},"properties":{"revenue":1}}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	eventually(t, "it is delivered", func() bool { return p.status(t).Totals.Delivered == int64(len(neighbours))+1 })
	p.stop(t)
	if code, out := command(t, "ada@x.example\n", "forget", "--config", conf); code != exit.OK || !strings.Contains(out, "1 receipt") {
		t.Errorf("stopped: exit %d, %s", code, out)
	}
	if left := lyingIn(t, h.path("data"), h.path("spool")); holdsHers(left) {
		t.Error("something of hers is still there")
	}
}

// TestForgetReceiptsByText: who is named only in a text of a delivered event, or in
// another spelling, is found in the receipts when the event itself is gone. Neighbours
// keep theirs.
func TestForgetReceiptsByText(t *testing.T) {
	_, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, testConfig(addr, ""), testMapping)
	conf := h.path("relay.yaml")
	p := h.start(t)
	hers := map[string]string{ // line to members
		"+1 415 555 2671":  `"memo":"call +1 415 555 2671 ada"`,
		"4155552672":       `"memo":"(415) 555-2672, after six"`,
		"bo@x.example":     `"memo":"write to Bo@X.example, please"`,
		"cy@x.example":     `"link":"https://shop.example/?e=cy%40x.example"`,
		"CUS-77":           `"memo":"as cus-77 has it"`,
		"5001":             `"invoice":"INV-5001"`,
		"60077.0":          `"customer":{"id":"060077","ref":60077}`,
		"dee":              `"customer":{"login":"Dee"}`,
		"+44 20 7946 0958": `"raw":"{\"phone\":\"020 7946 0958\",\"alt\":\"+442079460958\"}"`,
	}
	others := []string{
		`"memo":"call +1 415 555 26710"`, `"memo":"write to bo.bo@x.example"`, `"memo":"cus-771"`, `"revenue":5001,"quantity":60077`, `"customer":{"login":"deedee"}`, `"memo":"dee"`,
	}
	n := 0
	order := func(members string) string {
		n++
		if !strings.Contains(members, "revenue") {
			members += `,"revenue":1`
		}
		id := fmt.Sprintf("sale-%c", 'a'+n-1)
		if status, body := post(t, p.url+"/v1/track", `{"type":"track","event":"Order Completed","messageId":"`+id+`","userId":"someone-`+id+`","properties":{"mark":"still-there",`+members+`}}`); status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		return id
	}
	ids := make(map[string]string)
	for line, members := range hers {
		ids[line] = order(members)
	}
	var stay []string
	for _, members := range others {
		stay = append(stay, order(members))
	}
	eventually(t, "all are delivered", func() bool { return p.status(t).Totals.Delivered == int64(n) })
	p.stop(t)
	p = h.start(t)
	eventually(t, "the events are gone", func() bool { return !bytes.Contains(lyingIn(t, h.path("data")), []byte("still-there")) })
	for line, id := range ids {
		if code, _ := command(t, "", "receipt", id, "--config", conf); code != exit.OK {
			t.Fatalf("%s has no receipt", id)
		}
		if code, out := command(t, line+"\n", "forget", "--config", conf); code != exit.OK || !strings.Contains(out, "1 receipt") {
			t.Errorf("%s: exit %d, %s", line, code, out)
		}
		if code, _ := command(t, "", "receipt", id, "--config", conf); code != exit.Failure {
			t.Errorf("%s: the receipt is still there", line)
		}
	}
	for i, id := range stay {
		if code, _ := command(t, "", "receipt", id, "--config", conf); code != exit.OK {
			t.Errorf("the receipt of %s went", others[i])
		}
	}
}
