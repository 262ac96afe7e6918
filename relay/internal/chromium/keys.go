package chromium

import "strings"

// Press presses and releases a key, such as "/", "Escape" or "Tab".
func (b *Browser) Press(key string) {
	b.t.Helper()
	down := map[string]any{"type": "keyDown", "key": key}
	switch key {
	case "Escape":
		down["windowsVirtualKeyCode"], down["code"] = 27, key
	case "Tab":
		down["windowsVirtualKeyCode"], down["code"] = 9, key
	case "Enter":
		down["windowsVirtualKeyCode"], down["code"], down["text"] = 13, key, "\r"
	case " ":
		down["windowsVirtualKeyCode"], down["code"], down["text"] = 32, "Space", key
	default:
		down["text"] = key
	}
	b.call("Input.dispatchKeyEvent", down, nil)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key}, nil)
}

// Type types text into the focused element.
func (b *Browser) Type(text string) {
	b.t.Helper()
	b.call("Input.insertText", map[string]any{"text": text}, nil)
}

// CheckClean fails the test if the page called another origin than own, threw an exception
// or violated its content security policy. Messages that contain a text of except are
// allowed.
func (b *Browser) CheckClean(own string, except ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.requests {
		if !strings.HasPrefix(u, own) && !strings.HasPrefix(u, "about:") && !strings.HasPrefix(u, "data:") {
			b.t.Errorf("called a third party: %s", u)
		}
	}
	if len(b.requests) == 0 {
		b.t.Error("saw no request at all, so this check proves nothing")
	}
trouble:
	for _, e := range b.trouble {
		for _, x := range except {
			if strings.Contains(e, x) {
				continue trouble
			}
		}
		b.t.Errorf("browser: %s", e)
	}
}
