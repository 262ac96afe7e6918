package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whatever is sent, the answer is JSON, and what was not answered with a
// count was not taken.
func FuzzEvents(f *testing.F) {
	f.Add(conversions, "application/json", wrap(good()))
	f.Add(offline, "application/json", wrap(legacy()))
	f.Add(offline, "application/x-www-form-urlencoded", "access_token=t&upload_tag=a&data=%5B%7B%7D%5D")
	f.Add(conversions, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n[]\r\n--x--")
	f.Add(conversions, "application/json", `{"access_token":"t","data":[{"user_data":{"em":{}},"custom_data":{"contents":[null]}}]}`)
	f.Add(offline, "application/json", `{"access_token":"t","upload_id":1,"progress":"[","data":["{}",1,null]}`)
	f.Fuzz(func(t *testing.T, path, kind, body string) {
		if !strings.HasPrefix(path, "/v") || strings.ContainsAny(path, " \x00%?#") {
			path = conversions
		}
		s, err := New(Options{Now: func() time.Time { return time.Unix(clock, 0) }})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "http://graph.example.com/", strings.NewReader(body))
		r.URL.Path = path
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var m map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		if _, refused := m["error"]; refused && s.Stats().Events > 0 {
			t.Error("refused, but taken")
		}
	})
}
