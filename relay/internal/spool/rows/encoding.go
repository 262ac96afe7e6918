package rows

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Encoding is the text encoding of a file: a name that ParseEncoding returns.
type Encoding string

// Encodings that are detected. AutoEncoding decides by the byte order mark, otherwise by whether
// most non-ASCII bytes are UTF-8.
const (
	AutoEncoding Encoding = ""
	UTF8         Encoding = "utf-8"
	UTF16        Encoding = "utf-16" // little-endian, unless a byte order mark differs
	Windows1252  Encoding = "windows-1252"

	utf16BE Encoding = "utf-16be"
)

// codePages maps Microsoft's code page numbers to encodings registered under other names.
var codePages = map[string]string{"932": "shift_jis", "936": "gbk", "949": "euc-kr", "950": "big5", "65001": "utf-8", "28592": "iso-8859-2", "20866": "koi8-r"}

// ParseEncoding parses the name of an encoding, as browsers and IANA define them, or a code page
// number: windows-1250, cp1250, 1250, latin2, shift_jis, ibm852. "" means that the encoding is
// detected.
func ParseEncoding(text string) (Encoding, error) {
	name := strings.ToLower(strings.TrimSpace(text))
	number := strings.TrimPrefix(strings.TrimPrefix(name, "cp"), "-")
	if known, ok := codePages[number]; ok {
		name = known
	}
	switch name {
	case "":
		return AutoEncoding, nil
	case "utf-16", "utf16", "unicode":
		return UTF16, nil
	}
	for _, name := range []string{name, "windows-" + number, "ibm" + number} {
		if e, err := htmlindex.Get(name); err == nil {
			if is, err := htmlindex.Name(e); err == nil && is != "replacement" && is != "x-user-defined" {
				return Encoding(is), nil
			}
		}
		if e, err := ianaindex.IANA.Encoding(name); err == nil && e != nil {
			if is, err := ianaindex.IANA.Name(e); err == nil {
				return Encoding(strings.ToLower(is)), nil
			}
		}
	}
	return "", fmt.Errorf("%q: want the name of an encoding, such as utf-8, utf-16, windows-1250, windows-1252, iso-8859-2, shift_jis, gbk or ibm852", text)
}

// coding returns the codec of e.
func (e Encoding) coding() encoding.Encoding {
	switch e {
	case UTF8, AutoEncoding:
		return unicode.UTF8BOM // invalid bytes become U+FFFD
	case UTF16:
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case utf16BE:
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	if found, err := htmlindex.Get(string(e)); err == nil {
		return found
	}
	if found, err := ianaindex.IANA.Encoding(string(e)); err == nil && found != nil {
		return found
	}
	return unicode.UTF8BOM
}

// decoded returns r converted to UTF-8 without a byte order mark, and without the marks with which
// DOS programs end a text.
func decoded(r io.Reader, e Encoding) io.Reader {
	return bufio.NewReaderSize(transform.NewReader(e.coding().NewDecoder().Reader(r), endMarks{}), 1<<16)
}

// endMarks drops Ctrl-Z at the end of a text: DOS programs write one, CP/M fills its last block.
type endMarks struct{ transform.NopResetter }

const (
	endMark  = 0x1a
	maxMarks = 128 // a block
)

// Transform implements transform.Transformer.
func (endMarks) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	text := len(src)
	for text > 0 && src[text-1] == endMark && len(src)-text < maxMarks {
		text--
	}
	nDst = copy(dst, src[:text])
	switch {
	case nDst < text:
		return nDst, nDst, transform.ErrShortDst
	case atEOF || text == len(src):
		return nDst, len(src), nil
	}
	return nDst, nDst, transform.ErrShortSrc
}
