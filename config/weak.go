package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// minToken is the shortest token that is taken. 16 random letters and digits are
// beyond guessing at any rate a listener answers.
const minToken = 16

// placeholders are what examples, this project's and others', have in the place
// of a token, in letters and digits alone.
var placeholders = []string{
	"replacewith", "replaceme", "replacethis", "changeme", "changethis", "changeit", "placeholder", "longrandomtext", "randomtext",
	"yourtoken", "youradmintoken", "yoursecret", "yourpassword", "yourkey", "insertyour", "putyour", "enteryour", "tokenhere", "secrethere",
	"mytoken", "mysecret", "mypassword", "admintoken", "secrettoken", "supersecret", "topsecret", "password", "passw0rd", "letmein", "qwerty",
	"exampletoken", "tokenexample", "testtoken", "tobedefined", "todotodo", "correcthorse",
	"0123456789", "1234567890", "abcdefgh",
}

// WeakToken says why a token is none that keeps anybody out, or nothing. What it
// says holds nothing of the token.
func WeakToken(token string) string {
	if utf8.RuneCountInString(token) < minToken {
		return fmt.Sprintf("has fewer than %d characters, so somebody can guess it", minToken)
	}
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(token))
	for _, p := range placeholders {
		if strings.Contains(plain, p) {
			return "is a placeholder out of an example, or has one in it, so others know it"
		}
	}
	different := map[rune]bool{}
	for _, r := range token {
		different[r] = true
	}
	if len(different) < 6 {
		return fmt.Sprintf("has only %d different characters, so somebody can guess it", len(different))
	}
	return ""
}
