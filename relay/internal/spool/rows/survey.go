package rows

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// Format is the format of a file.
type Format string

// The formats.
const (
	Auto      Format = ""
	JSONLines Format = "jsonl"
	JSON      Format = "json" // values that span several lines, and lists of values
	CSV       Format = "csv"
)

// Survey is the result of the first pass over a file.
type Survey struct {
	Digest   string // SHA-256 of the unpacked content, hex
	Size     int64  // bytes of the unpacked content
	Packed   int64  // bytes of the file
	Marked   string // digest of the content before the mark; empty: it is shorter
	Ended    bool   // the last line has a line end
	Format   Format
	Encoding Encoding
	Unclear  error // why the encoding is only a guess, with which no event must be read
	Stray    int64 // bytes that are not UTF-8, in a file that is read as UTF-8
	unicode  bool  // it is clearly UTF-8 or UTF-16
}

// survey reads all of f. See File.Survey.
func survey(ctx context.Context, f io.Reader, mark int64, progress func(int64)) (*Survey, error) {
	s := &Survey{}
	hash := sha256.New()
	var head, tail []byte
	var words sample
	var multi, stray int64 // multi-byte UTF-8 sequences; bytes that are not UTF-8
	buf := make([]byte, 0, 1<<18)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := f.Read(buf[len(buf):cap(buf)])
		got := buf[len(buf) : len(buf)+n]
		buf = buf[:len(buf)+n]
		if before := mark - s.Size; before > 0 && int64(n) >= before {
			hash.Write(got[:before])
			s.Marked = hex.EncodeToString(hash.Sum(nil))
			hash.Write(got[before:])
		} else {
			hash.Write(got)
		}
		s.Size += int64(n)
		words.add(got)
		tail = append(tail, got[max(0, n-2):]...)
		tail = tail[max(0, len(tail)-2):]
		if len(head) < 4096 {
			head = append(head, got[:min(n, 4096-len(head))]...)
		}
		end := err == io.EOF
		rest := count(buf, end, &multi, &stray)
		buf = buf[:copy(buf[:cap(buf)], rest)]
		progress(s.Size)
		if end {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read file: %w", err)
		}
	}
	s.Digest = hex.EncodeToString(hash.Sum(nil))
	s.Ended = bytes.ContainsAny(tail, "\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		s.Encoding = UTF16
	case nulls(head, 1):
		s.Encoding = UTF16
	case nulls(head, 0):
		s.Encoding = utf16BE
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")), stray <= multi:
		s.Encoding, s.Stray = UTF8, stray
	default:
		var language string
		var unknown bool
		if s.Encoding, language, unknown = words.guess(); unknown {
			s.Unclear = unclear(s.Encoding, language)
		}
	}
	s.unicode = multi >= 8 && stray == 0 || bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) || s.Encoding == UTF16 || s.Encoding == utf16BE
	s.Format = formatOf(head, s.Encoding)
	return s, nil
}

// Assume sets the encoding that the user named, unless the file is clearly in another one.
func (s *Survey) Assume(e Encoding) {
	if e != AutoEncoding && !s.unicode {
		s.Encoding, s.Unclear = e, nil
	}
}

// nulls detects UTF-16 without a byte order mark: in most pairs of bytes the one at index at (1
// for little-endian) is 0 and the other is not.
func nulls(head []byte, at int) bool {
	found, pairs := 0, len(head)/2
	for i := range pairs {
		if head[2*i+at] == 0 && head[2*i+1-at] != 0 {
			found++
		}
	}
	return pairs > 0 && 10*found > 7*pairs
}

// count counts the non-ASCII bytes of b and returns the end of b that could be the beginning of
// a longer sequence.
func count(b []byte, end bool, multi, stray *int64) []byte {
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			k := 1
			for k < len(b) && b[k] < utf8.RuneSelf {
				k++
			}
			b = b[k:]
			continue
		}
		if !end && !utf8.FullRune(b) {
			return b
		}
		_, n := utf8.DecodeRune(b)
		if n > 1 {
			*multi++
		} else {
			*stray++
		}
		b = b[n:]
	}
	return nil
}

// formatOf detects the format: JSON begins with a bracket, which headers do not. It is JSON lines
// unless the first line is not a complete value.
func formatOf(head []byte, e Encoding) Format {
	b, _ := io.ReadAll(decoded(bytes.NewReader(head), e))
	b = bytes.TrimLeft(b, " \t\r\n")
	switch {
	case len(b) == 0:
		return JSONLines
	case b[0] == '[':
		return JSON
	case b[0] != '{':
		return CSV
	}
	line, _, more := bytes.Cut(b, []byte("\n"))
	if more && !json.Valid(line) || !more && bytes.Contains(b, []byte("\r")) {
		return JSON
	}
	return JSONLines
}
