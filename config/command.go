package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"relay/internal/disk"
)

// commandFlaw is a problem of a command.
type commandFlaw struct {
	text, fix string
	refused   bool // an untrusted user can change what runs: relay does not run it
}

// RefusableCommand returns an error if an untrusted user can change what a command
// does, so that relay must not run it. The error has the fix. nil: it can be run, and can fail.
func RefusableCommand(command []string) error {
	for _, f := range commandFlaws(command) {
		if f.refused {
			return fmt.Errorf("%s; relay does not run it. Fix: %s", f.text, f.fix)
		}
	}
	return nil
}

// checkCommand refuses a program of alerts.command that others can change or replace.
// It only warns about one that would not start: a missing alert must not stop intake.
func (l *loader) checkCommand() {
	for _, f := range commandFlaws(l.cfg.Alerts.Command) {
		p := l.errorf("alerts.command", "%s", f.text).WithHint("%s", f.fix)
		if !f.refused {
			p.Warning = true
			p.Message += "; alerts would not be sent"
		}
	}
}

// commandFlaws checks everything a command runs: its first word, the script that it passes
// to an interpreter, other programs and scripts among its arguments, and the interpreters
// that the scripts name.
func commandFlaws(command []string) []commandFlaw {
	if len(command) == 0 {
		return nil
	}
	c := commandLook{}
	if path, ok := c.find(command[0]); ok {
		c.file(path, true)
		c.arguments(path, command[1:])
	}
	return c.flaws
}

type commandLook struct {
	flaws []commandFlaw
	seen  []string
}

func (c *commandLook) add(refused bool, fix, format string, args ...any) {
	c.flaws = append(c.flaws, commandFlaw{fmt.Sprintf(format, args...), fix, refused})
}

// find returns the path of a program; false if there is none, or if it must not be run.
func (c *commandLook) find(word string) (string, bool) {
	if strings.ContainsRune(word, filepath.Separator) && !filepath.IsAbs(word) {
		c.relative(word)
		return "", false
	}
	path, err := exec.LookPath(word)
	info, statErr := os.Stat(word)
	switch {
	case err == nil && filepath.IsAbs(path):
		return path, true
	case errors.Is(err, exec.ErrDot) || err == nil:
		c.add(true, "write the absolute path of the program, and remove relative directories from PATH",
			"%s is found in the directory in which relay was started, where any user can have put it", word)
	case !filepath.IsAbs(word):
		c.add(false, "install it, or write the absolute path of the program", "there is no program %s in PATH", word)
	case statErr != nil:
		c.add(false, "put it there, or correct alerts.command", "%s cannot be read: %v", word, disk.Bare(statErr))
	case !info.Mode().IsRegular():
		c.add(false, "name a program", "%s is not a regular file", word)
	case info.Mode().Perm()&0o111 == 0:
		c.add(false, "chmod +x "+disk.ShellWord(word), "%s has no execute bit", word)
	default:
		c.add(false, "chmod a+rx "+disk.ShellWord(word)+" (and mount its volume without noexec)", "uid %d has no permission to run %s", os.Geteuid(), word)
	}
	return "", false
}

func (c *commandLook) relative(word string) {
	fix := "write its absolute path, such as /etc/relay/" + filepath.Base(word)
	if abs, err := filepath.Abs(word); err == nil {
		if _, err := os.Stat(abs); err == nil {
			fix = "write its absolute path: " + abs
		}
	}
	c.add(true, fix, "%s is a relative path: any user who can write to the directory in which relay was started decides what runs", word)
}

// file checks a file that is run, or passed to an interpreter.
func (c *commandLook) file(path string, run bool) {
	if slices.Contains(c.seen, path) {
		return
	}
	c.seen = append(c.seen, path)
	if w, ok := errors.AsType[*disk.WritableError](disk.Trusted(path)); ok {
		c.add(!w.Group, w.Advice(), "%v", w)
		if !w.Group {
			return
		}
		c.flaws[len(c.flaws)-1].text = w.Error() + "; it is a program that relay runs"
	}
	if runtime.GOOS == "windows" {
		return
	}
	head, err := disk.ReadFirst(path, 256)
	switch {
	case err != nil && !run:
		fix := "chmod a+r " + disk.ShellWord(path)
		if _, ok := errors.AsType[*disk.NoFileError](err); ok {
			fix = "put the script in its place"
		}
		c.add(false, fix, "uid %d cannot read %s: %v", os.Geteuid(), path, disk.Bare(err))
	case bytes.HasPrefix(head, []byte("#!")):
		c.interpreter(path, head[2:])
	case err == nil && run && !bytes.ContainsRune(head, 0): // a binary has zeros at its beginning
		c.add(false, "sed -i '1i #!/bin/sh' "+disk.ShellWord(path), "%s is a script whose first line names no interpreter", path)
	}
}

// interpreter checks the interpreter that the first line of a script names.
func (c *commandLook) interpreter(script string, head []byte) {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.HasSuffix(line, []byte("\r")) {
		c.add(false, `sed -i 's/\r$//' `+disk.ShellWord(script), "%s has Windows line ends, so its interpreter is not found", script)
		return
	}
	words := strings.Fields(string(line))
	if len(words) == 0 {
		c.add(false, "sed -i '1s|.*|#!/bin/sh|' "+disk.ShellWord(script), "the first line of %s names no interpreter", script)
		return
	}
	if !filepath.IsAbs(words[0]) {
		c.add(true, "write the absolute path of the interpreter, such as #!/bin/sh", "the first line of %s names its interpreter by a relative path, %s: any user who can write to the directory in which relay was started decides what runs", script, words[0])
		return
	}
	missing := func(name string) {
		fix := "install " + filepath.Base(name) + ", or name another interpreter in the first line of " + script
		if found, err := exec.LookPath(filepath.Base(name)); err == nil && filepath.IsAbs(found) && filepath.IsAbs(name) {
			fix = fmt.Sprintf("sed -i %s %s", disk.ShellWord("1s|"+name+"|"+found+"|"), disk.ShellWord(script))
		}
		c.add(false, fix, "the interpreter %s, which the first line of %s names, is not on this machine", name, script)
	}
	if _, err := os.Stat(words[0]); err != nil {
		missing(words[0])
		return
	}
	c.file(words[0], true)
	if filepath.Base(words[0]) == "env" {
		for _, word := range words[1:] {
			if strings.HasPrefix(word, "-") || strings.Contains(word, "=") {
				continue
			}
			found, err := exec.LookPath(word)
			if err != nil {
				missing(word)
				return
			}
			c.file(found, true)
			return
		}
	}
}

var (
	// interpreters run the script named by their first argument that is not an option.
	interpreters = regexp.MustCompile(`^(?:sh|bash|dash|ash|zsh|ksh|fish|python[0-9.]*|perl|ruby|node|php[0-9.]*|pwsh|lua[0-9.]*|tclsh)$`)
	scriptName   = regexp.MustCompile(`\.(?:sh|bash|py|pl|rb|js|mjs|php|ps1|lua|tcl)$`)
	inlineText   = regexp.MustCompile(`^-[a-z]*[cem]$|^--(?:eval|command)$|^-r$`)
)

// arguments checks the files among the arguments of a program.
func (c *commandLook) arguments(program string, words []string) {
	script := interpreters.MatchString(strings.TrimSuffix(filepath.Base(program), ".exe"))
	for _, word := range words {
		option := strings.HasPrefix(word, "-")
		if script && inlineText.MatchString(word) {
			script = false // the following arguments are text, not a file
		}
		info, err := os.Stat(word)
		regular := err == nil && info.Mode().IsRegular()
		switch {
		case script && !option && !filepath.IsAbs(word):
			if err == nil || scriptName.MatchString(word) {
				c.relative(word)
			}
		case script && !option && err != nil:
			c.add(false, "put it there, or correct alerts.command", "%s cannot be read: %v", word, disk.Bare(err))
		case script && !option:
			c.file(word, false)
		case regular && filepath.IsAbs(word) && runs(word, info):
			c.file(word, false)
		}
		script = script && option
	}
}

// runs reports whether a file is a program or a script.
func runs(path string, info os.FileInfo) bool {
	if info.Mode().Perm()&0o111 != 0 {
		return true
	}
	head, err := disk.ReadFirst(path, 2)
	return err == nil && string(head) == "#!"
}
