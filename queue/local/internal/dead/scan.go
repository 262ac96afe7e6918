package dead

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	scanWindow = 1 << 20
	scanUnit   = 4 << 10 // what is lost with a place that the disk does not give
	elemHead   = 16
	maxLane    = 1 << 10
)

// scan visits what looks like a row anywhere in a file, used or not. It believes
// nothing of the file's structure: wherever the head of an element may lie (flags
// u32 · distance of the key u32 · length of key and value u32 each), it looks
// whether the checksum of a row agrees. The distance has no bound but the file: large
// letters may lie in between. A place that cannot be read costs what
// lies there. k and v are valid during the call.
func scan(path string, fn func(k []byte, r row) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("search dead letters: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("search dead letters: %w", err)
	}
	size, le := st.Size(), binary.LittleEndian
	window, other := make([]byte, 0, scanWindow), []byte(nil)
	for from := int64(0); from < size; from += scanWindow - elemHead {
		window = readSome(f, window[:min(scanWindow, size-from)], from)
		for o := 0; o+elemHead <= len(window); o++ {
			e := window[o:]
			if le.Uint32(e) != 0 { // not a letter
				continue
			}
			pos, kn, vn := int64(le.Uint32(e[4:])), int64(le.Uint32(e[8:])), int64(le.Uint32(e[12:]))
			lo := from + int64(o) + pos
			if kn <= keyTail || kn > maxLane+keyTail || vn <= rowHead || vn > maxLetter || pos < elemHead || lo+kn+vn > size {
				continue
			}
			kv := other
			if at := lo - from; at+kn+vn <= int64(len(window)) {
				kv = window[at : at+kn+vn]
			} else {
				other = append(other[:0], make([]byte, kn+vn)...)
				kv = readSome(f, other, lo)
			}
			if r, err := decodeRow(kv[:kn], kv[kn:]); err == nil {
				if err := fn(kv[:kn:kn], r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// readSome fills b with what is at an offset; what cannot be read becomes zero.
func readSome(f io.ReaderAt, b []byte, at int64) []byte {
	if _, err := f.ReadAt(b, at); err == nil || errors.Is(err, io.EOF) {
		return b
	}
	for i := 0; i < len(b); i += scanUnit {
		part := b[i:min(len(b), i+scanUnit)]
		if _, err := f.ReadAt(part, at+int64(i)); err != nil {
			clear(part)
		}
	}
	return b
}
