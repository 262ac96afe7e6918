package track

// Values splits consecutive JSON values, with any white space between them. An error is a
// *SyntaxError.
func Values(src []byte) (values [][]byte, err error) {
	var s scanner
	s.reset(src)
	for s.space(); s.i < len(src); s.space() {
		from := s.i
		if !s.value() {
			return nil, s.err()
		}
		values = append(values, src[from:s.i])
	}
	return values, nil
}

// Items returns the items of a list, or false if value is not one.
func Items(value []byte) (items [][]byte, ok bool) {
	var s scanner
	s.reset(value)
	if s.space() != '[' {
		return nil, false
	}
	s.i++
	for c := s.space(); c != ']'; {
		from := s.i
		if !s.value() {
			return nil, false
		}
		items = append(items, value[from:s.i])
		switch c = s.space(); c {
		case ',':
			s.i++
			s.space()
		case ']':
		default:
			return nil, false
		}
	}
	s.i++
	return items, s.end()
}
