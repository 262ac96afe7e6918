package jetstream

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckOptionsRejects(t *testing.T) {
	good := Options{Name: "relay", URLs: []string{"nats://n0:4222"}, Replicas: 3}
	if err := checkOptions(&good); err != nil {
		t.Errorf("good options: %v", err)
	}
	for want, change := range map[string]func(o *Options){
		"the name":                     func(o *Options) { o.Name = "a b" },
		"list all of them":             func(o *Options) { o.URLs = nil },
		"2 replicas are not supported": func(o *Options) { o.Replicas = 2 },
		"or set i_accept_loss: true":   func(o *Options) { o.Replicas = 1 },
	} {
		o := good
		change(&o)
		if err := checkOptions(&o); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to contain %q", err, want)
		}
	}
	one := good
	if one.Replicas, one.AcceptLoss = 1, true; checkOptions(&one) != nil {
		t.Error("one replica was rejected although AcceptLoss is set")
	}
}

func TestVersionOK(t *testing.T) {
	for v, want := range map[string]bool{"2.15.0": true, "2.15.3": true, "2.16.0-dev": true, "3.0.0": true, "2.14.9": false, "2.9.1": false, "1.99.0": false, "": false, "x.y": false} {
		if versionOK(v) != want {
			t.Errorf("versionOK(%q) = %v, want %v", v, !want, want)
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
		t.Error("a response without /varz was accepted")
	}
	l := &Log{options: Options{URLs: []string{"tls://n0.example.com:4222", "n1"}, Monitor: []string{"http://elsewhere:1/"}}}
	if at, err := l.monitorURL(0); err != nil || at != "http://elsewhere:1/varz" {
		t.Errorf("%s %v", at, err)
	}
	l.options.Monitor = nil
	if at, err := l.monitorURL(0); err != nil || at != "http://n0.example.com:8222/varz" {
		t.Errorf("%s %v", at, err)
	}
	if _, err := l.monitorURL(1); !errors.Is(err, ErrSetup) {
		t.Errorf("not a URL: error %v, want ErrSetup", err)
	}
}

// A server that is down and an election in progress are not setup errors: a starting relay retries.
func TestTemporaryErrors(t *testing.T) {
	for e, want := range map[apiError]bool{
		{400, 10005, "no suitable peers for placement, peer offline"}:         true,
		{400, 10005, "no suitable peers for placement, insufficient storage"}: false,
		{503, 10008, "JetStream system temporarily unavailable"}:              true,
		{503, 10076, "JetStream not enabled"}:                                 false,
		{503, 10023, "insufficient resources"}:                                false,
	} {
		if got := e.temporary(); got != want {
			t.Errorf("temporary(%v) = %v, want %v", &e, got, want)
		}
	}
}
