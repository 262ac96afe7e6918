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

// fileEnds are what names end with that says what is in a file, or what became of it.
var fileEnds = strings.Fields(".csv .tsv .txt .json .jsonl .ndjson .gz .xls .xlsx .ods .zip .7z .pdf .xml .bak .old .tmp .part .refused " + sealed.Suffix)

// ends are those that a name ends with.
func ends(name string) (all string) {
	for {
		ext := filepath.Ext(name)
		if !slices.Contains(fileEnds, strings.ToLower(ext)) && !isClaim(strings.TrimPrefix(ext, ".")) {
			return all
		}
		name, all = strings.TrimSuffix(name, ext), ext+all
	}
}

// namedAfter says whether the name of a file has a person in it, as one of its parts:
// export-kim.csv. hers: it stands there as an event would have it, so that the file is
// the person's though nobody can look into it.
func namedAfter(name string, who rows.Matcher) (named, hers bool) {
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

// packedAs says whether a file that is packed with gzip has a person in the name that it was
// packed under, or in a comment. What is packed anew has neither.
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

// rename gives a file a name that says nothing.
func rename(root *os.Root, path string) error {
	return root.Rename(path, filepath.Join(filepath.Dir(path), nameless(filepath.Base(path))))
}

// nameless is a name for a file that says no more than its ends do.
func nameless(name string) string { return "renamed-" + rand.Text()[:10] + ends(name) }

// unnamed is an error of the file system without the name of the file, which may be
// somebody's: it goes into the log.
func unnamed(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s of a file: %w", p.Op, p.Err)
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s of a file: %w", l.Op, l.Err)
	}
	return err
}
