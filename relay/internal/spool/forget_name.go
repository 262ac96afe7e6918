package spool

import (
	"bufio"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"relay/relay/internal/spool/rows"
	"relay/relay/internal/spool/sealed"
)

// fileEnds are extensions that describe the content or state of a file.
var fileEnds = strings.Fields(".csv .tsv .txt .json .jsonl .ndjson .gz .xls .xlsx .ods .zip .7z .pdf .xml .bak .old .tmp .part .refused " + sealed.Suffix)

// ends returns the known extensions at the end of a name.
func ends(name string) (all string) {
	for {
		ext := filepath.Ext(name)
		if !slices.Contains(fileEnds, strings.ToLower(ext)) && !isClaim(strings.TrimPrefix(ext, ".")) {
			return all
		}
		name, all = strings.TrimSuffix(name, ext), ext+all
	}
}

// namedAfter reports whether the name of a file contains the person as one of its parts, as in
// export-kim.csv. whole: the name matches like text of an event, so that the whole file is the
// person's even if it cannot be searched.
func namedAfter(name string, who rows.Matcher) (named, whole bool) {
	stem := strings.TrimSuffix(name, ends(name))
	if who.Text(name) || stem != name && who.Text(stem) {
		return true, true
	}
	const most = 16 // parts
	cuts := []int{0}
	for i, r := range stem {
		if strings.ContainsRune("-_+ ", r) && len(cuts) < most {
			cuts = append(cuts, i+1)
		}
	}
	cuts = append(cuts, len(stem)+1)
	for i := range cuts {
		for j := i + 1; j < len(cuts); j++ {
			if who.Text(stem[cuts[i] : cuts[j]-1]) {
				return true, false
			}
		}
	}
	return false, false
}

// packedAs reports whether a gzip file has the person in its original name or comment. A file
// that relay packs again has neither.
func packedAs(content io.ReadSeeker, who rows.Matcher) bool {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return false
	}
	in := bufio.NewReader(content)
	z, err := gzip.NewReader(in)
	for err == nil {
		z.Multistream(false)
		for _, text := range []string{z.Name, z.Comment} {
			if named, _ := namedAfter(text, who); named {
				return true
			}
		}
		if _, err = io.Copy(io.Discard, z); err == nil {
			err = z.Reset(in)
		}
	}
	return false
}

// rename gives a file a neutral name.
func rename(root *os.Root, path string) error {
	return root.Rename(path, filepath.Join(filepath.Dir(path), neutralName(filepath.Base(path))))
}

// neutralName returns a random name with the known extensions of name.
func neutralName(name string) string { return "renamed-" + rand.Text()[:10] + ends(name) }

// withoutName returns a file system error without the name of the file, which could be personal,
// for the log.
func withoutName(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s of a file: %w", p.Op, p.Err)
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s of a file: %w", l.Op, l.Err)
	}
	return err
}
