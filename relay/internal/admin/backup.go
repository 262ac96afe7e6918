package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/advice"
	"relay/relay/internal/backup"
)

// writeBackup copies q into dir, which takes as much space as the queue, and writes the
// copy to w as a tar file.
func writeBackup(ctx context.Context, q Queue, dir string, w io.Writer) error {
	if st := q.Stats(); st.VolumeFree > 0 && st.VolumeFree < st.DiskBytes+st.DiskBytes/8+backupSpare {
		return badf("a backup first copies the queue, and its volume has too little space: the copy needs %s, but only %s are free",
			advice.Size(st.DiskBytes+st.DiskBytes/8+backupSpare), advice.Size(st.VolumeFree))
	}
	copied := filepath.Join(dir, "data")
	err := q.Backup(ctx, copied)
	if errors.Is(err, queue.ErrUnsupported) {
		return err //nolint:wrapcheck // the error is the complete answer
	}
	if err != nil {
		return fmt.Errorf("copy queue: %w", err)
	}
	return backup.Write(copied, w)
}

// backupSpare is the space in bytes that a backup leaves on the volume for new events.
const backupSpare = 64 << 20

// backup answers with a consistent copy of the queue as a tar file. Only one backup runs at
// a time. A client that reads nothing for access.Options.Patience is disconnected.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	dir, done, err := s.copies.Begin(func() {
		cancel()
		rc.SetWriteDeadline(time.Now()) // do not wait for a slow client
	})
	if err != nil {
		s.fail(w, err)
		return
	}
	defer done()
	out := &lateHeader{ctx: ctx, w: w}
	err = writeBackup(ctx, s.o.Queue, dir, out)
	switch {
	case err == nil:
		s.o.Logger.Info("backup sent", "code", logs.BackupSent, "bytes", out.n)
	case out.n == 0:
		s.fail(w, err)
	default:
		s.o.Logger.Error("backup aborted", "code", logs.BackupFailed, "err", err)
		panic(http.ErrAbortHandler) // so that the client does not take it for complete
	}
}

// lateHeader sets the content type with the first byte, so that an earlier error can still
// be answered as an error. It writes nothing once ctx is done.
type lateHeader struct {
	ctx context.Context // of the answer
	w   http.ResponseWriter
	n   int64
}

func (l *lateHeader) Write(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if l.n == 0 {
		l.w.Header().Set("Content-Type", "application/x-tar")
		l.w.Header().Set("Content-Disposition", `attachment; filename="relay-backup.tar"`)
	}
	n, err := l.w.Write(p)
	l.n += int64(n)
	return n, err
}
