package sandbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Every encoding that was seen working (docs/meta.md 1.1).
func TestEncodings(t *testing.T) {
	asTexts := "[" + q(good()) + "]"
	form := url.Values{"data": {"[" + good() + "]"}, "access_token": {"secret-token-1"}}
	var multi bytes.Buffer
	mw := multipart.NewWriter(&multi)
	mw.WriteField("data", asTexts)
	mw.WriteField("access_token", "secret-token-1")
	mw.Close()
	for name, c := range map[string]struct{ query, kind, body, bearer string }{
		"JSON, objects":     {"", "application/json", wrap(good()), ""},
		"JSON, texts":       {"", "application/json; charset=utf-8", wrap(q(good())), ""},
		"JSON, data a text": {"", "application/json", `{"access_token":"t","data":` + q("["+good()+"]") + `}`, ""},
		"form":              {"", "application/x-www-form-urlencoded", form.Encode(), ""},
		"multipart":         {"", mw.FormDataContentType(), multi.String(), ""},
		"query":             {"?" + form.Encode(), "", "", ""},
		"bearer":            {"", "application/json", `{"data":[` + good() + `]}`, "Bearer secret-token-1"},
	} {
		t.Run(name, func(t *testing.T) {
			s, base := start(t, Options{Tokens: map[string]TokenState{"secret-token-1": TokenOK, "t": TokenOK}})
			req, _ := http.NewRequest(http.MethodPost, base+conversions+c.query, strings.NewReader(c.body))
			if c.kind != "" {
				req.Header.Set("Content-Type", c.kind)
			}
			if c.bearer != "" {
				req.Header.Set("Authorization", c.bearer)
			}
			r, err := do(t, req)
			if err != nil || r.status != 200 || s.Stats().Events != 1 {
				t.Errorf("%v %d %s", err, r.status, r.body)
			}
		})
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	many := func(n int, e string) string { return wrap(strings.Repeat(e+",", n-1) + e) }
	for name, c := range map[string]struct {
		path, body string
		want       string
	}{
		"1,000 conversions":    {conversions, many(1000, good()), ""},
		"1,001 conversions":    {conversions, many(1001, good()), "100"},
		"2,000 offline":        {offline, many(2000, legacy()), ""},
		"2,001 offline":        {offline, many(2001, legacy()), "100"},
		"no data":              {conversions, `{"access_token":"t"}`, "100"},
		"empty data":           {conversions, wrap(), "100"},
		"data an object":       {conversions, `{"access_token":"t","data":` + good() + `}`, "100"},
		"no JSON":              {conversions, `{"data":[`, "100"},
		"offline without tag":  {offline, `{"access_token":"t","data":[` + legacy() + `]}`, "100"},
		"long partner agent":   {conversions, `{"partner_agent":"abcdefghijklmnopqrstuvw","access_token":"t","data":[` + good() + `]}`, "100"},
		"agent of digits":      {conversions, `{"partner_agent":"12345","access_token":"t","data":[` + good() + `]}`, "100"},
		"fair partner agent":   {conversions, `{"partner_agent":"relay","access_token":"t","data":[` + good() + `]}`, ""},
		"no such set":          {"/v26.0/999/events", wrap(good()), "100/33"},
		"a name for a set":     {"/v26.0/stores/events", wrap(good()), "100/33"},
		"no such edge":         {"/v26.0/701000000000001/event", wrap(good()), "100/33"},
		"no version":           {"/701000000000001/events", wrap(good()), "2635"},
		"version of tomorrow":  {"/v99.0/701000000000001/events", wrap(good()), "2500"},
		"offline at v26":       {"/v26.0/701000000000002/events", wrap(legacy()), "100"},
		"conversions at v16":   {"/v16.0/701000000000001/events", wrap(good()), ""},
		"legacy dry run":       {"/v16.0/701000000000002/validate", wrap(legacy()), ""},
		"legacy dry run, bad":  {"/v16.0/701000000000002/validate", wrap(with(t, legacy(), "match_keys", `{}`)), "100/1815356"},
		"dry run at v26":       {"/v26.0/701000000000002/validate", wrap(legacy()), "100/33"},
		"reading is no upload": {"/v26.0/701000000000001/", wrap(good()), "100/33"},
	} {
		t.Run(name, func(t *testing.T) {
			s, base := start(t, Options{Settings: Settings{KnownSets: []string{"701000000000001", "701000000000002"}}})
			r := post(t, base+c.path, c.body)
			if c.want == "" && r.status != 200 || r.code() != c.want {
				t.Errorf("want %q, got %d %s", c.want, r.status, r.body)
			}
			if c.want != "" && s.Stats().Events != 0 {
				t.Error("something was taken")
			}
		})
	}
}

func TestTokens(t *testing.T) {
	tokens := map[string]TokenState{
		"good": TokenOK, "send": TokenSendOnly, "old": TokenExpired, "pw": TokenPassword, "app": TokenNoApp,
		"check": TokenCheck, "bad": TokenInvalid, "session": TokenSession, "right": TokenNoRights, "cap": TokenNoApprov,
	}
	_, base := start(t, Options{Tokens: tokens})
	for token, want := range map[string]struct {
		status int
		code   string
	}{
		"good": {200, ""}, "send": {200, ""}, "old": {400, "190/463"}, "pw": {400, "190/460"}, "app": {400, "190/458"},
		"check": {400, "190/459"}, "bad": {400, "190/467"}, "session": {400, "102"}, "right": {403, "200"}, "cap": {400, "3"},
		"unknown": {401, "190"}, "": {401, "190"},
	} {
		r := post(t, base+conversions, `{"access_token":`+q(token)+`,"data":[`+good()+`]}`)
		if r.status != want.status || r.code() != want.code {
			t.Errorf("%q: %d %s", token, r.status, r.body)
		}
	}
	// A token made for sending cannot read (docs/meta.md 1.2).
	if r := get(t, base+"/v26.0/701?access_token=send"); r.status != 403 {
		t.Errorf("send-only read: %s", r.body)
	}
	if r := get(t, base+"/v26.0/701?access_token=good&fields=is_consolidated_container"); r.json["is_consolidated_container"] != true {
		t.Errorf("read: %s", r.body)
	}
	// Reading the edge is not possible (docs/meta.md 1.1).
	if r := get(t, base+conversions+"?access_token=good"); r.code() != "100/33" {
		t.Errorf("read of the edge: %s", r.body)
	}
}

// appsecret_proof in both forms (docs/meta.md 1.3).
func TestAppSecretProof(t *testing.T) {
	_, base := start(t, Options{AppSecret: "app-secret"})
	sign := func(msg string) string {
		m := hmac.New(sha256.New, []byte("app-secret"))
		m.Write([]byte(msg))
		return hex.EncodeToString(m.Sum(nil))
	}
	for name, c := range map[string]struct {
		extra string
		want  string
	}{
		"none":        {"", "100"},
		"wrong":       {`"appsecret_proof":"00",`, "100"},
		"plain":       {`"appsecret_proof":"` + sign("tok") + `",`, ""},
		"timestamped": {fmt.Sprintf(`"appsecret_proof":"%s","appsecret_time":%d,`, sign(fmt.Sprintf("tok|%d", clock)), clock), ""},
		"as text":     {fmt.Sprintf(`"appsecret_proof":"%s","appsecret_time":"%d",`, sign(fmt.Sprintf("tok|%d", clock)), clock), ""},
		"stale":       {fmt.Sprintf(`"appsecret_proof":"%s","appsecret_time":%d,`, sign(fmt.Sprintf("tok|%d", clock-301)), clock-301), "100"},
		"other time":  {fmt.Sprintf(`"appsecret_proof":"%s","appsecret_time":%d,`, sign(fmt.Sprintf("tok|%d", clock)), clock-1), "100"},
	} {
		r := post(t, base+conversions, `{`+c.extra+`"access_token":"tok","data":[`+good()+`]}`)
		if r.code() != c.want {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

// Expired versions are served by the oldest alive, which a header tells
// (docs/meta.md 1.4); on 2026-09-21 that is v20.0.
func TestVersions(t *testing.T) {
	_, base := start(t, Options{})
	for asked, want := range map[string]struct {
		served  string
		warning bool
	}{
		"v26.0": {"v26.0", false}, "v21.0": {"v21.0", false}, "v19.0": {"v20.0", true}, "v17.0": {"v20.0", true}, "v16.0": {"v16.0", false},
	} {
		r := post(t, base+"/"+asked+"/701/events", wrap(good()))
		if got := r.header.Get("Facebook-Api-Version"); r.status != 200 || got != want.served {
			t.Errorf("%s: served by %q, %d %s", asked, got, r.status, r.body)
		}
		if got := r.header.Get("X-Ad-Api-Version-Warning") != ""; got != want.warning {
			t.Errorf("%s: warning %v", asked, got)
		}
	}
	_, base = start(t, Options{Settings: Settings{LegacyGone: true}})
	if r := post(t, base+offline, wrap(legacy())); r.status != 400 || r.header.Get("Facebook-Api-Version") != "v20.0" {
		t.Errorf("legacy after its end: %d %s", r.status, r.body)
	}
}

// upload_id and progress made a legacy retry exact (docs/meta.md 2.3).
func TestUploadsAndProgress(t *testing.T) {
	s, base := start(t, Options{})
	set := base + "/v16.0/701000000000002"
	r := post(t, set+"/uploads", `{"access_token":"t","upload_tag":"day one"}`)
	id, _ := r.json["id"].(string)
	if id == "" {
		t.Fatalf("no upload id: %s", r.body)
	}
	send := func(from, to int) reply {
		return post(t, set+"/events", fmt.Sprintf(`{"access_token":"t","upload_id":%s,"progress":{"start_inclusive":%d,"end_exclusive":%d},"data":[%s]}`, q(id), from, to, legacy()))
	}
	for _, c := range []struct {
		from, to int
		want     string
	}{{0, 10, ""}, {0, 10, "100/2044011"}, {9, 12, "100/2044011"}, {10, 20, ""}, {30, 30, "100"}, {-1, 3, "100"}} {
		if r := send(c.from, c.to); r.code() != c.want {
			t.Errorf("%d..%d: %s", c.from, c.to, r.body)
		}
	}
	if n := s.Stats().Accepted; n != 2 {
		t.Errorf("%d uploads taken", n)
	}
	if r := get(t, set+"/uploads?access_token=t&upload_tag=day+one"); !strings.Contains(r.body, `{"start_inclusive":10,"end_exclusive":20}`) {
		t.Errorf("find: %s", r.body)
	}
	if r := get(t, base+"/v16.0/"+id+"?access_token=t"); r.json["upload_tag"] != "day one" {
		t.Errorf("read: %s", r.body)
	}
	if r := post(t, set+"/uploads", `{"access_token":"t","upload_tag":"day one"}`); r.json["id"] != id {
		t.Errorf("same tag, other id: %s", r.body)
	}
	if r := post(t, set+"/events", `{"access_token":"t","upload_id":"5","data":[`+legacy()+`]}`); r.code() != "275" {
		t.Errorf("unknown upload: %s", r.body)
	}
	if r := post(t, set+"/uploads", `{"access_token":"t"}`); r.code() != "100" {
		t.Errorf("no tag: %s", r.body)
	}
	if r := get(t, set+"/uploads?access_token=t&upload_tag=none"); r.body != `{"data":[]}` {
		t.Errorf("no such tag: %s", r.body)
	}
}

// An order that is sent again is a copy in both readings of where its number
// stands when it stands at both; else in the one, and in the other by the keys alone
// (docs/meta.md 2.7).
func TestDeduplicationByPlace(t *testing.T) {
	both := with(t, with(t, good(), "order_id", `"o-9"`), "custom_data.order_id", `"o-9"`)
	atEvent := with(t, with(t, good(), "order_id", `"o-9"`), "custom_data.order_id", "")
	inCustom := with(t, good(), "custom_data.order_id", `"o-9"`)
	other := func(e string) string { return with(t, e, "user_data.em", q(hashMary)) } // the same order, another customer
	for _, c := range []struct {
		name, event       string
		event2            string
		atEvent, inCustom int
	}{
		{"both", both, other(both), 1, 1},
		{"event", atEvent, other(atEvent), 1, 0},
		{"custom_data", inCustom, other(inCustom), 0, 1},
		{"one, then the other", atEvent, inCustom, 0, 0},
	} {
		for _, place := range []string{"", "event", "custom_data"} {
			s, base := start(t, Options{})
			if err := s.Update(func(n *Settings) { n.OrderIDAt = place }); err != nil {
				t.Fatal(err)
			}
			for _, e := range []string{c.event, c.event2} {
				if r := post(t, base+conversions, wrap(e)); r.status != 200 {
					t.Fatalf("%s: %s", c.name, r.body)
				}
			}
			want := map[string]int{"": 1, "event": c.atEvent, "custom_data": c.inCustom}
			if st := s.Stats(); st.DuplicatesAtEvent != c.atEvent || st.DuplicatesAtCustom != c.inCustom || st.Duplicates != want[place] {
				t.Errorf("%s, read at %q: %d, at the event %d, in custom_data %d", c.name, place, st.Duplicates, st.DuplicatesAtEvent, st.DuplicatesAtCustom)
			}
		}
	}
	s, _ := start(t, Options{})
	if err := s.Update(func(n *Settings) { n.OrderIDAt = "both" }); err == nil {
		t.Error("a place that is none is taken")
	}
}

// Offline events are told apart by dataset, event_time, event_name,
// item_number and order_id, or the user keys (docs/meta.md 5.3).
func TestDeduplication(t *testing.T) {
	now := time.Unix(clock, 0)
	s, base := start(t, Options{Now: func() time.Time { return now }})
	post1 := func(path, e string) (duplicate bool) {
		t.Helper()
		before := s.Stats().Duplicates
		if r := post(t, base+path, wrap(e)); r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		return s.Stats().Duplicates > before
	}
	noOrder := with(t, good(), "custom_data.order_id", "")
	for _, c := range []struct {
		name, path, event string
		want              bool
	}{
		{"first", conversions, good(), false},
		{"same again", conversions, good(), true},
		{"other event_id, same order", conversions, with(t, good(), "event_id", `"m-2"`), true},
		{"other user, same order", conversions, with(t, good(), "user_data.em", q(hashMary)), true},
		{"other time", conversions, with(t, good(), "event_time", `1789999001`), false},
		{"other order", conversions, with(t, good(), "custom_data.order_id", `"o-2"`), false},
		{"other item", conversions, with(t, good(), "custom_data.item_number", `"2"`), false},
		{"other name", conversions, with(t, good(), "event_name", `"Lead"`), false},
		{"other set", "/v26.0/702/events", good(), false},
		{"no order, first", conversions, noOrder, false},
		{"no order, same keys", conversions, with(t, noOrder, "event_id", `"m-3"`), true},
		{"no order, other keys", conversions, with(t, noOrder, "user_data.em", q(hashMary)), false},
		{"website, first", conversions, with(t, with(t, good(), "action_source", `"website"`), "event_time", `1789998000`), false},
		{"website, same again", conversions, with(t, with(t, good(), "action_source", `"website"`), "event_time", `1789998000`), false},
		{"legacy, first", offline, legacy(), false},
		{"legacy, same again", offline, legacy(), true},
	} {
		if got := post1(c.path, c.event); got != c.want {
			t.Errorf("%s: duplicate %v", c.name, got)
		}
	}
	st := s.Stats()
	if st.Duplicates != 5 || st.DuplicatesAtCustom != 5 {
		t.Errorf("%d duplicates, %d by custom_data", st.Duplicates, st.DuplicatesAtCustom)
	}
	now = now.Add(7*day + time.Minute)
	if post1(conversions, good()) {
		t.Error("after 7 days it is no duplicate any more")
	}
}
