package exit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"relay/config"
	"relay/internal/socket"
	"relay/internal/strictyaml"
)

func TestCode(t *testing.T) {
	t.Parallel()
	plain := errors.New("x")
	for name, tc := range map[string]struct {
		err  error
		want int
	}{
		"none":                       {nil, 0},
		"unmarked":                   {plain, 1},
		"usage":                      {Usage(plain), 2},
		"try later":                  {TryLater(plain), 75},
		"not allowed":                {NotAllowed(plain), 77},
		"bad config":                 {BadConfig(plain), 78},
		"coded":                      {Coded(42, plain), 42},
		"wrapped":                    {fmt.Errorf("open: %w", TryLater(plain)), 75},
		"joined":                     {errors.Join(plain, TryLater(plain)), 75},
		"the outermost mark":         {BadConfig(fmt.Errorf("open: %w", TryLater(plain))), 78},
		"a file's problems":          {strictyaml.Problems{{Message: "x"}}, 78},
		"an invalid config":          {fmt.Errorf("%w: x", config.ErrInvalid), 78},
		"a config not to be read":    {fmt.Errorf("%w: %w", config.ErrInvalid, fs.ErrPermission), 77},
		"a refused socket":           {fmt.Errorf("x: %w", socket.ErrNotAllowed), 77},
		"a signal":                   {Interrupted{os.Interrupt}, 130},
		"a missing flag, from cobra": {errors.New(`required flag(s) "id" not set`), 2},
	} {
		if got := Code(tc.err); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// After a signal, an error that is its consequence has its code whatever else it is marked as,
// and names it. Another error stays as it is.
func TestIfInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	canceled := TryLater(fmt.Errorf("import: %w", context.Canceled))
	if err := IfInterrupted(ctx, canceled); Code(err) != Later {
		t.Errorf("before the signal: %d", Code(err))
	}
	cancel(Interrupted{os.Interrupt})
	for name, tc := range map[string]struct {
		err  error
		code int
		text string
	}{
		"none":          {nil, OK, ""},
		"another":       {BadConfig(errors.New("bad mapping")), Config, "bad mapping"},
		"cancelled":     {canceled, InterruptedCode, "import: stopped by interrupt"},
		"its own cause": {fmt.Errorf("tail: %w", context.Cause(ctx)), InterruptedCode, "tail: stopped by interrupt"},
	} {
		err := IfInterrupted(ctx, tc.err)
		if Code(err) != tc.code || err != nil && err.Error() != tc.text {
			t.Errorf("%s: %d %v, want %d %s", name, Code(err), err, tc.code, tc.text)
		}
	}
}

// Problems of a file are printed with their position, other errors after the program's name.
func TestPrint(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"relay: load: no queue\n":   errors.New("no queue"),
		"m.yaml:3:5: unknown key\n": strictyaml.Problems{{File: "m.yaml", Line: 3, Column: 5, Message: "unknown key"}},
	} {
		var b bytes.Buffer
		Print(&b, fmt.Errorf("load: %w", err))
		if b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	}
}
