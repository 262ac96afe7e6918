package main

import (
	"strings"
	"testing"

	"relay/relay/internal/api"
	"relay/relay/internal/exit"
)

// What is in force is not said to be refused, and a relay that does not answer is no bad file.
func TestReloadWords(t *testing.T) {
	for _, c := range []struct {
		r    api.ReloadResult
		code int
		want string
	}{
		{api.ReloadResult{Success: true, InForce: true}, exit.OK, ""},
		{api.ReloadResult{Code: "mapping_refused", Message: "m:1:1: x"}, exit.Config, "refused; the previous files stay in use:\nm:1:1: x"},
		{api.ReloadResult{InForce: true, Code: api.ReloadNoAnswer, Message: "at b: x"}, exit.Later, "reloaded here, but a relay did not answer:\nat b: x"},
		{api.ReloadResult{InForce: true, Code: "mapping_refused", Message: "at b: refused"}, exit.Config, "reloaded here, but another relay refused its files:\nat b: refused"},
	} {
		err := notReloaded(c.r)
		if exit.Code(err) != c.code || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: exit code %d, %v", c.r, exit.Code(err), err)
		}
	}
}
