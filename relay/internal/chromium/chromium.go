package chromium

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Browser is a headless Chromium, controlled with the DevTools protocol over two pipes
// (--remote-debugging-pipe): JSON messages that end with NUL.
type Browser struct {
	t       *testing.T
	out     io.WriteCloser
	session string

	mu       sync.Mutex
	next     int
	waiting  map[int]chan cdpMessage
	requests []string // URLs that the page requested
	trouble  []string // exceptions, CSP violations, console errors
	gone     error    // why the browser ended; nil: it is running
}

type cdpMessage struct {
	ID        int             `json:"id"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct{ Message string }
	SessionID string `json:"sessionId"`
}

// Open starts Chromium, or skips the test if there is none.
func Open(t *testing.T) *Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: no browser tests with -short")
	}
	if runtime.GOOS == "windows" {
		t.Skip("skipped: the DevTools pipe needs inherited file descriptors")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("skipped: no Chromium on this machine")
	}
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "relay-page-test") //nolint:usetesting // Chromium writes to it until it ends, after the test's own directories are removed
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
		"--force-color-profile=srgb", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{inR, outW}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	inR.Close()
	outW.Close()
	b := &Browser{t: t, out: inW, waiting: map[int]chan cdpMessage{}}
	read := make(chan struct{})
	go func() { defer close(read); b.read(outR) }()
	t.Cleanup(func() {
		b.send("Browser.close", nil)
		inW.Close()
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-done
		}
		<-read
		outR.Close()
		os.RemoveAll(profile)
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log", "Accessibility"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func (b *Browser) read(r io.Reader) {
	br := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := br.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			b.gone = fmt.Errorf("the browser ended: %w", err)
			for _, ch := range b.waiting {
				close(ch)
			}
			b.waiting = nil
			b.mu.Unlock()
			return
		}
		var m cdpMessage
		if json.Unmarshal(bytes.TrimSuffix(line, []byte{0}), &m) != nil {
			continue
		}
		b.mu.Lock()
		if ch, ok := b.waiting[m.ID]; ok && m.ID != 0 {
			delete(b.waiting, m.ID)
			ch <- m
		} else {
			b.note(m)
		}
		b.mu.Unlock()
	}
}

// note records requests and errors for CheckClean. The caller holds b.mu.
func (b *Browser) note(m cdpMessage) {
	switch m.Method {
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		json.Unmarshal(m.Params, &p)
		b.requests = append(b.requests, p.Request.URL)
	case "Runtime.exceptionThrown":
		b.trouble = append(b.trouble, string(m.Params))
	case "Log.entryAdded":
		var p struct {
			Entry struct{ Level, Text, URL string }
		}
		json.Unmarshal(m.Params, &p)
		if p.Entry.Level == "error" {
			b.trouble = append(b.trouble, p.Entry.Text+" "+p.Entry.URL)
		}
	}
}

func (b *Browser) send(method string, params any) (chan cdpMessage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone != nil {
		return nil, b.gone
	}
	b.next++
	m := map[string]any{"id": b.next, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" && !strings.HasPrefix(method, "Browser.") && !strings.HasPrefix(method, "Target.") {
		m["sessionId"] = b.session
	}
	line, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	ch := make(chan cdpMessage, 1)
	b.waiting[b.next] = ch
	_, err = b.out.Write(append(line, 0))
	return ch, err
}

func (b *Browser) call(method string, params, out any) {
	b.t.Helper()
	ch, err := b.send(method, params)
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case m, ok := <-ch:
		switch {
		case !ok:
			b.t.Fatalf("%s: the browser ended", method)
		case m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		case out != nil:
			if err := json.Unmarshal(m.Result, out); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(60 * time.Second):
		b.t.Fatalf("%s: no answer in a minute", method)
	}
}

// Eval evaluates JavaScript and returns its value as JSON.
func (b *Browser) Eval(js string) json.RawMessage {
	b.t.Helper()
	var res struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": js, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &res)
	if res.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", js, res.ExceptionDetails)
	}
	return res.Result.Value
}

// Text returns the text of an element; "" if there is none.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	var s string
	js, _ := json.Marshal(selector)
	json.Unmarshal(b.Eval(fmt.Sprintf(`(document.querySelector(%s)||{innerText:""}).innerText`, js)), &s)
	return s
}

// Until waits up to a minute for the JavaScript condition js.
func (b *Browser) Until(what, js string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	poll := fmt.Sprintf(`new Promise((done) => { const look = () => { let v = false; try { v = Boolean(%s); } catch { } if (v) done(true); else setTimeout(look, 30); }; look(); })`, js)
	got := make(chan struct{})
	ch, err := b.send("Runtime.evaluate", map[string]any{"expression": poll, "awaitPromise": true, "returnByValue": true})
	if err != nil {
		b.t.Fatal(err)
	}
	go func() { <-ch; close(got) }()
	select {
	case <-got:
	case <-ctx.Done():
		b.Shot("failed")
		b.t.Fatalf("%s: did not happen in a minute (%v); text of the page:\n%s", what, context.Cause(ctx), b.Text("body"))
	}
}

// Click clicks an element when it is there and enabled.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	js, _ := json.Marshal(selector)
	b.Until("there is "+selector, fmt.Sprintf(`document.querySelector(%s) && !document.querySelector(%s).disabled`, js, js))
	b.Eval(fmt.Sprintf(`document.querySelector(%s).click()`, js))
}

// Goto opens a URL in a window of the given size, in light or dark mode.
func (b *Browser) Goto(url string, width, height int, dark bool) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.Until("the page is loaded", `document.readyState === "complete" && document.getElementById("live")`)
}

// Shot saves a screenshot of the whole page to RELAY_SHOTS, if that is set.
func (b *Browser) Shot(name string) {
	dir := os.Getenv("RELAY_SHOTS")
	if dir == "" {
		return
	}
	b.t.Helper()
	var res struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &res)
	png, err := base64.StdEncoding.DecodeString(res.Data)
	if err = errors.Join(err, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)); err != nil {
		b.t.Fatal(err)
	}
}
