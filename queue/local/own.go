package local

import (
	"io/fs"
	"slices"
	"strings"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

// besides are what the sidecar keeps in the directory of its queue.
var besides = map[string]fs.FileMode{
	seal.SecretName: 0, "audit.log": 0, "restored.json": 0, "admin.sock": fs.ModeSocket,
	"receipts": fs.ModeDir, "copies": fs.ModeDir,
}

// Own says whether a name in the directory of a queue is one of relay's own, and whether
// it stands for a file (0), a folder or a socket.
func Own(name string) (fs.FileMode, bool) {
	if mode, ok := besides[name]; ok {
		return mode, true
	}
	if _, suffix, ok := files.Number(name); ok && slices.Contains([]string{segment.Suffix, ids.Suffix, ids.SalesSuffix}, suffix) {
		return 0, true
	}
	return 0, name == lockName || name == meta.Name || name == deadName || name == reserveName ||
		strings.HasSuffix(name, files.BadSuffix) || strings.HasPrefix(name, "audit.log.") || disk.IsTemp(name)
}
