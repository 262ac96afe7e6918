package term

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"relay/internal/screen"
	"relay/relay/internal/advice"
	"relay/relay/internal/spool"
)

// progressEvery is the time between progress lines when there is no terminal.
const progressEvery = 10 * time.Second

// Progress shows the progress of an import: a bar on a terminal, otherwise a line
// every ten seconds.
type Progress struct {
	mu   sync.Mutex
	out  io.Writer
	bar  *progressbar.ProgressBar // nil: no terminal
	last time.Time                // of the last progress line
}

// NewProgress starts showing progress on out.
func NewProgress(out io.Writer) *Progress {
	p := &Progress{out: out, last: time.Now()}
	if screen.IsTerminal(out) {
		p.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(screen.Raw(out)), progressbar.OptionShowBytes(true),
			progressbar.OptionSetDescription("reading the file"), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	}
	return p
}

// Update shows the progress s.
func (p *Progress) Update(s spool.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		if s.Size > 0 {
			if p.bar.GetMax64() != s.Size {
				p.bar.ChangeMax64(s.Size)
			}
			p.bar.Describe(fmt.Sprintf("%d rows", s.Rows))
			_ = p.bar.Set64(s.Bytes)
		}
		return
	}
	now := time.Now()
	if now.Sub(p.last) < progressEvery {
		return
	}
	p.last = now
	if s.Size == 0 {
		fmt.Fprintf(p.out, "reading the file: %s\n", advice.Size(s.Surveyed))
		return
	}
	fmt.Fprintf(p.out, "%d rows, %d %% of %s, %d stored, %d refused\n", s.Rows, 100*s.Bytes/s.Size, advice.Size(s.Size), s.Stored, s.Refused)
}

// Say writes a line without disturbing the bar; "" writes nothing.
func (p *Progress) Say(line string) {
	if line != "" {
		_, _ = p.Write([]byte(line + "\n"))
	}
}

// Write writes log lines without disturbing the bar.
func (p *Progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	return p.out.Write(b)
}

// Done removes the bar.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
