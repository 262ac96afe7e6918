// Package strictyaml reads one YAML document strictly: scalars stay the text that was
// written, every key must be known, and all mistakes are reported at once with file, line
// and column.
//
// # What it guarantees
//
//   - No input makes it panic or take memory out of proportion to its size: a
//     file is at most MaxSize bytes, aliases expand to at most MaxAliasNodes
//     values and MaxAliasText bytes, gopkg.in/yaml.v3 is used for its parser alone (it panics when it
//     decodes `? [a]` beside a merge key) and runs under a recover.
//   - A scalar is text: 0123, NO, 2024-01-01 and 701000000000001 are never
//     converted implicitly. A caller requests a number, a duration or a
//     size, and gets it or a [Problem] at that position.
//   - Reading continues after a mistake. [Document.Err] returns all of them in the
//     order of the file.
//
// # What can hurt you
//
// Every accessor returns (value, ok). If ok is false, the problem is already
// recorded and the caller continues. A caller that never calls [Document.Err] has
// not validated anything. An [Object] reports unknown keys only when Done is
// called; known keys are those passed to Field or Allow, or returned by Fields. Problem
// messages quote the text of the file; [Document.Expand] keeps expanded
// text, which can be a secret, out of them.
//
// # Shape
//
//	bytes ──Parse──► Document ──Root──► Value ──Object──► Field(name) ► Value …
//	                    │                 └──List / OneOrList──► []Value
//	                    └──Err──► Problems{file, line, column, message, hint, source}
//
// Refused, though legal YAML: second documents, merge keys, keys that are not
// plain text, duplicate keys, tags other than !!str, UTF-16, tabs as
// indentation. Accepted: a UTF-8 byte order mark, CRLF, anchors and aliases.
package strictyaml
