package seal

import (
	"encoding/hex"
	"fmt"
	"strings"

	"relay/internal/disk"
)

// ReadKeys reads a key file: 64 hex digits per line. The first key seals; the others only open what
// was sealed with them. Errors name the line, never its content.
func ReadKeys(path string) ([][]byte, error) {
	b, err := disk.ReadFile(path, 64<<10)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return nil, fmt.Errorf("key file %s is empty: %w", path, ErrKey)
	}
	var keys [][]byte
	for i, line := range strings.Split(text, "\n") {
		key, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil || len(key) != keyLen {
			return nil, fmt.Errorf("line %d of %s is not 64 hex digits (make a key with: openssl rand -hex 32): %w", i+1, path, ErrKey)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
