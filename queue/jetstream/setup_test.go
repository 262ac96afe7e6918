package jetstream

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOptionsThatAreRefused(t *testing.T) {
	good := Options{Name: "relay", URLs: []string{"nats://n0:4222"}, Replicas: 3}
	if err := checkOptions(&good); err != nil {
		t.Errorf("good options: %v", err)
	}
	for want, change := range map[string]func(o *Options){
		"the name":                   func(o *Options) { o.Name = "a b" },
		"list all of them":           func(o *Options) { o.URLs = nil },
		"2 replicas: 3 or 5":         func(o *Options) { o.Replicas = 2 },
		"or say i_accept_loss: true": func(o *Options) { o.Replicas = 1 },
	} {
		o := good
		change(&o)
		if err := checkOptions(&o); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	one := good
	if one.Replicas, one.AcceptLoss = 1, true; checkOptions(&one) != nil {
		t.Error("one replica is refused although its loss is accepted")
	}
}

func TestVersions(t *testing.T) {
	for v, want := range map[string]bool{"2.15.0": true, "2.15.3": true, "2.16.0-dev": true, "3.0.0": true, "2.14.9": false, "2.9.1": false, "1.99.0": false, "": false, "x.y": false} {
		if versionOK(v) != want {
			t.Errorf("version %q: %v", v, !want)
		}
	}
}

func TestVarz(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/varz" {
			http.NotFound(w, r)
			return
		}
		w.Write([]byte(`{"version":"2.15.3","jetstream":{"config":{"sync_always":true}}}`))
	}))
	defer s.Close()
	v, err := varz(t.Context(), s.URL+"/varz")
	if err != nil || v.Version != "2.15.3" || v.JetStream.Config == nil || !v.JetStream.Config.SyncAlways {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := varz(t.Context(), s.URL+"/other"); err == nil {
		t.Error("an answer that is no /varz is taken")
	}
	l := &Log{o: Options{URLs: []string{"tls://n0.example.com:4222", "n1"}, Monitor: []string{"http://elsewhere:1/"}}}
	if at, err := l.monitor(0); err != nil || at != "http://elsewhere:1/varz" {
		t.Errorf("%s %v", at, err)
	}
	l.o.Monitor = nil
	if at, err := l.monitor(0); err != nil || at != "http://n0.example.com:8222/varz" {
		t.Errorf("%s %v", at, err)
	}
	if _, err := l.monitor(1); !errors.Is(err, ErrSetup) {
		t.Errorf("no URL: %v", err)
	}
}

// A server that is away, or servers that choose a leader, are no mistake in the set-up: a
// relay that starts asks again.
func TestLaterIsNoSetup(t *testing.T) {
	for e, want := range map[apiError]bool{
		{400, 10005, "no suitable peers for placement, peer offline"}:         true,
		{400, 10005, "no suitable peers for placement, insufficient storage"}: false,
		{503, 10008, "JetStream system temporarily unavailable"}:              true,
		{503, 10076, "JetStream not enabled"}:                                 false,
		{503, 10023, "insufficient resources"}:                                false,
	} {
		if got := e.later(); got != want {
			t.Errorf("%v: %v", &e, got)
		}
	}
}
