package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"relay/internal/logs"
	"relay/relay/internal/advice"
	"relay/relay/internal/backup"
)

// writeBackup copies q into dir, which needs as much room as the queue, and writes the
// copy to w as one tar file.
func writeBackup(ctx context.Context, q Queue, dir string, w io.Writer) error {
	if st := q.Stats(); st.VolumeFree > 0 && st.VolumeFree < st.DiskBytes+st.DiskBytes/8+backupSpare {
		return badf("backup: relay copies the queue first, and its volume has too little space: the copy needs %s, %s are free",
			advice.Size(st.DiskBytes+st.DiskBytes/8+backupSpare), advice.Size(st.VolumeFree))
	}
	copied := filepath.Join(dir, "data")
	if err := q.Backup(ctx, copied); err != nil {
		return fmt.Errorf("copy queue: %w", err)
	}
	return backup.Write(copied, w)
}

// backupSpare is what a backup leaves free of the volume: events are stored meanwhile.
const backupSpare = 64 << 20

// backup answers with a consistent copy of the queue as a tar file. It holds
// events, so it needs the token. One at a time: a reader that takes no more of it for
// access.Options.Patience is cut off and makes way for the next.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	dir, done, err := s.copies.Begin(func() {
		cancel()
		rc.SetWriteDeadline(time.Now()) // whoever reads slowly is not waited for
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
		s.o.Logger.Error("backup was cut off", "code", logs.BackupFailed, "err", err)
		panic(http.ErrAbortHandler) // cut, so that nobody takes it for whole
	}
}

// lateHeader sets the type with the first byte, so that an error before it can
// still be answered as one. It writes nothing more once ctx is done.
type lateHeader struct {
	ctx context.Context // of the one answer that it writes
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
