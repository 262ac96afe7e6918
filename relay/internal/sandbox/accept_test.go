package sandbox

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"
)

const (
	conversions = "/v26.0/701000000000001/events"
	offline     = "/v16.0/701000000000002/events"
)

func TestAcceptsBothFormats(t *testing.T) {
	s, url := start(t, Options{})
	r := post(t, url+conversions, wrap(good()))
	if r.status != 200 || r.json["events_received"] != 1.0 {
		t.Fatalf("conversions: %d %s", r.status, r.body)
	}
	r = post(t, url+offline, wrap(legacy()))
	if r.status != 200 || r.json["num_processed_entries"] != 1.0 {
		t.Fatalf("offline: %d %s", r.status, r.body)
	}
	if st := s.Stats(); st.Events != 2 || st.Unique != 2 || st.Requests != 2 || st.BySet["701000000000001"] != 1 {
		t.Errorf("stats %+v", st)
	}
	if ev := s.Events(Filter{Set: "701000000000001"}); len(ev) != 1 || ev[0].ID != "m-1" || ev[0].UploadTag != "Segment" {
		t.Errorf("events %+v", ev)
	}
}

func TestOneBadEventRefusesAll(t *testing.T) {
	s, url := start(t, Options{})
	r := post(t, url+conversions, wrap(good(), `{"event_name":"Lead"}`))
	if r.status != 400 || r.code() != "100/2804019" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if st := s.Stats(); st.Events != 0 || st.ByCode["100/2804019"] != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestDownCutsEveryConnectionAtOnce(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}()
	url := "http://" + ln.Addr().String()
	idle, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, err := idle.Write([]byte("GET /sandbox/stats HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	if _, err := idle.Read(buf); err != nil { // the connection is open and known
		t.Fatal(err)
	}
	if err := s.SetMode(Down); err != nil {
		t.Fatal(err)
	}
	idle.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		if _, err := idle.Read(buf); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Error("an open connection outlived down")
			}
			break
		}
	}
	if _, err := tryPost(t, url+conversions, wrap(good())); err == nil {
		t.Error("a new connection was answered while down")
	}
	if err := s.SetMode(OK); err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest(http.MethodGet, url+"/v26.0/701?access_token=x", nil)
	if r, err := do(t, req); err != nil || r.status != 200 {
		t.Errorf("after the line came back: %+v %v", r, err)
	}
}
