package admin

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/pprof"
	"time"

	"relay/relay/internal/api"
)

// support answers with a zip for support: status, metrics twice a few seconds apart,
// goroutines, the effective config with secrets hidden, the mapping, the last log lines and
// counts of dead letters. It contains event names and event set ids, but no event and no
// token.
func (s *Server) support(w http.ResponseWriter, r *http.Request) {
	wait, err := intParam(r, "wait", 5)
	if err == nil && wait > 60 {
		err = badf("wait: at most 60 seconds")
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	first, err := s.o.Metrics.Text()
	if err != nil {
		s.fail(w, err)
		return
	}
	select {
	case <-time.After(time.Duration(wait) * time.Second):
	case <-r.Context().Done():
		return
	case <-s.stopping:
	}
	second, err := s.o.Metrics.Text()
	if err != nil {
		s.fail(w, err)
		return
	}
	var buf bytes.Buffer
	if err := s.writeSupport(&buf, first, second); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="relay-support.zip"`)
	w.Write(buf.Bytes())
}

func (s *Server) writeSupport(w io.Writer, first, second []byte) error {
	z := zip.NewWriter(w)
	put := func(name string, b []byte) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: "relay-support/" + name, Method: zip.Deflate, Modified: s.o.Now()})
		if err != nil {
			return fmt.Errorf("write support file: %w", err)
		}
		_, err = f.Write(b)
		return err
	}
	putJSON := func(name string, v any) error {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return fmt.Errorf("write support file: %w", err)
		}
		return put(name, append(b, '\n'))
	}
	var goroutines bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&goroutines, 1) // counts and code, no values
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	sum, sumErr := s.summary(api.DeadFilter{})
	var files api.Files
	if s.o.Files != nil {
		files = s.o.Files()
	}
	for _, step := range []func() error{
		func() error {
			now := s.o.Now().UTC()
			return put("README.txt", []byte(fmt.Sprintf(supportWords, now.Format(time.RFC3339), now.Add(supportFor).Format(time.DateOnly))))
		},
		func() error {
			st := s.Status()
			st.Mapping, st.Config = st.Mapping.Unquoted(), st.Config.Unquoted() // problems quote the file
			return putJSON("status.json", st)
		},
		func() error { return putJSON("queue-stats.json", s.o.Queue.Stats()) },
		func() error { return putJSON("history.json", s.history.points(true)) },
		func() error {
			if sumErr != nil {
				return put("dead-letters.txt", []byte("cannot be read: "+sumErr.Error()+"\n"))
			}
			return putJSON("dead-letters.json", sum)
		},
		func() error { return put("metrics-1.txt", first) },
		func() error { return put("metrics-2.txt", second) },
		func() error { return put("goroutines.txt", goroutines.Bytes()) },
		func() error {
			return putJSON("runtime.json", map[string]any{
				"os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": runtime.NumCPU(),
				"goroutines": runtime.NumGoroutine(), "heap_bytes": mem.HeapAlloc, "sys_bytes": mem.Sys, "gc_cycles": mem.NumGC,
			})
		},
		func() error { return put("mapping.yaml", []byte(files.Mapping.Text)) },
		func() error {
			if s.o.Support.Config == nil {
				return nil
			}
			return put("config.yaml", s.o.Support.Config())
		},
		func() error {
			if s.o.Support.Logs == nil {
				return nil
			}
			return put("log.txt", s.o.Support.Logs())
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write support file: %w", err)
	}
	return nil
}

// supportWords is the README of the bundle.
const supportWords = `Support bundle of relay, made %s.

It contains numbers, states, the last log lines, the mapping, and the configuration with
secrets hidden. This includes event names, event set ids, host names and paths. It contains
no events, no customers' data and no token. Check the contents before you send it.

Delete it when the problem is solved, by %s at the latest.
`

// supportFor is how long a bundle is useful; after that its contents are outdated.
const supportFor = 30 * 24 * time.Hour
