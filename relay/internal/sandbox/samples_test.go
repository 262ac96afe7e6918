package sandbox_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"relay/relay/internal/sandbox"
)

var hashOf = regexp.MustCompile(`sha256\(([^)]*)\)`)

// The simulator takes the events that Meta publishes, as Meta has them.
func TestMetaSamplesAreTaken(t *testing.T) {
	archive, err := txtar.ParseFile("../../../mapper/testdata/samples/meta.txtar")
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".sample")
		if !ok {
			continue
		}
		event := hashOf.ReplaceAllStringFunc(string(f.Data), func(s string) string {
			sum := sha256.Sum256([]byte(hashOf.FindStringSubmatch(s)[1]))
			return hex.EncodeToString(sum[:])
		})
		var at struct {
			EventTime int64           `json:"event_time"`
			Legacy    json.RawMessage `json:"match_keys"`
		}
		if err := json.Unmarshal([]byte(event), &at); err != nil {
			t.Fatal(err)
		}
		s, err := sandbox.New(sandbox.Options{Now: func() time.Time { return time.Unix(at.EventTime, 0).Add(time.Hour) }})
		if err != nil {
			t.Fatal(err)
		}
		path := "/v27.0/701000000000001/events"
		if at.Legacy != nil {
			path = "/v16.0/701000000000001/events"
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(`{"access_token":"t","upload_tag":"day","data":[`+event+`]}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %s", name, w.Body)
			continue
		}
		taken++
	}
	if taken < 20 {
		t.Errorf("%d samples were taken", taken)
	}
}
