package drain

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// That times are read as UTC because nobody named a zone is said once of each mapping.
func TestLocalTimesAreSaidOnce(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := &Supervisor{log: slog.New(slog.NewTextHandler(&b, nil))}
	for _, digest := range []string{"one", "one", "two", "two"} {
		s.warnLocal(digest)
	}
	if got := strings.Count(b.String(), "local_times"); got != 2 {
		t.Errorf("said %d times:\n%s", got, b.String())
	}
}
