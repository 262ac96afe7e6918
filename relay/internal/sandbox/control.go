package sandbox

import "net/http"

func (s *Sandbox) control(w http.ResponseWriter, r *http.Request) {}

type scenarioState struct{}
